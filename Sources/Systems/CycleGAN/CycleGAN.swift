internal import Files
import Loading
internal import Torch
public import Training

extension Recipe {
    /// Brings notes of one style to another and back, without pairs: the CycleGAN of Brunner and others, 2018.
    public static let cycleGAN = Recipe(
        name: "cyclegan", paper: "000, 003",
        summary: "converts notes between two styles, learned without pairs",
        needs: [.notes(of: CycleGAN.pitches), .beats(of: 4), .steps(64, suggested: 64)],
        parameters: [
            Parameter("label", "style", "the label that tells the two styles apart"),
            Parameter("a", "", "the first style; may be left out where the label has two values"),
            Parameter("b", "", "the second style; likewise"),
            Parameter(
                "model", "partial",
                "what the extra discriminators take for real: none, music of both styles, or of every style of the label",
                choices: ["base", "partial", "full"]),
            Parameter(
                "extra_in_generator", true,
                "whether the extra discriminators are in the generators' loss; false: only their own, as in the authors' code"
            ),
            Parameter("filters", 64, "of the first layer of each network", in: 1...256),
            Parameter("blocks", 10, "residual blocks of a generator", in: 0...64),
            Parameter(
                "kernel", 4, "size of the discriminators' kernels; the authors' code has 7", in: 2...15),
            Parameter(
                "skip", 2.0,
                "what a cell adds to its output's logit if it sounds in the input, and takes from it if not; the paper has none",
                in: 0...20),
            Parameter("cycle", 4.0, "weight of the cycle loss", in: 0...1e6),
            Parameter(
                "cycle_error", "cross-entropy",
                "what the cycle loss is the mean of: absolute errors, as published, or cross-entropies",
                choices: ["absolute", "cross-entropy"]),
            Parameter("gamma", 1.0, "weight of the extra discriminators", in: 0...1e6),
            Parameter(
                "identity", 0.0,
                "weight of what a generator changes in music that has its style already; the paper has none",
                in: 0...1e6),
            Parameter("noise", 0.5, "deviation of the noise on the discriminators' inputs", in: 0...100),
            Parameter(
                "noise_kind", "normal", "its distribution; half-normal: its size, as in the authors' code",
                choices: ["normal", "half-normal"]),
            Parameter("pool", 50, "earlier outputs that each discriminator is shown from", in: 0...10_000),
        ],
        overrides: ["epochs": 20, "batch": 16, "rate": 2e-4, "annealing": "half-linear"],
        presets: [
            // With the published losses the outputs are silent or lose the content; see docs/cyclegan.md.
            "published": [
                "model": "full", "skip": 0.0, "cycle_error": "absolute", "cycle": 10.0, "noise": 1.0,
            ],
            "cpu": ["filters": 16, "blocks": 4, "batch": 4, "epochs": 4, "rate": 5e-4],
        ],
        fault: { settings, snapshot in CycleStyles.fault(settings, snapshot) },
        plan: { settings, snapshot, purpose in
            let styles = CycleStyles(settings, snapshot)
            let roll = LoaderView.roll(CycleGAN.roll, .piano, pitches: CycleGAN.pitches)
            // The trainer sets what a batch size is.
            return LoaderPlan(
                kind: .midi, views: purpose == .learning ? [roll] : [roll, .label(styles.label)],
                sets: purpose == .learning ? styles.sets : [.init()], batchSize: 1,
                window: snapshot.rollSteps == CycleGAN.steps ? nil : .init(steps: CycleGAN.steps))
        },
        make: { settings, context in try CycleGAN(settings, context) },
        transferParameters: CycleTransfer.parameters,
        transfer: { request, run in try CycleTransfer(run).run(request) })
}

extension Need {
    /// A grid of so many steps a beat.
    static func beats(of steps: Int) -> Need {
        Need("a grid of \(steps) steps per beat") { snapshot in
            snapshot.manifest["midi"]?["grid"]?["steps_per_beat"]?.integer == steps
                ? nil
                : "its steps are not of \(steps) to a beat; write 'midi: grid: {steps_per_beat: \(steps)}' in the manifest"
        }
    }
}

/// The networks with their losses and optimisers.
final class CycleGAN: TrainableSystem {
    /// Pitches from C1 to B7: the paper's 84.
    static let pitches: ClosedRange<UInt8> = 24...107
    /// Four bars of sixteenth notes.
    static let steps = 64
    /// The view of what sounds.
    static let roll = "roll"

