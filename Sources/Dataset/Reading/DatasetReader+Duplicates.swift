import Describing
import Files
public import Loading
import Storage
import Symbolic
import Tensors

/// Two sources that are one work or one recording, or hold the same passages.
public struct DuplicatePair: Sendable, Hashable {
    /// The numbers of the two among the snapshot's sources, the smaller first.
    public let first: Int
    /// The second.
    public let second: Int
    /// The share of the smaller one's stretches of twelve notes, or of its landmarks, that the other has too.
    public let share: Double
    /// Whether only the steps from note to note agree: the one is the other in another key.
    public let isTransposed: Bool
}

/// What near-duplicates are looked up by, gathered from one source after the other.
public struct DuplicateSketches: Sendable {
    fileprivate var works: (sources: [Int], sketches: [[UInt32]]) = ([], [])
    fileprivate var recordings: (sources: [Int], sketches: [[UInt32]]) = ([], [])
    private var count = 0
    private var seen: Set<Digest> = []

    /// Of nothing yet.
    public init() {}

    /// Adds the next source of the snapshot.
    public mutating func add(_ record: SourceRecord) {
        defer { count += 1 }
        // Equal bytes are told apart from near-duplicates; the first entry stands for all.
        guard seen.insert(record.source.sha256).inserted else { return }
        if let score = record.score {
            works.sources.append(count)
            works.sketches.append(score.sketch)
        } else if let sketch = record.mel?.sketch, !sketch.isEmpty {
            recordings.sources.append(count)
            recordings.sketches.append(sketch)
        }
    }
}

extension DatasetReader {
    /// From this share of common stretches of twelve pitches on, two pieces are taken for one work.
    public static let duplicateShare = 0.03
    /// From this share of common stretches of eleven intervals on, one piece is taken for another in a new key.
    ///
    /// Scales and broken chords are alike in all keys, so this is higher.
    public static let transposedShare = 0.2
    /// From this share of common landmarks on, two audio files are taken for one recording.
    ///
    /// Copies at 96 kbit/s, begun elsewhere and at another gain, have 15 % and more; unlike recordings of real music have up
    /// to 5 %, where they are sparse.
    public static let recordingShare = 0.1

    /// And from so many on: of a clip of a second, ten per cent may be one hit of chance.
    public static let recordingCount = 16

    /// Pairs of sources with different bytes that share much, by sketches first, then by all of their hashes.
    ///
    /// - Parameter sketches: of all sources, in the snapshot's order.
    /// - Returns: the pairs, in the snapshot's order.
    /// - Throws: `BuildError`.
    public func nearDuplicates(_ sketches: DuplicateSketches) throws -> [DuplicatePair] {
        let pairs =
            try sameWorks(sketches.works.sources, sketches: sketches.works.sketches)
            + sameRecordings(sketches.recordings.sources, sketches: sketches.recordings.sketches)
        return pairs.sorted { ($0.first, $0.second) < ($1.first, $1.second) }
    }

    /// Pairs of which the sketches show that they may share much.
    private func candidates(_ sketches: [[UInt32]]) -> [SharedHashes.Pair] {
        Array(
            SharedHashes.counts(sketches).filter { pair, count in
                let (a, b) = (sketches[pair.first], sketches[pair.second])
                // Only what lies below the ends of both sketches can be compared.
                let isFull = [a, b].filter { $0.count == Shingles.sketchCount }.compactMap(\.last)
                let end = isFull.min() ?? .max
                let least = min(a.count { $0 <= end }, b.count { $0 <= end })
                return count >= 2 && Double(count) >= 0.015 * Double(least)
            }.keys)
    }

    private func sameWorks(_ sources: [Int], sketches: [[UInt32]]) throws -> [DuplicatePair] {
        let candidates = candidates(sketches)
        let due = Set(candidates.flatMap { [$0.first, $0.second] }).sorted()
        let objects = try objects(of: due.map { snapshot.sources[sources[$0]] }, ReadStage.output)
        let found = try Workers().map(objects) { (object) throws(BuildError) -> (Shingles, Shingles)? in
            guard let object,
                let order = try? cache.tensors(of: object, { try PitchOrder($0).timelines })
            else { return nil }
            return (Shingles(order, .pitches), Shingles(order, .intervals))
        }
        let shingles = Dictionary(uniqueKeysWithValues: zip(due, found))
        return candidates.compactMap { pair in
            guard let a = shingles[pair.first] ?? nil, let b = shingles[pair.second] ?? nil else {
                return nil
            }
            let share = a.0.share(with: b.0)
            let transposed = a.1.share(with: b.1)
            guard share >= Self.duplicateShare || transposed >= Self.transposedShare else { return nil }
            let isTransposed = transposed >= Self.transposedShare && share < transposed / 2
            return DuplicatePair(
                first: sources[pair.first], second: sources[pair.second],
                share: isTransposed ? transposed : share, isTransposed: isTransposed)
        }
    }

    private func sameRecordings(_ sources: [Int], sketches: [[UInt32]]) throws -> [DuplicatePair] {
        let candidates = candidates(sketches)
        let due = Set(candidates.flatMap { [$0.first, $0.second] }).sorted()
        let objects = try objects(of: due.map { snapshot.sources[sources[$0]] }, SpectrumStage.output)
        let found = try Workers().map(objects) { (object) throws(BuildError) -> [UInt32] in
            guard let object else { return [] }
            return
                (try? cache.tensors(of: object) { try $0.tensor("landmarks", as: UInt32.self).elements })
                ?? []
        }
        let landmarks = Dictionary(uniqueKeysWithValues: zip(due, found))
        return candidates.compactMap { pair in
            let (first, second) = (landmarks[pair.first] ?? [], landmarks[pair.second] ?? [])
            let common = SharedHashes.common(first, second)
            guard common >= Self.recordingCount else { return nil }
            let share = Double(common) / Double(min(first.count, second.count))
            guard share >= Self.recordingShare else { return nil }
            return DuplicatePair(
                first: sources[pair.first], second: sources[pair.second], share: share,
                isTransposed: false)
        }
    }

    /// The object of each source's stage; nil where it is not recorded.
    private func objects(of sources: [Snapshot.Source], _ output: String) throws -> [Digest?] {
        try RecordIndex(self).stages(of: sources).map { $0?.outputs[output]?.digest }
    }
}
