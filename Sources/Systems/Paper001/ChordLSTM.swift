internal import Files
import Loading
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// Which keys each style puts down next: paper 001's chord LSTM.
    public static let chordLSTM = Recipe(
        name: "chord-lstm", paper: "001", summary: "which keys each style puts down next",
        needs: [
            PianoRolls.needsNotes, PianoRolls.needsSteps(128), Styles.need(exactly: 2),
        ],
        parameters: [
            Parameter(
                "features", "", "the run of genre-cnn whose features begin the memory; none: trained first"),
            Parameter(
                "keep", true,
                "whether a held key or pedal adds to its own next logit, with one weight per column"),
            Parameter("hidden", 64, "units of each style's LSTM", in: 1...4096),
            Parameter(
                "ages", true,
                "whether it sees how long each key and pedal has been down or up, with weights per column",
                formerly: false),
            Parameter(
                "threshold", 0.15,
                "probability above which a key or pedal is counted as going down or up, for f1_begins and f1_ends",
                in: 0...1, formerly: 0.15),
            Parameter(
                "adversarial", false,
                "whether a discriminator learns beside it to tell steps drawn from its probabilities from true ones"
            ),
            Parameter(
                "adversarial_weight", 0.1,
                "what the adversarial loss counts beside the cross-entropy of a step, in nats", in: 0...1e6),
        ],
        overrides: ["epochs": 20, "batch": 16, "clip": 1.0, "patience": 4],
        presets: [
            "published": [
                "epochs": 50, "clip": 0.0, "patience": 0, "keep": false, "ages": false,
            ],
            "cpu": ["epochs": 4],
        ],
        foundations: ["features": "genre-cnn"],
        plan: { _, snapshot, purpose in
            PianoRolls.plan(
                [PianoRolls.view("sounding", .piano), .label(Styles.label)],
                sets: purpose == .learning ? Styles(snapshot).sets : [.init()])
        },
        make: { settings, context in try ChordLSTM(settings, context) },
        transferParameters: ChordTransfer.parameters,
        transfer: { request, run in try ChordTransfer(run).run(request) })
}

/// The networks with their losses and optimisers, one a style; the classifier that gives features is not trained.
final class ChordLSTM: TrainableSystem {
    let device: Device
    let networks: ChordNetworks
    let adams: [Adam]
    let labels: Styles
    var styles: [String] { labels.names }
    let classifier: GenreNetwork
    let objective = Objective("bce_step")
    var network: any Module { networks }
    var optimisers: [any Optimiser] { adams + adversaries.map(\.adam) }
    /// A discriminator for each style, if the training is adversarial.
    let adversaries: [Adversary]
    private let adversarialWeight: Double
    private let threshold: Double

    init(_ settings: Settings, _ context: SystemContext) throws {
        guard let features = context.foundations["features"] as? GenreCNN else {
            throw TrainingError(.usage, "features is not a run of genre-cnn")
        }
        let labels = Styles(context.snapshot)
        self.labels = labels
        device = context.device
        classifier = features.classifier
        classifier.setTraining(false)
        networks = ChordNetworks(
            try labels.names.map { _ in
                try ChordNetwork(
                    columns: PianoRolls.columns, keeps: settings.flag("keep"),
                    hidden: settings.integer("hidden"), seesAges: settings.flag("ages"))
            },
            discriminators: settings.flag("adversarial")
                ? try labels.names.map { _ in try RollDiscriminator(columns: PianoRolls.columns, largest: 1) }
                : [])
        adversarialWeight = settings.number("adversarial_weight")
        threshold = settings.number("threshold")
        try networks.move(to: device)
        let parameters = networks.parameters
        adams = try labels.names.indices.map { style in
            try Adam(parameters.of(style: style), rate: settings.number("rate"))
        }
        // As in velocity-cnn.
        adversaries = try networks.discriminators.enumerated().map { style, discriminator in
            Adversary(
                discriminator: discriminator,
                adam: try Adam(
                    parameters.of(style: style, in: "discriminators"), rate: settings.number("rate"),
                    beta1: 0.5))
        }
    }

    /// The logits of steps 1…, and these steps themselves, both `[N, steps − 1, 59]`.
    private func predict(_ roll: TorchTensor, style: Int) throws -> (logits: TorchTensor, next: TorchTensor) {
        let features = try withoutGradients { try classifier.feature(roll) }
        let network = networks.styles[style]
        let count = roll.shape[1] - 1
        let prediction = try network(roll.narrowed(1, from: 0, count: count), from: network.start(features))
        return (prediction.logits, try roll.narrowed(1, from: 1, count: count).contiguous())
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        var losses: [(name: String, value: TorchTensor)] = []
        var discriminatorLosses = losses
        for (index, style) in styles.enumerated() {
            try adams[index].clearGradients()
            let roll = batch["sounding", set: index]
            let (logits, next) = try predict(roll, style: index)
            // Summed over columns, the mean over steps: what it costs to say a step.
            var loss = try logits.binaryCrossEntropyWithLogits(next) * Double(PianoRolls.columns)
            losses.append(("loss_\(style)", try loss.detach()))
            if !adversaries.isEmpty {
                let before = try roll.narrowed(1, from: 0, count: next.shape[1])
                let drawn = try Self.drawn(from: logits)
                let adversary = adversaries[index]
                discriminatorLosses.append(
                    (
                        "discriminator_\(style)",
                        try adversary.learn(real: next, predicted: drawn, onsets: before, update: update)
                    ))
                loss = try loss + adversary.adversarialLoss(drawn, onsets: before) * adversarialWeight
            }
            try loss.backward()
            try update(adams[index], loss)
        }
        return [("loss", try TorchTensor.stacked(losses.map(\.value)).mean())] + losses + discriminatorLosses
    }

