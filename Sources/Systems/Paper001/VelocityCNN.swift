internal import Files
import Loading
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// How hard each style strikes its notes: paper 001's two velocity networks.
    public static let velocityCNN = Recipe(
        name: "velocity-cnn", paper: "001", summary: "how hard each style strikes its notes",
        needs: [PianoRolls.needsNotes, Styles.need(exactly: nil)],
        parameters: [
            Parameter(
                "network", "notes",
                "the network: convolutions as published, or two layers that see each note with what is around it",
                choices: ["published", "notes"], formerly: "published"),
            Parameter(
                "dropout", 0.2, "share of inputs and units that network=notes leaves out in training",
                in: 0...0.9),
            Parameter(
                "padding", "both",
                "network=published: where zeros stand; a step sees both sides, or what was before it",
                choices: ["both", "front"]),
            Parameter(
                "input", "both", "network=published: what is seen, the sounding roll, or onsets too",
                choices: ["sounding", "both"]),
            Parameter(
                "loss", "onsets", "what the squared error is the mean of: all cells, or onsets",
                choices: ["cells", "onsets"]),
            Parameter(
                "scale", 64.0,
                "network=published: velocity that outputs begin at, and that 1 means; 1: begin at 0",
                in: 1...127),
            Parameter(
                "start", "scale",
                "network=published: what outputs begin at, scale, give or take a quarter, or the style's mean",
                choices: ["scale", "mean"]),
            Parameter(
                "momentum", 0.1, "network=published: share of a batch in the running statistics", in: 0...1),
            Parameter(
                "adversarial", false,
                "whether a discriminator learns beside it to tell predicted velocities from played ones"
            ),
            Parameter(
                "adversarial_weight", 50.0,
                "weight of the adversarial loss beside the squared error, in velocities squared",
                in: 0...1e6),
        ],
        overrides: ["epochs": 8, "batch": 16, "rate": 2e-3, "annealing": "cosine"],
        presets: [
            "published": [
                "network": "published", "rate": 1e-3, "annealing": "none", "padding": "front",
                "input": "sounding", "loss": "cells", "scale": 1.0, "momentum": 0.01,
                "epochs": 60, "batch": 8, "patience": 0,
            ],
            // For few pieces, of which the default network soon knows each one: from the mean, and slowly.
            "cpu": [
                "network": "published", "epochs": 4, "start": "mean", "rate": 2e-4, "annealing": "none",
                "batch": 8,
                "patience": 5,
            ],
        ],
        plan: { _, snapshot, purpose in
            let views = [
                PianoRolls.view("sounding", .piano), PianoRolls.view("onsets", .onset),
                PianoRolls.view("velocities", .onsetVelocity), .label(Styles.label),
            ]
            // A step teaches every network from a batch of its own style.
            return PianoRolls.plan(
                views, sets: purpose == .learning ? Styles(snapshot).sets : [.init()])
        },
        make: { settings, context in try VelocityCNN(settings, context) },
        transferParameters: VelocityTransfer.parameters,
        transfer: { request, run in try VelocityTransfer(run).run(request) })
}

/// The networks with their losses and optimisers, one a style.
final class VelocityCNN: TrainableSystem {
    let device: Device
    let networks: VelocityNetworks
    let adams: [Adam]
    /// A discriminator for each style, if the training is adversarial.
    let adversaries: [Adversary]
    let labels: Styles
    var styles: [String] { labels.names }
    let objective = Objective("mse_onsets")
    var network: any Module { networks }
    var optimisers: [any Optimiser] { adams + adversaries.map(\.adam) }
    private let adversarialWeight: Double
    private let averagesOnsets: Bool

