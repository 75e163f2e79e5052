import Audio
import Build
import Tensors

/// One train entry's part in the statistics.
struct TrainPart: Sendable {
    let source: BuiltSource
    /// Its segments that train.
    let segments: [Range<Int>]
    /// The gain as a factor of amplitude.
    let gain: Double
    /// The label value it is counted under; "" for the dataset as a whole.
    let value: String
    let path: String
}

/// Moments by source, merged in a fixed order: the train split's statistics (map and reduce).
struct StatisticsStages: Sendable {
    let audio: AudioParameters
    let normalize: Manifest.Audio.Normalize
    /// Whether each σ is rounded to a power of 2^(1/64).
    let rounds: Bool

    var features: [FeatureParameters] { audio.features.filter(Normalizer.concerns) }

    /// The moments of a feature at unity gain.
    func moments(_ part: TrainPart, _ feature: FeatureParameters) -> Action? {
        guard let object = part.source.objects[feature.name] else { return nil }
        return Action(
            Stages.moments,
            parameters: ["feature": .string(feature.name), "segments": ranges(part)],
            inputs: [Input(feature.name, object.digest)], subject: "\(part.path) \(feature.name)")
    }

    func runMoments(_ context: ActionContext, _ part: TrainPart, _ feature: FeatureParameters) throws {
        var moments = Audio.Moments()
        try eachSegment(context, part, feature) { values in
            moments.merge(Audio.Moments(of: UnsafeBufferPointer(values)))
        }
        context.facts = [
            "count": JSONValue(moments.count), "mean": .number(moments.mean),
            "m2": .number(moments.deviations),
        ]
    }

    /// σ of a feature over parts, from the records of `moments`.
    func sigma(_ parts: [TrainPart], _ records: [ActionRecord], _ feature: FeatureParameters) -> Double {
        let moments = zip(parts, records).map { part, record in
            let scaled = Audio.Moments(
                count: record.facts["count"]?.integer ?? 0, mean: record.facts["mean"]?.double ?? 0,
                deviations: record.facts["m2"]?.double ?? 0
            ).scaled(by: Normalizer.scale(feature, gain: part.gain, sigma: 1))
            return (
                id: part.source.sha256,
                moments: Moments(count: scaled.count, mean: [scaled.mean], m2: [scaled.deviations])
            )
        }
        return round(Moments.merge(moments)?.sigma[0] ?? 0)
    }

    /// The moments of each row after scaling and compression.
    func bandMoments(_ part: TrainPart, _ feature: FeatureParameters, sigma: Double) -> Action? {
        guard let object = part.source.objects[feature.name] else { return nil }
        let scale = Normalizer.scale(feature, gain: part.gain, sigma: sigma)
        return Action(
            Stages.bandMoments,
            parameters: [
                "feature": .string(feature.name), "power": JSONValue(feature.gainDegree),
                "scale": .number(scale),
                "compression": normalize.compression, "segments": ranges(part),
            ],
            inputs: [Input(feature.name, object.digest)], subject: "\(part.path) \(feature.name)")
    }

    func runBandMoments(
        _ context: ActionContext, _ part: TrainPart, _ feature: FeatureParameters, sigma: Double
    ) throws {
        let normalizer = Normalizer(manifest: normalize, feature: feature)
        let scale = Normalizer.scale(feature, gain: part.gain, sigma: sigma)
        let rows = feature.extractedShape(in: audio)[0]
        var moments = [Audio.Moments](repeating: Audio.Moments(), count: rows)
        try eachSegment(context, part, feature) { values in
            normalizer.compress(values, scale: scale)
            for (row, added) in Audio.Moments.ofRows(rows, UnsafeBufferPointer(values)).enumerated() {
                moments[row].merge(added)
            }
        }
        try context.write(
            TensorFile.encode([
                NamedTensor("count", [Int64(moments.first?.count ?? 0)]),
                NamedTensor("mean", moments.map(\.mean)), NamedTensor("m2", moments.map(\.deviations)),
            ]), as: "moments")
    }

    /// A feature's parts under one label value, with their band moments.
    struct Group: Sendable {
        let value: String
        let feature: FeatureParameters
        let sigma: Double
        let parts: [(source: Digest, moments: Digest)]
    }

    /// The statistics object.
    func fit(_ groups: [Group]) -> Action {
        let sigmas = groups.map {
            (StatisticsFile.prefix($0.value) + $0.feature.name, JSONValue.number($0.sigma))
        }
        return Action(
            Stages.fit,
            parameters: [
                "rounds": .bool(rounds), "sigma": .object(Dictionary(sigmas) { first, _ in first }),
                "sources": .array(
                    groups.map { group in
                        .array([
                            .string(StatisticsFile.prefix(group.value) + group.feature.name),
                            .array(group.parts.map { JSONValue($0.source) }),
                        ])
                    }),
            ],
            inputs: groups.flatMap { group in group.parts.map { Input($0.source.short, $0.moments) } },
            subject: "statistics")
    }

    func runFit(_ context: ActionContext, _ groups: [Group], cache: Cache) throws {
        var file = StatisticsFile([:])
        for group in groups {
            let parts = try group.parts.map { part in
                let file = try TensorFile(bytes: cache.bytes(of: part.moments))
                return (
                    id: part.source,
                    moments: Moments(
                        count: Int(try file.tensor("count", as: Int64.self).elements.first ?? 0),
                        mean: try file.tensor("mean", as: Double.self).elements,
                        m2: try file.tensor("m2", as: Double.self).elements)
                )
            }
            let sigmaBand = (Moments.merge(parts)?.sigma ?? []).map(round)
            file.values[group.value, default: [:]][group.feature.name] = FeatureStatistics(
                sigma: group.sigma, sigmaBand: sigmaBand)
        }
        try context.write(file.encode(), as: "statistics")
    }

    private func round(_ sigma: Double) -> Double { rounds ? Moments.rounded(sigma) : sigma }

    private func ranges(_ part: TrainPart) -> JSONValue {
        part.segments == [0..<part.source.segments] ? .null : PackStage.json(part.segments)
    }

    private func eachSegment(
        _ context: ActionContext, _ part: TrainPart, _ feature: FeatureParameters,
        _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws {
        try context.withFile(of: feature.name) { path in
            try TensorFile(path: path).forEachSegment(of: feature.name, part.segments.joined()) { segment in
                try context.checkCancellation()
                try body(segment)
            }
        }
    }
}