    /// Steps of 0 and 1 drawn from their probabilities; gradients pass to the probabilities as if these were the steps.
    ///
    /// The straight-through estimator of Bengio, Léonard and Courville, 2013, arXiv:1308.3432. Probabilities themselves
    /// would be told from 0 and 1 at a glance.
    private static func drawn(from logits: TorchTensor) throws -> TorchTensor {
        let chance = try logits.sigmoid()
        return try chance + (chance.detach().bernoulli() - chance.detach())
    }

    func measure(on feed: any Feed) throws -> [Measure] {
        try measure(on: feed) { roll, style in try predict(roll, style: style).logits.sigmoid() }
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        // Constants of the train split: how often a column is on, and how often a step keeps it as it was.
        var (on, count) = ([Double](repeating: 0, count: PianoRolls.columns), 0.0)
        var totals = Totals()
        try train.forEachBatch { batch in
            let roll = batch["sounding"]
            let steps = roll.shape[1]
            for (column, sum) in try roll.to(.f64).sum([0, 1]).elements(as: Double.self).enumerated() {
                on[column] += sum
            }
            count += Double(batch.count * steps)
            let (before, after) = (
                try roll.narrowed(1, from: 0, count: steps - 1),
                try roll.narrowed(1, from: 1, count: steps - 1)
            )
            try totals.add("on", before)
            try totals.add("stays", before * after)
            try totals.add("starts", after * (1 - before))
            totals.add("cells", Double(before.count))
        }
        let shares = try TorchTensor(on.map { Float($0 / count) }, shape: [1, 1, on.count])
        let stays = totals.ratio("stays", "on")
        let starts = totals["starts"] / (totals["cells"] - totals["on"])
        return [
            // A certainty costs without end when it is wrong; a ten-thousandth is left.
            "all off": try measure(on: feed) { roll, _ in
                try roll.narrowed(1, from: 1, count: roll.shape[1] - 1).fullLike(1e-4)
            },
            "each column as often as in training": try measure(on: feed) { roll, _ in
                try shares.to(roll.device).expanded([roll.shape[0], roll.shape[1] - 1, -1])
            },
            "copy the last step, kept as often as in training": try measure(on: feed) { roll, _ in
                try roll.narrowed(1, from: 0, count: roll.shape[1] - 1) * (stays - starts) + starts
            },
        ]
    }

    /// Calls a body with the segments `[N, steps, 59]` of one style in each batch.
    func forEachPart(of feed: any Feed, _ body: (TorchTensor, Int) throws -> Void) throws {
        try labels.forEachPart(of: feed, views: ["sounding"]) { try body($0["sounding"], $1) }
    }

    /// The cost of a step in nats, and F1 of predictions with a probability above a half.
    ///
    /// Then F1 of columns that go down, and of those that go up, with a probability above the threshold. F1 over all
    /// cells is mostly that of held notes.
    private func measure(
        on feed: any Feed, _ answer: (TorchTensor, Int) throws -> TorchTensor
    ) throws -> [Measure] {
        var totals = Totals()
        try forEachPart(of: feed) { roll, style in
            let next = try roll.narrowed(1, from: 1, count: roll.shape[1] - 1).contiguous()
            let predicted = try answer(roll, style).contiguous()
            let cost = try predicted.binaryCrossEntropy(next, reduction: .sum).item()
            let steps = Double(next.shape[0] * next.shape[1])
            for suffix in ["", "_\(styles[style])"] {
                totals.add("cost\(suffix)", cost)
                totals.add("steps\(suffix)", steps)
            }
            let on = try (predicted .> 0.5).to(.f32)
            try totals.add("hits", on * next)
            try totals.add("predicted", on)
            try totals.add("true", next)
            let before = try roll.narrowed(1, from: 0, count: roll.shape[1] - 1).contiguous()
            let (up, goesUp) = (try 1 - before, try 1 - next)
            for (name, counted, target) in [
                ("begins", try (predicted .> threshold).to(.f32) * up, try next * up),
                ("ends", try (predicted .< 1 - threshold).to(.f32) * before, try goesUp * before),
            ] {
                try totals.add("hits \(name)", counted * target)
                try totals.add("predicted \(name)", counted)
                try totals.add("true \(name)", target)
            }
        }
        func f1(_ suffix: String = "") -> Double {
            2 * totals["hits" + suffix] / max(totals["predicted" + suffix] + totals["true" + suffix], 1)
        }
        return [
            Measure("bce_step", totals.ratio("cost", "steps")), Measure("f1", f1()),
            Measure("f1_begins", f1(" begins")), Measure("f1_ends", f1(" ends")),
        ]
            + styles.map { Measure("bce_step_\($0)", totals.ratio("cost_\($0)", "steps_\($0)")) }
    }
}
