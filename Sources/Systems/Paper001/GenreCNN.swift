internal import Files
import Loading
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// Tells two styles apart by what sounds: paper 001's genre classifier.
    public static let genreCNN = Recipe(
        name: "genre-cnn", paper: "001", summary: "tells two styles apart by what sounds",
        needs: [
            PianoRolls.needsNotes, PianoRolls.needsSteps(128), Styles.need(exactly: 2),
        ],
        parameters: [
            Parameter("dropout", 0.5, "probability of 0 behind the feature layer", in: 0...0.99),
            Parameter("momentum", 0.1, "share of a batch in the running statistics", in: 0...1),
        ],
        overrides: ["epochs": 10, "batch": 32, "patience": 4],
        presets: [
            "published": ["epochs": 4, "batch": 128, "momentum": 0.01, "patience": 0],
            "cpu": ["epochs": 6, "batch": 32],
        ],
        plan: { _, _, _ in
            PianoRolls.plan([PianoRolls.view("sounding", .piano), .label("style")])
        },
        make: { settings, context in try GenreCNN(settings, context) })
}

/// The classifier with its loss and optimiser.
final class GenreCNN: TrainableSystem {
    let classifier: GenreNetwork
    let adam: Adam
    private let second: Double
    private let classes: Classes
    let objective = Objective("accuracy", higherIsBetter: true)
    var network: any Module { classifier }
    var optimisers: [any Optimiser] { [adam] }

    init(_ settings: Settings, _ context: SystemContext) throws {
        classes = Classes(Styles.label, of: context.snapshot)
        second = Double(Styles(context.snapshot).numbers.last ?? 1)
        classifier = try GenreNetwork(
            steps: context.snapshot.rollSteps, columns: PianoRolls.columns,
            dropout: settings.number("dropout"), momentum: settings.number("momentum"))
        try classifier.move(to: context.device)
        // Keras's epsilon.
        adam = try Adam(classifier.parameters, rate: settings.number("rate"), epsilon: 1e-7)
    }

    /// 1 for the second style, 0 for the first.
    private func styles(_ batch: Batch) throws -> TorchTensor { try (batch["style"] .== second).to(.f32) }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        try adam.clearGradients()
        let logits = try classifier(batch["sounding"])
        let styles = try styles(batch)
        let loss = try logits.binaryCrossEntropyWithLogits(styles)
        try loss.backward()
        try update(adam, loss)
        let hits = try ((logits.detach() .> 0).to(.f32) .== styles).to(.f32).mean()
        return [("loss", loss), ("accuracy", hits)]
    }

    func measure(on feed: any Feed) throws -> [Measure] {
        var totals = Totals()
        try feed.forEachBatch { batch in
            let logits = try classifier(batch["sounding"])
            let styles = try styles(batch)
            totals.add("count", Double(batch.count))
            try totals.add("loss", logits.binaryCrossEntropyWithLogits(styles, reduction: .sum))
            try totals.add("hits", ((logits .> 0).to(.f32) .== styles).to(.f32))
        }
        return [
            Measure("loss", totals.ratio("loss", "count")),
            Measure("accuracy", totals.ratio("hits", "count")), Measure("segments", totals["count"]),
        ]
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        try classes.majority(on: feed, train: train)
    }
}
