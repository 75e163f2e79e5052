import Files
import Foundation
import Manifest
import Symbolic
import Tensors
import TestSupport
import Testing

@testable import Dataset
@testable import Loading

/// Segments in every unit, built: what a shard holds beside what was computed by hand.
@Suite struct SegmentsInUnitsTests {
    /// A note of a segment, in steps from its start.
    struct Found: Hashable, CustomStringConvertible {
        let segment: Int
        let start: Int
        let length: Int
        let pitch: Int
        var description: String { "\(segment): \(pitch) at \(start) for \(length)" }

        init(_ segment: Int, _ start: Int, _ length: Int, _ pitch: Int) {
            (self.segment, self.start, self.length, self.pitch) = (segment, start, length, pitch)
        }
    }

    /// Four notes, 96 ticks per beat, at 120 BPM and from beat 2 on at 60.
    ///
    /// | pitch | ticks | beats | seconds |
    /// | --- | --- | --- | --- |
    /// | 60 | 0 to 48 | 0 to 0.5 | 0 to 0.25 |
    /// | 61 | 96 to 144 | 1 to 1.5 | 0.5 to 0.75 |
    /// | 62 | 200 to 296 | 2.083 to 3.083 | 1.083 to 2.083 |
    /// | 63 | 384 to 480 | 4 to 5 | 3 to 4 |
    static func piece(threeFour: Bool) -> [UInt8] {
        var events: [(tick: Int, bytes: [UInt8])] = [
            (0, [0xFF, 0x51, 3, 0x07, 0xA1, 0x20]), (192, [0xFF, 0x51, 3, 0x0F, 0x42, 0x40]),
        ]
        if threeFour { events.append((0, [0xFF, 0x58, 4, 3, 2, 24, 8])) }
        for (pitch, onset, end) in [(60, 0, 48), (61, 96, 144), (62, 200, 296), (63, 384, 480)] {
            events.append((onset, [0x90, UInt8(pitch), 100]))
            events.append((end, [0x80, UInt8(pitch), 0]))
        }
        events.append((480, [0xFF, 0x2F, 0]))
        var (track, now) = ([UInt8](), 0)
        for event in events.enumerated().sorted(by: {
            ($0.element.tick, $0.offset) < ($1.element.tick, $1.offset)
        }) {
            let delta = event.element.tick - now
            now = event.element.tick
            track +=
                (delta > 127 ? [UInt8(delta >> 7) | 0x80] : []) + [UInt8(delta & 127)] + event.element.bytes
        }
        return Array("MThd".utf8) + [0, 0, 0, 6, 0, 0, 0, 1, 0, 96] + Array("MTrk".utf8)
            + [0, 0, UInt8(track.count >> 8), UInt8(track.count & 255)] + track
    }

