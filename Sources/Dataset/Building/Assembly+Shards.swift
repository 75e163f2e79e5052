import Audio
import Files
import Loading
import Manifest
import Storage
import Synchronization
import Tensors

/// The normalisation statistics.
enum Statistics: Sendable {
    /// None are wanted.
    case unwanted
    /// The object that holds them.
    case object(ObjectReference)
    /// In a plan: they would have to be fitted first.
    case unknown

    var object: ObjectReference? {
        guard case .object(let object) = self else { return nil }
        return object
    }
}

extension Assembly {
    // MARK: Statistics

    /// The normalisation statistics of the train split.
    func statistics(_ entries: [Entry]) throws -> Statistics {
        guard let block = manifest.audio, block.normalize.per != .none,
            entries.contains(where: { $0.source.kind == .audio })
        else { return .unwanted }
        let stages = StatisticsStages(block, rounds: manifest.statistics == .fit)
        guard !stages.features.isEmpty else { return .unwanted }
        if case .from(let hash) = manifest.statistics { return .object(try imported(hash)) }
        let parts = try trainParts(entries, block)
        guard !parts.isEmpty else {
            throw BuildError(
                .inputOutput,
                "the train split has no audio to fit the statistics on; "
                    + "add sources, or set audio.normalize to log or none", canRetry: false)
        }
        let groups = try groups(parts, stages)
        let lists = groups.map { stages.lists($0) }
        try runner.store(Array(lists.joined()), workers)
        let record = try runner.run(stages.fit(groups, lists)) { context in
            try stages.runFit(context, groups, cache: runner.cache)
        }
        return record.map { .object($0.output("statistics")) } ?? .unknown
    }

