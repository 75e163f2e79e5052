import Dataset
import Files
import Foundation
import Loading
import Symbolic
import TestSupport
import Testing
import Torch

@testable import Systems
@testable import Training

/// A dataset of broken chords by two composers, one low and one high; 24 ticks are a step, 64 steps a segment.
///
/// Every piece has the same six bars of eight steps in turn, from another one on.
private final class Chords {
    let folder: TestFolder
    var cache: String { folder.path + "/cache" }

    init() throws {
        folder = try TestFolder()
        for number in 0..<12 {
            try write(
                "\(number % 2 == 0 ? "low" : "high")-\(number).mid",
                Self.file(number, steps: 128, velocity: UInt8(60 + number)))
        }
        try folder.write(
            "chords.yaml",
            """
            version: 1
            dataset: chords
            sources:
              - path: "low-*.mid"
                labels: {composer: low}
              - path: "high-*.mid"
                labels: {composer: high}
            midi: {grid: {steps_per_beat: 4}, segment: {steps: 64}}
            splits: {train: 0.5, validation: 0.25, test: 0.25, by: piece, method: exact, stratify: composer}
            """)
        let build = try DatasetBuild(manifestPath: folder.path + "/chords.yaml")
        _ = try build.run(.init(cachePath: cache, jobs: 1))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: folder.path + "/" + name))
    }

    /// A note every second step, each two steps long; pieces of odd numbers lie an octave and a half higher.
    static func file(_ number: Int, steps: Int, velocity: UInt8 = 80) -> [UInt8] {
        var events: [(tick: Int, bytes: [UInt8])] = [(0, [0xFF, 0x51, 3, 0x07, 0xA1, 0x20])]
        for step in stride(from: 0, to: steps - 1, by: 2) {
            let (bar, place) = ((step / 8 + number) % 6, step % 8 / 2)
            let pitch = UInt8(40 + 18 * (number % 2) + (7 * bar + place * (3 + bar)) % 17)
            events.append((24 * step, [0x90, pitch, velocity]))
            events.append((24 * (step + 2), [0x80, pitch, 0]))
        }
        return MadeFile.midi(events: events)
    }

    static let assignments = [
        "steps=8", "parts=2", "encoder=24", "conductor=24", "decoder=64", "latents=16", "rate=0.02",
        "batch=16",
        "epochs=120", "annealing=linear", "beta=0.01", "transposition=0",
    ]

    static func train(
        in cache: String, recipe: String = "music-vae", _ more: [String] = [],
        _ limits: TrainingLimits = TrainingLimits(), resume: String? = nil, preset: String? = nil
    ) throws -> TrainingSummary {
        try Trainer(recipes: Recipe.all, cachePath: cache).train(
            TrainingRequest(
                recipe: resume == nil ? recipe : nil, dataset: resume == nil ? "chords" : nil,
                preset: preset, assignments: resume == nil ? more : [], resume: resume, threads: 1,
                limits: limits))
    }

    func bytes(_ path: String) throws -> [UInt8] { try folder.contents("cache/runs/" + path) }
}

struct MusicVAEUseTests {
    /// The noise comes from the generator that checkpoints hold, and measuring takes none of it.
    @Test func itResumesToTheSameCurve() async throws {
        let chords = try Chords()
        let cache = chords.cache
        try await onTorch {
            let more = Chords.assignments + ["epochs=3", "batch=32", "warmup=0.5", "transposition=3"]
            let whole = try Chords.train(in: cache, more)
            // Within the second epoch, so that a validation lies before it and one behind.
            _ = try Chords.train(in: cache, more, TrainingLimits(steps: 4))
            _ = try TorchTensor.random(.uniform, [7])
            let resumed = try Chords.train(in: cache, resume: "music-vae-2")
            #expect(whole.steps == resumed.steps && whole.steps == 9)
        }
        #expect(try chords.bytes("music-vae-1/metrics.jsonl") == chords.bytes("music-vae-2/metrics.jsonl"))
    }

