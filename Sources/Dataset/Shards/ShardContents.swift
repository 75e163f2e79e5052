import Build
import Tensors

/// Some of the segments of one source, as they enter a shard for one entry.
struct SegmentSelection: Sendable {
    /// The source's index in the shard's own list of sources.
    let source: Int32
    /// Index into each label's vocabulary, −1 where the entry lacks the label; in the order of the shard's labels.
    let labels: [Int32]
    /// The chosen segments as ascending, disjoint ranges.
    let segments: [Range<Int>]

    var count: Int { segments.reduce(0) { $0 + $1.count } }
}

/// What every kind of shard says of its segments: sources, labels and their vocabularies.
struct ShardContents: Sendable {
    /// SHA-256 of each source in hexadecimal, sorted.
    let sources: [String]
    /// Every label with its vocabulary, both sorted by bytes.
    let labels: [(name: String, vocabulary: [String])]
    /// The segments, in the order of the shard.
    let selections: [SegmentSelection]

    var count: Int { selections.reduce(0) { $0 + $1.count } }

    /// The columns that all kinds share.
    var items: [TensorFileLayout.Item] {
        [
            .init("segment.source", .i32, [count]),
            .init("segment.timeline", .i16, [count]),
            .init("segment.start", .i64, [count]),
            .init("segment.length", .i64, [count]),
        ] + labels.map { .init("label.\($0.name)", .i32, [count]) }
    }

    /// `sources` and `labels` as JSON strings.
    var metadata: [String: String] {
        let pairs = labels.map { label in
            (label.name, JSONValue.array(label.vocabulary.map { .string($0) }))
        }
        return [
            "sources": JSONValue.array(sources.map { .string($0) }).canonical,
            "labels": JSONValue.object(Dictionary(uniqueKeysWithValues: pairs)).canonical,
        ]
    }

    /// The elements of a shared label or source column; nil for any other column.
    func column(_ name: String) -> [Int32]? {
        if name == "segment.source" {
            return selections.flatMap { Array(repeating: $0.source, count: $0.count) }
        }
        guard let index = labels.firstIndex(where: { "label.\($0.name)" == name }) else { return nil }
        return selections.flatMap { Array(repeating: $0.labels[index], count: $0.count) }
    }
}
