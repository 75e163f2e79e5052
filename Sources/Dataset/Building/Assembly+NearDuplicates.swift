import Build
import Symbolic
import Tensors

extension Assembly {
    /// Pairs of sources that share passages: a pure function of the set of sources.
    ///
    /// Sources that are not known yet when planning are passed over, and audio without a mel.
    func nearDuplicates(_ entries: [Entry]) throws -> [(first: Digest, second: Digest)] {
        var scores: [Digest: Action] = [:]
        var sounds: [Digest: Action] = [:]
        for entry in entries {
            let (source, path) = (entry.source, entry.path)
            if let score = source.score {
                scores[source.sha256] = Action(
                    Stages.shingles, inputs: [Input("score", score.digest)], subject: path)
            } else if let mel = DescribeStage.mel(source.objects) {
                sounds[source.sha256] = Action(Stages.landmarks, inputs: [mel], subject: path)
            }
        }
        return try pairs(scores, from: DatasetReader.duplicateShare, atLeast: 1) { context in
            Shingles(try ScoreStage.decode(context), .pitches).hashes
        }
            + pairs(
                sounds, from: DatasetReader.recordingShare, atLeast: DatasetReader.recordingCount
            ) { context in
                let name = context.action.inputs[0].name
                return try context.withFile(of: name) {
                    try Landmarks(TensorFile(path: $0), name).hashes
                }
            }
    }

    /// Pairs of sources whose sets of hashes share so much of the smaller one's, and so many.
    private func pairs(
        _ actions: [Digest: Action], from leastShare: Double, atLeast leastCount: Int,
        _ hashes: @escaping @Sendable (ActionContext) throws -> [UInt32]
    ) throws -> [(first: Digest, second: Digest)] {
        let sources = actions.sorted { $0.key < $1.key }
        let sets = try workers.map(sources) { (source) throws(BuildError) -> [UInt32] in
            let name = source.value.stage.name
            return try runner.mending { () throws(BuildError) in
                let record = try runner.run(source.value) { context in
                    try context.write(TensorFile.encode([NamedTensor(name, hashes(context))]), as: name)
                }
                guard let record else { return [] }
                let bytes = try runner.cache.bytes(of: record.output(name).digest)
                return (try? TensorFile(bytes: bytes).tensor(name, as: UInt32.self).elements) ?? []
            }
        }
        return SharedHashes.counts(sets).compactMap { pair, count in
            let least = min(sets[pair.first].count, sets[pair.second].count)
            guard count >= leastCount, Double(count) >= leastShare * Double(least) else { return nil }
            return (sources[pair.first].key, sources[pair.second].key)
        }
    }
}
