import Files
import Foundation
import TestSupport
import Testing

@testable import Dataset
@testable import Listing

/// `dtype: float16` never stores an infinity, and reports what it makes 0.
@Suite struct HalfFloatTests {
    private func converted(_ values: [Float]) -> HalfConverter {
        var values = values
        var converter = HalfConverter()
        values.withUnsafeMutableBufferPointer { converter.convert($0) }
        return converter
    }

    @Test func everyHalfSurvivesThereAndBack() {
        let halves = (UInt16.min...UInt16.max).map { Float16(bitPattern: $0) }
        let finite = halves.filter(\.isFinite)
        #expect(converted(finite.map { Float($0) }).halves.map(\.bitPattern) == finite.map(\.bitPattern))
        #expect(throws: Never.self) { try converted(finite.map { Float($0) }).check("mel", of: "a.wav") }
    }

    @Test(arguments: [65520, 65536, 1e10, -65520, -.infinity, .infinity, .nan] as [Float])
    func valuesBeyondTheRangeAreErrors(_ value: Float) {
        for values in [[value], [1, value, 2], [value, 3, 65504]] {
            #expect {
                try converted(values).check("mel", of: "a.wav")
            } throws: {
                let error = $0 as? BuildError
                return error?.code == .halfRange && error?.message.contains("'mel' of a.wav") == true
                    && error?.message.contains("65504") == true
            }
        }
        #expect(throws: Never.self) { try converted([65519, -65519]).check("mel", of: "a.wav") }
    }

    @Test func lostValuesAreCounted() {
        let converter = converted([0, -0, 1, 2.9e-8, -2.9e-8, 6e-8, 1e-30])
        #expect(converter.nonzero == 5 && converter.lost == 3)
    }

    /// A build of a loud tone's power: refused with the line of `dtype`, and fine once it is normalised.
    @Test func aBuildNamesTheSourceAndTheRemedy() throws {
        let folder = try TestFolder(["a.wav"])
        let tone = (0..<8000).map { Int16(32000 * sin(Double($0) * 0.785)) }
        let body = tone.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(value >> (8 * $0) & 255) }
        }
        let wave =
            Array("RIFF".utf8) + number(36 + body.count, 4) + Array("WAVEfmt ".utf8) + number(16, 4)
            + number(1, 2)
            + number(1, 2) + number(8000, 4) + number(16000, 4) + number(2, 2) + number(16, 2)
            + Array("data".utf8)
            + number(body.count, 4) + body
        try Data(wave).write(to: URL(fileURLWithPath: folder.path + "/a.wav"))
        func build(_ normalize: String, _ dtype: String) throws -> BuildSummary {
            try folder.write(
                "m.yaml",
                """
                version: 1
                dataset: d
                sources: [{path: a.wav}]
                splits: {train: 1}
                audio:
                  sample_rate: 8000
                  loudness: none
                  segment: {samples: 8000}
                  features: {spectrogram: {power: 2}}
                  normalize: \(normalize)
                  dtype: \(dtype)
                """)
            return try DatasetBuild(manifestPath: folder.path + "/m.yaml").run(
                .init(cachePath: folder.path + "/cache", jobs: 1))
        }
        let error = #expect(throws: ManifestError.self) { try build("none", "float16") }
        #expect(error?.faults.count == 1 && error?.faults[0].line == 11)
        #expect(error?.faults[0].message.contains("'spectrogram' of a.wav reaches ") == true)
        #expect(try build("none", "float32").warnings == [])
        #expect(try build("log", "float16").warnings == [])
        let divided = "{compress: none, epsilon: 1.0e+20}"
        let lossy = try build(divided, "float16").warnings
        #expect(lossy.count == 1 && lossy[0].contains("too small for float16"))
        // A later build that only finds the shard says so too.
        try folder.write("other.wav", "")
        #expect(try build(divided, "float16").warnings == lossy)
    }
}
