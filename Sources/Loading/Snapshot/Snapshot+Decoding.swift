public import Files
public import Storage

extension Snapshot.Shard {
    fileprivate init(_ json: JSONValue, _ field: String) throws(SnapshotFault) {
        let members = try json.members(field, of: ["object", "bytes", "segments", "kind"])
        let bytes = try members["bytes"].whole("\(field).bytes", 0...Snapshot.maximumByteCount)
        self.init(
            object: try members["object"].digest("\(field).object"), bytes: bytes,
            // Every segment takes more than a byte.
            segments: try members["segments"].whole(
                "\(field).segments", 0...min(bytes, Snapshot.maximumSegmentCount)),
            kind: try SegmentKind(members["kind"], "\(field).kind"))
    }
}

extension SegmentKind {
    init(_ json: JSONValue?, _ field: String) throws(SnapshotFault) {
        let word = try json.text(field)
        guard let kind = SegmentKind(rawValue: word) else {
            throw SnapshotFault(field, "is '\(word.prefix(40))', which this version does not know")
        }
        self = kind
    }
}

extension Snapshot.Table {
    fileprivate init(_ members: [String: JSONValue], _ field: String) throws(SnapshotFault) {
        for name in members.keys.sorted() where name != "object" && name != "count" {
            throw SnapshotFault("\(field).\(name)", "is no member that this version knows")
        }
        self.init(
            object: try members["object"].digest("\(field).object"),
            count: try members["count"].whole("\(field).count", 1...Snapshot.maximumSegmentCount))
    }
}

extension Snapshot {
    /// The largest object that a snapshot may refer to, in bytes: 1 PiB.
    static let maximumByteCount = 1 << 50
    /// The largest snapshot, or table of one, that is read, in bytes.
    private static let maximumFileSize = 1 << 31
    /// The most segments of a snapshot, so that no sum of them overflows.
    static let maximumSegmentCount = 1 << 40

    /// Reads a snapshot out of a cache.
    ///
    /// - Throws: `build.object-missing`, `build.object-corrupt`; `build.damaged` for an object that is far too large, or no
    ///   snapshot; `build.no-dataset` for one of an older format; `build.io`.
    public init(_ digest: Digest, in cache: Cache) throws(BuildError) {
        let name = "snapshot \(digest.short)"
        try self.init(decoding: Self.bytes(digest, name, in: cache), named: name) {
            table throws(BuildError) in
            try Self.bytes(table, "table \(table.short) of \(name)", in: cache)
        }
    }

    /// Reads a snapshot's bytes.
    ///
    /// - Parameters:
    ///   - bytes: its object.
    ///   - name: what errors call it.
    ///   - table: gives the bytes of a table.
    /// - Throws: `BuildError` (`build.damaged`) that names the field if they are not a snapshot that this version
    ///   knows; `build.no-dataset` for one of an older format; what `table` throws.
    public init(
        decoding bytes: [UInt8], named name: String = "the snapshot",
        table: (Digest) throws(BuildError) -> [UInt8]
    ) throws(BuildError) {
        let head = try Head(bytes, named: name)
        guard head.format == Self.format else {
            throw BuildError(
                .noDataset,
                "\(name) was built by an older version of reprise, in format \(head.format); build the dataset again",
                canRetry: false)
        }
        var sources: [Source] = []
        for described in head.tables {
            let bytes = try table(described.object)
            do throws(SnapshotFault) {
                let entries = try Self.sources(ofTable: bytes)
                guard entries.count == described.count else {
                    throw SnapshotFault(
                        "sources", "lists a table with \(described.count) entries that has \(entries.count)")
                }
                sources += entries
            } catch {
                throw damaged("table \(described.object.short) of \(name)", error.message)
            }
        }
        sources.sort { utf8Order($0.path, $1.path) }
        do throws(SnapshotFault) {
            try self.init(head, sources)
        } catch {
            throw damaged(name, error.message)
        }
    }

    /// The objects that a snapshot's object refers to, whatever format it has.
    ///
    /// - Throws: `BuildError` if it cannot be read, or is no snapshot.
    public static func objects(of digest: Digest, in cache: Cache) throws(BuildError) -> [Digest] {
        let name = "snapshot \(digest.short)"
        return try Head(bytes(digest, name, in: cache), named: name).objects
    }

    /// The sizes in bytes of the shards that a snapshot's object refers to.
    ///
    /// - Throws: `BuildError` if it cannot be read, or is no snapshot of this version's format.
    public static func shardSizes(of digest: Digest, in cache: Cache) throws(BuildError) -> [Digest: Int] {
        let name = "snapshot \(digest.short)"
        let shards = try Head(bytes(digest, name, in: cache), named: name).shards
        return Dictionary(
            shards.values.joined().map { ($0.object, $0.bytes) }, uniquingKeysWith: { first, _ in first })
    }

    private static func bytes(
        _ digest: Digest, _ name: String, in cache: Cache
    ) throws(BuildError) -> [UInt8] {
        if let size = FileStat(path: cache.path(of: digest))?.size, size > maximumFileSize {
            throw damaged(name, "has \(size) bytes, but the limit is \(maximumFileSize)")
        }
        return try cache.bytes(of: digest)
    }