    let networks: CycleNetworks
    let styles: CycleStyles
    let pools: ImagePools
    let objective = Objective("transfer_score", higherIsBetter: true)
    let furtherObjectives = [Objective("cycle_f1", higherIsBetter: true)]
    var network: any Module { networks }
    var optimisers: [any Optimiser] { [generatorAdam, discriminatorAdam] }
    var memory: (any Module)? { pools }

    private let generatorAdam: Adam
    private let discriminatorAdam: Adam
    let device: Device
    private let weights: (cycle: Double, gamma: Double, identity: Double)
    private let noise: Double
    private let noiseIsPositive: Bool
    private let cycleIsEntropy: Bool
    private let extraInGenerator: Bool

    init(_ settings: Settings, _ context: SystemContext) throws {
        styles = CycleStyles(settings, context.snapshot)
        device = context.device
        weights = (settings.number("cycle"), settings.number("gamma"), settings.number("identity"))
        noise = settings.number("noise")
        noiseIsPositive = settings.word("noise_kind") == "half-normal"
        extraInGenerator = settings.flag("extra_in_generator")
        cycleIsEntropy = settings.word("cycle_error") == "cross-entropy"
        networks = try CycleNetworks(
            filters: settings.integer("filters"), blocks: settings.integer("blocks"),
            kernel: settings.integer("kernel"), skip: settings.number("skip"),
            hasMixed: !styles.mixture.isEmpty)
        pools = try ImagePools(
            capacity: settings.integer("pool"), shape: [Self.steps, Self.pitches.count])
        try networks.move(to: context.device)
        try pools.move(to: context.device)
        let all = networks.parameters
        func adam(_ own: [NamedParameter]) throws -> Adam {
            try Adam(own, rate: settings.number("rate"), beta1: 0.5)
        }
        generatorAdam = try adam(all.filter { $0.name.hasPrefix("generators.") })
        discriminatorAdam = try adam(all.filter { !$0.name.hasPrefix("generators.") })
    }

    /// Fits the probe.
    func prepare(from train: any Feed) throws {
        var rows: [[TorchTensor]] = [[], []]
        try forEachPart(of: train) { roll, side in
            rows[side].append(try StyleProbe.features(of: roll))
        }
        guard !rows[0].isEmpty, !rows[1].isEmpty else { return }
        try networks.probe.fit(.concatenated(rows[0]), .concatenated(rows[1]))
    }

    /// Calls a body with the rolls of each side in each batch of an epoch.
    func forEachPart(of feed: any Feed, _ body: (_ roll: TorchTensor, _ side: Int) throws -> Void) throws {
        try feed.forEachPart(of: styles.numbers, in: styles.label, views: [Self.roll]) {
            try body($0[Self.roll], $1)
        }
    }

    // MARK: Losses

    /// Noise for the discriminators' inputs, from the generator that checkpoints hold; nil: none.
    func drawNoise(like roll: TorchTensor) throws -> TorchTensor? {
        guard noise > 0 else { return nil }
        let drawn = try TorchTensor.random(.normal, roll.shape).to(roll.device)
        return try (noiseIsPositive ? drawn.abs() : drawn) * noise
    }

    /// How far a discriminator's map is from 0 or 1 everywhere.
    ///
    /// The least-squares adversarial loss of Mao et al. 2017, arXiv:1611.04076.
    static func distance(
        _ discriminator: CycleDiscriminator, _ roll: TorchTensor, _ noise: TorchTensor?, from target: Double
    ) throws -> TorchTensor {
        let map = try discriminator(noise.map { try roll + $0 } ?? roll)
        return try (map - target).square().mean()
    }

    /// What the generators make of a pair of batches, and their loss by parts.
    struct Generation {
        /// The outputs by the side of their style: the first are made of the second style's rolls.
        let outputs: [TorchTensor]
        let loss: TorchTensor
        let cycle: TorchTensor
        /// By the side of the outputs' style.
        let adversarial, extra: [TorchTensor]
    }