    init(_ settings: Settings, _ context: SystemContext) throws {
        let labels = Styles(context.snapshot)
        self.labels = labels
        device = context.device
        averagesOnsets = settings.word("loss") == "onsets"
        networks = VelocityNetworks(
            try labels.names.map { _ in
                switch settings.word("network") {
                case "published":
                    try VelocityNetwork(
                        columns: PianoRolls.columns, seesOnsets: settings.word("input") == "both",
                        isCausal: settings.word("padding") == "front", scale: settings.number("scale"),
                        momentum: settings.number("momentum"), startsAtMean: settings.word("start") == "mean")
                default:
                    try NoteVelocityNetwork(columns: PianoRolls.columns, dropout: settings.number("dropout"))
                }
            },
            judges: settings.flag("adversarial")
                ? try labels.names.map { _ in try RollDiscriminator(columns: PianoRolls.columns) } : [])
        adversarialWeight = settings.number("adversarial_weight")
        try networks.move(to: device)
        let parameters = networks.parameters
        adams = try labels.names.indices.map { style in
            try Adam(parameters.of(style: style), rate: settings.number("rate"), epsilon: 1e-7)
        }
        // Radford et al., 2016, arXiv:1511.06434: with the usual momentum two that learn against each other swing.
        adversaries = try networks.judges.enumerated().map { style, discriminator in
            Adversary(
                discriminator: discriminator,
                adam: try Adam(
                    parameters.of(style: style, in: "judges"), rate: settings.number("rate"), beta1: 0.5))
        }
    }

    func prepare(from train: any Feed) throws {
        guard networks.styles.contains(where: \.needsStatistics) else { return }
        let velocity = try meanVelocities(of: train)
        let features =
            try networks.styles.contains { $0 is NoteVelocityNetwork } ? noteFeatures(of: train) : []
        for (style, network) in networks.styles.enumerated() {
            try network.begin(
                with: VelocityStatistics(
                    velocity: velocity(style), features: features.isEmpty ? nil : features[style]))
        }
    }

    /// Means and deviations of what describes each style's notes; a number that never differs has a deviation of 1.
    private func noteFeatures(of feed: any Feed) throws -> [(mean: TorchTensor, deviation: TorchTensor)?] {
        let none = try TorchTensor.zeros([VelocityNotes.featureCount], type: .f64)
        var counts = styles.map { _ in 0.0 }
        let sums = try styles.map { _ in (try none.clone(), try none.clone()) }
        try forEachPart(of: feed) { part, style in
            let notes = try VelocityNotes(sounding: part.sounding, onsets: part.onsets)
            let features = try notes.tensor(like: none)
            counts[style] += Double(notes.count)
            try sums[style].0.add(features.sum([0]))
            try sums[style].1.add(features.square().sum([0]))
        }
        return try styles.indices.map { style in
            guard counts[style] > 0 else { return nil }
            let mean = try sums[style].0 / counts[style]
            let variance = try sums[style].1 / counts[style] - mean.square()
            return (mean, try variance.filled(where: variance .< 1e-9, with: 1).sqrt())
        }
    }

    /// The mean velocity of each style's onsets; 0 for a style that has none.
    private func meanVelocities(of feed: any Feed) throws -> (_ style: Int) -> Double {
        var totals = Totals()
        try forEachPart(of: feed) { part, style in
            try totals.add("sum \(style)", part.velocities)
            try totals.add("count \(style)", part.onsets)
        }
        return { style in totals["sum \(style)"] / max(totals["count \(style)"], 1) }
    }

    /// Velocities `[N, steps, 59]` in a style.
    func velocities(_ sounding: TorchTensor, onsets: TorchTensor, style: Int) throws -> TorchTensor {
        try networks.styles[style](sounding, onsets: onsets)
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        var losses: [(name: String, value: TorchTensor)] = []
        var discriminatorLosses = losses
        for (index, style) in styles.enumerated() {
            func view(_ name: String) -> TorchTensor { batch[name, set: index] }
            try adams[index].clearGradients()
            let onsets = view("onsets")
            let prediction = try velocities(view("sounding"), onsets: onsets, style: index)
            var loss = try error(prediction, view("velocities"), onsets)
            losses.append(("loss_\(style)", try loss.detach()))
            if !adversaries.isEmpty {
                let adversary = adversaries[index]
                discriminatorLosses.append(
                    (
                        "discriminator_\(style)",
                        try adversary.learn(
                            real: view("velocities"), predicted: prediction, onsets: onsets, update: update)
                    ))
                loss = try loss + adversary.adversarialLoss(prediction, onsets: onsets) * adversarialWeight
            }
            try loss.backward()
            try update(adams[index], loss)
        }
        let mean = try TorchTensor.stacked(losses.map(\.value)).mean()
        return [("loss", mean)] + losses + discriminatorLosses
    }

