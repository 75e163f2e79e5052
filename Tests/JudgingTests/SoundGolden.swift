import Foundation
import Tensors

/// The golden vectors of `tools/oracles/sound_golden.py`.
struct SoundGolden: Sendable {
    let file: TensorFile

    init(_ name: String = "sound") throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        file = try TensorFile(path: tests.appendingPathComponent("Fixtures/Golden/\(name).safetensors").path)
    }

    func values(_ name: String) throws -> [Float] { try file.tensor(name, as: Float.self).elements }

    func numbers(_ name: String) throws -> [Int] { try values(name).map { Int($0) } }

    /// The largest difference of whole arrays over the largest golden element; infinite where their lengths
    /// differ.
    func deviation(_ got: some Collection<Double>, _ name: String) throws -> Double {
        let want = try values(name)
        guard want.count == got.count, !want.isEmpty else { return .infinity }
        let scale = want.reduce(0) { max($0, abs(Double($1))) }
        var error = 0.0
        for (got, want) in zip(got, want) {
            guard got.isFinite else { return .infinity }
            error = max(error, abs(got - Double(want)))
        }
        return error / (scale == 0 ? 1 : scale)
    }

    func deviation(_ got: [Float], _ name: String) throws -> Double {
        try deviation(got.map { Double($0) }, name)
    }
}
