import Files
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Dataset
@testable import Loading

/// A small dataset of notes and sound in two styles, built for the loader's tests and removed with the value.
final class LoaderFixture: Sendable {
    let folder: URL
    let reader: DatasetReader
    var cachePath: String { folder.appendingPathComponent("cache").path }

    /// Segments of notes have 32 steps; shards are so small that there are many.
    init(pieces: Int = 14, elementType: String = "float32") throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("reprise-\(UUID().uuidString)")
        var random = Numbers(state: 7)
        for piece in 0..<pieces {
            // One style is rarer than the other.
            let style = piece % 3 == 0 ? "classical" : "jazz"
            try Self.write(Self.midi(&random), to: folder, "midi/\(style)/\(piece).mid")
            if piece < 4 { try Self.write(Self.wave(&random), to: folder, "audio/\(style)/\(piece).wav") }
        }
        let manifest = """
            version: 1
            dataset: loader
            sources:
              - path: midi/*/*.mid
                labels: {style: "{dir}"}
              - path: audio/*/*.wav
                labels: {style: "{dir}"}
            midi:
              grid: {steps_per_beat: 4}
              segment: {steps: 32}
              pitches: [20, 110]
            audio:
              sample_rate: 8000
              loudness: none
              segment: {samples: 1024}
              stft: {n_fft: 256, hop: 128}
              features: {mel: {bands: 8, fmax: 4000}, waveform: {}}
              dtype: \(elementType)
            splits: {train: 0.8, validation: 0.1, test: 0.1, method: exact, seed: 3}
            shards: {target_bytes: 4KiB}
            """
        try Self.write(Array(manifest.utf8), to: folder, "loader.yaml")
        let build = try DatasetBuild(manifestPath: folder.appendingPathComponent("loader.yaml").path)
        _ = try build.run(.init(cachePath: folder.appendingPathComponent("cache").path, jobs: 1))
        reader = try DatasetReader("loader", cachePath: folder.appendingPathComponent("cache").path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// One dataset for all tests that leave it as it is.
    static let shared = Result { try LoaderFixture() }

    /// The train split's shards of a kind, with the number of each one's first segment.
    func shards(_ kind: SegmentKind) throws -> [(first: Int, shard: Shard)] {
        var first = 0
        return try (reader.snapshot.shards[.train] ?? []).compactMap { described in
            defer { first += described.segments }
            return described.kind == kind ? (first, try reader.open(described)) : nil
        }
    }

    /// Each segment's labels by its number.
    func styles(_ kind: SegmentKind) throws -> [Int: String] {
        var styles: [Int: String] = [:]
        for (first, shard) in try shards(kind) {
            for index in 0..<shard.count { styles[first + index] = try shard.segment(index).labels["style"] }
        }
        return styles
    }

    /// Numbers that are the same at every run.
    struct Numbers {
        var state: UInt64
        mutating func below(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
    }

    private static func write(_ bytes: [UInt8], to folder: URL, _ path: String) throws {
        let file = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    /// Chords, drums and pedals over some bars; 96 ticks a quarter.
    static func midi(_ random: inout Numbers) -> [UInt8] {
        var events: [(tick: Int, bytes: [UInt8])] = []
        for channel in [0, 1, 9] as [UInt8] {
            events.append((0, [0xC0 | channel, UInt8(random.below(128))]))
        }
        for _ in 0..<120 + random.below(120) {
            let channel = [0, 1, 1, 9][random.below(4)] as UInt8
            let (pitch, velocity) = (UInt8(24 + random.below(80)), UInt8(1 + random.below(127)))
            let start = random.below(96 * 4 * 12)
            events.append((start, [0x90 | channel, pitch, velocity]))
            events.append((start + 12 + random.below(300), [0x80 | channel, pitch, 0]))
        }
        for _ in 0..<30 {
            let pedal = [64, 66, 67][random.below(3)] as UInt8
            events.append((random.below(96 * 4 * 12), [0xB0, pedal, random.below(2) == 0 ? 0 : 127]))
        }
        return MadeFile.midi(events: events)
    }

    /// Noise, 16 bits, 8 kHz.
    private static func wave(_ random: inout Numbers) -> [UInt8] {
        MadeFile.wave((0..<9_000).map { _ in Int16(random.below(20_000) - 10_000) }, rate: 8000)
    }
}

extension Loader {
    /// The next batches, each as the bytes of all its views in all sets, with where it stands.
    func batches(_ count: Int) throws -> [FedBatch] {
        var fed: [FedBatch] = []
        while fed.count < count, let batch = try next() {
            var bytes: [[UInt8]] = []
            for set in plan.sets.indices {
                for name in batch.names { bytes.append(batch.withBytes(of: name, set: set) { Array($0) }) }
            }
            fed.append(FedBatch(state: batch.state, after: batch.after, count: batch.count, bytes: bytes))
        }
        return fed
    }

    /// The segments of the next epochs, by their numbers, of one set.
    func numbers(_ view: String = "number", set: Int = 0) throws -> [Int] {
        var numbers: [Int] = []
        while let batch = try next() {
            numbers += batch.tensor(view, set: set, as: Int64.self).elements.map { Int($0) }
        }
        return numbers
    }
}

/// A batch's whole contents.
struct FedBatch: Equatable {
    let state: LoaderState
    let after: LoaderState
    let count: Int
    let bytes: [[UInt8]]
}
