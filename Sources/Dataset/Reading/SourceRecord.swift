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
    /// What its score is like; nil for audio, and if its score is gone.
    public let score: ScoreDescription?
    /// What its mel is like; nil for MIDI, without a mel, and if it is gone.
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
    /// - Throws: `BuildError`.
    public func records() throws -> [SourceRecord] {
        let versions = snapshot.stages
        func stage(_ stage: Stage) -> Stage {
            Stage(stage.name, version: versions[stage.name] ?? stage.version, numerics: stage.numerics)
        }
        let manifest = try manifest()
        let rolls = Parameters(manifest.midi?.effective ?? .null)
        let spectrum = Parameters(manifest.audio?.spectrum ?? .null)
        let heads = snapshot.sources.map { source -> Action in
            let input = [Input("source", source.sha256)]
            return switch source.kind {
            case .midi: Action(stage(Stages.score), inputs: input, subject: source.path)
            case .audio:
                Action(stage(Stages.spectrum), parameters: spectrum, inputs: input, subject: source.path)
            }
        }
        var result: [SourceRecord] = []
        result.reserveCapacity(heads.count)
        for start in stride(from: 0, to: heads.count, by: 4096) {
            let range = start..<min(start + 4096, heads.count)
            let found = try cache.lookup(Array(heads[range]))
            let scores = found.indices.filter { found[$0]?.outputs["score"] != nil }
            let tails = try cache.lookup(
                scores.compactMap { index in
                    found[index]?.outputs["score"].map { score in
                        Action(
                            stage(Stages.segments), parameters: rolls, inputs: [Input("score", score.digest)],
                            subject: snapshot.sources[start + index].path)
                    }
                })
            let segmentsOf = Dictionary(uniqueKeysWithValues: zip(scores, tails.map { $0?.facts ?? .null }))
            let descriptions = try describe(found)
            for (offset, record) in found.enumerated() {
                let segments = segmentsOf[offset] ?? .null
                result.append(
                    SourceRecord(
                        source: snapshot.sources[start + offset], facts: record?.facts ?? .null,
                        notes: segments["notes"]?.integer ?? 0,
                        score: ScoreDescription(json: descriptions[offset]),
                        mel: MelDescription(json: descriptions[offset]), segments: segments))
            }
        }
        return result
    }

    /// What sources are like: as recorded, or found now for those that an older version built.
    private func describe(_ heads: [ActionRecord?]) throws -> [JSONValue] {
        let actions = heads.map { record in
            record.flatMap { $0.failure == nil ? DescribeStage.action(of: $0, path: $0.subject) : nil }
        }
        let due = actions.indices.filter { actions[$0] != nil }
        let records = try cache.lookup(due.compactMap { actions[$0] })
        var result = [JSONValue](repeating: .null, count: heads.count)
        for (index, record) in zip(due, records) { result[index] = record?.facts ?? .null }
        let missing = due.filter { result[$0] == .null }
        let found = try Workers().map(missing) { (index) throws(BuildError) -> JSONValue in
            actions[index].flatMap { try? DescribeStage.facts($0, cache) } ?? .null
        }
        for (index, facts) in zip(missing, found) { result[index] = facts }
        return result
    }
}
