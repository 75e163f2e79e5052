import Dataset
import Foundation
import Loading

/// Two datasets, one of mel spectrograms [256, 257] and one of notes, some hundred MiB of batches each.
struct Corpus {
    let audio: DatasetReader
    let midi: DatasetReader

    init(_ folder: URL, midi own: String?) throws {
        let midiPath = try own ?? Self.makeNotes(folder)
        try Self.makeSound(folder)
        let cache = folder.appendingPathComponent("cache").path
        let manifests = [
            "sound": """
            sources: [{path: "sound/*.wav"}]
            audio:
              segment: {samples: 131072, drop_last: true}
              loudness: none
              features: {mel: {bands: 256}}
            """,
            "notes": """
            sources: [{path: "\(midiPath)/**/*.mid"}]
            midi: {segment: {steps: 64}}
            """,
        ]
        for (name, text) in manifests {
            let path = folder.appendingPathComponent("\(name).yaml").path
            try Data(
                "version: 1\ndataset: \(name)\n\(text)\nsplits: {train: 0.98, validation: 0.01, test: 0.01}\n"
                    .utf8
            ).write(to: URL(fileURLWithPath: path))
            _ = try DatasetBuild(manifestPath: path).run(.init(cachePath: cache))
        }
        audio = try DatasetReader("sound", cachePath: cache)
        midi = try DatasetReader("notes", cachePath: cache)
    }

    /// Sixteen files of noise, 64 segments each.
    private static func makeSound(_ folder: URL) throws {
        for file in 0..<16 {
            let url = folder.appendingPathComponent("sound/\(file).wav")
            guard !FileManager.default.fileExists(atPath: url.path) else { continue }
            var random = UInt64(file + 1)
            var samples = [Int16](repeating: 0, count: 64 * 131_072)
            for index in samples.indices {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                samples[index] = Int16(truncatingIfNeeded: random >> 50)
            }
            func bytes<Number: FixedWidthInteger>(_ number: Number) -> Data {
                withUnsafeBytes(of: number.littleEndian) { Data($0) }
            }
            let size = UInt32(samples.count * 2)
            var data = Data("RIFF".utf8) + bytes(36 + size) + Data("WAVEfmt ".utf8)
            data += bytes(UInt32(16)) + bytes(UInt16(1)) + bytes(UInt16(1)) + bytes(UInt32(44_100))
            data +=
                bytes(UInt32(88_200)) + bytes(UInt16(2)) + bytes(UInt16(16)) + Data("data".utf8) + bytes(size)
            data += samples.withUnsafeBytes { Data($0) }
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try data.write(to: url)
        }
    }

    /// A hundred files of 4,000 notes in 2,560 steps.
    private static func makeNotes(_ folder: URL) throws -> String {
        let notes = folder.appendingPathComponent("notes")
        try FileManager.default.createDirectory(at: notes, withIntermediateDirectories: true)
        for file in 0..<100 {
            var random = UInt64(file + 1)
            func below(_ count: Int) -> Int {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(random >> 33) % count
            }
            var events: [(tick: Int, bytes: [UInt8])] = []
            for _ in 0..<4_000 {
                let (start, pitch) = (below(2_560) * 24, UInt8(30 + below(70)))
                events.append((start, [0x90, pitch, UInt8(1 + below(127))]))
                events.append((start + 24 * (1 + below(7)), [0x80, pitch, 0]))
            }
            events.sort { $0.tick < $1.tick }
            var (track, now): ([UInt8], Int) = ([], 0)
            for event in events {
                let delta = event.tick - now
                now = event.tick
                track += (delta >= 128 ? [UInt8(delta >> 7) | 0x80] : []) + [UInt8(delta & 127)] + event.bytes
            }
            track += [0, 0xFF, 0x2F, 0]
            var data = Data("MThd".utf8) + Data([0, 0, 0, 6, 0, 0, 0, 1, 0, 96]) + Data("MTrk".utf8)
            data += withUnsafeBytes(of: UInt32(track.count).bigEndian) { Data($0) } + Data(track)
            try data.write(to: notes.appendingPathComponent("\(file).mid"))
        }
        return notes.path
    }
}
