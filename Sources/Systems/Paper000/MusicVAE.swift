internal import Build
import Loading
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// Turns windows of a piece into codes and codes into windows: paper 000's variational autoencoder.
    public static let musicVAE = Recipe(
        name: "music-vae", paper: "000", summary: "turns windows of notes into codes and back",
        needs: [.notes()],
        parameters: [
            Parameter(
                "input", "onset", "what of a window is coded: onsets, or onsets beside sounding notes",
                choices: ["onset", "onset+sounding"]),
            Parameter("steps", 32, "steps of a window", in: 2...1024),
            Parameter("parts", 4, "subsequences that the conductor divides a window into", in: 1...1024),
            Parameter("latents", 64, "numbers of a code", in: 1...4096),
            Parameter("encoder", 128, "state of each direction of the encoder", in: 1...4096),
            Parameter("conductor", 128, "state of the conductor", in: 1...4096),
            Parameter("decoder", 128, "state of the decoder", in: 1...4096),
            Parameter(
                "beta", 0.2, "weight of the divergence; 1: the evidence lower bound itself", in: 0...1e3),
            Parameter(
                "free_bits", 0.0, "nats of each dimension that cost nothing more to spend", in: 0...1e3),
            Parameter(
                "warmup", 0.3, "share of the training over which the divergence's weight rises from 0",
                in: 0...1),
            Parameter(
                "transposition", 5, "semitones that a window is moved by at most in training, up or down",
                in: 0...24),
            Parameter("threshold", 0.25, "probability from which a note is counted", in: 0...1),
        ],
        overrides: ["epochs": 30, "batch": 32, "rate": 3e-3, "clip": 1.0, "annealing": "half-linear"],
        presets: [
            "published": [
                "encoder": 64, "conductor": 64, "decoder": 64, "beta": 0.1, "warmup": 0.0,
                "transposition": 0, "rate": 1e-3, "clip": 0.0, "annealing": "none", "epochs": 8,
            ],
            "cpu": ["epochs": 6],
        ],
        fault: { settings, snapshot in VAEWindows(settings).fault(of: snapshot) },
        plan: { settings, snapshot, purpose in
            VAEWindows(settings).plan(
                of: snapshot, transposition: purpose == .learning ? settings.integer("transposition") : 0)
        },
        make: { settings, context in try MusicVAE(settings, context) })
}

/// What the autoencoder sees of a segment: windows of rolls of all 128 pitches side by side.
struct VAEWindows {
    let steps: Int
    private let parts: Int
    let views: [LoaderView]

    init(_ settings: Settings) {
        (steps, parts) = (settings.integer("steps"), settings.integer("parts"))
        views =
            [.roll("onset", .onset, pitches: 0...127)]
            + (settings.word("input") == "onset" ? [] : [.roll("sounding", .piano, pitches: 0...127)])
    }

    /// The columns of a step: onsets, then what sounds.
    var columns: Int { views.count * 128 }

    /// Why a snapshot cannot be used; nil if it can.
    func fault(of snapshot: Snapshot) -> String? {
        if steps % parts != 0 { return "parts is \(parts), which does not divide \(steps) steps" }
        return Need.steps(steps, suggested: 8 * steps).fault(snapshot)
    }

    func plan(of snapshot: Snapshot, transposition: Int) -> LoaderPlan {
        LoaderPlan(
            kind: .midi, views: views, batchSize: 1,
            window: snapshot.rollSteps > steps ? .init(steps: steps) : nil,
            augmentation: .init(transposition: -transposition...transposition))
    }

    /// The views as one roll `[N, steps, columns]`.
    func roll(_ view: (LoaderView) throws -> TorchTensor) throws -> TorchTensor {
        try .concatenated(views.map { try view($0) }, axis: 2)
    }

    /// A roll `[N, steps, columns]` of any length as windows `[N · rows, window, columns]`, silent behind its end.
    func cut(_ roll: TorchTensor) throws -> (windows: TorchTensor, rows: Int) {
        let (count, length) = (roll.shape[0], roll.shape[1])
        let rows = (length + steps - 1) / steps
        let missing = rows * steps - length
        let whole =
            missing == 0
            ? roll
            : try .concatenated(
                [roll, .zeros([count, missing, roll.shape[2]], type: roll.type, on: roll.device)], axis: 1)
        return (try whole.contiguous().reshaped([count * rows, steps, roll.shape[2]]), rows)
    }
}

/// The autoencoder with its loss and optimiser.
final class MusicVAE: TrainableSystem {
    let autoencoder: VAENetwork
    let windows: VAEWindows
    let lossParts: VAELoss
    /// The probability from which a note is counted.
    let threshold: Double
    let adam: Adam
    let objective = Objective("loss")
    var network: any Module { autoencoder }
    var optimisers: [any Optimiser] { [adam] }
    let seed: UInt64

    init(_ settings: Settings, _ context: SystemContext) throws {
        windows = VAEWindows(settings)
        threshold = settings.number("threshold")
        seed = UInt64(settings.integer("seed"))
        lossParts = VAELoss(
            beta: settings.number("beta"), freeBits: settings.number("free_bits"),
            annealing: settings.number("warmup"))
        autoencoder = try VAENetwork(
            VAENetwork.Sizes(
                steps: windows.steps, parts: settings.integer("parts"), columns: windows.columns,
                latents: settings.integer("latents"), encoder: settings.integer("encoder"),
                conductor: settings.integer("conductor"), decoder: settings.integer("decoder")))
        try autoencoder.move(to: context.device)
        adam = try Adam(autoencoder.parameters, rate: settings.number("rate"))
    }

    /// Rolls `[N, steps, columns]` of 0 and 1 to their codes `[N, latents]`: the means of their posteriors.
    func encode(_ roll: TorchTensor) throws -> TorchTensor { try autoencoder.encode(roll) }

    /// Codes `[N, latents]` to logits `[N, steps, columns]`.
    func decode(_ code: TorchTensor) throws -> TorchTensor { try autoencoder.decode(code) }

    /// Begins at what the train split has: each column's logit is that of its share of cells.
    func prepare(from train: any Feed) throws {
        var (sums, count) = (try TorchTensor.zeros([windows.columns], type: .f64), 0.0)
        try train.forEachBatch { batch in
            let roll = try windows.roll { batch[$0.name] }
            sums = try sums + roll.to(.f64).to(.cpu).sum([0, 1])
            count += Double(roll.shape[0] * roll.shape[1])
        }
        // Half a note more, so that none is impossible.
        let rates = try (sums + 0.5) * (1 / (count + 1))
        try autoencoder.marginal.assign(rates.to(.f32))
        let odds = try (rates / (1 - rates)).log()
        for item in autoencoder.parameters where item.name == "output.bias" {
            try item.tensor.detach().assign(odds.to(.f32))
        }
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        try adam.clearGradients()
        let roll = try windows.roll { batch[$0.name] }
        let (mean, deviation) = try autoencoder.posterior(roll)
        let logits = try decode(mean + deviation * mean.randomLike(.normal))
        let parts = try lossParts.parts(logits, roll, mean: mean, deviation: deviation, at: step.share)
        try parts.loss.backward()
        try update(adam, parts.loss)
        let divergence = try VAELoss.divergence(mean: mean.detach(), deviation: deviation.detach())
        return [
            ("loss", parts.loss), ("reconstruction", parts.reconstruction),
            ("kl", try divergence.sum() * (1 / Double(roll.shape[0]))),
        ]
    }
}
