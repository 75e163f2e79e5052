public import Build

/// What is recorded of one source of a snapshot: the facts that its stages left.
///
/// A class, since it is passed around a lot and holds some twenty arrays.
public final class SourceRecord: Sendable {
    /// The entry.
    public let source: Snapshot.Source
    /// What the first stage found: of `score` for MIDI, of `spectrum` for audio; `null` if the record is gone.
    public let facts: JSONValue
    /// The notes in all segments, those that sound on counted in each; 0 for audio.
    public let notes: Int
    /// What its score is like; nil for audio, and if neither a record nor the score is there.
    public let score: ScoreDescription?
    /// What its mel is like; nil for MIDI, without a mel, and if neither a record nor the mel is there.
    public let mel: MelDescription?
    /// What the stage `segments` found; `null` for audio, or if the record is gone.
    public let segments: JSONValue

    init(
        source: Snapshot.Source, facts: JSONValue, notes: Int, score: ScoreDescription?,
        mel: MelDescription?, segments: JSONValue
    ) {
        self.source = source
        self.facts = facts
        self.notes = notes
        self.score = score
        self.mel = mel
        self.segments = segments
    }
}

extension DatasetReader {
    /// What is recorded of every source, in the snapshot's order; read from the index alone.
    ///
    /// - Throws: `BuildError`, `ManifestError`.
    public func records() throws -> [SourceRecord] {
        var records: [SourceRecord] = []
        records.reserveCapacity(snapshot.sources.count)
        try forEachPart(finding: { $0 }, taking: { records += $0 })
        return records
    }

    /// How many sources' records are in memory at a time where they are handed out in parts.
    public static let partCount = 2048

    /// Hands out what is found in the record of every source, in the snapshot's order and some thousands at a time, so
    /// that memory need not hold the records of all.
    ///
    /// - Parameters:
    ///   - count: how many at most.
    ///   - find: looks at one record; called from several threads.
    ///   - take: takes what was found in one part; called by the caller's thread, one part after the other.
    /// - Throws: `BuildError`, `ManifestError`, and what `take` throws.
    public func forEachPart<Found: Sendable>(
        of count: Int = partCount, finding find: @Sendable (SourceRecord) -> Found,
        taking take: ([Found]) throws -> Void
    ) throws {
        let index = try RecordIndex(self)
        let workers = Workers()
        for start in stride(from: 0, to: snapshot.sources.count, by: count) {
            let end = min(start + count, snapshot.sources.count)
            let ranges = stride(from: start, to: end, by: 128).map { $0..<min($0 + 128, end) }
            let found = try workers.map(ranges) { (range) throws(BuildError) in
                try index.records(range).map(find)
            }
            try take(Array(found.joined()))
        }
    }
}

/// Finds the records of a snapshot's sources.
private struct RecordIndex: Sendable {
    private let cache: Cache
    private let snapshot: Snapshot
    private let rolls: Parameters
    private let spectrum: Parameters

    init(_ reader: DatasetReader) throws {
        cache = reader.cache
        snapshot = reader.snapshot
        let manifest = try reader.manifest()
        rolls = Parameters(manifest.midi?.effective ?? .null)
        spectrum = Parameters(manifest.audio?.spectrum ?? .null)
    }

    func records(_ range: Range<Int>) throws(BuildError) -> [SourceRecord] {
        let sources = snapshot.sources[range]
        let (score, spectrum, segments) = (
            snapshot.stage(Stages.score), snapshot.stage(Stages.spectrum), snapshot.stage(Stages.segments)
        )
        let heads = try cache.recorded(
            sources.map { source in
                let input = [Input("source", source.sha256)]
                return switch source.kind {
                case .midi: Action(score, inputs: input, subject: source.path)
                case .audio:
                    Action(spectrum, parameters: self.spectrum, inputs: input, subject: source.path)
                }
            })
        let tails = try recorded(
            heads.map { head in
                head?.outputs["score"].map { score in
                    Action(
                        segments, parameters: rolls, inputs: [Input("score", score.digest)],
                        subject: head?.subject ?? "")
                }
            })
        let descriptions = try describe(heads)
        return heads.indices.map { index in
            let facts = tails[index]?.facts ?? .null
            let (source, description) = (sources[range.lowerBound + index], descriptions[index])
            return SourceRecord(
                source: source, facts: heads[index]?.facts ?? .null, notes: facts["notes"]?.integer ?? 0,
                score: source.kind == .midi ? description.flatMap { ScoreDescription($0) } : nil,
                mel: source.kind == .audio ? description.flatMap { MelDescription(json: $0.facts) } : nil,
                segments: facts)
        }
    }

    /// What sources are like: as recorded, or found now for those that an older version built.
    private func describe(_ heads: [ActionRecord?]) throws(BuildError) -> [ActionRecord?] {
        let actions = heads.map { record in
            record.flatMap { $0.failure == nil ? DescribeStage.action(of: $0, path: $0.subject) : nil }
        }
        return try zip(actions, recorded(actions)).map { action, record in
            if record != nil { return record }
            return action.flatMap { action in
                (try? DescribeStage.facts(action, cache)).map { facts in
                    ActionRecord(action: action, result: ActionResult(facts: facts))
                }
            }
        }
    }

    private func recorded(_ actions: [Action?]) throws(BuildError) -> [ActionRecord?] {
        let indices = actions.indices.filter { actions[$0] != nil }
        var records = [ActionRecord?](repeating: nil, count: actions.count)
        for (index, record) in zip(indices, try cache.recorded(indices.compactMap { actions[$0] })) {
            records[index] = record
        }
        return records
    }
}
