import Dataset
import Files
import Foundation
import Loading
import Symbolic
import Tensors
import TestSupport
import Testing

@testable import Systems
@testable import Torch
@testable import Training

/// Rows of codes that are their own image.
private struct GivenCodes: Canvas {
    let inner: CodeCanvas
    var views: [LoaderView] { inner.views }
    let stepsPerRow = 1
    var variationWeight: Double { inner.variationWeight }
    func image(of rolls: TorchTensor) -> TorchTensor { rolls }
    func cells(of image: TorchTensor) throws -> TorchTensor { try inner.cells(of: image) }
    func rolls(_ cells: TorchTensor, from threshold: Double?) throws -> [TorchTensor] {
        try inner.rolls(cells, from: threshold)
    }
    func point(at image: TorchTensor) throws -> TorchTensor { try inner.point(at: image) }
    func image(at point: TorchTensor, shape: [Int]) throws -> TorchTensor {
        try inner.image(at: point, shape: shape)
    }
    func noise(like image: TorchTensor) throws -> TorchTensor { try inner.noise(like: image) }
    func variation(of image: TorchTensor) throws -> TorchTensor { try inner.variation(of: image) }
    func notes(of rolls: [Float], as content: NoteRolls) -> NoteRolls {
        inner.notes(of: rolls, as: content)
    }
}

/// A dataset of two styles, scales of single notes and repeated chords, with runs to look through.
final class ScaleDataset {
    let folder: TestFolder
    var cache: String { folder.path + "/cache" }
    static let grid = "{steps_per_beat: 4}"

    init() throws {
        folder = try TestFolder()
        for number in 0..<8 {
            try write("scale-\(number).mid", Self.scale(steps: 80, from: 48 + number))
            try write("chord-\(number).mid", Self.chords(steps: 80, from: 40 + number))
        }
        try build("styles", grid: Self.grid)
    }

    func build(_ name: String, grid: String) throws {
        try folder.write(
            "\(name).yaml",
            """
            version: 1
            dataset: \(name)
            sources:
              - path: "scale-*.mid"
                labels: {style: scale}
              - path: "chord-*.mid"
                labels: {style: chord}
            midi:
              grid: \(grid)
              segment: {steps: 64, hop: 64}
            splits: {train: 0.5, validation: 0.25, test: 0.25, method: exact, stratify: style}
            """)
        _ = try DatasetBuild(manifestPath: folder.path + "/\(name).yaml").run(
            .init(cachePath: cache, jobs: 1))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: folder.path + "/" + name))
    }

    /// A note on every other step, 24 ticks each: 120 BPM, so 4 notes/s, each a step long.
    static func scale(steps: Int, from pitch: Int) -> [UInt8] {
        MadeFile.midi(
            events: stride(from: 0, to: steps, by: 2).flatMap { step in
                note(UInt8(pitch + step / 2 % 12), step: step, length: 1)
            })
    }

    /// A chord of four notes every four steps, three steps long: 8 notes/s.
    static func chords(steps: Int, from pitch: Int) -> [UInt8] {
        MadeFile.midi(
            events: stride(from: 0, to: steps, by: 4).flatMap { step in
                [0, 4, 7, 12].flatMap { note(UInt8(pitch + $0 + step / 4 % 5), step: step, length: 3) }
            })
    }

    private static func note(_ pitch: UInt8, step: Int, length: Int) -> [(tick: Int, bytes: [UInt8])] {
        [(step * 24, [0x90, pitch, 80]), ((step + length) * 24, [0x80, pitch, 0])]
    }

    /// Trains a recipe for a few steps; the run's name.
    @discardableResult
    func train(_ recipe: String, _ assignments: [String], dataset: String = "styles") throws -> String {
        try Trainer(recipes: Recipe.all, cachePath: cache).train(
            TrainingRequest(
                recipe: recipe, dataset: dataset, assignments: assignments + ["epochs=2", "batch=4"],
                threads: 1)
        ).run
    }

    /// Autoencoders of four steps and 16 numbers, so that 64 steps are an image of 16 × 16.
    static let codes = [
        "steps=4", "parts=2", "latents=16", "encoder=8", "conductor=8", "decoder=8",
    ]

    /// What is set for an experiment, with the runs that it needs trained.
    func settings(of experiment: Int) throws -> [String] {
        let common = ["experiment=\(experiment)", "channels=2", "window=32"]
        switch experiment {
        case 1: return common
        case 2:
            return common + [
                "backbone=" + (try train("composer-cnn", ["label=style", "input=onset"]))
            ]
        case 3: return common + ["codes=" + (try train("music-vae", Self.codes))]
        default:
            // The classifier says whose codes it sees.
            let codes = try train("music-vae", Self.codes)
            return common + [
                "backbone="
                    + (try train("composer-cnn", ["label=style", "input=codes", "codes=\(codes)"]))
            ]
        }
    }

    func transfer(
        _ content: String, to style: String, _ assignments: [String], dataset: String? = "styles"
    ) throws -> Transferred {
        let isFile = style.hasSuffix(".mid")
        let bytes = try folder.contents(content)
        let file = isFile ? RawInput(path: style, bytes: try folder.contents(style)) : nil
        return try Trainer(recipes: Recipe.all, cachePath: cache).transfer(
            by: "roll-nst", dataset: dataset, assignments: assignments
        ) { settings in
            TransferRequest(
                content: bytes, path: content, style: style, styleFile: file, settings: settings)
        }
    }
}