    /// Builds `a.mid` (4/4), `b.mid` (3/4) and `c.wav` (4,000 samples at 8 kHz), of which the manifest takes some.
    ///
    /// The folder goes when it is released.
    static func build(
        _ name: String, _ files: String, _ blocks: String
    ) throws -> (reader: DatasetReader, folder: TestFolder) {
        let folder = try TestFolder()
        func write(_ bytes: [UInt8], _ file: String) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(folder.path)/\(file)"))
        }
        try write(piece(threeFour: false), "a.mid")
        try write(piece(threeFour: true), "b.mid")
        try write(LawMusic.audio(1), "c.wav")
        try folder.write(
            "m.yaml",
            "version: 1\ndataset: \(name)\nsources: [{path: '\(files)'}]\nsplits: {train: 1}\n\(blocks)\n")
        _ = try DatasetBuild(manifestPath: "\(folder.path)/m.yaml").run(
            DatasetBuild.Options(cachePath: "\(folder.path)/cache", jobs: 1, waits: false))
        return (try DatasetReader(name, cachePath: "\(folder.path)/cache"), folder)
    }

    static func shard(_ reader: DatasetReader) throws -> Shard {
        let shards = try #require(reader.snapshot.shards[.train])
        try #require(shards.count == 1)
        return try reader.open(shards[0])
    }

    @Test(arguments: [
        (
            "midi: {segment: {beats: 2, hop: 1}}", "a.mid", 8, [0, 4, 8, 12, 16], [8, 8, 8, 8, 4],
            [
                Found(0, 0, 2, 60), Found(0, 4, 2, 61), Found(1, 0, 2, 61), Found(1, 4, 4, 62),
                Found(2, 0, 4, 62), Found(3, 4, 4, 63), Found(4, 0, 4, 63),
            ]
        ),
        // Of two pieces the one in the required time signature; 4/4 if none is required.
        (
            "midi: {segment: {bars: 1}}", "*.mid", 16, [0, 16], [16, 4],
            [Found(0, 0, 2, 60), Found(0, 4, 2, 61), Found(0, 8, 4, 62), Found(1, 0, 4, 63)]
        ),
        (
            "midi: {segment: {bars: 1}, require: {time_signature: 3/4}}", "*.mid", 12, [0, 12], [12, 8],
            [Found(0, 0, 2, 60), Found(0, 4, 2, 61), Found(0, 8, 4, 62), Found(1, 4, 4, 63)]
        ),
        // A segment of two beats starts on each bar line: at steps 0 and 12.
        (
            "midi: {segment: {beats: 2, align: bar}}", "b.mid", 8, [0, 12], [8, 8],
            [Found(0, 0, 2, 60), Found(0, 4, 2, 61), Found(1, 4, 4, 63)]
        ),
        (
            "midi: {grid: {steps_per_second: 20}, segment: {seconds: 1.5}}", "a.mid", 30, [0, 30, 60],
            [30, 30, 20],
            [
                Found(0, 0, 5, 60), Found(0, 10, 5, 61), Found(0, 22, 8, 62), Found(1, 0, 12, 62),
                Found(2, 0, 20, 63),
            ]
        ),
        // 40 frames/s.
        (
            "midi: {grid: {frames: mel}, segment: {seconds: 2}}\naudio: {sample_rate: 8000, stft: {hop: 200}}",
            "a.mid", 80, [0, 80], [80, 80],
            [
                Found(0, 0, 10, 60), Found(0, 20, 10, 61), Found(0, 43, 37, 62), Found(1, 0, 3, 62),
                Found(1, 40, 40, 63),
            ]
        ),
    ])
    func shardsHoldTheNotes(
        _ blocks: String, _ files: String, _ steps: Int, _ starts: [Int64], _ lengths: [Int64],
        _ notes: [Found]
    ) throws {
        let (reader, folder) = try Self.build("units", files, blocks)
        defer { withExtendedLifetime(folder) {} }
        let file = try Self.shard(reader).file
        #expect(try file.tensor("segment.start", as: Int64.self).elements == starts)
        #expect(try file.tensor("segment.length", as: Int64.self).elements == lengths)
        #expect(try file.entry("tempo").shape == [starts.count, steps])
        let offsets = try file.tensor("notes.offset", as: Int64.self).elements
        let columns = (
            try file.tensor("notes.start", as: UInt16.self).elements,
            try file.tensor("notes.length", as: UInt16.self).elements,
            try file.tensor("notes.pitch", as: UInt8.self).elements
        )
        let found = starts.indices.flatMap { segment in
            (Int(offsets[segment])..<Int(offsets[segment + 1])).map { row in
                Found(segment, Int(columns.0[row]), Int(columns.1[row]), Int(columns.2[row]))
            }
        }
        #expect(found == notes)
        if files == "*.mid" {
            let segments = reader.snapshot.sources.map { "\($0.path) \($0.segments)" }
            #expect(segments == (steps == 16 ? ["a.mid 2", "b.mid 0"] : ["a.mid 0", "b.mid 2"]))
        }
        // Its manifest reads back as what was built, so that a transfer cuts as the build did.
        #expect(try reader.manifest().midi?.steps == steps)
    }

    @Test func shardsHoldSecondsOfAudio() throws {
        let (reader, folder) = try Self.build(
            "seconds", "c.wav",
            "audio: {sample_rate: 8000, segment: {seconds: 0.25, hop: 0.125}, features: {waveform: {}}, stft: {n_fft: 256}}"
        )
        defer { withExtendedLifetime(folder) {} }
        let file = try Self.shard(reader).file
        #expect(try file.entry("waveform").shape == [4, 2000])
        #expect(try file.tensor("segment.start", as: Int64.self).elements == [0, 1000, 2000, 3000])
        #expect(try file.tensor("segment.length", as: Int64.self).elements == [2000, 2000, 2000, 1000])
        #expect(
            reader.snapshot.manifest["audio"]?["segment"]
                == ["seconds": "1/4", "hop": "1/8", "drop_last": false])
    }
}
