import Audio
import Build
import Synchronization
import Tensors

/// The normalisation statistics, as far as they are known.
enum FoundStatistics: Sendable {
    /// None are wanted.
    case unwanted
    /// The object that holds them.
    case object(ObjectReference)
    /// When planning: they would have to be fitted first.
    case unknown

    var object: ObjectReference? {
        guard case .object(let object) = self else { return nil }
        return object
    }
}

extension Assembly {
    // MARK: Statistics

    /// The normalisation statistics of the train split.
    func statistics(_ entries: [Entry]) throws -> FoundStatistics {
        guard let block = manifest.audio, block.normalize.per != .none,
            entries.contains(where: { $0.source.kind == .audio })
        else { return .unwanted }
        let stages = StatisticsStages(
            audio: AudioParameters(block), normalize: block.normalize, rounds: manifest.statistics == .fit)
        guard !stages.features.isEmpty else { return .unwanted }
        if case .from(let hash) = manifest.statistics { return .object(try imported(hash)) }
        let parts = try trainParts(entries, block)
        guard !parts.isEmpty else {
            throw BuildError(
                .inputOutput,
                "no audio is in the train split, so there is nothing to fit the statistics on; "
                    + "add sources, or set audio.normalize to log or none", canRetry: false)
        }
        guard let groups = try groups(parts, stages) else { return .unknown }
        let record = try runner.mending { () throws(BuildError) in
            try runner.run(stages.fit(groups)) { context in
                try stages.runFit(context, groups, cache: runner.cache)
            }
        }
        return record.map { .object($0.output("statistics")) } ?? .unknown
    }

    /// The statistics of another snapshot.
    private func imported(_ hash: String) throws -> ObjectReference {
        guard let digest = Digest(hex: hash), let bytes = try? runner.cache.bytes(of: digest),
            let statistics = try Snapshot(decoding: bytes).statistics
        else {
            throw BuildError(
                .noDataset,
                "statistics: {from: \(hash)}: the cache holds no such snapshot with statistics; build that one first",
                canRetry: false)
        }
        return ObjectReference(digest: statistics, size: try runner.cache.bytes(of: statistics).count)
    }

    private func trainParts(_ entries: [Entry], _ block: Manifest.Audio) throws -> [TrainPart] {
        try entries.compactMap { entry in
            guard entry.source.kind == .audio else { return nil }
            var value = ""
            if case .label(let label) = block.normalize.per {
                guard let found = entry.description.labels[label] else {
                    throw BuildError(
                        .inputOutput,
                        "\(entry.path) has no label '\(label)', by which audio.normalize.per wants it normalised; "
                            + "give it one, or leave the file out", canRetry: false)
                }
                value = found
            }
            guard let segments = entry.segments[.train], entry.source.segments > 0 else { return nil }
            return TrainPart(
                source: entry.source, segments: segments, gain: entry.gain?.amplitude ?? 1, value: value,
                path: entry.path)
        }
    }

