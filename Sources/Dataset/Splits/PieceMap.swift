public import Files

/// The pieces that entries belong to.
///
/// A piece's id is the SHA-256 of the explicit piece string (its UTF-8), else the source's hash. Pieces that share a
/// source are one piece, known by the smallest of their ids, so that equal bytes are never in two splits.
public struct PieceMap: Sendable {
    /// The piece of each entry.
    public let ids: [Digest]
    /// A warning `splits.pieces-merged` for each piece that was several.
    public let warnings: [Diagnostic]

    /// Finds the pieces.
    ///
    /// - Parameters:
    ///   - entries: each entry's source, and its explicit piece string if it has one.
    ///   - alike: pairs of sources that are one piece whatever the strings say; no warning reports these.
    public init(
        _ entries: [(source: Digest, piece: String?)], alike: [(first: Digest, second: Digest)] = []
    ) {
        let own = entries.map { entry in entry.piece.map { Digest(of: $0.utf8) } ?? entry.source }
        var joined = DisjointSets()
        var first: [Digest: Digest] = [:]
        for (entry, id) in zip(entries, own) {
            joined.insert(id)
            if let other = first[entry.source] { joined.join(id, other) } else { first[entry.source] = id }
        }
        var parts: [Digest: Set<Digest>] = [:]
        for id in own {
            let root = joined.root(id)
            if id != root { parts[root, default: [root]].insert(id) }
        }
        var names: [Digest: String] = [:]
        for (entry, id) in zip(entries, own) where parts[joined.root(id)] != nil {
            names[id] = entry.piece.map { "'\($0)'" } ?? "the source \(id.short)"
        }
        var all = joined
        for pair in alike {
            if let a = first[pair.first], let b = first[pair.second] { all.join(a, b) }
        }
        ids = own.map { all.root($0) }
        warnings = parts.keys.sorted().map { root in
            let all = parts[root, default: []].sorted().compactMap { names[$0] }
            return Diagnostic(
                .warning, code: "splits.pieces-merged",
                message:
                    "the pieces \(all.prefix(5).joined(separator: ", "))\(all.count > 5 ? " and \(all.count - 5) more" : "") share a source and count as one",
                help: "give them one piece string")
        }
    }
}

/// Sets of digests that are joined step by step; each is known by its smallest member.
struct DisjointSets {
    private var parents: [Digest: Digest] = [:]

    mutating func insert(_ id: Digest) {
        if parents[id] == nil { parents[id] = id }
    }

    mutating func root(_ id: Digest) -> Digest {
        var root = id
        while let parent = parents[root], parent != root { root = parent }
        var step = id
        while let parent = parents[step], parent != root { (parents[step], step) = (root, parent) }
        return root
    }

    mutating func join(_ first: Digest, _ second: Digest) {
        insert(first)
        insert(second)
        let (a, b) = (root(first), root(second))
        if a < b { parents[b] = a } else { parents[a] = b }
    }
}
