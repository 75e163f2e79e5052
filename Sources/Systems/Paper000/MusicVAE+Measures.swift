import Loading
internal import Tensors
internal import Torch
internal import Training

extension MusicVAE {
    /// The loss with the whole weight of the divergence, the reconstruction of the means, and what the codes carry.
    func measure(on feed: any Feed) throws -> [Measure] {
        var totals = Totals()
        var codes = CodeStatistics(latents: latents)
        let (marginal, thresholds) = (try autoencoder.marginal.detach(), try thresholds())
        try withNoise { noise in
            try feed.forEachBatch { batch in
                let roll = try windows.roll { batch[$0.name] }
                let (mean, deviation) = try autoencoder.posterior(roll)
                let count = Double(roll.shape[0])
                // Sampled codes, as in training; drawn on the processor, so that the device changes none.
                let sampled = try decode(mean + deviation * noise(mean.shape).to(mean.device))
                try totals.add("sampled", sampled.binaryCrossEntropyWithLogits(roll, reduction: .sum))
                try add(roll, of: decode(mean).sigmoid(), from: thresholds, marginal: marginal, to: &totals)
                try codes.add(mean, VAELoss.divergence(mean: mean, deviation: deviation), roll)
                totals.add("windows", count)
            }
        }
        let divergences = codes.tally.divergences
        let charged = divergences.reduce(0) { $0 + max($1, lossParts.freeBits) }
        let cells = Double(windows.steps * windows.columns)
        let kl = divergences.reduce(0, +)
        let loss = (totals.ratio("sampled", "windows") + lossParts.beta * charged) / cells
        let sorted = divergences.sorted()
        return [Measure("loss", loss)] + measures(totals)
            + [
                Measure("kl", kl), Measure("kl_median", sorted[sorted.count / 2]),
                Measure("kl_largest", sorted[sorted.count - 1]),
                Measure("active_units", Double(codes.tally.active)),
                Measure("interpolation_spearman", try interpolation(codes)),
                Measure("threshold", thresholds[0]), Measure("windows", totals["windows"]),
            ]
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        let marginal = try autoencoder.marginal.detach()
        let (rates, thresholds) = (try StepRates(windows, train, marginal), try thresholds())
        let shares = try marginal.to(.f64).elements(as: Double.self)
        let named = windows.views.indices.flatMap { view in
            NoteThreshold.mostFrequent(Array(shares[128 * view..<128 * (view + 1)]))
        }
        let frequent = try TorchTensor(named, shape: [named.count]).to(marginal.device)
        func measure(
            _ probabilities: (TorchTensor) throws -> TorchTensor,
            notes: ((TorchTensor) throws -> TorchTensor)?
        ) throws -> [Measure] {
            var totals = Totals()
            try feed.forEachBatch { batch in
                let roll = try windows.roll { batch[$0.name] }
                try add(
                    roll, of: probabilities(roll), from: thresholds, notes: notes?(roll), marginal: marginal,
                    to: &totals)
            }
            return measures(totals)
        }
        return [
            // A certainty costs without end when it is wrong; a ten-thousandth is left.
            "all off": try measure({ try $0.fullLike(1e-4) }, notes: nil),
            "each column as often as in training": try measure(
                { try marginal.expanded($0.shape) }, notes: { try frequent.expanded($0.shape) }),
            "copy the last step, kept as often as in training": try measure(
                { try rates.probabilities(after: $0.delayed(along: 1)) }, notes: { try $0.delayed(along: 1) }),
        ]
    }

    /// Adds what a prediction `[N, steps, columns]` costs and hits; `notes` are those it names, where these are not the
    /// cells from each view's threshold on.
    private func add(
        _ roll: TorchTensor, of probabilities: TorchTensor, from thresholds: [Double],
        notes: TorchTensor? = nil,
        marginal: TorchTensor, to totals: inout Totals
    ) throws {
        try totals.add("cost", probabilities.contiguous().binaryCrossEntropy(roll, reduction: .sum))
        try totals.add(
            "marginal", marginal.expanded(roll.shape).contiguous().binaryCrossEntropy(roll, reduction: .sum))
        totals.add("cells", Double(roll.count))
        for (view, suffix) in windows.views.indices.map({ ($0, $0 == 0 ? "" : "_sounding") }) {
            func part(_ tensor: TorchTensor) throws -> TorchTensor {
                try tensor.narrowed(2, from: view * 128, count: 128)
            }
            let named = try notes.map(part) ?? (part(probabilities) .>= thresholds[view]).to(.f32)
            try totals.add("hits\(suffix)", named * part(roll))
            try totals.add("named\(suffix)", named)
            try totals.add("true\(suffix)", part(roll))
        }
    }

