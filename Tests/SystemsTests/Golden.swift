import Tensors
import TestSupport
import Torch

/// The golden vectors of `tools/oracles/systems_golden.py`.
struct Golden: Sendable {
    let file: TensorFile

    init(_ name: String) throws {
        file = try golden(name)
    }

    func tensor(_ name: String, _ type: ElementType) throws -> TorchTensor {
        try TorchTensor(reading: name, from: file).to(type)
    }

    /// The names behind a prefix, sorted.
    func names(after prefix: String) -> [String] {
        file.entries.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    }

    /// A network's weights as PyTorch's state dictionary has them.
    func weights(of name: String) throws -> TensorFile {
        let prefix = "\(name)/weight."
        return try TensorFile(
            bytes: TensorFile.encode(
                names(after: prefix).map { try TorchTensor(reading: prefix + $0, from: file).named($0) }))
    }

    /// The largest absolute value of a golden array.
    func largest(_ name: String) throws -> Double { try tensor(name, .f64).abs().largest().item() }

    /// The largest difference over the largest golden element; of large gradients, of every seventh element.
    func deviation(_ got: TorchTensor, _ name: String) throws -> Double {
        let want = try TorchTensor(reading: name, from: file).to(.f64).flattened()
        var mine = try got.detach().to(.f64).flattened()
        if mine.count != want.count {
            let places = try TorchTensor.range(to: Double(mine.count), step: 7)
            mine = try mine.selected(0, at: places)
        }
        guard mine.count == want.count else { return .infinity }
        let error = try (mine - want).abs().largest().item()
        let scale = try want.abs().largest().item()
        return error.isNaN ? .infinity : error / (scale == 0 ? 1 : scale)
    }
}

/// Runs a body on the Torch thread with one worker.
func onTorch<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await TorchThread.run {
        try TorchRuntime.setThreadCount(1)
        return try body()
    }
}