    /// The generators' loss for rolls of both styles `[N, 64, 84]`.
    func generation(_ reals: [TorchTensor], noise: TorchTensor?) throws -> Generation {
        let outputs = try [1, 0].map { try networks.generator(from: $0)(reals[$0]) }
        var (cycle, adversarial, extra): (TorchTensor?, [TorchTensor], [TorchTensor]) = (nil, [], [])
        for side in 0...1 {
            // The output in the other style, brought back.
            let back = try networks.generator(from: 1 - side)(outputs[1 - side])
            let error =
                cycleIsEntropy
                ? try back.binaryCrossEntropy(reals[side]) : try back.absoluteError(reals[side])
            cycle = try cycle.map { try $0 + error } ?? error
            adversarial.append(
                try Self.distance(networks.discriminator(side), outputs[side], noise, from: 1))
            if extraInGenerator, let mixed = networks.mixedDiscriminator(side) {
                extra.append(try Self.distance(mixed, outputs[side], noise, from: 1))
            }
        }
        guard let cycle else { preconditionFailure("two sides") }
        var loss = try cycle * weights.cycle + adversarial[0] + adversarial[1]
        for term in extra { loss = try loss + term * weights.gamma }
        if weights.identity > 0 {
            for side in 0...1 {
                let same = try networks.generator(from: 1 - side)(reals[side])
                loss = try loss + same.absoluteError(reals[side]) * weights.identity
            }
        }
        return Generation(
            outputs: outputs, loss: loss, cycle: cycle, adversarial: adversarial, extra: extra)
    }

    /// The discriminators' loss, by side, then of the extra ones by side.
    ///
    /// - Parameters:
    ///   - reals: Rolls of both styles.
    ///   - shown: What generators made, by the side of its style.
    ///   - mixed: Music of the mixture; nil in the base model.
    ///   - noise: What is added to every input.
    /// - Returns: The loss and its parts, before `gamma`.
    /// - Throws: `TorchError`.
    func discrimination(
        _ reals: [TorchTensor], against shown: [TorchTensor], mixed: TorchTensor?, noise: TorchTensor?
    ) throws -> (loss: TorchTensor, parts: [TorchTensor]) {
        func part(
            _ discriminator: CycleDiscriminator, _ real: TorchTensor, _ made: TorchTensor
        ) throws -> TorchTensor {
            try
                (Self.distance(discriminator, real, noise, from: 1)
                + Self.distance(discriminator, made, noise, from: 0)) * 0.5
        }
        var parts = try (0...1).map { try part(networks.discriminator($0), reals[$0], shown[$0]) }
        var loss = try parts[0] + parts[1]
        for side in 0...1 {
            guard let mixed, let discriminator = networks.mixedDiscriminator(side) else { continue }
            let extra = try part(discriminator, mixed, shown[side])
            loss = try loss + extra * weights.gamma
            parts.append(extra)
        }
        return (loss, parts)
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        let reals = [batch[Self.roll, set: 0], batch[Self.roll, set: 1]]
        let noise = try drawNoise(like: reals[0])
        try generatorAdam.clearGradients()
        // No gradient of the generators' loss is wanted for a discriminator's weights.
        for item in discriminatorAdam.parameters { try item.tensor.requireGradient(false) }
        let made = try generation(reals, noise: noise)
        try made.loss.backward()
        for item in discriminatorAdam.parameters { try item.tensor.requireGradient(true) }
        try update(generatorAdam, made.loss)

        try discriminatorAdam.clearGradients()
        let shown = try (0...1).map { try pools[$0].exchange(made.outputs[$0].detach()) }
        let mixed = styles.mixture.isEmpty ? nil : try styles.mixed(batch, Self.roll, at: step.number)
        let told = try discrimination(reals, against: shown, mixed: mixed, noise: noise)
        try told.loss.backward()
        try update(discriminatorAdam, told.loss)

        var losses: [(name: String, value: TorchTensor)] = [
            ("loss", made.loss), ("cycle", made.cycle), ("discriminators", told.loss),
        ]
        for side in 0...1 {
            losses.append(("adversarial_\(styles.names[side])", made.adversarial[side]))
            losses.append(("discriminator_\(styles.names[side])", told.parts[side]))
            if made.extra.indices.contains(side) {
                losses.append(("adversarial_mixed_\(styles.names[side])", made.extra[side]))
            }
            if told.parts.indices.contains(2 + side) {
                losses.append(("discriminator_mixed_\(styles.names[side])", told.parts[2 + side]))
            }
        }
        return losses.map { ($0.name, $0.value) }
    }
}