    private func measures(_ totals: Totals) -> [Measure] {
        [
            Measure("bce", totals.ratio("cost", "cells")),
            Measure("bce_of_marginal", totals.ratio("cost", "marginal")),
        ]
            + windows.views.indices.map { view in
                let suffix = view == 0 ? "" : "_sounding"
                let all = totals["named\(suffix)"] + totals["true\(suffix)"]
                return Measure("f1\(suffix)", 2 * totals["hits\(suffix)"] / max(all, 1))
            }
    }

    /// Runs a body with noise that is the same at every call: measuring changes no training.
    func withNoise(_ body: ((_ shape: [Int]) throws -> TorchTensor) throws -> Void) throws {
        try RandomGenerator.seeded(seed, restoring: autoencoder.marginal.device) {
            try body { try TorchTensor.random(.normal, $0) }
        }
    }
}

/// The codes of a pass.
struct CodeStatistics {
    /// What each dimension carries.
    private(set) var tally: CodeTally
    /// The codes `[latents]` of windows in which something begins, in the order of the pass.
    private(set) var sounding: [[Float]] = []

    init(latents: Int) { tally = CodeTally(dimensions: latents) }

    /// Adds a batch: means and divergences `[N, latents]`, rolls `[N, steps, columns]`.
    mutating func add(_ mean: TorchTensor, _ divergence: TorchTensor, _ roll: TorchTensor) throws {
        try tally.add(mean: mean, divergence: divergence)
        let values = try mean.contiguous().elements(as: Float.self)
        let width = mean.shape[1]
        for (row, notes) in try roll.sum([1, 2]).elements(as: Float.self).enumerated() where notes > 0 {
            sounding.append(Array(values[row * width..<(row + 1) * width]))
        }
    }
}

/// How often a cell of the train split is 1 after one that is 1, and after one that is 0, column by column.
struct StepRates {
    private let kept: TorchTensor
    private let begun: TorchTensor
    private let marginal: TorchTensor

    init(_ windows: VAEWindows, _ train: any Feed, _ marginal: TorchTensor) throws {
        var sums = try (0..<4).map { _ in try TorchTensor.zeros([windows.columns], type: .f64) }
        try train.forEachBatch { batch in
            let roll = try windows.roll { batch[$0.name] }.to(.f64)
            let steps = roll.shape[1] - 1
            let (before, after) = (
                try roll.narrowed(1, from: 0, count: steps), try roll.narrowed(1, from: 1, count: steps)
            )
            let parts = try [before * after, before, (1 - before) * after, 1 - before]
            for (place, part) in parts.enumerated() {
                sums[place] = try sums[place] + part.sum([0, 1]).to(.cpu)
            }
        }
        // A pitch that is rare is taken for the mean one of its view, with the weight of one cell.
        func rate(_ hits: TorchTensor, _ all: TorchTensor) throws -> TorchTensor {
            let (hits, all) = (try hits.reshaped([-1, 128]), try all.reshaped([-1, 128]))
            let mean = try (hits.sum([1], keep: true) + 0.5) / (all.sum([1], keep: true) + 1)
            return try ((hits + mean) / (all + 1)).flattened().to(.f32).to(marginal.device)
        }
        kept = try rate(sums[0], sums[1])
        begun = try rate(sums[2], sums[3])
        self.marginal = marginal
    }

    /// The probability of each cell after the step before it; of the first step, that of the column.
    func probabilities(after before: TorchTensor) throws -> TorchTensor {
        let later = try (before * (kept - begun) + begun).narrowed(1, from: 1, count: before.shape[1] - 1)
        let first = try marginal.expanded([before.shape[0], 1, before.shape[2]])
        return try .concatenated([first, later], axis: 1)
    }
}
