import Foundation
import Tensors

@testable import Audio

/// The largest difference of two arrays, as a part of the second's greatest magnitude.
func largestDifference(_ found: [Float], _ expected: [Float]) -> Float {
    guard found.count == expected.count else { return .infinity }
    let scale = expected.reduce(0) { max($0, abs($1)) }
    // NaN must not pass for a small difference.
    return zip(found, expected).reduce(0) { max($0, ($1.0 - $1.1).isNaN ? .infinity : abs($1.0 - $1.1)) }
        / scale
}

/// Reproducible numbers (SplitMix64).
struct Noise {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    /// The next number from −1 to 1.
    mutating func next() -> Float {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Float((z ^ (z >> 31)) >> 40) / Float(1 << 23) - 1
    }

    mutating func array(_ count: Int, amplitude: Float = 1) -> [Float] {
        (0..<count).map { _ in next() * amplitude }
    }
}

/// A folder for the files of one test, gone when the test ends.
final class Scratch {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "reprise-audio-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes bytes and tells the path.
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = url.appending(path: name)
        try Data(bytes).write(to: file)
        return file.path
    }

    /// Writes a WAV file of 32-bit floats, a plane a channel.
    func wave(_ name: String, rate: Int, _ planes: [[Float]]) throws -> String {
        try file(name, waveBytes(rate: rate, planes))
    }
}

func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// A WAV file of 32-bit floats.
func waveBytes(rate: Int, _ planes: [[Float]]) -> [UInt8] {
    let frames = planes.first?.count ?? 0
    var data: [UInt8] = []
    for i in 0..<frames {
        for plane in planes { data += littleEndian(plane[i].bitPattern) }
    }
    let align = 4 * planes.count
    var bytes = Array("RIFF".utf8) + littleEndian(UInt32(36 + data.count)) + Array("WAVEfmt ".utf8)
    bytes += littleEndian(UInt32(16)) + littleEndian(UInt16(3)) + littleEndian(UInt16(planes.count))
    bytes += littleEndian(UInt32(rate)) + littleEndian(UInt32(rate * align)) + littleEndian(UInt16(align))
    bytes += littleEndian(UInt16(32)) + Array("data".utf8) + littleEndian(UInt32(data.count))
    return bytes + data
}

/// Everything that an extraction hands out: values[feature][segment].
func extractAll(_ path: String, _ parameters: AudioParameters) throws -> (AudioFacts, [String: [[Float]]]) {
    var values: [String: [[Float]]] = [:]
    let facts = try FeatureExtractor(parameters).extract(path: path) { name, index, array in
        precondition(values[name, default: []].count == index, "segments come in order")
        values[name, default: []].append(Array(array))
    }
    return (facts, values)
}

/// The features of one segment of exactly these samples.
func analyze(_ samples: [Float], _ parameters: AudioParameters) -> [String: [Float]] {
    let analyzer = SegmentAnalyzer(parameters)
    analyzer.samples.update(from: samples, count: samples.count)
    var values: [String: [Float]] = [:]
    _ = try? analyzer.analyze(length: samples.count) { values[$0] = Array($1) }
    return values
}
