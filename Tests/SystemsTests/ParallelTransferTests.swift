import Dataset
import Files
import Foundation
import Loading
import Symbolic
import Tensors
import TestSupport
import Testing
import Torch

@testable import Systems
@testable import Training

/// A note in steps of 120 ticks, for a made file.
private struct MadeNote: Hashable, Comparable {
    var step: Int
    var length: Int
    var pitch: UInt8
    var velocity: UInt8

    static func < (a: MadeNote, b: MadeNote) -> Bool { (a.step, a.pitch) < (b.step, b.pitch) }
}

private struct MadeTrack {
    /// 128 for drums.
    var program: UInt8
    var notes: [MadeNote]
}

/// A dataset of two styles, three pieces of two bars each: low and soft on a piano, high and loud on a flute; two tracks
/// of the same program, and drums.
private final class Bands {
    let folder: TestFolder
    var cache: String { folder.path + "/cache" }

    init(pieces: Int = 3, steps: Int = 16) throws {
        folder = try TestFolder()
        for style in ["high", "low"] {
            for number in 0..<pieces {
                try write("\(style)-\(number).mid", Self.file(Self.band(style, number)))
            }
        }
        try folder.write(
            "bands.yaml",
            """
            version: 1
            dataset: bands
            sources:
              - path: "high-*.mid"
                labels: {style: high}
              - path: "low-*.mid"
                labels: {style: low}
            midi:
              grid: {steps_per_beat: 4}
              segment: {steps: \(steps), drop_last: true}
              pitches: [24, 83]
              drums: include
              voices: 3
            splits: {\(pieces > 1 ? "train: 0.34, validation: 0.33, test: 0.33" : "train: 1, validation: 0, test: 0"), by: piece, method: exact, stratify: style}
            """)
        let build = try DatasetBuild(manifestPath: folder.path + "/bands.yaml")
        _ = try build.run(.init(cachePath: cache, jobs: 1))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: folder.path + "/" + name))
    }

    static func band(_ style: String, _ number: Int) -> [MadeTrack] {
        let isHigh = style == "high"
        let (base, program, velocity): (Int, UInt8, UInt8) = isHigh ? (60, 73, 110) : (30, 0, 40)
        let lead = (0..<16).map { place in
            MadeNote(
                step: 2 * place, length: place % 3 == 1 ? 1 : 2,
                pitch: UInt8(base + (place * (number + 2)) % 12), velocity: velocity)
        }
        let second = (0..<8).map { place in
            MadeNote(
                step: 4 * place, length: 3, pitch: UInt8(base + 12 - place % (number + 2)),
                velocity: velocity - 10)
        }
        let drums = (0..<32).filter { [0, 3, 6].contains($0 % 8) }.map { step in
            MadeNote(step: step, length: 1, pitch: step % 8 == 3 ? 38 : 36, velocity: 90)
        }
        return [MadeTrack(program: program, notes: lead), .init(program: program, notes: second)]
            + [MadeTrack(program: 128, notes: drums)]
    }

    /// A file of format 1 with two tempi and a time signature of 3/4.
    static func file(_ tracks: [MadeTrack]) -> [UInt8] {
        var chunks = [
            MIDIFile.Chunk.track(
                MIDIFile.Track(
                    events: [
                        .init(tick: 0, .meta(type: 0x58, bytes: [3, 2, 24, 8])),
                        .init(tick: 0, .meta(type: 0x51, bytes: [0x07, 0xA1, 0x20])),
                        .init(tick: 1920, .meta(type: 0x51, bytes: [0x06, 0x00, 0x00])),
                    ], endTick: 1920))
        ]
        var channel: UInt8 = 0
        for track in tracks {
            let own = track.program == 128 ? 9 : channel
            if track.program < 128 { channel += channel == 8 ? 2 : 1 }
            var events = [
                MIDIFile.Event(tick: 0, .channel(status: 0xC0 | own, data1: track.program & 127, data2: 0))
            ]
            var moments: [(tick: Int, isOn: Bool, note: MadeNote)] = []
            for note in track.notes {
                moments.append((note.step * 120, true, note))
                moments.append(((note.step + note.length) * 120, false, note))
            }
            moments.sort { ($0.tick, $0.isOn ? 1 : 0) < ($1.tick, $1.isOn ? 1 : 0) }
            events += moments.map { moment in
                .init(
                    tick: moment.tick,
                    .channel(
                        status: (moment.isOn ? 0x90 : 0x80) | own, data1: moment.note.pitch,
                        data2: moment.isOn ? moment.note.velocity : 0))
            }
            chunks.append(.track(MIDIFile.Track(events: events, endTick: events.last?.tick ?? 0)))
        }
        return MIDIFile(format: 1, division: .ticksPerQuarter(480), chunks: chunks).write()
    }

    /// The notes of a file, track by track, in the order of tracks.
    static func tracks(_ bytes: [UInt8]) throws -> [MadeTrack] {
        let timeline = try #require(Score(midi: bytes).timelines.first)
        return Dictionary(grouping: timeline.notes) { $0.track }.sorted { $0.key < $1.key }.map { _, notes in
            MadeTrack(
                program: notes[0].program,
                notes: notes.map { note in
                    MadeNote(
                        step: note.onset / 120, length: (note.offset - note.onset) / 120, pitch: note.pitch,
                        velocity: note.velocity)
                }.sorted())
        }
    }

    static let small = ["hidden=48", "latent=12", "batch=4", "style_weight=1"]

    static func train(
        in cache: String, _ assignments: [String], _ limits: TrainingLimits = TrainingLimits(),
        resume: String? = nil
    ) throws -> TrainingSummary {
        try Trainer(recipes: Recipe.all, cachePath: cache).train(
            TrainingRequest(
                recipe: resume == nil ? "parallel-vae" : nil, dataset: resume == nil ? "bands" : nil,
                assignments: resume == nil ? small + assignments : [], resume: resume, threads: 1,
                limits: limits))
    }

    static func transfer(
        _ bytes: [UInt8], in cache: String, to style: String?, from source: String? = nil,
        _ assignments: [String] = []
    ) throws -> Transferred {
        try Trainer(recipes: Recipe.all, cachePath: cache).transfer(
            by: "parallel-vae-1", assignments: assignments
        ) { settings in
            TransferRequest(
                content: bytes, path: "content.mid", style: style, contentStyle: source, settings: settings)
        }
    }
}