    private init(_ head: Head, _ sources: [Source]) throws(SnapshotFault) {
        let members = head.members
        let known: Set = [
            "format", "dataset", "manifest", "stages", "splits", "sources", "vocabularies", "statistics",
            "quarantine", "features",
        ]
        for name in members.keys.sorted() where !known.contains(name) {
            throw SnapshotFault(name, "is no member that this version knows")
        }
        for name in known.sorted() where members[name] == nil { throw SnapshotFault(name, "is missing") }
        var stages: [String: Int] = [:]
        for (name, version) in try head.object("stages") {
            stages[name] = try version.whole("stages.\(name)", 0...Int(Int32.max))
        }
        var vocabularies: [String: [String]] = [:]
        for (name, values) in try head.object("vocabularies") {
            let field = "vocabularies.\(name)"
            vocabularies[name] = try (values as JSONValue?).list(field)
                .map { value throws(SnapshotFault) in try (value as JSONValue?).text(field) }
        }
        let quarantine = try members["quarantine"].list("quarantine").enumerated()
            .map { (item) throws(SnapshotFault) in
                let field = "quarantine[\(item.offset)]"
                let problem = try item.element.members(field, of: ["path", "code"])
                return (
                    path: try problem["path"].text("\(field).path"),
                    code: try problem["code"].text("\(field).code")
                )
            }
        let count = head.shards.values.joined().reduce(0) { $0 + $1.segments }
        let listed = sources.reduce(0) { min($0 + $1.segments, Self.maximumSegmentCount + 1) }
        guard count == listed else {
            throw SnapshotFault("sources", "have \(listed) segments, the shards \(count)")
        }
        self.init(
            dataset: try members["dataset"].text("dataset"), manifest: members["manifest"] ?? .null,
            stages: stages, shards: head.shards, tables: head.tables, sources: sources,
            vocabularies: vocabularies, statistics: head.statistics, quarantine: quarantine,
            features: members["features"] ?? .null, form: try ShardForm(members["features"] ?? .null))
    }
}

private func damaged(_ name: String, _ problem: String) -> BuildError {
    BuildError(.damaged, "\(name): \(problem); build the dataset again", canRetry: false)
}

/// A snapshot's own object, without its entries: what `gc` needs to know.
private struct Head {
    let members: [String: JSONValue]
    let format: Int
    let tables: [Snapshot.Table]
    let shards: [Split: [Snapshot.Shard]]
    let statistics: Digest?

    var objects: [Digest] {
        tables.map(\.object) + shards.values.joined().map(\.object) + (statistics.map { [$0] } ?? [])
    }

    /// Reads a snapshot's object.
    ///
    /// - Throws: `build.damaged` if it is none.
    init(_ bytes: [UInt8], named name: String) throws(BuildError) {
        do throws(SnapshotFault) {
            try self.init(bytes)
        } catch {
            throw damaged(name, error.message)
        }
    }

    private init(_ bytes: [UInt8]) throws(SnapshotFault) {
        var members: [String: JSONValue] = [:]
        var lists: [[String: JSONValue]] = []
        var place: String?
        do throws(JSONError) {
            try bytes.span.withUnsafeBytes { (raw) throws(JSONError) in
                var reader = JSONReader(raw)
                try reader.members { (reader, name) throws(JSONError) in
                    guard name == "sources" else { return members[name] = try reader.value() }
                    members[name] = []
                    place = name
                    // The first format has its entries here.
                    try reader.elements { (reader) throws(JSONError) in
                        var list: [String: JSONValue] = [:]
                        try reader.members { (reader, name) throws(JSONError) in
                            if name == "object" || name == "count" {
                                list[name] = try reader.value()
                            } else {
                                list[name] = .null
                                try reader.skip()
                            }
                        }
                        lists.append(list)
                    }
                    place = nil
                }
                try reader.end()
            }
        } catch {
            throw place.map { SnapshotFault($0, "cannot be read: \(error)") } ?? SnapshotFault(json: error)
        }
        self.members = members
        format = try members["format"].whole("format", 1...Snapshot.format)
        if format == Snapshot.format {
            tables = try lists.enumerated().map { (item) throws(SnapshotFault) in
                try Snapshot.Table(item.element, "sources[\(item.offset)]")
            }
        } else {
            tables = []
        }
        statistics = members["statistics"] == .null ? nil : try members["statistics"].digest("statistics")
        shards = try Self.shards((members["splits"] ?? .null).members("splits"))
    }

    /// A member that is an object.
    func object(_ name: String) throws(SnapshotFault) -> [String: JSONValue] {
        try (members[name] ?? .null).members(name)
    }

    private static func shards(_ splits: [String: JSONValue]) throws(SnapshotFault) -> [Split: [Snapshot
        .Shard]]
    {
        var shards: [Split: [Snapshot.Shard]] = [:]
        for split in Split.allCases where splits[split.rawValue] == nil {
            throw SnapshotFault("splits.\(split.rawValue)", "is missing")
        }
        for (name, value) in splits {
            let field = "splits.\(name)"
            guard let split = Split(rawValue: name) else { throw SnapshotFault(field, "is no split") }
            let contents = try value.members(field, of: ["segments", "shards"])
            let described = try contents["shards"].list("\(field).shards").enumerated()
                .map { (item) throws(SnapshotFault) in
                    try Snapshot.Shard(item.element, "\(field).shards[\(item.offset)]")
                }
            var sum = 0
            for shard in described {
                sum += shard.segments
                guard sum <= Snapshot.maximumSegmentCount else {
                    throw SnapshotFault(
                        "\(field).shards", "have more than \(Snapshot.maximumSegmentCount) segments")
                }
            }
            _ = try contents["segments"].whole("\(field).segments", sum...sum)
            shards[split] = described
        }
        return shards
    }
}
