import Dataset
import Files
import Foundation
import Loading
import TestSupport
import Testing

/// What a build says of sources whose loudness is doubtful, and of features that cannot be what was asked for.
@Suite struct AudioWarningsTests {
    /// A tone as a WAV file of 16 bits.
    static func tone(_ count: Int, rate: Int, amplitude: Double) -> [UInt8] {
        func little(_ value: Int, _ bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        let samples = (0..<count).flatMap {
            little(Int(amplitude * 32767 * sin(Double($0) * 2 * .pi * 440 / Double(rate))), 2)
        }
        return Array("RIFF".utf8) + little(samples.count + 36, 4) + Array("WAVEfmt ".utf8) + little(16, 4)
            + little(1, 2) + little(1, 2) + little(rate, 4) + little(2 * rate, 4) + little(2, 2)
            + little(16, 2)
            + Array("data".utf8) + little(samples.count, 4) + samples
    }

    static func build(_ place: LawPlace, loudness: String, features: String) throws -> (
        BuildSummary, Snapshot
    ) {
        let yaml = """
            version: 1
            dataset: d
            sources: [{path: "data/**"}]
            audio: {sample_rate: 8000, resampler: fastest, loudness: \(loudness), segment: {samples: 8000}, \
            stft: {n_fft: 256, hop: 64}, features: \(features), normalize: none}
            splits: {train: 1}

            """
        try place.write(Array(yaml.utf8), "\(place.folder)/w.yaml")
        let summary = try DatasetBuild(manifestPath: "\(place.folder)/w.yaml").run(
            DatasetBuild.Options(cachePath: place.cache, jobs: 1, waits: false))
        return (summary, try DatasetReader("d", cachePath: place.cache).snapshot)
    }

    @Test func aLoudnessThatIsNoneOrOfLessThanABlockIsReported() throws {
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        try? FileManager.default.removeItem(atPath: place.data)
        place.manifest = LawManifest()
        try place.write(Self.tone(24000, rate: 8000, amplitude: 0.1), "\(place.data)/long.wav")
        try place.write(Self.tone(1600, rate: 8000, amplitude: 0.4), "\(place.data)/short.wav")
        try place.write(Self.tone(9000, rate: 3000, amplitude: 0.4), "\(place.data)/slow.wav")
        let (summary, snapshot) = try Self.build(place, loudness: "{lufs: -23}", features: "{waveform: {}}")
        let sources = Dictionary(uniqueKeysWithValues: snapshot.sources.map { ($0.path, $0) })
        func codes(_ name: String) -> [String] {
            sources["data/\(name).wav"]?.warnings.map { String($0.prefix { $0 != ":" }) } ?? ["none"]
        }
        #expect(codes("long") == [])
        #expect(codes("short") == ["audio.too-short-for-loudness"])
        #expect(codes("slow") == ["audio.loudness-unmeasured"])
        // The short tone is 12 dB louder than the long one, so its gain is 12 dB less.
        let long = try #require(sources["data/long.wav"]?.gainDB)
        let short = try #require(sources["data/short.wav"]?.gainDB)
        #expect(abs(long - short - 12.04) < 0.1)
        #expect(sources["data/slow.wav"]?.gainDB == 0)
        #expect(summary.warned == 2 && summary.warnings.count == 2, "\(summary.warnings)")
        let (other, _) = try Self.build(place, loudness: "{rms_dbfs: -20}", features: "{waveform: {}}")
        #expect(other.warned == 0 && other.warnings == [])
    }

    @Test func emptyMelBandsAreReported() throws {
        let folder = try TestFolder()
        let place = try LawPlace(in: folder)
        try? FileManager.default.removeItem(atPath: place.data)
        try place.write(Self.tone(24000, rate: 8000, amplitude: 0.1), "\(place.data)/long.wav")
        let (summary, _) = try Self.build(place, loudness: "none", features: "{mel: {bands: 200}}")
        #expect(summary.warnings.count == 1)
        #expect(summary.warnings.first?.contains("always 0") == true, "\(summary.warnings)")
        let (fewer, _) = try Self.build(place, loudness: "none", features: "{mel: {bands: 20}}")
        #expect(fewer.warnings == [])
    }
}
