import Files
import Loading

/// A snapshot and its one table as a single value: the snapshot's own members, and the table's list as `entries`.
enum FlatSnapshot {
    /// The table's object, whatever it holds.
    static let table = Digest(of: [7])

    static func json(_ snapshot: Snapshot, sources: [Snapshot.Source]) throws -> JSONValue {
        guard case .object(var members) = try JSONValue(parsing: snapshot.encoded) else { return .null }
        members["sources"] = [["object": JSONValue(table), "count": JSONValue(sources.count)]]
        members["entries"] = .array(sources.map(\.json))
        return .object(members)
    }

    static func read(_ json: JSONValue, named name: String = "snapshot 123456") throws(BuildError) -> Snapshot
    {
        var members = json.object ?? [:]
        let entries = members.removeValue(forKey: "entries") ?? .null
        return try Snapshot(decoding: JSONValue.object(members).canonicalBytes, named: name) {
            digest throws(BuildError) in
            guard digest == table else {
                throw BuildError(.damaged, "snapshot 123456: another object", canRetry: false)
            }
            return entries.canonicalBytes
        }
    }
}