    /// Maps and reduces twice: σ over all values, then σ of each band; nil when planning and something would run.
    private func groups(_ parts: [TrainPart], _ stages: StatisticsStages) throws -> [StatisticsStages.Group]?
    {
        let done = Atomic<Int>(0)
        let total = parts.count * stages.features.count * 2
        let report: @Sendable () -> Void = {
            progress(
                BuildProgress(
                    phase: .statistics, done: done.add(1, ordering: .relaxed).newValue, total: total))
        }
        var groups: [StatisticsStages.Group] = []
        var isKnown = true
        let byValue = Dictionary(grouping: parts, by: \.value).sorted { utf8Order($0.key, $1.key) }
        for feature in stages.features {
            for (value, parts) in byValue {
                let moments = try workers.map(parts, sharing: \.source.sha256) {
                    (part) throws(BuildError) -> ActionRecord? in
                    defer { report() }
                    let action = stages.moments(part, feature)
                    return try runMending(action, Stages.moments, part, feature) { context in
                        try stages.runMoments(context, part, feature)
                    }
                }
                let known = moments.compactMap { $0 }
                guard known.count == parts.count else {
                    isKnown = false
                    for part in parts { try expectBandMoments(part, feature) }
                    continue
                }
                let sigma = stages.sigma(parts, known, feature)
                let bands = try workers.map(parts, sharing: \.source.sha256) {
                    (part) throws(BuildError) -> ActionRecord? in
                    defer { report() }
                    let action = stages.bandMoments(part, feature, sigma: sigma)
                    return try runMending(action, Stages.bandMoments, part, feature) { context in
                        try stages.runBandMoments(context, part, feature, sigma: sigma)
                    }
                }
                let objects = zip(parts, bands).compactMap { part, record in
                    record.map { (source: part.source.sha256, moments: $0.output("moments").digest) }
                }
                isKnown = isKnown && objects.count == parts.count
                groups.append(
                    StatisticsStages.Group(value: value, feature: feature, sigma: sigma, parts: objects))
            }
        }
        if !isKnown, case .plan(let plan) = runner {
            try plan.expect(
                Stages.fit, nil, inputs: parts.map { ($0.source.sha256.short, nil) }, subject: "statistics")
        }
        return isKnown ? groups : nil
    }

    /// When planning: σ of all values is not known yet, so neither is what each band's moments are taken of.
    private func expectBandMoments(_ part: TrainPart, _ feature: FeatureParameters) throws(BuildError) {
        guard case .plan(let plan) = runner else { return }
        try plan.expect(
            Stages.bandMoments, nil,
            inputs: [(feature.name, part.source.objects[feature.name]?.digest), ("scale", nil)],
            subject: "\(part.path) \(feature.name)")
    }

    private func runMending(
        _ action: Action?, _ stage: Stage, _ part: TrainPart, _ feature: FeatureParameters,
        _ body: (ActionContext) throws -> Void
    ) throws(BuildError) -> ActionRecord? {
        guard let action else {
            if case .plan(let plan) = runner {
                try plan.expect(
                    stage, nil, inputs: [(feature.name, nil)], subject: "\(part.path) \(feature.name)")
            }
            return nil
        }
        return try runner.mending { () throws(BuildError) in try runner.run(action, body) }
    }

    // MARK: Shards

    /// A shard to be: a bucket of one split and kind.
    private struct Bucketed: Sendable {
        let split: Split
        let kind: SegmentKind
        let parts: [PackPart]
        let name: String
    }

    /// Packs every bucket; nil when planning and something would run.
    func shards(
        _ entries: [Entry], _ statistics: FoundStatistics, _ summary: inout BuildSummary
    ) throws -> [Split: [Snapshot.Shard]]? {
        let stage = PackStage(
            manifest: manifest, audio: manifest.audio.map { AudioParameters($0) }, statistics: statistics)
        let buckets = bucketed(entries, stage)
        let losses = HalfLosses()
        let done = Atomic<Int>(0)
        let report: @Sendable () -> Void = {
            progress(
                BuildProgress(
                    phase: .shards, done: done.add(1, ordering: .relaxed).newValue, total: buckets.count))
        }
        let found = try workers.map(buckets) { (bucket) throws(BuildError) -> FoundShard in
            let action = stage.action(bucket.kind, bucket.parts, bucket: bucket.name)
            guard let action, let record = try runner.lookup([action])[0] else { return .due(action) }
            report()
            losses.add(record)
            return .there(record.output("shard"))
        }
        let due = buckets.indices.filter { found[$0].object == nil }
        // A single shard, as after a small change, is made by all workers together.
        let readers = Workers(count: max(1, workers.count / max(1, due.count)))
        let packed = try workers.map(due) { (index) throws(BuildError) -> ObjectReference? in
            defer { report() }
            guard case .due(let action) = found[index] else { return nil }
            let record = try pack(buckets[index], action, stage, readers)
            if let record { losses.add(record) }
            return record?.output("shard")
        }
        summary.warnings += losses.warnings
        let new = Dictionary(uniqueKeysWithValues: zip(due, packed))
        var shards: [Split: [Snapshot.Shard]] = [:]
        for (index, bucket) in buckets.enumerated() {
            guard let object = found[index].object ?? new[index] ?? nil else { return nil }
            if found[index].object == nil { summary.written += 1 } else { summary.reused += 1 }
            shards[bucket.split, default: []].append(
                Snapshot.Shard(
                    object: object.digest, bytes: object.size,
                    segments: bucket.parts.reduce(0) { $0 + $1.count },
                    kind: bucket.kind))
        }
        return shards
    }