    private func error(
        _ prediction: TorchTensor, _ target: TorchTensor, _ onsets: TorchTensor
    ) throws -> TorchTensor {
        guard averagesOnsets else { return try prediction.squaredError(target) }
        // A batch of silence has no onset.
        return try prediction.squaredError(target, reduction: .sum) / onsets.sum().clamped(low: 1)
    }

    func measure(on feed: any Feed) throws -> [Measure] {
        try measure(on: feed) { part, style in
            try velocities(part.sounding, onsets: part.onsets, style: style)
        }
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        let mean = try meanVelocities(of: train)
        return [
            "zero": try measure(on: feed) { part, _ in try part.onsets.fullLike(0) },
            "mean of the style at onsets": try measure(on: feed) { part, style in
                try part.onsets * mean(style)
            },
        ]
    }

    /// The segments of one style in a batch.
    struct Part {
        let sounding, onsets, velocities: TorchTensor
    }

    func forEachPart(of feed: any Feed, _ body: (Part, Int) throws -> Void) throws {
        try labels.forEachPart(of: feed, views: ["sounding", "onsets", "velocities"]) { part, style in
            try body(
                Part(sounding: part["sounding"], onsets: part["onsets"], velocities: part["velocities"]),
                style)
        }
    }

    /// Squared errors of each style's answers on the segments of that style, per cell and per onset; `mse_contour` is what
    /// is left per onset where each segment has its true mean: of a constant, the variance within segments.
    private func measure(
        on feed: any Feed, _ answer: (Part, Int) throws -> TorchTensor
    ) throws -> [Measure] {
        var totals = Totals()
        try forEachPart(of: feed) { part, style in
            let prediction = try answer(part, style)
            let error = try prediction - part.velocities
            try totals.add("error \(style)", error.square())
            try totals.add("onsets \(style)", part.onsets)
            // What a segment's mean error adds to its squared error.
            try totals.add(
                "level \(style)",
                error.sum([1, 2]).square() / part.onsets.sum([1, 2]).clamped(low: 1))
            for (name, velocities) in [("predicted", prediction), ("true", part.velocities)] {
                try totals.add("\(name) \(style)", velocities)
                try totals.add("\(name) squared \(style)", velocities.square())
            }
            totals.add("cells \(style)", Double(part.onsets.count))
        }
        var measures: [Measure] = []
        for unit in ["cells", "onsets"] {
            let sums = styles.indices.map { (totals["error \($0)"], totals["\(unit) \($0)"]) }
            measures.append(
                Measure("mse_\(unit)", sums.reduce(0) { $0 + $1.0 } / sums.reduce(0) { $0 + $1.1 }))
            for (style, sum) in zip(styles, sums) where sum.1 > 0 {
                measures.append(Measure("mse_\(unit)_\(style)", sum.0 / sum.1))
            }
        }
        for (style, name) in styles.enumerated() where totals["onsets \(style)"] > 0 {
            let contour = totals["error \(style)"] - totals["level \(style)"]
            measures.append(Measure("mse_contour_\(name)", contour / totals["onsets \(style)"]))
        }
        return measures + [Measure("spread", spread(totals))]
    }

    /// The standard deviation of predictions at onsets over that of played velocities, within styles: the squared
    /// error alone rewards to say the same to all.
    private func spread(_ totals: Totals) -> Double {
        func squares(_ name: String) -> Double {
            styles.indices.reduce(0) { sum, style in
                let onsets = max(totals["onsets \(style)"], 1)
                let total = totals["\(name) \(style)"]
                return sum + totals["\(name) squared \(style)"] - total * total / onsets
            }
        }
        return (max(squares("predicted"), 0) / squares("true")).squareRoot()
    }
}
