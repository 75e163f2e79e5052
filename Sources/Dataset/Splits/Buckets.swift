public import Files

/// A shard's share of the pieces of one split and kind: a leaf of the binary trie over piece ids.
public struct Bucket: Hashable, Sendable {
    /// How many leading bits the ids of this bucket, and of no other, share.
    public let depth: Int
    /// The pieces, ascending.
    public let pieces: [Digest]
    /// Their size in all.
    public let byteCount: Int

    /// Divides pieces into buckets.
    ///
    /// A prefix of ids splits in two while its pieces exceed `targetBytes` and are more than one; halves that hold
    /// nothing are no buckets. The result is a pure function of the set: whatever comes or goes, buckets whose pieces
    /// stay the same stay the same.
    ///
    /// - Parameters:
    ///   - pieces: ids with their bytes, in any order; an id that appears more than once counts with the sum.
    ///   - targetBytes: the size over which a bucket of several pieces splits.
    /// - Returns: the buckets in the order of their ids.
    public static func divide(_ pieces: [(id: Digest, byteCount: Int)], targetBytes: Int) -> [Bucket] {
        let sizes = Dictionary(pieces.map { ($0.id, $0.byteCount) }) { $0 + $1 }
        let ids = sizes.keys.sorted()
        let bits = ids.map(\.bytes)
        var sums = [0]
        for id in ids { sums.append(sums[sums.count - 1] + sizes[id, default: 0]) }
        var buckets: [Bucket] = []
        func visit(_ range: Range<Int>, _ depth: Int) {
            let byteCount = sums[range.upperBound] - sums[range.lowerBound]
            guard byteCount > targetBytes, range.count > 1 else {
                if !range.isEmpty {
                    buckets.append(Bucket(depth: depth, pieces: Array(ids[range]), byteCount: byteCount))
                }
                return
            }
            var (low, high) = (range.lowerBound, range.upperBound)
            while low < high {
                let middle = (low + high) / 2
                if bits[middle][depth / 8] >> UInt8(7 - depth % 8) & 1 == 1 {
                    high = middle
                } else {
                    low = middle + 1
                }
            }
            visit(range.lowerBound..<low, depth + 1)
            visit(low..<range.upperBound, depth + 1)
        }
        visit(0..<ids.count, 0)
        return buckets
    }
}
