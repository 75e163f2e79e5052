import Dataset
import Foundation
import Loading
import TestSupport
import Testing

/// A fresh folder in which music is made and datasets are built.
final class Workshop {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("insight-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func write(_ path: String, _ bytes: [UInt8]) throws {
        let file = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    func remove(_ path: String) throws {
        try FileManager.default.removeItem(at: folder.appendingPathComponent(path))
    }

    var cache: String { folder.appendingPathComponent("cache").path }

    /// Builds a manifest of MIDI in `music/<style>/`, and opens what came of it.
    func build(_ more: String = "", segment: Int = 64) throws -> DatasetReader {
        try build(
            """
            version: 1
            dataset: test
            sources:
              - path: music/*/*.mid
                labels: {style: "{dir}"}
            midi:
              segment: {steps: \(segment)}
            \(more)
            """, named: "m.yaml")
    }

    func build(_ manifest: String, named name: String) throws -> DatasetReader {
        try write(name, Array(manifest.utf8))
        let path = folder.appendingPathComponent(name).path
        let summary = try DatasetBuild(manifestPath: path).run(.init(cachePath: cache, jobs: 1))
        return try DatasetReader(summary.dataset, cachePath: cache)
    }

    /// Pitches that wander without repeating; each seed gives others.
    static func melody(seed: Int, count: Int = 200) -> [UInt8] {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(40 + state % 40)
        }
    }

    /// A file of format 0, 96 ticks a quarter; each note lasts a sixteenth.
    static func midi(_ pitches: [UInt8], velocities: [UInt8] = [60, 70, 80]) -> [UInt8] {
        var track: [UInt8] = []
        for (index, pitch) in pitches.enumerated() {
            track += [0, 0x90, pitch, velocities[index % velocities.count], 24, 0x80, pitch, 0]
        }
        return MadeFile.midi(track: track)
    }

    /// Mono WAV of 16 bits.
    static func wav(rate: Int, _ samples: [Double]) -> [UInt8] {
        MadeFile.wave(samples.map { Int16(max(-32768, min(32767, ($0 * 32768).rounded()))) }, rate: rate)
    }
}
