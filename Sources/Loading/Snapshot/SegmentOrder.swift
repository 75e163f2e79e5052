import Build

extension Snapshot {
    /// The order in which entries have their segments in the shards of a split and kind.
    ///
    /// By piece, since shards are the leaves of a trie over piece ids; then by source, then by labels. It does not depend
    /// on paths, so that a renamed file leaves its shard as it is. An entry's own segments are in the order of their starts.
    ///
    /// - Parameter sources: entries, in the order of their paths.
    /// - Returns: their numbers, in that order.
    public static func segmentOrder(of sources: [Source]) -> [Int] {
        let labels = sources.map { labelText($0.labels) }
        return sources.indices.sorted { left, right in
            let (a, b) = (sources[left], sources[right])
            if a.piece != b.piece { return a.piece < b.piece }
            if a.sha256 != b.sha256 { return a.sha256 < b.sha256 }
            return labels[left].utf8.elementsEqual(labels[right].utf8)
                ? left < right : utf8Order(labels[left], labels[right])
        }
    }

    /// Labels as one text that orders them.
    public static func labelText(_ labels: [String: String]) -> String {
        JSONValue.object(labels.mapValues { .string($0) }).canonical
    }
}
