public import Build

/// What is recorded of one source of a snapshot: the facts that its stages left.
public struct SourceRecord: Sendable {
    /// The entry.
    public let source: Snapshot.Source
    /// What the first stage found: of `score` for MIDI, of `spectrum` for audio; `null` if the record is gone.
    public let facts: JSONValue
    /// The notes in all segments, those that sound on counted in each; 0 for audio.
    public let notes: Int
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
            let tails = found.enumerated().compactMap { offset, record -> (Int, Action)? in
                guard let record, let score = record.outputs["score"] else { return nil }
                return (
                    offset,
                    Action(
                        stage(Stages.segments), parameters: rolls, inputs: [Input("score", score.digest)],
                        subject: record.subject)
                )
            }
            var notes = [Int](repeating: 0, count: range.count)
            for ((offset, _), record) in zip(tails, try cache.lookup(tails.map(\.1))) {
                notes[offset] = record?.facts["notes"]?.integer ?? 0
            }
            for (offset, record) in found.enumerated() {
                result.append(
                    SourceRecord(
                        source: snapshot.sources[start + offset], facts: record?.facts ?? .null,
                        notes: notes[offset]))
            }
        }
        return result
    }
}