    /// The statistics of another snapshot.
    private func imported(_ hash: String) throws -> ObjectReference {
        guard let digest = Digest(hex: hash), runner.cache.holds(digest),
            let statistics = try Snapshot(digest, in: runner.cache).statistics
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
                        "\(entry.path) has no label '\(label)', which audio.normalize.per requires; "
                            + "give it one, or leave the file out", canRetry: false)
                }
                value = found
            }
            let segments = entry.pair.map { entries[$0.partner].segments[.train] } ?? entry.segments[.train]
            guard let segments, entry.source.segments > 0 else { return nil }
            return TrainPart(
                source: entry.source, segments: segments, gain: entry.gain?.amplitude ?? 1, value: value,
                path: entry.path)
        }
    }

    /// σ over all values of a feature, then the moments of each of its bands.
    private func groups(_ parts: [TrainPart], _ stages: StatisticsStages) throws -> [StatisticsStages.Group] {
        let done = Atomic<Int>(0)
        let total = parts.count * stages.features.count
        var groups: [StatisticsStages.Group] = []
        let byValue = Dictionary(grouping: parts, by: \.value).sorted { utf8Order($0.key, $1.key) }
        for feature in stages.features {
            for (value, parts) in byValue {
                let sigma = try stages.sigma(parts, feature, runner.cache)
                let moments = try workers.map(parts, sharing: \.source.sha256) {
                    (part) throws(BuildError) -> Digest? in
                    defer {
                        progress(
                            BuildProgress(
                                phase: .statistics, done: done.add(1, ordering: .relaxed).newValue,
                                total: total))
                    }
                    return try runner.run(stages.bandMoments(part, feature, sigma: sigma)) { context in
                        try stages.runBandMoments(context, part, feature, sigma: sigma ?? 0)
                    }?.output("moments").digest
                }
                groups.append(
                    StatisticsStages.Group(
                        value: value, feature: feature, sigma: sigma,
                        parts: zip(parts, moments).map { ($0.source.sha256, $1) }))
            }
        }
        return groups
    }

    // MARK: Shards

    /// A shard to be: a bucket of one split and kind.
    struct Bucketed: Sendable {
        let split: Split
        let kind: SegmentKind
        let parts: [ShardPart]
        /// The bits that the ids of its pieces have in common.
        let prefix: String
        /// False where a plan does not know a source whose size may still divide the trie otherwise.
        let isCertain: Bool

        var name: String { "\(split.rawValue)/\(kind.rawValue)/\(prefix)" }

        /// The lists of its entries.
        func lists(_ stage: ShardStage, isComplete: Bool) -> [InputList] {
            stage.lists(
                parts, of: "\(split.rawValue)/\(kind.rawValue)/", under: prefix, isComplete: isComplete,
                isCertain: isCertain)
        }

        /// The action that writes the shard.
        func draft(_ stage: ShardStage, _ lists: [InputList], isComplete: Bool) -> ActionDraft {
            var draft = stage.draft(
                kind, parts, lists, bucket: name, isComplete: isComplete, isCertain: isCertain)
            draft.task = .shard(self, stage.statistics)
            return draft
        }
    }

    /// The shards of every split, bucket by bucket; nil in a plan when one would be written.
    ///
    /// The order is that of segments: the entries' numbers.
    func shards(
        _ entries: [Entry], inOrder order: [Int], _ statistics: Statistics, _ summary: inout BuildSummary
    ) throws -> [Split: [Snapshot.Shard]]? {
        let stage = ShardStage(manifest, statistics)
        let isComplete = isMembershipKnown(entries)
        let buckets = bucketed(entries, inOrder: order, stage)
        let lists = buckets.map { $0.lists(stage, isComplete: isComplete) }
        try runner.store(Array(lists.joined()), workers)
        let drafts = zip(buckets, lists).map { $0.draft(stage, $1, isComplete: isComplete) }
        let losses = HalfLosses()
        let done = Atomic<Int>(0)
        let report: @Sendable () -> Void = {
            progress(
                BuildProgress(
                    phase: .shards, done: done.add(1, ordering: .relaxed).newValue, total: buckets.count))
        }
        var objects = try workers.map(drafts) { (draft) throws(BuildError) -> ObjectReference? in
            guard let record = try runner.lookup([draft])[0] else { return nil }
            report()
            losses.add(record)
            return record.output("shard")
        }
        let due = buckets.indices.filter { objects[$0] == nil }
        // A single shard, as after a small change, is made by all workers together.
        let readers = Workers(count: max(1, workers.count / max(1, due.count)))
        let written = try workers.map(due) { (index) throws(BuildError) -> ObjectReference? in
            defer { report() }
            let record = try runner.run(drafts[index]) { context in
                try stage.run(
                    context, buckets[index].kind, buckets[index].parts, cache: runner.cache, readers)
            }
            if let record { losses.add(record) }
            return record?.output("shard")
        }
        for (index, object) in zip(due, written) { objects[index] = object }
        summary.written = due.count
        summary.reused = buckets.count - due.count
        summary.warnings += losses.warnings
        var shards: [Split: [Snapshot.Shard]] = [:]
        for (bucket, object) in zip(buckets, objects) {
            guard let object else { return nil }
            shards[bucket.split, default: []].append(
                Snapshot.Shard(
                    object: object.digest, bytes: object.size,
                    segments: bucket.parts.reduce(0) { $0 + $1.count }, kind: bucket.kind))
        }
        return shards
    }

    /// Whether a plan knows which pieces are in which split.
    ///
    /// A source whose stage has not run may turn out to have no segments, or to be another's near-duplicate; where pieces
    /// are counted out or joined by their contents, that moves others.
    func isMembershipKnown(_ entries: [Entry]) -> Bool {
        let splits = manifest.splits
        return splits.method == .hash && splits.nearDuplicates != .together && splits.unit != .segment
            || entries.allSatisfy(\.source.isKnown)
    }

    /// The buckets of every split and kind, in the order of the snapshot.
    private func bucketed(
        _ entries: [Entry], inOrder order: [Int], _ stage: ShardStage
    ) -> [Bucketed] {
        var result: [Bucketed] = []
        for split in Split.allCases {
            for kind in SegmentKind.allCases {
                let parts = order.compactMap { index -> (piece: Digest, part: ShardPart)? in
                    let entry = entries[index]
                    guard entry.kind == kind, let segments = entry.segments[split], !segments.isEmpty
                    else { return nil }
                    let recording = entry.pair.map { entries[$0.partner] }
                    let part = ShardPart(
                        source: entry.source, segments: segments, gain: entry.gain,
                        labels: entry.description.labels, piece: entry.piece, path: entry.path,
                        recording: recording.map {
                            ShardPart.Recording(source: $0.source, gain: $0.gain, path: $0.path)
                        })
                    return (entry.piece, part)
                }
                let buckets = Bucket.divide(
                    parts.map { ($0.piece, stage.byteCount($0.part)) }, targetBytes: manifest.targetBytes)
                let certain = Bucket.certainPrefixes(
                    parts, targetBytes: manifest.targetBytes, isKnown: \.part.isKnown
                ) { ($0.piece, stage.byteCount($0.part)) }
                var next = parts[...]
                for bucket in buckets {
                    guard let last = bucket.pieces.last else { continue }
                    let own = next.prefix { $0.piece <= last }
                    next = next.dropFirst(own.count)
                    result.append(
                        Bucketed(
                            split: split, kind: kind, parts: own.map(\.part), prefix: bucket.prefix,
                            isCertain: certain?.contains(bucket.prefix) ?? true))
                }
            }
        }
        return result
    }
}

extension Bucket {
    /// The prefixes of the buckets that there are whatever the pieces that a plan does not know turn out to be: those
    /// that there are also if these give nothing.
    ///
    /// - Returns: nil if all are known, as in a build; then every bucket is certain.
    static func certainPrefixes<Piece>(
        _ pieces: [Piece], targetBytes: Int, isKnown: (Piece) -> Bool,
        _ size: (Piece) -> (id: Digest, byteCount: Int)
    ) -> Set<String>? {
        guard !pieces.allSatisfy(isKnown) else { return nil }
        return Set(
            divide(pieces.filter(isKnown).map(size), targetBytes: targetBytes).map(\.prefix))
    }

    /// The bits that the ids of this bucket share, as text: `*` for all ids, `01*`.
    var prefix: String {
        guard let bytes = pieces.first?.bytes else { return "*" }
        let bits = (0..<depth).map { bytes[$0 / 8] >> UInt8(7 - $0 % 8) & 1 == 1 ? "1" : "0" }
        return bits.joined() + "*"
    }
}
