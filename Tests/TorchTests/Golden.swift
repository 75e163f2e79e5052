import Tensors
import TestSupport
import Torch

/// The golden vectors of `tools/oracles/torch_golden.py`.
struct Golden: Sendable {
    let file: TensorFile

    static func layers() throws -> Golden { try Golden(name: "torch-layers") }
    static func operations() throws -> Golden { try Golden(name: "torch-operations") }
    static func operationsInTraining() throws -> Golden { try Golden(name: "torch-operations-training") }
    static func training() throws -> Golden { try Golden(name: "torch-training") }

    init(name: String) throws {
        file = try golden(name)
    }

    func tensor(_ name: String, as type: ElementType? = nil) throws(TorchError) -> TorchTensor {
        let tensor = try TorchTensor(reading: name, from: file)
        return if let type { try tensor.to(type) } else { tensor }
    }

    func has(_ name: String) -> Bool { file.entries[name] != nil }

    /// What is behind a prefix, sorted.
    func names(after prefix: String) -> [String] {
        file.entries.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    }

    /// The tensors behind a prefix as a file of their own: what a PyTorch state dictionary is.
    func weights(of name: String) throws -> TensorFile {
        let prefix = "\(name)/weight."
        return try TensorFile(
            bytes: TensorFile.encode(
                names(after: prefix).map { try tensor(prefix + $0).named($0) }))
    }
}

/// How far a tensor is from a golden one.
struct Deviation: Sendable, CustomStringConvertible {
    let name: String
    /// The largest difference of an element over the largest golden element; infinite for another shape.
    let relative: Double
    var description: String { "\(name): \(relative)" }

    init(_ name: String, _ got: TorchTensor, _ want: TorchTensor) throws {
        self.name = name
        guard got.shape == want.shape else {
            relative = .infinity
            return
        }
        let (a, b) = (try got.detach().to(.f64), try want.to(.f64))
        guard a.count > 0 else {
            relative = 0
            return
        }
        let (error, scale) = (try (a - b).abs().largest().item(), try b.abs().largest().item())
        // All zeros (a gradient that is cut off) must be met as such, to rounding.
        relative = error.isNaN ? .infinity : error / (scale == 0 ? 1 : scale)
    }

    init(missing name: String) {
        self.name = name + " is missing"
        relative = .infinity
    }
}

/// Runs a body on the Torch thread with one worker: many more would wait for each other in such small operations.
func onTorch<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await TorchThread.run {
        try TorchRuntime.setThreadCount(1)
        return try body()
    }
}
