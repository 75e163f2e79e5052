public import Files

extension Snapshot {
    /// The order in which entries have their segments in the shards of a split and kind.
    ///
    /// By piece, since shards are the leaves of a trie over piece ids; then by source, then by labels. It does not depend
    /// on paths, so that a renamed file leaves its shard as it is. An entry's own segments are in the order of their starts.
    ///
    /// - Parameter sources: entries, in the order of their paths.
    /// - Returns: their numbers, in that order.
    public static func segmentOrder(of sources: [Source]) -> [Int] {
        sources.indices.sorted { left, right in
            let (a, b) = (sources[left], sources[right])
            if a.piece != b.piece { return a.piece < b.piece }
            return entryOrder((a.sha256, a.labels), (b.sha256, b.labels)) ?? (left < right)
        }
    }

    /// Whether an entry comes before another: by source, then by the canonical text of the labels.
    ///
    /// - Returns: nil where both agree.
    public static func entryOrder(
        _ first: (source: Digest, labels: [String: String]),
        _ second: (source: Digest, labels: [String: String])
    ) -> Bool? {
        if first.source != second.source { return first.source < second.source }
        // Few entries have equal bytes, so labels are seldom spelt.
        let (a, b) = (canonical(first.labels), canonical(second.labels))
        return a == b ? nil : a.lexicographicallyPrecedes(b)
    }

    private static func canonical(_ labels: [String: String]) -> [UInt8] {
        LabelText.json(labels).canonicalBytes
    }
}
