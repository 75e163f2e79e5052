import Tensors
import Testing

@testable import Torch

/// Compares output, loss and every gradient with PyTorch's.
///
/// The gradients of the `cancelling` biases are sums of terms that cancel, since a batch normalisation subtracts
/// whatever they add: nothing is left but rounding, which differs with the width of vectors. They are compared
/// with the same terms where these do not cancel, weighted by the layer's input: the gradient of its weight.
func check(
    _ network: any Module, _ name: String, _ output: TorchTensor, _ loss: TorchTensor, _ golden: Golden,
    _ limit: Double, cancelling: Set<String> = [], outputName: String = "output"
) throws {
    try loss.backward()
    #expect(try golden.deviation(output, "\(name)/\(outputName)") <= limit)
    #expect(try golden.deviation(loss, "\(name)/loss") <= limit)
    let names = golden.names(after: "\(name)/gradient.")
    #expect(Set(names) == Set(network.parameters.map(\.name)))
    #expect(cancelling.isSubset(of: names))
    for item in network.parameters {
        let gradient = try #require(try item.tensor.gradient())
        if cancelling.contains(item.name) {
            let weight = item.name.replacing(".bias", with: ".weight")
            let scale = try golden.largest("\(name)/gradient.\(weight)")
            let residue = max(
                try gradient.abs().largest().item(), try golden.largest("\(name)/gradient.\(item.name)"))
            #expect(scale > 0 && residue <= limit * scale, "\(item.name): \(residue) of \(scale)")
        } else {
            let deviation = try golden.deviation(gradient, "\(name)/gradient.\(item.name)")
            #expect(deviation <= limit, "\(item.name): \(deviation)")
        }
    }
}

/// The arrays of a golden file that are not the same in both precisions: rounding noise, which must not be compared as
/// values.
func roundingNoise(in golden: Golden) throws -> [String] {
    try golden.names(after: "").filter { $0.contains("/f64/") }.filter { name in
        let single = try golden.tensor(name.replacing("/f64/", with: "/f32/"), .f64)
        return try golden.deviation(single, name) > 1e-3
    }.sorted()
}

/// Expects files with the same tensors, to the last byte; their metadata may name different runs.
func expectSameTensors(_ first: TensorFile, _ second: TensorFile) throws {
    #expect(first.entries.keys == second.entries.keys)
    for name in first.entries.keys {
        let (a, b) = (
            try first.withBytes(of: name) { Array($0) }, try second.withBytes(of: name) { Array($0) }
        )
        #expect(a == b, "\(name) differs")
    }
}
