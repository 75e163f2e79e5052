import Files
import Loading
import Tensors

/// What every kind of shard says of its segments: entries with their sources and labels, and which segments are whose.
struct ShardContents: Sendable {
    /// Each entry's source and labels, by source, then labels.
    let entries: [(source: Digest, labels: [String: String])]
    /// In the order of the shard: the number of an entry, and how many segments follow that are its own.
    let runs: [(entry: Int32, count: Int)]
    /// The number of each run's recording; empty unless the parts are pairs.
    private let recordings: [Int32]

    /// Lists the parts of a shard, in its order.
    init(_ parts: [ShardPart]) {
        // A pair has two entries of equal labels: the score's, then the recording's.
        let sources = parts.map(\.source.sha256) + parts.compactMap(\.recording?.source.sha256)
        precondition(sources.count % parts.count == 0, "some parts are pairs, others are not")
        let order = sources.indices.sorted { left, right in
            let (a, b) = (left % parts.count, right % parts.count)
            return Snapshot.entryOrder((sources[left], parts[a].labels), (sources[right], parts[b].labels))
                ?? (a < b)
        }
        var numbers = [Int32](repeating: 0, count: sources.count)
        for (number, part) in order.enumerated() { numbers[part] = Int32(number) }
        entries = order.map { (sources[$0], parts[$0 % parts.count].labels) }
        runs = zip(numbers, parts).map { ($0, $1.count) }
        recordings = Array(numbers.dropFirst(parts.count))
    }

    /// The segments.
    var count: Int { runs.reduce(0) { $0 + $1.count } }

    /// The columns that all kinds share.
    var items: [TensorFileLayout.Item] {
        [
            .init("segment.source", .i32, [count]),
            .init("segment.timeline", .i16, [count]),
            .init("segment.start", .i64, [count]),
            .init("segment.length", .i64, [count]),
        ]
    }

    /// `sources` and `labels` as JSON strings.
    var metadata: [String: String] {
        [
            "sources": JSONValue.array(entries.map { JSONValue($0.source) }).canonical,
            "labels": JSONValue.array(
                entries.map { entry in LabelText.json(entry.labels) }
            ).canonical,
        ]
    }

    /// The column `segment.source`.
    var sources: [Int32] { runs.flatMap { Array(repeating: $0.entry, count: $0.count) } }

    /// The column `segment.audio`.
    var recordingSources: [Int32] {
        zip(recordings, runs).flatMap { Array(repeating: $0, count: $1.count) }
    }
}
