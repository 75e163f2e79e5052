internal import Files
import Loading
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// Multitrack MIDI of some styles through one latent vector, whose first dimensions are the style: paper 003's
    /// parallel variational autoencoder.
    public static let parallelVAE = Recipe(
        name: "parallel-vae", paper: "003",
        summary: "converts the pitches, velocities and instruments of some voices to another style",
        needs: [.notes(of: VoiceRolls.pitches), Styles.need(exactly: nil), needsVoices, needsBars],
        parameters: [
            Parameter("cell", "gru", "the recurrent cell", choices: ["gru", "lstm"]),
            Parameter("hidden", 256, "units of each recurrent layer", in: 2...4096),
            Parameter(
                "latent", 128, "dimensions of the latent vector, those of the styles included", in: 2...4096),
            Parameter(
                "rows", "step",
                "what a row of the rolls is: a voice of a step, as in MIDI-VAE, or a step with all voices",
                choices: ["voice", "step"]),
            Parameter(
                "teacher", "previous",
                "what a decoder sees of the row before: the true one in training and its choice in use, its own output, or nothing",
                choices: ["previous", "free", "none"]),
            Parameter(
                "onsets", "apart",
                "whether the decoder of velocities says apart whether a note begins and how loud it is, or both in one number, as in MIDI-VAE",
                choices: ["apart", "velocity"]),
            Parameter(
                "history", false,
                "whether decoders see the latent vector of the 16 steps before; for segments of several times 16 steps"
            ),
            Parameter(
                "noise", 0.01,
                "what the deviation of the latent distribution is multiplied by when drawn; the prior's is 1",
                in: 0...10),
            Parameter("beta", 0.01, "weight of the divergence, summed over dimensions", in: 0...1e3),
            Parameter("warmup", 0.0, "share of the training over which beta rises from 0", in: 0...1),
            Parameter("free_bits", 0.0, "nats that each latent dimension has at no cost", in: 0...100),
            Parameter("velocity_weight", 1.0, "weight of the error of velocities", in: 0...1e3),
            Parameter("instrument_weight", 0.1, "weight of the cross-entropy of instruments", in: 0...1e3),
            Parameter("style_weight", 0.1, "weight of the cross-entropy of styles", in: 0...1e3),
            Parameter(
                "transposition", 6,
                "semitones up or down by which a segment is moved at random, drums excepted",
                in: 0...24),
        ],
        overrides: ["epochs": 100, "batch": 32, "rate": 1e-3, "patience": 10],
        presets: [
            // MIDI-VAE's numbers. A batch of 64 segments of 64 steps is one of 256 examples.
            "published": [
                "rows": "voice", "latent": 256, "teacher": "none", "onsets": "velocity", "history": true,
                "beta": 0.1,
                "transposition": 0, "epochs": 400, "batch": 64, "rate": 2e-4, "patience": 0,
            ],
            "cpu": [
                "hidden": 128, "latent": 64, "rate": 2e-3, "epochs": 30, "patience": 0,
                "annealing": "half-linear",
            ],
        ],
        fault: ParallelVAE.fault,
        plan: { settings, snapshot, purpose in
            var plan = LoaderPlan(
                kind: .midi,
                views: VoiceRolls.views(voices: snapshot.voices) + [.label(Styles.label)], batchSize: 1)
            if !settings.flag("history") { plan.window = .init(steps: VoiceRolls.steps) }
            let semitones = settings.integer("transposition")
            if purpose == .learning { plan.augmentation.transposition = -semitones...semitones }
            return plan
        },
        make: { settings, context in try ParallelVAE(settings, context) },
        transferParameters: ParallelTransfer.parameters,
        transfer: { request, run in try ParallelTransfer(run).run(request) })

    private static let needsVoices = Need("monophonic voices") { snapshot in
        snapshot.voices > 0
            ? nil
            : "its voices are not monophonic; write 'midi: voices: 4' in the manifest, or another number"
    }

    private static let needsBars = Need("segments of 16 steps, or of several times 16") { snapshot in
        snapshot.rollSteps > 0 && snapshot.rollSteps.isMultiple(of: VoiceRolls.steps)
            ? nil
            : "its segments have \(snapshot.rollSteps) steps; write 'midi: segment: {steps: 64}' in the manifest, or another multiple of 16"
    }
}

extension Snapshot {
    /// The monophonic voices that the manifest allots; 0: none.
    var voices: Int { manifest["midi"]?["voices"]?.integer ?? 0 }
}

/// The network with its loss and optimiser.
final class ParallelVAE: TrainableSystem {
    let model: ParallelNetwork
    let adam: Adam
    let labels: Styles
    let counts: StyleCounts
    /// How many voices a segment has.
    let voices: Int
    let latent: Int
    let seesHistory: Bool
    let objective = Objective("pitch_f1", higherIsBetter: true)
    var network: any Module { model }
    var optimisers: [any Optimiser] { [adam] }
    private let settings: Settings
    let device: Device

