internal import Files
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
            Parameter("encoder", 64, "state of each direction of the encoder", in: 1...4096),
            Parameter("conductor", 64, "state of the conductor", in: 1...4096),
            Parameter("decoder", 256, "state of the decoder", in: 1...4096),
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
            Parameter(
                "threshold", 0.0,
                "probability from which a cell is a note; 0: the one with the largest F1 on the train split",
                in: 0...1),
        ],
        overrides: ["epochs": 30, "batch": 32, "rate": 4e-3, "clip": 1.0, "annealing": "half-linear"],
        presets: [
            // The authors weigh the mean divergence of 64 dimensions by 0.1, beside the mean of 4,096 cells.
            "published": [
                "encoder": 64, "conductor": 64, "decoder": 128, "beta": 6.4, "warmup": 0.0,
                "transposition": 0, "rate": 1e-3, "clip": 0.0, "annealing": "none", "epochs": 8,
            ],
            "cpu": ["epochs": 6],
        ],
        fault: { settings, snapshot in VAEWindows(settings).fault(of: snapshot) },
        plan: { settings, snapshot, purpose in
            VAEWindows(settings).plan(
                of: snapshot, transposition: purpose == .learning ? settings.integer("transposition") : 0)
        },
        make: { settings, context in try MusicVAE(settings, context) },
        transferParameters: MusicVAETransfer.parameters,
        transfer: { request, run in try MusicVAETransfer(request, run).run() })
}

/// What the autoencoder sees of a segment: windows of rolls of all 128 pitches side by side.
struct VAEWindows {
    let steps: Int
    private let parts: Int
    let views: [LoaderView]

    init(_ settings: Settings) {
        (steps, parts) = (settings.integer("steps"), settings.integer("parts"))
        views = settings.word("input") == "onset" ? [Self.allViews[0]] : Self.allViews
    }

    /// Onsets, then what sounds.
    static let allViews: [LoaderView] = [
        .roll("onset", .onset, pitches: 0...127), .roll("sounding", .piano, pitches: 0...127),
    ]

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

    /// How many windows show all of so many steps.
    func rows(of length: Int) -> Int { (length + steps - 1) / steps }

    /// A roll `[N, steps, columns]` of any length as windows `[N · rows, window, columns]`, silent behind its end.
    func cut(_ roll: TorchTensor) throws -> (windows: TorchTensor, rows: Int) {
        let (count, length) = (roll.shape[0], roll.shape[1])
        let rows = self.rows(of: length)
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
    /// The numbers of a code.
    let latents: Int
    let adam: Adam
    let objective = Objective("loss")
    var network: any Module { autoencoder }
    var optimisers: [any Optimiser] { [adam] }
    private let fixedThreshold: Double
    let seed: UInt64

    init(_ settings: Settings, _ context: SystemContext) throws {
        windows = VAEWindows(settings)
        fixedThreshold = settings.number("threshold")
        latents = settings.integer("latents")
        seed = UInt64(settings.integer("seed"))
        lossParts = VAELoss(
            beta: settings.number("beta"), freeBits: settings.number("free_bits"),
            warmup: settings.number("warmup"))
        autoencoder = try VAENetwork(
            VAENetwork.Sizes(
                steps: windows.steps, parts: settings.integer("parts"), columns: windows.columns,
                views: windows.views.count,
                latents: settings.integer("latents"), encoder: settings.integer("encoder"),
                conductor: settings.integer("conductor"), decoder: settings.integer("decoder")))
        try autoencoder.move(to: context.device)
        adam = try Adam(autoencoder.parameters, rate: settings.number("rate"))
    }

    /// Rolls `[N, steps, columns]` of 0 and 1 to their codes `[N, latents]`: the means of their posteriors.
    func encode(_ roll: TorchTensor) throws -> TorchTensor { try autoencoder.encode(roll) }

    /// Codes `[N, latents]` to logits `[N, steps, columns]`.
    func decode(_ code: TorchTensor) throws -> TorchTensor { try autoencoder.decode(code) }

    /// The probabilities from which a cell is a note, for each view.
    func thresholds() throws -> [Double] {
        guard fixedThreshold == 0 else { return windows.views.map { _ in fixedThreshold } }
        let counts = try autoencoder.tally.detach().to(.f64).elements(as: Double.self)
        let bins = NoteThreshold.bins
        return windows.views.indices.map { view in
            let start = 2 * bins * view
            return NoteThreshold.best(
                on: Array(counts[start..<start + bins]), all: Array(counts[start + bins..<start + 2 * bins]))
        }
    }

    /// Counts the cells of a roll by what is decoded from the means of their codes.
    private func count(_ roll: TorchTensor, _ mean: TorchTensor) throws {
        let probabilities = try decode(mean.detach()).sigmoid()
        let counts = try windows.views.indices.map { view in
            try NoteThreshold.count(
                probabilities.narrowed(2, from: 128 * view, count: 128),
                roll.narrowed(2, from: 128 * view, count: 128))
        }
        let before = try autoencoder.tally * NoteThreshold.memory
        try autoencoder.tally.assign(before + .stacked(counts))
    }

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
        if step.number % NoteThreshold.interval == 0 { try withoutGradients { try count(roll, mean) } }
        try parts.loss.backward()
        try update(adam, parts.loss)
        let divergence = try VAELoss.divergence(mean: mean.detach(), deviation: deviation.detach())
        return [
            ("loss", parts.loss), ("reconstruction", parts.reconstruction),
            ("kl", try divergence.sum() * (1 / Double(roll.shape[0]))),
        ]
    }
}
