import Tensors
import Torch

/// A network of ours that stands for a golden case.
struct LayerCase {
    var module: (any Module)?
    let forward: (_ inputs: [TorchTensor]) throws -> TorchTensor

    /// A function of the inputs.
    init(_ forward: @escaping ([TorchTensor]) throws -> TorchTensor) { self.forward = forward }

    /// A layer with weights.
    init(_ layer: any Layer) {
        module = layer
        forward = { try layer($0[0]) }
    }

    init(_ module: any Module, _ forward: @escaping ([TorchTensor]) throws -> TorchTensor) {
        self.module = module
        self.forward = forward
    }
}

/// Runs one case and measures everything that the golden file has of it.
func compare(
    _ name: String, _ layer: LayerCase, _ golden: Golden, _ type: ElementType
) throws -> [Deviation] {
    let label = type.rawValue.lowercased()
    if let module = layer.module {
        try module.convert(to: type)
        try module.load(golden.weights(of: name))
    }
    var inputs: [TorchTensor] = []
    while golden.has("\(name)/input.\(inputs.count)") {
        let plain = try golden.tensor("\(name)/input.\(inputs.count)")
        let input = plain.type == .i64 ? plain : try plain.to(type).clone()
        if plain.type != .i64 { try input.requireGradient() }
        inputs.append(input)
    }
    let output = try layer.forward(inputs)
    let loss = try (output * golden.tensor("\(name)/probe", as: type)).sum()
    try loss.backward()

    var deviations = [
        try Deviation("\(name) output", output, golden.tensor("\(name)/\(label)/output")),
        try Deviation("\(name) loss", loss, golden.tensor("\(name)/\(label)/loss")),
    ]
    let parameters = layer.module?.parameters ?? []
    let named = parameters + inputs.enumerated().map { NamedParameter("input.\($0.offset)", $0.element) }
    for item in named {
        let key = "\(name)/\(label)/gradient.\(item.name)"
        guard let gradient = try item.tensor.gradient(), golden.has(key) else {
            if golden.has(key) || parameters.contains(where: { $0.name == item.name }) {
                deviations.append(Deviation(missing: key))
            }
            continue
        }
        deviations.append(try Deviation(key, gradient, golden.tensor(key)))
    }
    for item in layer.module?.buffers ?? [] where golden.has("\(name)/\(label)/buffer.\(item.name)") {
        let key = "\(name)/\(label)/buffer.\(item.name)"
        deviations.append(try Deviation(key, item.tensor, golden.tensor(key)))
    }
    return deviations
}