    /// What the run reaches on what it learned, beside its baselines, the same at every time.
    private static func measure(_ trainer: Trainer) throws {
        let evaluation = try trainer.evaluate("music-vae-1", on: .train, withFigures: true)
        #expect(try trainer.evaluate("music-vae-1", on: .train).metrics == evaluation.metrics)
        func measure(_ name: String, _ measures: [Measure]) -> Double {
            measures.first { $0.name == name }?.value ?? .nan
        }
        let own = evaluation.metrics
        #expect(evaluation.baselines.count == 3)
        for (name, baseline) in evaluation.baselines {
            #expect(measure("bce", own) < 0.5 * measure("bce", baseline), "\(name)")
            #expect(measure("f1", own) > measure("f1", baseline) + 0.4, "\(name)")
        }
        #expect(measure("windows", own) == 96 && measure("active_units", own) > 4)
        #expect(measure("interpolation_spearman", own) > 0.8)
        #expect(
            evaluation.figures.map(\.name) == ["codes", "divergences", "reconstructions", "interpolation"])
        guard case .histogram(let classes, let series) = evaluation.figures[0].content else {
            Issue.record("no histogram")
            return
        }
        #expect(classes.count == 14)
        for one in series { #expect(abs(one.shares.reduce(0, +) - 1) < 1e-4, "\(one.name)") }
    }