struct RollNSTTests {
    /// Float64 within rounding of another order of sums, float32 within what its 24 bits leave after a few thousand.
    private static let limits: [(String, ElementType, Double)] = [("f64", .f64, 1e-9), ("f32", .f32, 1e-4)]

    /// Every term and its gradient for every free number.
    ///
    /// The style has 44 rows, the content 32: of Gram matrices its second window is filled from its beginning, and at the
    /// time of the content's second window it begins again.
    @Test(
        arguments: [0, 1],
        ["1-sounding", "1-velocity", "2-onset", "2-onset+offset", "3-codes", "4-codes"])
    func lossesArePyTorchs(_ precision: Int, _ name: String) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-000-nst")
            func input(_ part: String) throws -> TorchTensor {
                try golden.tensor("\(name)/input.\(part)", type)
            }
            let experiment = try Self.experiment(name, golden, type)
            let content = try input("content")
            let style = StyleSource(
                rolls: try input("style"), notes: NoteRolls(velocities: [], onsets: []), seconds: 1)
            let aims =
                try experiment.grams(of: style, window: 32, on: .cpu)
                ?? experiment.maps(of: style, from: 32, count: 32, on: .cpu)
            let objective = try StyleObjective(
                experiment, content: content, style: aims, ratio: 4, variation: 0.05)
            let point = try input("point").flattened().clone()
            try point.requireGradient()
            let terms = try objective.terms(
                of: experiment.canvas.image(at: point, shape: content.shape))
            for (term, value) in [
                ("content", terms.content), ("style", terms.style), ("variation", terms.variation),
                ("total", terms.total),
            ] {
                let deviation = try golden.deviation(value, "\(name)/\(label)/\(term)")
                #expect(deviation <= limit, "\(term): \(deviation)")
                let gradient = try value.gradients(of: [point], keepingGraph: true)[0]
                let slopes = try golden.deviation(gradient, "\(name)/\(label)/gradient.\(term)")
                #expect(slopes <= limit, "gradient of \(term): \(slopes)")
            }
        }
    }

    private static func experiment(
        _ name: String, _ golden: Golden, _ type: ElementType
    ) throws -> StyleExperiment {
        let (codes, sounding) = (name.hasSuffix("codes"), name != "1-velocity")
        let canvas: any Canvas =
            try codes
            ? GivenCodes(
                inner: CodeCanvas(
                    autoencoder: MusicVAE(
                        Settings(.musicVAE, assignments: ScaleDataset.codes),
                        SystemContext(snapshot: snapshot(steps: 32)))))
            : RollCanvas(kind: sounding ? .sounding : .velocity)
        guard name.hasPrefix("2") || name.hasPrefix("4") else {
            let network = try VGG19(channels: 2)
            try network.load(golden.weights(of: name))
            try network.convert(to: type)
            return StyleExperiment(canvas, VGGBackbone(network: network), .gram)
        }
        let columns = name == "2-onset+offset" ? 48 : 24
        let network = try DeepComposerNetwork(
            columns: columns, classes: 3, dropout: 0, widths: [8, 8, 16, 16], seesCodes: codes)
        let backbone = try ComposerBackbone(
            network, codes ? .codes : columns == 48 ? .onsetsAndOffsets : .onsets, columns: columns)
        try network.load(golden.weights(of: name))
        try network.convert(to: type)
        return StyleExperiment(canvas, backbone, .dotProduct)
    }

    /// From noise every term falls, and the files of iterations 1 and 10 and their densities are there.
    @Test(arguments: 1...4)
    func everyTermFalls(_ experiment: Int) async throws {
        try await onTorch {
            let made = try ScaleDataset()
            let result = try made.transfer(
                "scale-0.mid", to: "chord-0.mid",
                made.settings(of: experiment) + [
                    "start=noise", "iterations=30", "snapshots=1,10", "tv=1",
                ])
            let measures = Dictionary(uniqueKeysWithValues: result.measures.map { ($0.name, $0.value) })
            for term in ["content", "style", "variation", "loss"] {
                let (start, after) = (measures["\(term)_start"] ?? 0, measures["\(term)_after"] ?? .infinity)
                #expect(after < start, "\(term): \(start) to \(after)")
            }
            #expect(result.snapshots.map(\.name) == ["iteration-1.mid", "iteration-10.mid"])
            for file in result.snapshots.map(\.bytes) + [result.bytes] {
                let score = try Score(midi: file)
                #expect(score.timelines.count == 1)
            }
            // Known from how the files are made, but for the rest of the last bar.
            #expect(abs((measures["notes_per_second_content"] ?? 0) - 4) < 0.3)
            #expect(abs((measures["notes_per_second_style"] ?? 0) - 8) < 0.6)
            #expect(abs((measures["cells_content"] ?? 0) - 0.5 / 128) < 1e-3)
            #expect(abs((measures["cells_style"] ?? 0) - 3.0 / 128) < 3e-3)
            for name in ["iteration_1", "iteration_10", "result"] {
                #expect(measures["notes_per_second_\(name)"] != nil && measures["cells_\(name)"] != nil)
            }
            #expect(
                result.figures.map(\.name)
                    == ["rolls", "loss-content", "loss-style", "loss-variation", "loss-total"]
                    + (experiment > 2 ? ["codes"] : []))
        }
    }

    /// As it is by default, what is written is nearer to the style by half, and still the content.
    @Test(arguments: ["chord-0.mid", "chord"])
    func theWrittenNotesHaveTheStyle(_ style: String) async throws {
        try await onTorch {
            let made = try ScaleDataset()
            let result = try made.transfer("scale-0.mid", to: style, made.settings(of: 1) + ["iterations=40"])
            let measures = Dictionary(uniqueKeysWithValues: result.measures.map { ($0.name, $0.value) })
            func measure(_ name: String) -> Double { measures[name] ?? .nan }
            #expect(measure("style_written") < measure("style_before") / 2, "\(measures)")
            #expect(measure("overlap_content") > 2 * measure("overlap_content_style"), "\(measures)")
            #expect(measure("changed_share") > 0.1, "\(measures)")
        }
    }

    /// The same seed gives the same bytes; another draws other noise and other weights.
    @Test func theSeedDecides() async throws {
        try await onTorch {
            let made = try ScaleDataset()
            func bytes(_ seed: Int) throws -> [UInt8] {
                try made.transfer(
                    "scale-0.mid", to: "chord",
                    made.settings(of: 1) + ["start=noise", "iterations=3", "seed=\(seed)"]
                ).bytes
            }
            let first = try bytes(1)
            #expect(try first == bytes(1))
            #expect(try first != bytes(2))
        }
    }

    /// A window without notes stays so, a piece shorter than a window is changed, and a file without notes, as content
    /// or as style, is refused with its name.
    @Test(arguments: 1...4)
    func silenceAndShortPiecesAreTaken(_ experiment: Int) async throws {
        try await onTorch {
            let made = try ScaleDataset()
            let settings = try made.settings(of: experiment) + ["iterations=2", "window=16"]
            // Of codes a window is 16 rows of four steps.
            let gap = experiment < 3 ? 40 : 80
            try made.write(
                "gap.mid",
                MadeFile.midi(events: [
                    (0, [0x90, 60, 80]), (24, [0x80, 60, 0]), ((gap - 1) * 24, [0x90, 64, 80]),
                    (gap * 24, [0x80, 64, 0]),
                ]))
            let gapped = try made.transfer("gap.mid", to: "chord", settings)
            let notes = try #require(Score(midi: gapped.bytes).timelines.first).notes
            // Between the two windows with a note lies one without (experiments 1 and 2: steps 16 to 31).
            #expect(
                experiment > 2 || notes.allSatisfy { $0.onset < 16 * 24 || $0.onset >= 32 * 24 },
                "\(notes.map(\.onset))")
            #expect(gapped.measures.allSatisfy { $0.value.isFinite })

            try made.write("short.mid", ScaleDataset.scale(steps: 5, from: 60))
            let short = try made.transfer("short.mid", to: "chord-0.mid", settings)
            let ends = try #require(Score(midi: short.bytes).timelines.first).notes.map(\.offset)
            #expect(ends.allSatisfy { $0 <= 5 * 24 })
            let style = try made.transfer("chord-0.mid", to: "short.mid", settings)
            #expect(try Score(midi: style.bytes).timelines.count == 1)

            try made.write("silent.mid", MadeFile.midi(track: [0, 0xC0, 0]))
            for (content, style) in [("silent.mid", "chord"), ("scale-0.mid", "silent.mid")] {
                let error = #expect(throws: TrainingError.self) {
                    try made.transfer(content, to: style, settings)
                }
                #expect(
                    error?.code == .file && error?.message.contains("silent.mid") == true,
                    "\(String(describing: error))")
            }
        }
    }

    /// What does not fit an experiment is refused with what to write instead.
    @Test func whatDoesNotFitIsRefused() async throws {
        try await onTorch {
            let made = try ScaleDataset()
            let seen = try made.train("composer-cnn", ["label=style", "input=rolls"])
            let onsets = try made.train("composer-cnn", ["label=style", "input=onset"])
            let codes = try made.train("music-vae", ScaleDataset.codes)
            let coded = try made.train("composer-cnn", ["label=style", "input=codes", "codes=\(codes)"])
            let others = try made.train("music-vae", ScaleDataset.codes + ["seed=1"])
            let narrow = try made.train("music-vae", ScaleDataset.codes + ["latents=8"])
            try made.build("clock", grid: "{steps_per_second: 5}")
            let cases: [(settings: [String], words: [String])] = [
                (["experiment=2"], ["train composer-cnn with --set input=onset"]),
                (["experiment=2", "backbone=vgg19"], ["train composer-cnn"]),
                (["experiment=2", "backbone=\(seen)"], ["input=rolls", "onset, or onset+offset"]),
                (["experiment=2", "backbone=\(codes)"], ["is a run of music-vae", "composer-cnn"]),
                (["experiment=1", "backbone=\(onsets)"], ["set experiment=2"]),
                (["experiment=1", "backbone=vgg19"], ["backbones/vgg19.safetensors", "backbone=random"]),
                (["experiment=1", "codes=\(codes)"], ["set experiment=3"]),
                (["experiment=3"], ["--set codes=music-vae-1"]),
                (["experiment=3", "codes=\(narrow)"], ["codes of 8 numbers", "needs 16"]),
                (["experiment=3", "codes=\(onsets)"], ["is a run of composer-cnn", "music-vae"]),
                (["experiment=4", "codes=\(codes)"], ["train composer-cnn with --set input=codes"]),
                (
                    ["experiment=4", "codes=\(codes)", "backbone=\(onsets)"],
                    ["input=onset", "--set input=codes"]
                ),
                (
                    ["experiment=4", "codes=\(others)", "backbone=\(coded)"],
                    ["learned from other codes than those of \(others)"]
                ),
                (["experiment=2", "backbone=\(coded)"], ["input=codes", "onset, or onset+offset"]),
                (["window=20"], ["multiple of 16"]),
                (["snapshots=1;10"], ["1,10,100"]),
                (["snapshots=0"], ["1,10,100"]),
            ]
            for (settings, words) in cases {
                let error = #expect(throws: TrainingError.self) {
                    try made.transfer("scale-0.mid", to: "chord", settings + ["channels=2"])
                }
                #expect(error?.code == .usage)
                for word in words {
                    #expect(error?.message.contains(word) == true, "\(settings): \(error?.message ?? "")")
                }
            }
            // The weights that a cache has are found without their name.
            try made.folder.write("cache/backbones/vgg19.safetensors", "no weights")
            let weights = #expect(throws: TrainingError.self) {
                try made.transfer("scale-0.mid", to: "chord", [])
            }
            #expect(weights?.message.contains("torchvision's vgg19") == true)
            let other = #expect(throws: TrainingError.self) {
                try made.transfer(
                    "scale-0.mid", to: "chord", ["experiment=2", "backbone=\(onsets)"], dataset: "clock")
            }
            #expect(
                other?.message.contains("steps_per_beat") == true
                    && other?.message.contains("'clock'") == true)
        }
    }

    /// The place of an iteration is the one whose loss the curve has there, and the last place is the end.
    @Test(arguments: [StyleDescent.Method.lbfgs, .adam])
    func snapshotsAreThePlacesOfTheirIterations(_ method: StyleDescent.Method) async throws {
        try await onTorch {
            // A valley with its least value 0 at (1, 1).
            func terms(_ point: TorchTensor) throws -> StyleTerms {
                let (x, y) = (try point.selected(0, 0), try point.selected(0, 1))
                let (content, style) = (try (1 - x).square(), try (y - x * x).square())
                return StyleTerms(
                    content: content, style: style, variation: content, total: try content + style * 100)
            }
            let descent = StyleDescent(method: method, iterations: 25, rate: 0.1, snapshots: [1, 7, 25, 90])
            let path = try descent.run(from: TorchTensor([-1.2, 1] as [Double], shape: [2]), terms)
            #expect(path.losses.count == 26 && path.places.keys.sorted() == [1, 7, 25])
            for (iteration, place) in path.places {
                #expect(try terms(place).values == path.losses[iteration])
            }
            #expect(try terms(path.end).values == path.losses[25])
            #expect(path.losses[25][3] < path.losses[0][3] / 5)
        }
    }

    /// Notes of rolls, worked out by hand.
    @Test func notesAreThoseOfTheRolls() throws {
        var velocities = [UInt8](repeating: 0, count: 8 * 128)
        var onsets = velocities
        // 60 for three steps and again for two, 64 for one; the first two steps sound with 90 and 50.
        for step in 0..<5 { velocities[step * 128 + 60] = 90 }
        (onsets[60], onsets[3 * 128 + 60]) = (1, 1)
        (velocities[128 + 64], onsets[128 + 64]) = (50, 1)
        let content = NoteRolls(velocities: velocities, onsets: onsets)
        #expect(content.count == 3 && content.medianLength == 2)
        #expect(content.length(at: 60) == 3 && content.length(at: 3 * 128 + 60) == 2)
        #expect(abs(content.density - 6.0 / (8 * 128)) < 1e-12)
        // 70 in the mean of its step; in silence 83, the mean of 90 five times and 50.
        #expect(content.velocity(at: 128 + 70) == 70 && content.velocity(at: 7 * 128) == 83)

        var cells = [Float](repeating: 0, count: 8 * 128)
        cells[60] = 1
        cells[128 + 70] = 1
        cells[2 * 128 + 70] = 1
        let written = RollCanvas(kind: .sounding).notes(of: cells, as: content)
        #expect(written.rows(program: 0).map(\.length) == [1, 2])
        #expect(written.rows(program: 0).map(\.velocity) == [90, 70])
        // The first note is the content's, the second is not; two notes and three.
        #expect(written.overlap(with: content) == 2.0 / 5)
    }

    /// Of onsets a note of the content keeps its length, and another has the median length, or ends at the next one.
    @Test func onsetsBecomeNotes() async throws {
        try await onTorch {
            var velocities = [UInt8](repeating: 0, count: 8 * 128)
            var onsets = velocities
            for step in 0..<5 { velocities[step * 128 + 60] = 90 }
            (onsets[60], onsets[3 * 128 + 60]) = (1, 1)
            let content = NoteRolls(velocities: velocities, onsets: onsets)
            let canvas = CodeCanvas(
                autoencoder: try MusicVAE(
                    Settings(.musicVAE, assignments: ScaleDataset.codes),
                    SystemContext(snapshot: try snapshot(steps: 32))))
            // Two rows of four steps: 0.9, 0.7, 0.25 and 0.2 add up to two notes and a bit, the others to none.
            let unsure = try TorchTensor(
                [0.2, 0.9, 0.25, 0.7, 0.1, 0.1, 0, 0] as [Float], shape: [1, 8, 1])
            func sounding(from threshold: Double?) throws -> [[Float]] {
                try canvas.rolls(unsure, from: threshold).map { try $0.elements(as: Float.self) }
            }
            #expect(try sounding(from: nil) == [[0, 1, 0, 1, 0, 0, 0, 0]])
            #expect(try sounding(from: 0.25) == [[0, 1, 1, 1, 0, 0, 0, 0]])

            var cells = [Float](repeating: 0, count: 8 * 128)
            for cell in [60, 2 * 128 + 62, 3 * 128 + 62, 7 * 128 + 64] { cells[cell] = 1 }
            let rows = canvas.notes(of: cells, as: content).rows(program: 0)
            #expect(rows.map(\.start) == [0, 2, 3, 7])
            // The median of the content's two lengths, 3 and 2, is 3 here: the upper one.
            #expect(rows.map(\.length) == [3, 1, 3, 1])
            #expect(rows.allSatisfy { $0.velocity == 90 })

            // Beside what sounds, a note lasts as long as that, and one that does not sound lasts a step.
            let both = CodeCanvas(
                autoencoder: try MusicVAE(
                    Settings(.musicVAE, assignments: ScaleDataset.codes + ["input=onset+sounding"]),
                    SystemContext(snapshot: try snapshot(steps: 32))))
            cells = [Float](repeating: 0, count: 8 * 256)
            for step in 0..<4 { cells[step * 256 + 128 + 62] = 1 }
            for cell in [62, 3 * 256 + 62, 5 * 256 + 70] { cells[cell] = 1 }
            let lasting = both.notes(of: cells, as: content).rows(program: 0)
            #expect(lasting.map(\.start) == [0, 3, 5] && lasting.map(\.length) == [3, 1, 1])
            #expect(lasting.map(\.pitch) == [62, 62, 70])
        }
    }
}
