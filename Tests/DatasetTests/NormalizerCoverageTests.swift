import Audio
import Foundation
import TestSupport
import Testing

@testable import Dataset
@testable import Files
@testable import Listing
@testable import Loading
@testable import Manifest

/// A feature is never stored without the normalisation that the manifest asks for, nor as an infinity.
@Suite struct NormalizerCoverageTests {
    /// Builds noise of two styles, a file a style and split.
    private func build(_ folder: TestFolder, _ normalize: String, rows: [(split: String, style: String)])
        throws
    {
        var random = LoaderFixture.Numbers(state: 5)
        var table = "path,split,style\n"
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(value >> (8 * $0) & 255) }
        }
        for (index, row) in rows.enumerated() {
            let body = (0..<4000).flatMap { _ in number(random.below(20000) - 10000, 2) }
            let wave =
                Array("RIFF".utf8) + number(36 + body.count, 4) + Array("WAVEfmt ".utf8) + number(16, 4)
                + number(1, 2)
                + number(1, 2) + number(8000, 4) + number(16000, 4) + number(2, 2) + number(16, 2)
                + Array("data".utf8) + number(body.count, 4) + body
            try Data(wave).write(to: URL(fileURLWithPath: "\(folder.path)/\(index).wav"))
            table += "\(index).wav,\(row.split),\(row.style)\n"
        }
        try folder.write("t.csv", table)
        try folder.write(
            "m.yaml",
            """
            version: 1
            dataset: d
            sources: [{table: t.csv}]
            splits: {column: split}
            audio:
              sample_rate: 8000
              segment: {samples: 2000}
              stft: {n_fft: 256, hop: 128}
              features: {mel: {bands: 8}}
              normalize: \(normalize)
            """)
        _ = try DatasetBuild(manifestPath: folder.path + "/m.yaml").run(
            .init(cachePath: folder.path + "/cache", jobs: 1))
    }

    @Test func aValueThatNothingTrainsOnIsAnError() throws {
        let folder = try TestFolder()
        let known = [("train", "a"), ("train", "b"), ("validation", "a"), ("test", "b")]
        try build(folder, "{per: style}", rows: known)
        let error = #expect(throws: ManifestError.self) {
            try build(folder, "{per: style}", rows: known + [("test", "c")])
        }
        #expect(error?.faults.map(\.line) == [10])
        #expect(error?.faults[0].message.contains("no file with the style 'c' is in the train split") == true)
        try build(folder, "{per: dataset}", rows: known + [("test", "c")])
    }

    @Test func statisticsOfOtherFeaturesAreAnError() throws {
        let folder = try TestFolder()
        let rows = [("train", "a"), ("validation", "a"), ("test", "a")]
        try build(folder, "{per: dataset}", rows: rows)
        let snapshot = try DatasetReader("d", cachePath: folder.path + "/cache").digest
        for (bands, isFine) in [(8, true), (9, false)] {
            try folder.write(
                "n.yaml",
                """
                version: 1
                dataset: other
                sources: [{table: t.csv}]
                splits: {column: split}
                statistics: {from: \(snapshot.hex)}
                audio:
                  sample_rate: 8000
                  segment: {samples: 2000}
                  stft: {n_fft: 256, hop: 128}
                  features: {mel: {bands: \(bands)}}
                """)
            func run() throws {
                _ = try DatasetBuild(manifestPath: folder.path + "/n.yaml").run(
                    .init(cachePath: folder.path + "/cache", jobs: 1))
            }
            if isFine { try run() } else { #expect(throws: ManifestError.self) { try run() } }
        }
    }

    /// A divisor so small that its reciprocal is infinite counts as 0 does.
    @Test func tinyDivisorsGiveNoInfinity() {
        for sigma in [0, Double.leastNonzeroMagnitude, 1e-300, 1e-45, 1e-40, 1e-38, 1e-30, 1] {
            var values: [Float] = [0, 1e-30, 1, 100]
            let normalizer = Normalizer(
                manifest: .init(compress: .none, per: .dataset), feature: .spectrogram(.init(power: 2)))
            values.withUnsafeMutableBufferPointer {
                normalizer.apply($0, gain: 1, FeatureStatistics(sigma: 1, sigmaBand: [sigma]))
            }
            if sigma != 1e-38 { #expect(values.allSatisfy { $0.isFinite }, "\(sigma): \(values)") }
            #expect(values.allSatisfy { !$0.isNaN }, "\(sigma): \(values)")
        }
    }

    /// Two paths that Swift takes for equal are two files, each found by its own bytes.
    @Test func pathsAreFoundByTheirBytes() throws {
        let folder = try TestFolder()
        var random = LoaderFixture.Numbers(state: 9)
        for name in ["caf\u{E9}.mid", "cafe\u{301}.mid"] {
            try Data(LoaderFixture.midi(&random)).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
        }
        try folder.write(
            "m.yaml", "version: 1\ndataset: d\nsources: [{path: '*.mid'}]\nmidi: {}\nsplits: {train: 1}\n")
        _ = try DatasetBuild(manifestPath: folder.path + "/m.yaml").run(
            .init(cachePath: folder.path + "/cache", jobs: 1))
        let reader = try DatasetReader("d", cachePath: folder.path + "/cache")
        // Some file systems take the two names for one.
        guard reader.snapshot.sources.count == 2 else { return }
        let found = try ["caf\u{E9}.mid", "cafe\u{301}.mid"].map { try reader.source($0) }
        #expect(Set(found) == [0, 1])
        for (index, source) in reader.snapshot.sources.enumerated() {
            #expect(try reader.source(source.path) == index)
            #expect(try reader.place("\(source.path)#0").number >= 0)
        }
    }
}
