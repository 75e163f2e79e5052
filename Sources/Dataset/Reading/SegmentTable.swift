import Files
public import Loading
import Manifest

/// Which segments each source has and where they stand, reckoned from the snapshot alone: no shard is opened.
///
/// A split's segments are in the order of kind, then piece, source and labels, since its shards are the leaves of a
/// trie over piece ids, and a source's segments are in the order of their starts.
public struct SegmentTable: Sendable {
    /// Segments of one source that follow each other in the source and in a split.
    public struct Run: Sendable, Hashable {
        /// The split.
        public let split: Split
        /// The number of the first in the split.
        public let number: Int
        /// The number of the first in the source.
        public let first: Int
        /// How many there are.
        public let count: Int
    }

    /// For each source of the snapshot its runs, in the order of the source.
    public let runs: [[Run]]
    private let order: [Split: [(number: Int, source: Int)]]

    /// Reckons.
    ///
    /// - Throws: `ManifestError` if single segments were dealt and this version no longer reads the manifest.
    public init(_ reader: DatasetReader) throws {
        let sources = reader.snapshot.sources
        let dealt = try Self.dealt(reader)
        let sorted = Snapshot.segmentOrder(of: sources)
        var runs = [[Run]](repeating: [], count: sources.count)
        var order: [Split: [(number: Int, source: Int)]] = [:]
        for split in Split.allCases {
            var number = 0
            for kind in SegmentKind.allCases {
                for source in sorted where sources[source].segmentKind == kind {
                    for range in dealt[source][split] ?? [] where !range.isEmpty {
                        order[split, default: []].append((number, source))
                        runs[source].append(
                            Run(split: split, number: number, first: range.lowerBound, count: range.count))
                        number += range.count
                    }
                }
            }
        }
        for source in runs.indices where runs[source].count > 1 { runs[source].sort { $0.first < $1.first } }
        self.runs = runs
        self.order = order
    }

    /// The segments of each source that each split got.
    private static func dealt(_ reader: DatasetReader) throws -> [[Split: [Range<Int>]]] {
        let sources = reader.snapshot.sources
        guard sources.contains(where: { $0.split == nil && $0.segments > 0 }) else {
            return sources.map { source in source.split.map { [$0: [0..<source.segments]] } ?? [:] }
        }
        return try SplitAssignment.dealt(
            sources.map { ($0.sha256, $0.segments) }, by: reader.manifest().splits
        ).segments
    }

    /// The source that a split's segment comes from, and which of its segments it is; nil for a number that the split
    /// does not have.
    public func source(of number: Int, in split: Split) -> (source: Int, segment: Int)? {
        let rows = order[split] ?? []
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].number <= number { low = middle + 1 } else { high = middle }
        }
        guard number >= 0, low > 0 else { return nil }
        let row = rows[low - 1]
        guard let run = runs[row.source].first(where: { $0.split == split && $0.number == row.number }),
            number - run.number < run.count
        else { return nil }
        return (row.source, run.first + number - run.number)
    }
}
