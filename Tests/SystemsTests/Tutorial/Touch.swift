import Files
import Loading
import Symbolic
import Torch
public import Training

@testable import Systems

extension Recipe {
    /// How hard a style strikes its notes, by one small network for all styles.
    public static let touch = Recipe(
        name: "touch", paper: "none", summary: "how hard a style strikes its notes, by one small network",
        needs: [.notes(), Styles.need(exactly: nil)],
        parameters: [Parameter("width", 32, "channels of the hidden layer", in: 1...1024)],
        overrides: ["rate": 3e-3],
        presets: ["cpu": ["epochs": 4]],
        plan: { _, _, _ in
            // The trainer sets the size of a batch.
            LoaderPlan(
                kind: .midi, views: [Touch.onsets, Touch.velocities, .label(Styles.label)], batchSize: 1)
        },
        make: { settings, context in try Touch(settings, context) },
        transfer: { request, run in try Touch.transfer(request, by: run) })
}

/// From where notes begin, and the style, to velocities.
final class TouchNetwork: Module {
    let style: Embedding
    let hidden: Conv1d
    let output: Conv1d

    init(styles: Int, width: Int) throws {
        style = try Embedding(styles, width)
        hidden = try Conv1d(128, width, kernel: 9, padding: .same)
        output = try Conv1d(width, 128, kernel: 1)
    }

    /// Onsets `[N, steps, 128]` of 0 and 1, and the styles' numbers `[N]`, to velocities `[N, steps, 128]`, 0 where no
    /// note begins.
    func callAsFunction(_ onsets: TorchTensor, _ styles: TorchTensor) throws -> TorchTensor {
        let seen = try hidden(onsets.transposed(1, 2)) + style(styles).unsqueezed(2)
        return try (output(seen.relu()).transposed(1, 2) * 16 + 64) * onsets
    }
}

/// The network with its loss, its optimiser and its measures.
final class Touch: TrainableSystem {
    static let onsets = LoaderView.roll("onsets", .onset, pitches: 0...127)
    static let velocities = LoaderView.roll("velocities", .onsetVelocity, pitches: 0...127)

    let touch: TouchNetwork
    let adam: Adam
    let styles: Styles
    let objective = Objective("mse_onsets")
    var network: any Module { touch }
    var optimisers: [any Optimiser] { [adam] }

    init(_ settings: Settings, _ context: SystemContext) throws {
        styles = Styles(context.snapshot)
        let count = context.snapshot.vocabularies[Styles.label]?.count ?? 0
        touch = try TouchNetwork(styles: count, width: settings.integer("width"))
        try touch.move(to: context.device)
        adam = try Adam(touch.parameters, rate: settings.number("rate"))
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        try adam.clearGradients()
        let prediction = try touch(batch["onsets"], batch[Styles.label])
        // The mean over notes; a batch of silence has none.
        let error = try prediction.squaredError(batch["velocities"], reduction: .sum)
        let loss = try error / batch["onsets"].sum().clamped(low: 1)
        try loss.backward()
        try update(adam, loss)
        return [("loss", try loss.detach())]
    }

    func measure(on feed: any Feed) throws -> [Measure] {
        try measure(on: feed) { part, _ in try touch(part["onsets"], part[Styles.label]) }
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        var totals = Totals()
        try forEachStyle(of: train) { part, style in
            try totals.add("velocity \(style)", part["velocities"])
            try totals.add("notes \(style)", part["onsets"])
        }
        return [
            "mean of the style": try measure(on: feed) { part, style in
                try part["onsets"] * totals.ratio("velocity \(style)", "notes \(style)")
            }
        ]
    }

    /// The squared error per note of what an answer says of each style's segments.
    private func measure(
        on feed: any Feed, _ answer: (_ part: Batch, _ style: Int) throws -> TorchTensor
    ) throws -> [Measure] {
        var totals = Totals()
        try forEachStyle(of: feed) { part, style in
            try totals.add("error", (answer(part, style) - part["velocities"]).square())
            try totals.add("notes", part["onsets"])
        }
        return [Measure("mse_onsets", totals.ratio("error", "notes"))]
    }

    private func forEachStyle(of feed: any Feed, _ body: (Batch, Int) throws -> Void) throws {
        try styles.forEachPart(of: feed, views: ["onsets", "velocities", Styles.label], body)
    }

    /// Gives every note of a MIDI file the velocity that the network says for a style; all else stays as it is.
    static func transfer(_ request: TransferRequest, by run: TrainedRun) throws -> Transferred {
        let system: Touch = try run.system(of: .touch)
        let style = try request.target(among: system.styles.names)
        let number = run.reader.snapshot.numbers(of: [style], in: Styles.label)
        // Two rolls, the hidden layer and their copies.
        let content = try PieceContent(
            request.content, path: request.path, for: run.reader, bytesPerStep: 4096)
        let velocities = try withoutGradients {
            try system.touch(
                content.view(onsets, steps: content.length), TorchTensor(number, shape: [1])
            ).contiguous().elements(as: Float.self)
        }
        var totals = Totals()
        let bytes = try MIDIFile.replacingVelocities(
            in: request.content, grid: content.grid, rounding: content.rounding, timeline: content.timeline
        ) { step, pitch, current in
            guard step < content.length else { return current }
            let velocity = UInt8(min(max(velocities[step * 128 + Int(pitch)].rounded(), 1), 127))
            totals.add("notes", 1)
            totals.add("before", Double(current))
            totals.add("after", Double(velocity))
            return velocity
        }
        return Transferred(
            bytes: bytes,
            measures: [
                Measure("notes", totals["notes"]),
                Measure("mean_velocity_before", totals.ratio("before", "notes")),
                Measure("mean_velocity_after", totals.ratio("after", "notes")),
            ])
    }
}
