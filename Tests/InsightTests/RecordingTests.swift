import Foundation
import Loading
import Testing

@testable import Dataset
@testable import Describing
@testable import Files
@testable import Insight

/// Recordings that are there twice, and how spectra repeat.
struct RecordingTests {
    private static let rate = 16_000

    /// Twelve seconds of plucked tones, each seed's its own.
    private static func song(_ seed: Int) -> [Double] {
        let pitches = Workshop.melody(seed: seed, count: 80)
        var samples = [Double](repeating: 0, count: 12 * rate)
        var first = 0
        // Each in a rhythm of its own.
        for (pitch, other) in zip(pitches, Workshop.melody(seed: seed + 50, count: 80)) {
            first += rate / 20 + Int(other - 40) * rate / 200
            guard first < samples.count else { break }
            let hertz = 440 * pow(2, (Double(pitch) - 57) / 12)
            for offset in 0..<min(6400, samples.count - first) {
                let time = Double(offset) / Double(rate)
                let tone = sin(2 * .pi * hertz * time) + 0.5 * sin(4 * .pi * hertz * time)
                samples[first + offset] += 0.2 * tone * exp(-6 * time)
            }
        }
        return samples
    }

    private static let manifest = """
        version: 1
        dataset: sound
        sources:
          - path: audio/*.wav
        audio:
          sample_rate: 16000
          segment: {samples: 65536}
          features: {mel: {bands: 128}}
        """

    /// A recording at another pitch smears: librosa estimates the tuning of each file, we do not.
    @Test func theFixedTuningOfChromaIsReported() throws {
        let shop = try Workshop()
        try shop.write("audio/0.wav", Workshop.wav(rate: Self.rate, Self.song(1)))
        let chroma = Self.manifest.replacing("{mel: {bands: 128}}", with: "{chroma: {}}")
        let with = try DatasetStatistics(shop.build(chroma, named: "c.yaml"))
        #expect(with.text(width: 100).contains("fixed tuning, A4 = 440 Hz"))
        #expect(with.json["chroma_tuning_hz"]?.integer == 440)
        let without = try DatasetStatistics(shop.build(Self.manifest, named: "m.yaml"))
        #expect(!without.text(width: 100).contains("tuning"))
    }

    /// By the mel; without one by the constant-Q transform.
    @Test(arguments: ["{mel: {bands: 128}}", "{cqt: {}}"])
    func copiesAtAnotherGainOffsetAndDepthAreFound(_ features: String) throws {
        let manifest = Self.manifest.replacing("{mel: {bands: 128}}", with: features)
        let shop = try Workshop()
        let songs = (1...6).map(Self.song)
        for (index, song) in songs.enumerated() {
            try shop.write("audio/\(index).wav", Workshop.wav(rate: Self.rate, song))
        }
        try shop.write("audio/quiet.wav", Workshop.wav(rate: Self.rate, songs[0].map { $0 * 0.3 }))
        try shop.write("audio/later.wav", Workshop.wav(rate: Self.rate, Array(songs[1].dropFirst(21_007))))
        // As eight bits would leave it.
        try shop.write(
            "audio/coarse.wav", Workshop.wav(rate: Self.rate, songs[2].map { ($0 * 128).rounded() / 128 }))
        let apart = try shop.build(manifest + "\nsplits: {train: 1}", named: "a.yaml")
        let sources = apart.snapshot.sources
        var sketches = DuplicateSketches()
        for record in try apart.records() { sketches.add(record) }
        let pairs = try apart.nearDuplicates(sketches).map {
            [sources[$0.first].path, sources[$0.second].path]
        }
        #expect(
            pairs == [
                ["audio/0.wav", "audio/quiet.wav"], ["audio/1.wav", "audio/later.wav"],
                ["audio/2.wav", "audio/coarse.wav"],
            ])
        let problem = try #require(
            try DatasetStatistics(apart).problems.first { $0.code == "duplicates.near" })
        #expect(problem.sources.count == 3)
        let together = try shop.build(
            manifest + "\nsplits: {train: 0.5, test: 0.5, near_duplicates: together}", named: "t.yaml")
        #expect(Set(together.snapshot.sources.map(\.piece)).count == 6)
        for pair in pairs {
            let both = together.snapshot.sources.filter { pair.contains($0.path) }
            #expect(Set(both.map(\.piece)).count == 1 && Set(both.map(\.split)).count == 1)
        }
        // What is done is not done again.
        let path = shop.folder.appendingPathComponent("t.yaml").path
        #expect(
            try DatasetBuild(manifestPath: path).explain(.init(cachePath: shop.cache, jobs: 1)).planned
                .isEmpty)
    }

    @Test func autocorrelationIsTheSumOfProducts() {
        let (bands, frames) = (5, 19)
        let power = (0..<2 * bands * frames).map { Float(($0 * 37 + $0 / 7) % 23) }
        var sums = AutocorrelationSums(bands: bands, frames: frames)
        for segment in 0..<2 {
            power.withUnsafeBufferPointer {
                sums.add(
                    UnsafeBufferPointer(
                        rebasing: $0[segment * bands * frames..<(segment + 1) * bands * frames]))
            }
        }
        func value(_ segment: Int, _ band: Int, _ frame: Int) -> Double {
            Double(power[(segment * bands + band) * frames + frame]).squareRoot()
        }
        func sum(rowLag: Int, columnLag: Int) -> Double {
            var sum = 0.0
            for segment in 0..<2 {
                for band in 0..<bands - columnLag {
                    for frame in 0..<frames - rowLag {
                        sum +=
                            value(segment, band, frame) * value(segment, band + columnLag, frame + rowLag)
                    }
                }
            }
            return sum
        }
        let whole = sum(rowLag: 0, columnLag: 0)
        let result = sums.result
        #expect(result.rows.count == frames && result.columns.count == bands)
        for lag in 0..<frames {
            #expect(abs(result.rows[lag] - sum(rowLag: lag, columnLag: 0) / whole) < 1e-6)
        }
        for lag in 0..<bands {
            #expect(abs(result.columns[lag] - sum(rowLag: 0, columnLag: lag) / whole) < 1e-6)
        }
        #expect(AutocorrelationSums(bands: 3, frames: 4).result.rows.isEmpty)
    }
}
