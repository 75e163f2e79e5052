import Foundation
import Loading
import Symbolic
import Tensors
import TestSupport

@testable import Dataset

/// A folder of scores and their recordings: each note is a plucked tone at its own instant.
final class PairFixture {
    let folder: URL
    var cache: String { folder.appendingPathComponent("cache").path }

    /// The sample rate of recordings, and the frame hop of the datasets.
    static let (rate, hop, samples) = (8000, 64, 8192)

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("pairs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Instants of onsets in ticks of 1/192 second, and their pitches.
    static func notes(seed: UInt64, count: Int = 24) -> [(tick: Int, pitch: UInt8)] {
        var random = LoaderFixture.Numbers(state: seed)
        var tick = 0
        return (0..<count).map { _ in
            tick += 24 + random.below(60)
            return (tick, UInt8(55 + random.below(30)))
        }
    }

    /// Format 0, 96 ticks a quarter of half a second.
    static func midi(_ notes: [(tick: Int, pitch: UInt8)]) -> [UInt8] {
        func varying(_ value: Int) -> [UInt8] {
            value >= 128 ? [UInt8(value >> 7) | 0x80, UInt8(value & 127)] : [UInt8(value)]
        }
        var track: [UInt8] = []
        var now = 0
        for note in notes {
            track += varying(note.tick - now) + [0x90, note.pitch, 80] + varying(18) + [0x80, note.pitch, 0]
            now = note.tick + 18
        }
        return MadeFile.midi(track: track)
    }

    /// Mono WAV of 16 bits; the score begins `delay` seconds in, and a second of silence ends it.
    static func wave(_ notes: [(tick: Int, pitch: UInt8)], delay: Double = 0, more: Double = 1) -> [UInt8] {
        let end = Double(notes.last?.tick ?? 0) / 192 + delay + more
        var sound = [Double](repeating: 0, count: Int(end * Double(rate)))
        for note in notes {
            let first = Int(((Double(note.tick) / 192 + delay) * Double(rate)).rounded())
            let step = 2 * Double.pi * 440 * pow(2, (Double(note.pitch) - 69) / 12) / Double(rate)
            for index in 0..<1500 where first + index >= 0 && first + index < sound.count {
                sound[first + index] += 0.3 * sin(step * Double(index)) * (1 - Double(index) / 1500)
            }
        }
        return MadeFile.wave(sound.map { Int16(max(-32_767, min(32_767, $0 * 32_767))) }, rate: rate)
    }

    func write(_ path: String, _ bytes: [UInt8]) throws {
        let file = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    /// Writes pairs `0.mid`, `0.wav` … and the table that names them.
    func writePairs(_ count: Int = 4, delay: Double = 0, offset: Double = 0) throws {
        var table = "midi,sound,style,late\n"
        for piece in 0..<count {
            let notes = Self.notes(seed: UInt64(piece + 1))
            try write("\(piece).mid", Self.midi(notes))
            try write("\(piece).wav", Self.wave(notes, delay: delay))
            table += "\(piece).mid,\(piece).wav,\(piece % 2 == 0 ? "jazz" : "folk"),\(offset)\n"
        }
        try write("pairs.csv", Array(table.utf8))
    }

    static let pairs = """
          - table: pairs.csv
            path: "{midi}"
            pair: "{sound}"
            offset_seconds: late
            labels: [style]
        """

    /// A manifest with these sources.
    func manifest(
        _ sources: String = pairs, grid: String = "{frames: mel}", segment: String? = nil,
        splits: String = "{train: 1, validation: 0, test: 0}", more: String = ""
    ) -> String {
        """
        version: 1
        dataset: pairs
        sources:
        \(sources)
        midi:
          grid: \(grid)
        \(segment.map { "  segment: \($0)" } ?? "")
        audio:
          sample_rate: \(Self.rate)
          segment: {samples: \(Self.samples)}
          stft: {n_fft: 256, hop: \(Self.hop)}
          features: {mel: {bands: 24, fmax: 4000}, waveform: {}}
          normalize: none
        splits: \(splits)
        shards: {target_bytes: 256KiB}
        \(more)
        """
    }

    @discardableResult
    func build(_ manifest: String) throws -> BuildSummary {
        try write("m.yaml", Array(manifest.utf8))
        return try DatasetBuild(manifestPath: folder.appendingPathComponent("m.yaml").path)
            .run(.init(cachePath: cache, jobs: 2))
    }

    var reader: DatasetReader { get throws { try DatasetReader("pairs", cachePath: cache) } }

    /// One segment as a shard holds it.
    struct Segment: Equatable {
        var start: Int
        var recordingStart: Int?
        var notes: [[Int]]
        var mel: [Float]
        var frameSteps: [Int?]
    }

    /// Every segment of a kind, in all splits, by the hash of its source, in the order of the source.
    static func segments(_ reader: DatasetReader, _ kind: SegmentKind) throws -> [String: [Segment]] {
        var found: [String: [Segment]] = [:]
        for described in Split.allCases.flatMap({ reader.snapshot.shards[$0] ?? [] })
        where described.kind == kind {
            let shard = try reader.open(described)
            for index in 0..<shard.count {
                let segment = try shard.segment(index)
                var notes: [[Int]] = []
                if shard.holdsNotes {
                    try shard.withRows(of: index) { rows in
                        notes = rows.start.indices.map {
                            [
                                Int(rows.start[$0]), Int(rows.length[$0]), Int(rows.pitch[$0]),
                                Int(rows.flags[$0]),
                            ]
                        }
                    }
                }
                var mel: [Float] = []
                if let shape = shard.file.entries["mel"]?.shape {
                    let size = shape[1] * shape[2]
                    mel = try shard.file.withElements(of: "mel", as: Float.self) {
                        Array($0[index * size..<(index + 1) * size])
                    }
                }
                found[segment.source, default: []].append(
                    Segment(
                        start: segment.start, recordingStart: segment.recording?.start, notes: notes,
                        mel: mel,
                        frameSteps: shard.isPaired ? try shard.frameSteps(index) : []))
            }
        }
        return found
    }

    /// The lag in frames at which onsets and the mel's spectral flux agree best, for each score.
    static func lags(_ reader: DatasetReader) throws -> [Int] {
        try segments(reader, .paired).values.map { segments in
            var scores: [(lag: Int, score: Double)] = []
            for lag in -12...12 {
                var (onsets, fluxes): ([Double], [Double]) = ([], [])
                for segment in segments {
                    let frames = segment.mel.count / 24
                    var onset = [Double](repeating: 0, count: frames)
                    for note in segment.notes where note[3] & 1 == 1 { onset[note[0]] += 1 }
                    for frame in 14..<frames - 14 {
                        onsets.append(onset[frame])
                        fluxes.append(
                            (0..<24).reduce(0.0) { sum, band in
                                let place = band * frames + frame + lag
                                // Powers: a logarithm would rise before the window's centre is at an onset.
                                return sum + Double(max(0, segment.mel[place + 1] - segment.mel[place - 1]))
                            })
                    }
                }
                scores.append((lag, correlation(onsets, fluxes)))
            }
            return scores.max { $0.score < $1.score }?.lag ?? .max
        }
    }

    private static func correlation(_ a: [Double], _ b: [Double]) -> Double {
        let count = Double(a.count)
        let (meanA, meanB) = (a.reduce(0, +) / count, b.reduce(0, +) / count)
        let product = zip(a, b).reduce(0.0) { $0 + ($1.0 - meanA) * ($1.1 - meanB) }
        let (powerA, powerB) = (
            a.reduce(0.0) { $0 + ($1 - meanA) * ($1 - meanA) },
            b.reduce(0.0) { $0 + ($1 - meanB) * ($1 - meanB) }
        )
        return product / (powerA * powerB).squareRoot()
    }
}