    init(_ settings: Settings, _ context: SystemContext) throws {
        self.settings = settings
        device = context.device
        labels = Styles(context.snapshot)
        voices = context.snapshot.voices
        latent = settings.integer("latent")
        seesHistory = settings.flag("history")
        counts = try StyleCounts(styles: labels.names.count)
        model = try ParallelNetwork(
            ParallelNetwork.Shape(
                cell: RecurrentCell(rawValue: settings.word("cell")) ?? .gru,
                hidden: settings.integer("hidden"), latent: latent,
                voicesPerRow: settings.word("rows") == "step" ? voices : 1, seesHistory: seesHistory,
                input: DecoderInput(rawValue: settings.word("teacher")) ?? .previous,
                splitsOnsets: settings.word("onsets") == "apart"),
            counts: counts)
        try model.drawWeights()
        try model.move(to: context.device)
        adam = try Adam(model.parameters, rate: settings.number("rate"), epsilon: 1e-7)
    }

    /// Why a snapshot does not have what the settings ask for.
    static func fault(_ settings: Settings, _ snapshot: Snapshot) -> String? {
        let (names, all) = (
            Styles(snapshot).names, Set(snapshot.scores.compactMap { $0.labels[Styles.label] })
        )
        if all.count < 2 { return "its label 'style' has one value only" }
        if names.count != all.count { return Styles.absence }
        if settings.integer("latent") < names.count {
            return "it has \(names.count) styles; set latent to at least as many"
        }
        if settings.flag("history"), snapshot.rollSteps < 2 * VoiceRolls.steps {
            return
                "its segments have \(snapshot.rollSteps) steps, so that none has another before it; set history=false, or write 'midi: segment: {steps: 64}' in the manifest"
        }
        return nil
    }

    /// Segments of 16 steps with the places of their styles.
    struct Part {
        let rolls: VoiceRolls
        let styles: [Int]
        /// How many follow each other in a piece.
        let following: Int
    }

    /// The segments of 16 steps of a batch.
    func part(_ batch: Batch) throws -> Part {
        let rolls = try VoiceRolls(voices: voices) { batch[$0] }
        let following = rolls.count / batch.count
        let styles = try batch[Styles.label].elements(as: Int64.self).flatMap { number in
            [Int](repeating: labels.numbers.firstIndex(of: number) ?? 0, count: following)
        }
        return Part(rolls: rolls, styles: styles, following: following)
    }

    /// Of latent vectors of segments, some of which follow each other: those of the segments before; nil where the
    /// decoders do not see them.
    func before(_ latent: TorchTensor, following: Int) throws -> TorchTensor? {
        guard seesHistory else { return nil }
        let pieces = try latent.detach().reshaped([-1, following, latent.shape[1]])
        return try pieces.delayed(along: 1).reshaped([-1, latent.shape[1]])
    }

    /// The parts of the loss, with some latent vectors for the codes of segments.
    func losses(
        of part: Part, _ code: (mean: TorchTensor, logVariance: TorchTensor), latent: TorchTensor
    ) throws -> ParallelNetwork.Losses {
        let output = try model.decode(
            latent, after: before(latent, following: part.following), toward: part.rolls)
        return try ParallelNetwork.losses(
            output, part.rolls, code: code, latent: latent,
            style: TorchTensor(part.styles.map { Int64($0) }, shape: [part.styles.count], on: device),
            styles: labels.names.count, freeBits: settings.number("free_bits"))
    }

    /// The sum that is learned, with a share of beta.
    func total(_ losses: ParallelNetwork.Losses, share: Double = 1) throws -> TorchTensor {
        try losses.pitch + losses.velocity * settings.number("velocity_weight")
            + losses.instrument * settings.number("instrument_weight")
            + losses.style * settings.number("style_weight")
            + losses.divergence * (settings.number("beta") * share)
    }

    func prepare(from train: any Feed) throws {
        try counts.count { body in
            try train.forEachBatch { batch in
                let part = try part(batch)
                let programs = try batch["programs"].elements(as: Int64.self)
                let perSegment = [Int64](repeating: -1, count: (part.following - 1) * voices)
                // A segment's programs are counted once, however many times 16 steps it has.
                let rows = stride(from: 0, to: programs.count, by: voices).flatMap {
                    programs[$0..<$0 + voices] + perSegment
                }
                try body(part.rolls, part.styles, Array(rows))
            }
        }
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        try adam.clearGradients()
        let part = try part(batch)
        let code = try model.encode(part.rolls)
        let noise = try code.mean.randomLike(.normal)
        let drawn = try code.mean + (code.logVariance * 0.5).exp() * noise * settings.number("noise")
        let losses = try losses(of: part, code, latent: drawn)
        let warmup = settings.number("warmup")
        let loss = try total(losses, share: warmup > 0 ? min(1, step.share / warmup) : 1)
        try loss.backward()
        try update(adam, loss)
        return [
            ("loss", loss), ("pitch_loss", losses.pitch), ("velocity_loss", losses.velocity),
            ("instrument_loss", losses.instrument), ("style_loss", losses.style),
            ("divergence", losses.divergence),
        ]
    }
}
