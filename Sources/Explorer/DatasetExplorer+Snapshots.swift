import Dataset
import Files
import Insight
import Loading

extension DatasetExplorer {
    /// The most paths of one kind of change that an answer lists.
    private static let mostChanges = 500

    /// Every snapshot of the dataset that the cache still holds.
    func snapshots() throws -> [DatasetReader.Listing] {
        try DatasetReader.list(cachePath: cachePath).filter {
            $0.snapshot?.dataset == reader.snapshot.dataset
        }
    }

    func describe(_ listing: DatasetReader.Listing) -> JSONValue {
        [
            "name": .string(listing.name), "snapshot": JSONValue(listing.digest),
            "built": listing.built.map { JSONValue($0) } ?? .null,
            "sources": JSONValue(listing.snapshot?.sources.count ?? 0),
            "segments": JSONValue(
                Split.allCases.reduce(0) { $0 + (listing.snapshot?.segmentCount($1) ?? 0) }),
            "is_shown": .bool(listing.digest == reader.digest),
        ]
    }

    /// What changed from the snapshot `from=<hash>`, one of those that are listed, to the one that is shown.
    func compare(_ request: ExplorerRequest) throws -> JSONValue {
        guard let listing = try snapshots().first(where: { $0.digest.hex == request["from"] }) else {
            throw ExplorerError(.notFound, "no such snapshot")
        }
        let old = try DatasetReader(listing.digest.hex, cachePath: cachePath)
        let comparison = SnapshotComparison(from: old, to: reader)
        guard case .object(var members) = comparison.json else { return comparison.json }
        var counts: [String: JSONValue] = [:]
        var paths: Set<[UInt8]> = []
        for (name, value) in members {
            guard let list = value.array else { continue }
            counts[name] = JSONValue(list.count)
            let some = list.prefix(Self.mostChanges)
            members[name] = .array(Array(some))
            for entry in some {
                if let path = entry.string ?? entry["path"]?.string { paths.insert(Array(path.utf8)) }
            }
        }
        var links: [String: JSONValue] = [:]
        for (number, source) in reader.snapshot.sources.enumerated()
        where paths.contains(Array(source.path.utf8)) {
            guard let run = table.runs[number].first else { continue }
            links[source.path] = .string("\(run.split.rawValue)/\(run.number)")
        }
        members["counts"] = .object(counts)
        members["links"] = .object(links)
        return .object(members)
    }
}