    /// A shard's object, or the action that makes it; nil when planning and not all that is packed is known.
    private enum FoundShard: Sendable {
        case there(ObjectReference)
        case due(Action?)

        var object: ObjectReference? {
            guard case .there(let object) = self else { return nil }
            return object
        }
    }

    private func pack(
        _ bucket: Bucketed, _ action: Action?, _ stage: PackStage, _ readers: Workers
    ) throws(BuildError) -> ActionRecord? {
        guard let action else {
            if case .plan(let plan) = runner {
                // Gains and segments of a source are not known before its stages have run.
                let isKnown = bucket.parts.allSatisfy(\.source.isKnown)
                try plan.expect(
                    Stages.pack, isKnown ? stage.parameters(bucket.kind, bucket.parts) : nil,
                    inputs: stage.inputs(bucket.kind, bucket.parts), subject: bucket.name)
            }
            return nil
        }
        return try runner.mending { () throws(BuildError) in
            try runner.run(action) { context in
                try stage.run(context, bucket.kind, bucket.parts, cache: runner.cache, readers)
            }
        }
    }

    /// The buckets of every split and kind, in the order of the snapshot.
    private func bucketed(_ entries: [Entry], _ stage: PackStage) -> [Bucketed] {
        var result: [Bucketed] = []
        for split in Split.allCases {
            for kind in SegmentKind.allCases {
                var parts: [(piece: Digest, part: PackPart)] = []
                for entry in entries where entry.source.kind == kind {
                    guard let segments = entry.segments[split], !segments.isEmpty else { continue }
                    let part = PackPart(
                        source: entry.source, segments: segments, gain: entry.gain,
                        labels: entry.description.labels, path: entry.path)
                    parts.append((entry.piece, part))
                }
                // The order must not depend on paths: a renamed file leaves its shard as it is.
                parts.sort { left, right in
                    if left.piece != right.piece { return left.piece < right.piece }
                    let (a, b) = (left.part.source.sha256, right.part.source.sha256)
                    if a != b { return a < b }
                    return utf8Order(labelOrder(left.part), labelOrder(right.part))
                }
                let buckets = Bucket.divide(
                    parts.map { ($0.piece, stage.byteCount($0.part)) }, targetBytes: manifest.targetBytes)
                var next = parts[...]
                for bucket in buckets {
                    guard let last = bucket.pieces.last else { continue }
                    let own = next.prefix { $0.piece <= last }
                    next = next.dropFirst(own.count)
                    result.append(
                        Bucketed(
                            split: split, kind: kind, parts: own.map(\.part),
                            name: "\(split.rawValue)/\(kind.rawValue)/\(bucket.prefix)"))
                }
            }
        }
        return result
    }

    private func labelOrder(_ part: PackPart) -> String {
        JSONValue.object(part.labels.mapValues { .string($0) }).canonical
    }
}

extension Bucket {
    /// The bits that the ids of this bucket share, as text: `*` for all ids, `01*`.
    var prefix: String {
        guard let bytes = pieces.first?.bytes else { return "*" }
        let bits = (0..<depth).map { bytes[$0 / 8] >> UInt8(7 - $0 % 8) & 1 == 1 ? "1" : "0" }
        return bits.joined() + "*"
    }
}
