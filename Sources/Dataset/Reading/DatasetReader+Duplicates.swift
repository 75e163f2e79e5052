import Build
import Symbolic
import Tensors

/// Two sources that are one work, or hold the same passages.
public struct DuplicatePair: Sendable, Hashable {
    /// The numbers of the two among the snapshot's sources, the smaller first.
    public let first: Int
    /// The second.
    public let second: Int
    /// The share of the smaller one's stretches of twelve notes that the other has too.
    public let share: Double
    /// Whether only the steps from note to note agree: the one is the other in another key.
    public let isTransposed: Bool
}

extension DatasetReader {
    /// From this share of common stretches of twelve pitches on, two pieces are taken for one work.
    public static let duplicateShare = 0.03
    /// From this share of common stretches of eleven intervals on, one piece is taken for another in a new key.
    ///
    /// Scales and broken chords are alike in all keys, so this is higher.
    public static let transposedShare = 0.2

    /// Pairs of MIDI sources with different bytes that share much, by sketches first, then by all of their stretches.
    ///
    /// - Parameter records: of all sources, as `records()` gives them.
    /// - Returns: the pairs.
    /// - Returns: the pairs, in the snapshot's order.
    /// - Throws: `BuildError`.
    public func nearDuplicates(_ records: [SourceRecord]) throws -> [DuplicatePair] {
        // Equal bytes are told apart from near-duplicates; the first entry stands for all.
        var first: [Digest: Int] = [:]
        for (index, record) in records.enumerated() where record.score != nil {
            if first[record.source.sha256] == nil { first[record.source.sha256] = index }
        }
        let sources = first.values.sorted()
        let sketches = sources.map { records[$0].score?.sketch ?? [] }
        let candidates = SharedHashes.counts(sketches).filter { pair, count in
            let (a, b) = (sketches[pair.first], sketches[pair.second])
            // Only what lies below the ends of both sketches can be compared.
            let isFull = [a, b].filter { $0.count == Shingles.sketchCount }.compactMap(\.last)
            let end = isFull.min() ?? .max
            let least = min(a.count { $0 <= end }, b.count { $0 <= end })
            return count >= 2 && Double(count) >= 0.015 * Double(least)
        }.keys
        let due = Set(candidates.flatMap { [$0.first, $0.second] }).sorted()
        let heads = try cache.lookup(
            due.map { index in
                Action(
                    Stage(
                        Stages.score.name, version: snapshot.stages[Stages.score.name] ?? Stages.score.version
                    ),
                    inputs: [Input("source", records[sources[index]].source.sha256)], subject: "")
            })
        let scores = heads.map { $0?.outputs["score"]?.digest }
        let found = try Workers().map(scores) { (digest) throws(BuildError) -> (Shingles, Shingles)? in
            guard let digest, let bytes = try? cache.bytes(of: digest),
                let score = try? Score(decoding: TensorFile(bytes: bytes))
            else { return nil }
            return (Shingles(score, .pitches), Shingles(score, .intervals))
        }
        let shingles = Dictionary(uniqueKeysWithValues: zip(due, found))
        var pairs: [DuplicatePair] = []
        for pair in candidates {
            guard let a = shingles[pair.first] ?? nil, let b = shingles[pair.second] ?? nil else { continue }
            let share = a.0.share(with: b.0)
            let transposed = a.1.share(with: b.1)
            guard share >= Self.duplicateShare || transposed >= Self.transposedShare else { continue }
            let isTransposed = transposed >= Self.transposedShare && share < transposed / 2
            pairs.append(
                DuplicatePair(
                    first: sources[pair.first], second: sources[pair.second],
                    share: isTransposed ? transposed : share, isTransposed: isTransposed))
        }
        return pairs.sorted { ($0.first, $0.second) < ($1.first, $1.second) }
    }
}
