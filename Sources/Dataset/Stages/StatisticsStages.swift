import Audio
import Build
import Files
import Manifest
import Storage
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

    /// Whether all of the source's segments train.
    var isWhole: Bool { segments == [0..<source.segments] }
}

/// Moments by source, merged in a fixed order: the train split's statistics (map and reduce).
struct StatisticsStages: Sendable {
    let audio: AudioParameters
    let normalize: Manifest.Audio.Normalize
    /// Whether each σ is rounded to a power of 2^(1/64).
    let rounds: Bool
    private let rows: FeatureRows

    init(_ manifest: Manifest.Audio, rounds: Bool) {
        audio = AudioParameters(manifest)
        normalize = manifest.normalize
        self.rounds = rounds
        rows = FeatureRows(audio)
    }

    /// The features that have statistics, in the order of the tensor `moments`.
    var features: [FeatureParameters] { audio.features.filter(Normalizer.concerns) }

    /// σ of a feature over parts at their gains; nil while a plan does not know one of the sources.
    func sigma(
        _ parts: [TrainPart], _ feature: FeatureParameters, _ cache: Cache
    ) throws -> Double? {
        guard parts.allSatisfy(\.source.isKnown) else { return nil }
        let scaled = try parts.map { part in
            let scaled = try self.moments(part, feature, cache)
                .scaled(by: Normalizer.scale(feature, gain: part.gain, sigma: 1))
            return (
                id: part.source.sha256,
                moments: Moments(count: scaled.count, mean: [scaled.mean], m2: [scaled.deviations])
            )
        }
        return round(Moments.merge(scaled)?.sigma[0] ?? 0)
    }

    /// A feature's moments at unity gain: of the whole source as recorded, of some segments from its object.
    private func moments(
        _ part: TrainPart, _ feature: FeatureParameters, _ cache: Cache
    ) throws -> Audio.Moments {
        if part.isWhole { return part.source.moments[feature.name] ?? Audio.Moments() }
        guard let object = part.source.object,
            let number = features.firstIndex(where: { $0.name == feature.name })
        else { return Audio.Moments() }
        let size = feature.extractedShape(in: audio).reduce(1, *)
        return try cache.withContents(of: object.digest, size: object.size) { contents in
            try TensorFile(contents).withElements(of: "moments", as: Double.self) { values in
                part.segments.joined().reduce(into: Audio.Moments()) { total, segment in
                    let base = (segment * features.count + number) * 2
                    total.merge(
                        Audio.Moments(count: size, mean: values[base], deviations: values[base + 1]))
                }
            }
        }
    }

    /// The moments of each row after scaling and compression; σ is nil while a plan does not know it.
    func bandMoments(_ part: TrainPart, _ feature: FeatureParameters, sigma: Double?) -> ActionDraft {
        let parameters = sigma.map { sigma in
            Parameters([
                "feature": .string(feature.name), "power": JSONValue(feature.gainDegree),
                "scale": .number(Normalizer.scale(feature, gain: part.gain, sigma: sigma)),
                "compression": normalize.compression,
                "segments": part.isWhole ? .null : ShardStage.json(part.segments),
            ])
        }
        var draft = ActionDraft(
            Stages.bandMoments, parameters: parameters,
            inputs: [(SpectrumStage.output, part.source.object?.digest)],
            subject: "\(part.path) \(feature.name)")
        draft.task = sigma.map { .bandMoments(part, feature: feature.name, sigma: $0) }
        return draft
    }

    func runBandMoments(
        _ context: ActionContext, _ part: TrainPart, _ feature: FeatureParameters, sigma: Double
    ) throws {
        let normalizer = Normalizer(manifest: normalize, feature: feature)
        let scale = Normalizer.scale(feature, gain: part.gain, sigma: sigma)
        let bands = feature.extractedShape(in: audio)[0]
        var moments = [Audio.Moments](repeating: Audio.Moments(), count: bands)
        try context.withContents(of: SpectrumStage.output) { contents in
            try rows.forEachSegment(of: feature.name, in: TensorFile(contents), part.segments.joined()) {
                values in
                try context.checkCancellation()
                normalizer.compress(values, scale: scale)
                for (band, added) in Audio.Moments.ofRows(bands, UnsafeBufferPointer(values)).enumerated() {
                    moments[band].merge(added)
                }
            }
        }
        try context.write(
            TensorFile.encode([
                NamedTensor("count", [Int64(moments.first?.count ?? 0)]),
                NamedTensor("mean", moments.map(\.mean)), NamedTensor("m2", moments.map(\.deviations)),
            ]), as: "moments")
    }

    /// A feature's parts under one label value, with their band moments; what a plan does not know is nil.
    struct Group: Sendable {
        let value: String
        let feature: FeatureParameters
        let sigma: Double?
        let parts: [(source: Digest, moments: Digest?)]
    }

    /// The lists of a group's parts, 256 at most each.
    func lists(_ group: Group) -> [InputList] {
        InputList.divide(
            group.parts.sorted { $0.source < $1.source }.map { part in
                InputList.Item(
                    id: part.source,
                    value: [
                        "source": JSONValue(part.source),
                        "moments": part.moments.map { JSONValue($0) } ?? .null,
                    ],
                    inputs: [(part.source.short, part.moments)])
            }, of: "statistics/\(Self.name(group))/", isComplete: true)
    }

    private static func name(_ group: Group) -> String {
        StatisticsFile.prefix(group.value) + group.feature.name
    }

    /// The statistics object.
    func fit(_ groups: [Group], _ lists: [[InputList]]) -> ActionDraft {
        let sigmas = groups.compactMap { group in
            group.sigma.map { (Self.name(group), JSONValue.number($0)) }
        }
        let isKnown = sigmas.count == groups.count
        let parameters = Parameters([
            "rounds": .bool(rounds), "sigma": .object(Dictionary(sigmas) { first, _ in first }),
        ])
        return ActionDraft(
            Stages.fit, parameters: isKnown ? parameters : nil,
            inputs: zip(groups, lists).flatMap { group, lists in
                lists.map { ("\(Self.name(group)) \($0.prefix)", $0.input.digest) }
            }, subject: "statistics",
            detail: {
                ActionDraft.Detail(
                    parameters: isKnown ? parameters : nil,
                    inputs: groups.flatMap { group in group.parts.map { ($0.source.short, $0.moments) } })
            })
    }

    func runFit(_ context: ActionContext, _ groups: [Group], cache: Cache) throws {
        var file = StatisticsFile([:])
        for group in groups {
            let parts = try group.parts.compactMap { part in
                try part.moments.map { moments in
                    let file = try TensorFile(bytes: cache.bytes(of: moments))
                    return (
                        id: part.source,
                        moments: Moments(
                            count: Int(try file.tensor("count", as: Int64.self).elements.first ?? 0),
                            mean: try file.tensor("mean", as: Double.self).elements,
                            m2: try file.tensor("m2", as: Double.self).elements)
                    )
                }
            }
            let sigmaBand = (Moments.merge(parts)?.sigma ?? []).map(round)
            file.values[group.value, default: [:]][group.feature.name] = FeatureStatistics(
                sigma: group.sigma ?? 0, sigmaBand: sigmaBand)
        }
        try context.write(file.encode(), as: "statistics", for: .readers)
    }

    private func round(_ sigma: Double) -> Double { rounds ? Moments.rounded(sigma) : sigma }
}