struct ParallelTransferTests {
    private static let memorise = [
        "transposition=0", "beta=0.001", "rate=0.005", "epochs=500", "patience=0", "velocity_weight=5",
    ]

    /// After two pieces were memorised: a piece in its own style is itself, note by note, its tracks of one program and its
    /// drums apart, with its tempi and time signature; in the other style its head is flipped and its notes are others.
    @Test func memorisedPiecesMakeTheRoundTrip() async throws {
        let bands = try Bands(pieces: 1)
        let cache = bands.cache
        let reader = try DatasetReader("bands", cachePath: cache)
        let known = try #require(
            reader.snapshot.sources.first { $0.split == .train && $0.labels["style"] == "low" })
        let bytes = try bands.folder.contents(known.path)
        let (own, other, still, drawn, again) = try await onTorch {
            _ = try Bands.train(in: cache, Self.memorise)
            return (
                try Bands.transfer(bytes, in: cache, to: "low", from: "low"),
                try Bands.transfer(bytes, in: cache, to: "high"),
                try Bands.transfer(bytes, in: cache, to: "high", ["swap=exchange"]),
                try Bands.transfer(bytes, in: cache, to: "high", ["temperature=5", "seed=1"]),
                try Bands.transfer(bytes, in: cache, to: "high", ["temperature=5", "seed=1"])
            )
        }
        let content = try Bands.tracks(bytes)
        let result = try Bands.tracks(own.bytes)
        // In the order of voices: 16 notes, 12 drums, 8 notes.
        #expect(result.map(\.program) == [0, 128, 0])
        for (track, expected) in zip(result, [content[0], content[2], content[1]]) {
            #expect(track.notes.map(\.step) == expected.notes.map(\.step))
            #expect(track.notes.map(\.pitch) == expected.notes.map(\.pitch))
            #expect(track.notes.map(\.length) == expected.notes.map(\.length))
            #expect(
                zip(track.notes, expected.notes).allSatisfy { abs(Int($0.velocity) - Int($1.velocity)) <= 6 })
        }
        let timeline = try #require(Score(midi: own.bytes).timelines.first)
        let original = try #require(Score(midi: bytes).timelines.first)
        #expect(timeline.tempoMap == original.tempoMap)
        #expect(timeline.timeSignatures == original.timeSignatures)
        func value(_ name: String, _ transferred: Transferred) -> Double? {
            transferred.measures.first { $0.name == name }?.value
        }
        #expect(value("pitch_cells_as_content", own) == 1)
        #expect(value("notes_with_other_program", own) == 0)
        #expect(value("target_before_encoded", other) == 0)
        #expect(other.bytes != own.bytes && still.bytes == other.bytes)
        // All voices, then each; content above result.
        #expect(own.figures.map(\.name) == ["voices", "voice-0", "voice-1", "voice-2"])
        guard case .rolls(let rolls) = own.figures[0].content else {
            Issue.record("no rolls")
            return
        }
        #expect(rolls.count == 2 && rolls.allSatisfy { $0.columns == 32 && $0.values.count == 60 * 32 })
        #expect(zip(rolls[0].values, rolls[1].values).allSatisfy { abs($0 - $1) <= 6 })
        #expect(drawn.bytes == again.bytes && drawn.bytes != other.bytes)
    }

    /// Noise, order and transposition come from what checkpoints hold; so do the counts.
    @Test func itResumesToTheSameBytes() async throws {
        let bands = try Bands()
        let cache = bands.cache
        try await onTorch {
            let assignments = ["epochs=6", "transposition=3", "warmup=0.5", "teacher=free"]
            let whole = try Bands.train(in: cache, assignments)
            _ = try Bands.train(in: cache, assignments, TrainingLimits(steps: 3))
            _ = try TorchTensor.random(.uniform, [7])
            let resumed = try Bands.train(in: cache, [], resume: "parallel-vae-2")
            #expect(whole.steps == resumed.steps && whole.steps > 4)
        }
        func contents(_ run: String, _ file: String) throws -> [UInt8] {
            try bands.folder.contents("cache/runs/\(run)/\(file)")
        }
        #expect(
            try contents("parallel-vae-1", "metrics.jsonl") == contents("parallel-vae-2", "metrics.jsonl"))
        // Their metadata name the run.
        let files = try ["parallel-vae-1", "parallel-vae-2"].map {
            try TensorFile(bytes: contents($0, "last.safetensors"))
        }
        #expect(files[0].entries.keys.contains { $0.hasSuffix("counts.pitch") })
        try expectSameTensors(files[0], files[1])
    }

    /// Segments of two bars with `history`, an evaluation with figures, and files that have little in common with the dataset.
    @Test func unusualFilesGiveAnHonestResult() async throws {
        let bands = try Bands(steps: 32)
        let cache = bands.cache
        let silent = Bands.file([MadeTrack(program: 0, notes: [])])
        let far = Bands.file([
            .init(program: 0, notes: (0..<32).map { .init(step: $0, length: 1, pitch: 100, velocity: 90) })
        ])
        // More tracks than voices, and a piece that ends inside a segment.
        let many = Bands.file(
            (0..<6).map { track in
                MadeTrack(
                    program: UInt8(8 * track),
                    notes: (0..<40 - 3 * track).map {
                        .init(step: $0, length: 1, pitch: UInt8(40 + track), velocity: 70)
                    })
            })
        try await onTorch {
            _ = try Bands.train(in: cache, ["history=true", "epochs=2", "cell=lstm"])
            let evaluation = try Trainer(recipes: Recipe.all, cachePath: cache).evaluate(
                "parallel-vae-1", withFigures: true)
            #expect(evaluation.figures.map(\.name) == ["divergence", "segments-high", "segments-low"])
            #expect(evaluation.metrics.allSatisfy { $0.value.isFinite || $0.name == "velocity_error" })
            let names = Set(evaluation.metrics.map(\.name))
            for (baseline, measures) in evaluation.baselines {
                #expect(!measures.isEmpty && names.isSuperset(of: measures.map(\.name)), "\(baseline)")
            }
            // Nothing to encode, and nothing that a voice has.
            for quiet in [silent, far] {
                let result = try Bands.transfer(quiet, in: cache, to: "high")
                #expect(try Bands.tracks(result.bytes).isEmpty)
                #expect(result.measures.first { $0.name == "notes" }?.value == 0)
                #expect(result.measures.allSatisfy { $0.value.isFinite })
            }
            let result = try Bands.transfer(many, in: cache, to: "high", ["instruments=bar"])
            let tracks = try Bands.tracks(result.bytes)
            #expect(tracks.allSatisfy { $0.notes.allSatisfy { $0.step + $0.length <= 40 } })
            #expect(throws: TrainingError.self) { try Bands.transfer(many, in: cache, to: "middle") }
            #expect(throws: TrainingError.self) { try Bands.transfer([1, 2, 3], in: cache, to: "high") }
        }
    }
}
