internal import Loading
internal import Tensors
internal import Torch
internal import Training

extension MusicVAE {
    /// How codes are distributed, the companion of figure 3; the divergence of each dimension; the first windows beside
    /// their reconstructions; and a path between two of them.
    func figures(on feed: any Feed) throws -> [Figure] {
        var codes = CodeStatistics(latents: latents)
        var (means, samples) = ([Float](), [Float]())
        var figures: [Figure] = []
        try withNoise { noise in
            try feed.forEachBatch { batch in
                let roll = try windows.roll { batch[$0.name] }
                let (mean, deviation) = try autoencoder.posterior(roll)
                let sampled = try mean + deviation * noise(mean.shape).to(mean.device)
                try codes.add(mean, VAELoss.divergence(mean: mean, deviation: deviation), roll)
                means += try mean.contiguous().elements(as: Float.self)
                samples += try sampled.contiguous().elements(as: Float.self)
                if figures.isEmpty, try roll.largest().item() > 0 { figures = try rolls(roll, mean) }
            }
        }
        let curve = Figure.Curve("divergence, nats", codes.tally.divergences.sorted(by: >))
        return [
            Self.histogram(means: means, samples: samples),
            Figure(
                name: "divergences",
                title: "Divergence of each dimension from the standard normal distribution",
                .curves(horizontal: "dimension, the largest first", [curve])),
        ] + figures
    }

    /// The shares of values in bins of a half, from -3 to 3 and beyond; of a normal distribution as well.
    private static func histogram(means: [Float], samples: [Float]) -> Figure {
        let limits = (-6...6).map { Double($0) / 2 }
        func shares(_ values: [Float]) -> [Double] {
            var counts = [Double](repeating: 0, count: limits.count + 1)
            for value in values { counts[limits.count { Double(value) >= $0 }] += 1 }
            return counts.map { $0 / Double(max(values.count, 1)) }
        }
        // Of the standard normal distribution, up to each limit.
        let normal = [
            0.00135, 0.00486, 0.01654, 0.04406, 0.09185, 0.14988, 0.19146, 0.19146, 0.14988, 0.09185, 0.04406,
            0.01654, 0.00486, 0.00135,
        ]
        return Figure(
            name: "codes", title: "Numbers of codes",
            .histogram(
                classes: ["below"] + limits.map { "\($0)" },
                series: [
                    .init("means", shares(means)), .init("samples", shares(samples)),
                    .init("standard normal", normal),
                ]))
    }

    /// Up to eight windows beside what is decoded from their codes, and the path from the first's to the last's.
    private func rolls(_ roll: TorchTensor, _ mean: TorchTensor) throws -> [Figure] {
        let count = min(8, roll.shape[0])
        func image(_ title: String, _ windows: TorchTensor) throws -> Figure.Roll {
            // Onsets only, one window after the other.
            let onsets = try windows.narrowed(2, from: 0, count: 128).contiguous().to(.cpu)
            return Figure.Roll(title, timeFirst: try onsets.elements(as: Float.self), greatest: 1)
        }
        let first = try roll.narrowed(0, from: 0, count: count)
        let codes = try mean.narrowed(0, from: 0, count: count)
        let (decoded, threshold) = (try decode(codes).sigmoid(), try thresholds()[0])
        let ends = try (codes.narrowed(0, from: 0, count: 1), codes.narrowed(0, from: count - 1, count: 1))
        let path = try (0...10).map { point in
            try decode(CodePath.spherical.code(from: ends.0, to: ends.1, at: Double(point) / 10)).sigmoid()
        }
        return [
            Figure(
                name: "reconstructions", title: "\(count) windows and what their codes say",
                .rolls([
                    try image("onsets", first), try image("probabilities of onsets", decoded),
                    try image("onsets from \(threshold) on", (decoded .>= threshold).to(.f32)),
                ])),
            Figure(
                name: "interpolation", title: "From the first window to the last, 11 points of the path",
                .rolls([try image("probabilities of onsets", .concatenated(path, axis: 0))])),
        ]
    }
}