    /// All bars of both pieces are those of the train split.
    @Test(arguments: ["onset", "onset+sounding"])
    func piecesAreMovedTowardsPiecesAndLabels(_ input: String) async throws {
        let chords = try Chords()
        let cache = chords.cache
        try await onTorch {
            _ = try Chords.train(in: cache, Chords.assignments + ["input=\(input)"])
            let trainer = Trainer(recipes: Recipe.all, cachePath: cache)
            try Self.measure(trainer)
            func transfer(
                _ content: [UInt8], _ style: String? = nil, from: String? = nil, file: [UInt8]? = nil,
                _ settings: [String] = []
            ) throws -> (notes: [Note], measures: [String: Double]) {
                let result = try trainer.transfer(by: "music-vae-1", assignments: settings) { settings in
                    TransferRequest(
                        content: content, path: "content.mid", style: style ?? file.map { _ in "style.mid" },
                        styleFile: file.map { RawInput(path: "style.mid", bytes: $0) }, contentStyle: from,
                        settings: settings)
                }
                let score = try Score(midi: result.bytes)
                return (
                    score.timelines.flatMap(\.notes),
                    Dictionary(uniqueKeysWithValues: result.measures.map { ($0.name, $0.value) })
                )
            }
            // The content is not as long as a segment.
            let content = Chords.file(2, steps: 48, velocity: 99)
            let style = Chords.file(3, steps: 64)
            let own = try transfer(content, file: style, ["amount=0"])
            #expect(own.measures["windows"] == 6 && own.measures["notes_before"] == 24)
            #expect(own.measures["f1_with_content"] == own.measures["f1_of_reconstruction"])
            #expect((own.measures["f1_with_content"] ?? 0) > 0.5)
            #expect(!own.notes.isEmpty && own.notes.allSatisfy { $0.velocity == 99 && $0.onset < 48 * 24 })
            let all = try transfer(content, file: style, ["amount=0", "notes=threshold", "threshold=0.001"])
            #expect(all.notes.count > 2 * own.notes.count)
            let drawn = try [0, 0, 1].map { seed in
                try transfer(content, file: style, ["amount=0.5", "notes=drawn", "seed=\(seed)"]).notes
            }
            #expect(drawn[0] == drawn[1] && drawn[0] != drawn[2])
            // At 1 the notes are those of the style's own reconstruction.
            let other = try transfer(content, file: style, ["amount=1"])
            let reconstructed = try transfer(style, file: content, ["amount=0"])
            func starts(_ notes: [Note]) -> Set<[Int]> {
                Set(notes.filter { $0.onset < 48 * 24 }.map { [Int($0.onset), Int($0.pitch)] })
            }
            #expect(starts(other.notes) == starts(reconstructed.notes))
            #expect(starts(other.notes) != starts(own.notes))
            // Towards the high composer the mean pitch rises.
            func mean(_ notes: [Note]) -> Double {
                Double(notes.reduce(0) { $0 + Int($1.pitch) }) / Double(max(notes.count, 1))
            }
            // From the mean of all it is half as far.
            for (from, amount, rise) in [(nil, 2, 2.0), ("low", 1, 5)] {
                let high = try transfer(content, "high", from: from, ["amount=\(amount)"])
                #expect(mean(high.notes) > mean(own.notes) + rise, "from \(from ?? "all")")
            }
            // A file shorter than a window, one with no note, and one whose style has none.
            let short = try transfer(Chords.file(2, steps: 5), "high")
            #expect(short.measures["windows"] == 1 && short.notes.allSatisfy { $0.onset < 5 * 24 })
            let silence = MadeFile.midi(events: [
                (0, [0xFF, 0x51, 3, 0x07, 0xA1, 0x20]), (4000, [0xB0, 1, 0]),
            ])
            #expect(try transfer(silence, "high").notes.isEmpty)
            let still = #expect(throws: TrainingError.self) { _ = try transfer(content, file: silence) }
            #expect(still?.message.contains("nothing sounds in the style") == true)
            for (more, word) in [
                (["amount=2"], "from 0 to 1"), (["amount=0.5", "path=wavy"], "spherical or linear"),
            ] {
                let error = #expect(throws: TrainingError.self) {
                    _ = try transfer(content, file: style, more)
                }
                #expect(error?.message.contains(word) == true)
            }
            for (name, from, label, word) in [
                ("folk", nil, "", "there are high, low"), ("high", "folk", "", "'folk' is no composer"),
                ("high", nil, "style", "there are none"), (nil, nil, "", "choose a style"),
            ] as [(String?, String?, String, String)] {
                let error = #expect(throws: TrainingError.self) {
                    _ = try transfer(content, name, from: from, ["label=\(label)"])
                }
                #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
            }
        }
    }

    /// Only `input=codes` trains an autoencoder, and only once.
    @Test func aFoundationIsTrainedWhereItIsNeeded() async throws {
        let chords = try Chords()
        let cache = chords.cache
        try await onTorch {
            let small = ["epochs=1", "batch=8"]
            _ = try Chords.train(in: cache, recipe: "composer-cnn", small + ["input=onset"])
            let folder = try FileManager.default.contentsOfDirectory(atPath: cache + "/runs")
            #expect(folder == ["composer-cnn-1"])
            let codes = Chords.assignments + ["epochs=1"]
            _ = try Chords.train(in: cache, codes)
            let more = small + ["input=codes", "codes=music-vae-1"]
            _ = try Chords.train(in: cache, recipe: "composer-cnn", more)
            let trainer = Trainer(recipes: Recipe.all, cachePath: cache)
            let accuracy = try trainer.evaluate("composer-cnn-2").metrics.first { $0.name == "accuracy" }
            #expect(accuracy.map { (0...1).contains($0.value) } == true)
            let record = try trainer.open("composer-cnn-2").record
            #expect(record.foundations.keys.sorted() == ["codes"])
            #expect(try trainer.open("composer-cnn-1").record.foundations.isEmpty)
            // None is named, and none has the preset's settings: the first of both trains one.
            for _ in 0..<2 {
                _ = try Chords.train(
                    in: cache, recipe: "composer-cnn", ["epochs=1", "input=codes"], preset: "cpu")
            }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: cache + "/runs").sorted()
                    == (1...4).map { "composer-cnn-\($0)" } + ["music-vae-1", "music-vae-2"])
            #expect(try trainer.open("composer-cnn-4").settings.word("codes") == "music-vae-2")
            let wrong = #expect(throws: TrainingError.self) {
                _ = try Chords.train(
                    in: cache, recipe: "composer-cnn", small + ["input=codes", "codes=composer-cnn-1"])
            }
            #expect(wrong?.message.contains("one of music-vae is needed") == true)
        }
    }
}
