import Build
import Symbolic
import Tensors

extension Assembly {
    /// From this share of the smaller one's stretches of twelve pitches on, two sources are one piece.
    static let duplicateShare = 0.03

    /// Pairs of sources that share passages: a pure function of the set of sources.
    ///
    /// Sources that are not known yet when planning are passed over.
    func nearDuplicates(_ entries: [Entry]) throws -> [(first: Digest, second: Digest)] {
        var scores: [Digest: (score: ObjectReference, path: String)] = [:]
        for entry in entries {
            if let score = entry.source.score { scores[entry.source.sha256] = (score, entry.path) }
        }
        let sources = scores.sorted { $0.key < $1.key }
        let sets = try workers.map(sources) { (source) throws(BuildError) -> [UInt32] in
            let (score, path) = source.value
            let action = Action(Stages.shingles, inputs: [Input("score", score.digest)], subject: path)
            return try runner.mending { () throws(BuildError) in
                let record = try runner.run(action) { context in
                    let score = try ScoreStage.decode(context)
                    let hashes = Shingles(score, .pitches).hashes
                    try context.write(TensorFile.encode([NamedTensor("shingles", hashes)]), as: "shingles")
                }
                guard let record else { return [] }
                let bytes = try runner.cache.bytes(of: record.output("shingles").digest)
                return (try? TensorFile(bytes: bytes).tensor("shingles", as: UInt32.self).elements) ?? []
            }
        }
        return SharedHashes.counts(sets).compactMap { pair, count in
            let least = min(sets[pair.first].count, sets[pair.second].count)
            guard Double(count) >= Self.duplicateShare * Double(least) else { return nil }
            return (sources[pair.first].key, sources[pair.second].key)
        }
    }
}
