internal import Files
internal import Loading
internal import Symbolic
internal import Tensors
internal import Torch
internal import Training

/// Brings a MIDI file to the other style, in windows of four bars.
///
/// The generator decides which cells of pitches 24 to 107 sound. What still sounds of the content's notes keeps velocity
/// and program; new notes have the content's mean velocity and most frequent program. Tempo map, time signatures, pedals,
/// pitches outside the range and, unless they are to be dropped, drums are the content's.
struct CycleTransfer {
    let system: CycleGAN
    let run: TrainedRun

    /// Windows that a generator sees at once.
    private static let windowsAtOnce = 16
    /// Rolls of a step, several times over.
    private static let bytesPerStep = 1 << 12

    init(_ run: TrainedRun) throws {
        self.run = run
        system = try run.system(of: .cycleGAN)
    }

    static let parameters = [
        Parameter(
            "cells", "threshold",
            "which cells sound: those above the threshold, or in each window the likeliest, as many as in the content",
            choices: ["threshold", "density"]),
        Parameter("threshold", 0.5, "value from which a cell sounds; 0.5 as published", in: 0...1),
        Parameter(
            "density", 1.0, "cells that sound, for each of the content's, where cells=density", in: 0...100),
        Parameter("drums", "keep", "what becomes of the content's drums", choices: ["keep", "drop"]),
        Parameter(
            "velocity", "content", "of the result's notes: the content's, or 100 as published",
            choices: ["content", "100"]),
    ]

    func run(_ request: TransferRequest) throws -> Transferred {
        let names = system.styles.names
        let style = try request.target(among: names)
        guard style != request.contentStyle else {
            throw TrainingError(
                .usage, "the content's style is '\(style)' already; leave out --content-style, or --style")
        }
        let target = names.firstIndex(of: style) ?? 0
        let content = try PieceContent(
            request.content, path: request.path, for: run.reader, bytesPerStep: Self.bytesPerStep)
        let window = CycleGAN.steps
        let steps = (content.length + window - 1) / window * window
        let roll = try content.view(
            .roll(CycleGAN.roll, .piano, pitches: CycleGAN.pitches), steps: steps
        ).reshaped([steps / window, window, CycleGAN.pitches.count])
        let outcome = try transferred(roll, from: 1 - target, request.settings)

        let width = CycleGAN.pitches.count
        let length = content.length
        let sounding = Array(outcome.cells.prefix(length * width))
        let before = try roll.elements(as: Float.self).prefix(length * width).map { $0 > 0 }
        let notes = ContentNotes(content, pitches: CycleGAN.pitches)
        var rows = notes.rows(sounding, keepsVelocity: request.settings.word("velocity") == "content")
        rows += notes.others(withDrums: request.settings.word("drums") == "keep")
        let after = rows.count { $0.program != Note.drumProgram }
        rows.sort { ($0.start, $0.pitch, $0.program) < ($1.start, $1.pitch, $1.program) }
        let pedal = try content.view(LoaderView("pedal", .pedal(.f32)), steps: length)
            .elements(as: Float.self).map { UInt8($0) }
        let bytes = content.file(RollSegment(length: length, rows: rows, pedal: pedal))

        var measures = [
            Measure("notes_before", Double(notes.count)), Measure("notes_after", Double(after)),
            Measure("cells_before", Double(before.count { $0 })),
            Measure("cells_after", Double(sounding.count { $0 })),
        ]
        // Of silence there is neither style nor content to speak of.
        measures += outcome.measures.filter { $0.value.isFinite }
        return Transferred(
            bytes: bytes, measures: measures,
            figures: [
                Self.figure(
                    request.path, style, before, sounding, Array(outcome.cycled.prefix(length * width)))
            ])
    }

    private struct Outcome {
        var cells: [Bool] = []
        var cycled: [Bool] = []
        var measures: [Measure] = []
    }

    /// What the generators make of windows `[N, 64, 84]` of a side; silent ones stay silent.
    private func transferred(_ roll: TorchTensor, from side: Int, _ settings: Settings) throws -> Outcome {
        var outcome = Outcome()
        var totals = Totals()
        let networks = system.networks
        func on(_ output: TorchTensor, like content: TorchTensor) throws -> TorchTensor {
            let isSounding = try (content.sum([1, 2], keep: true) .> 0).to(.f32)
            let cells =
                try settings.word("cells") == "density"
                ? Self.likeliest(output, like: content, density: settings.number("density"))
                : (output .> settings.number("threshold")).to(.f32)
            return try cells * isSounding
        }
        try withoutGradients {
            for start in stride(from: 0, to: roll.shape[0], by: Self.windowsAtOnce) {
                try Cancellation.bySignal.check()
                let count = min(Self.windowsAtOnce, roll.shape[0] - start)
                let content = try roll.narrowed(0, from: start, count: count).to(system.device)
                let output = try networks.generator(from: side)(content)
                let cells = try on(output, like: content)
                let cycled = try on(networks.generator(from: 1 - side)(output), like: content)
                outcome.cells += try cells.contiguous().elements(as: Float.self).map { $0 > 0 }
                outcome.cycled += try cycled.contiguous().elements(as: Float.self).map { $0 > 0 }
                for (name, value) in [("after", cells), ("cycle", cycled)] {
                    try totals.add("\(name) on", value)
                    try totals.add("\(name) hits", value * content)
                }
                try totals.add("before on", content)
                // Windows with notes have a style.
                let weights = try (content.sum([1, 2]) .> 0).to(.f32)
                let sign = side == 0 ? 1.0 : -1
                try totals.add("windows", weights)
                for (name, value) in [("style before", content), ("style after", cells)] {
                    try totals.add(name, (networks.probe(value) * sign).sigmoid() * weights)
                }
            }
        }
        func f1(_ name: String) -> Double {
            2 * totals["\(name) hits"] / (totals["\(name) on"] + totals["before on"])
        }
        outcome.measures = [
            Measure("content_f1", f1("after")), Measure("cycle_f1", f1("cycle")),
            Measure("kept_share", totals.ratio("after hits", "before on")),
            Measure("style_before", totals.ratio("style before", "windows")),
            Measure("style_after", totals.ratio("style after", "windows")),
        ]
        return outcome
    }

    /// In each window the likeliest cells, as many as the content has, times `density`.
    private static func likeliest(
        _ output: TorchTensor, like content: TorchTensor, density: Double
    ) throws -> TorchTensor {
        let counts = try content.sum([1, 2]).elements(as: Float.self).map { Double($0) * density }
        return try output.flattened(from: 1).greatestCells(counts.map { Int($0.rounded()) })
            .reshaped(output.shape)
    }

    /// The first 16 bars: content, result, and the result brought back.
    private static func figure(
        _ path: String, _ style: String, _ before: [Bool], _ after: [Bool], _ cycled: [Bool]
    ) -> Figure {
        let shown = min(before.count, 4 * CycleGAN.steps * CycleGAN.pitches.count)
        return CycleGAN.figure(
            name: "rolls", title: "\(path) to \(style)",
            [("content", before), ("to \(style)", after), ("and back", cycled)].map {
                ($0.0, Array($0.1.prefix(shown)))
            })
    }
}
