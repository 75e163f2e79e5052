internal import Files
import Loading
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// Tells composers, or the values of any label, apart: paper 000's classifier.
    public static let composerCNN = Recipe(
        name: "composer-cnn", paper: "000", summary: "tells the composers of pieces apart",
        needs: [.notes()],
        parameters: [
            Parameter("label", "composer", "the label whose values are told apart"),
            Parameter(
                "input", "rolls",
                "what is seen: the seven rolls of a transcription with control changes, onsets and offsets, onsets, or the codes of windows",
                choices: ["rolls", "onset+offset", "onset", "codes"]),
            Parameter(
                "codes", "", "the run of music-vae that input=codes sees with; none: trained first"),
            Parameter(
                "depth", "deep", "the network: as published, or eight convolutions in residual blocks",
                choices: ["published", "deep"]),
            Parameter(
                "transposition", 5, "semitones that a segment is moved by at most in training, up or down",
                in: 0...24),
            Parameter(
                "dropout", 0.3, "probability of 0 before the last layer of the deep network", in: 0...0.99),
        ],
        overrides: ["epochs": 20, "batch": 32, "patience": 5],
        presets: [
            "published": [
                "depth": "published", "transposition": 0, "epochs": 10, "batch": 50, "patience": 0,
            ],
            "cpu": ["epochs": 6],
        ],
        foundations: ["codes": "music-vae"],
        needsFoundation: { _, settings in settings.word("input") == "codes" },
        fault: { settings, snapshot in Classes.fault(settings.word("label"), of: snapshot) },
        plan: { settings, _, purpose in
            let semitones = settings.integer("transposition")
            let views = ComposerInput(settings).views + [.label(settings.word("label"))]
            return LoaderPlan(
                kind: .midi, views: Classification.views(views, for: purpose), batchSize: 1,
                augmentation: .init(transposition: -semitones...semitones))
        },
        make: { settings, context in try ComposerCNN(settings, context) })
}

/// What the classifier sees of a segment: rolls of all 128 pitches side by side, or the codes of its windows.
struct ComposerInput {
    let views: [LoaderView]
    /// What makes codes of rolls, with its weights; nil: rolls are seen.
    let autoencoder: MusicVAE?

    /// What settings ask for; `autoencoder` is a trained one, for codes.
    init(_ settings: Settings, autoencoder: MusicVAE? = nil) {
        self.autoencoder = autoencoder
        guard settings.word("input") != "codes" else {
            // Both rolls that an autoencoder can have been trained on, before it is known.
            views = autoencoder?.windows.views ?? VAEWindows.allViews
            return
        }
        let rolls: [TranscriptionRoll] =
            switch settings.word("input") {
            case "onset": [.onsets]
            case "onset+offset": [.onsets, .offsets]
            default: TranscriptionRoll.allCases
            }
        views =
            rolls.map { LoaderView("roll.\($0)", .transcription($0, pitches: 0...127)) }
            + (rolls.count > 2 ? [LoaderView(Self.controls, .controls())] : [])
    }

    private static let controls = "roll.controls"

    /// The columns of a step, or the numbers of a code.
    var columns: Int { autoencoder?.latents ?? views.count * 128 }

    /// The steps of what is seen of a segment of so many, or its windows.
    func rows(of steps: Int) -> Int { autoencoder?.windows.rows(of: steps) ?? steps }

    /// The views as one roll `[N, steps, columns]`, or as codes `[N, rows, latents]`; control changes, 1 to 128, are
    /// brought to 1.
    func roll(_ view: (LoaderView) throws -> TorchTensor) throws -> TorchTensor {
        if let autoencoder {
            let (windows, rows) = try autoencoder.windows.cut(autoencoder.windows.roll(view))
            return try withoutGradients { try autoencoder.encode(windows) }.reshaped([-1, rows, columns])
        }
        return try .concatenated(
            views.map { try $0.name == Self.controls ? view($0) * (1.0 / 128) : view($0) }, axis: 2)
    }
}

/// The classifier with its loss and optimiser.
final class ComposerCNN: TrainableSystem {
    let classifier: any ComposerNetwork
    let input: ComposerInput
    let classes: Classes
    let classification: Classification
    let adam: Adam
    let objective = Objective("accuracy", higherIsBetter: true)
    var network: any Module { classifier }
    var optimisers: [any Optimiser] { [adam] }

    init(_ settings: Settings, _ context: SystemContext) throws {
        let autoencoder = context.foundations["codes"] as? MusicVAE
        guard settings.word("input") != "codes" || autoencoder != nil else {
            throw TrainingError(.usage, "codes is not a run of music-vae")
        }
        input = ComposerInput(settings, autoencoder: autoencoder)
        autoencoder?.network.setTraining(false)
        classes = Classes(settings.word("label"), of: context.snapshot)
        classification = Classification(classes: classes, kind: .midi, snapshot: context.snapshot)
        classifier =
            settings.word("depth") == "deep"
            ? try DeepComposerNetwork(
                columns: input.columns, classes: classes.names.count, dropout: settings.number("dropout"),
                seesCodes: autoencoder != nil)
            : try PublishedComposerNetwork(
                steps: input.rows(of: context.snapshot.rollSteps), columns: input.columns,
                isSingle: autoencoder != nil || input.views.count == 1, classes: classes.names.count,
                seesCodes: autoencoder != nil)
        try classifier.move(to: context.device)
        // Keras's epsilon.
        adam = try Adam(classifier.parameters, rate: settings.number("rate"), epsilon: 1e-7)
    }

    private func logits(_ batch: Batch) throws -> TorchTensor {
        try classifier(input.roll { batch[$0.name] })
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        try adam.clearGradients()
        let logits = try logits(batch)
        let loss = try logits.crossEntropy(batch[classes.label])
        try loss.backward()
        try update(adam, loss)
        let hits = try (logits.detach().argmax(1) .== batch[classes.label]).to(.f32).mean()
        return [("loss", loss), ("accuracy", hits)]
    }

    func measure(on feed: any Feed) throws -> [Measure] {
        try classification.measures(on: feed, logits: logits)
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        try classification.baselines(on: feed, train: train)
    }

    func confusion(on feed: any Feed) throws -> Confusion? {
        try classification.confusion(on: feed, logits: logits)
    }
}
