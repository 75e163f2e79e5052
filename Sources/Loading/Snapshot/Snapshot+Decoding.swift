public import Build

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
    fileprivate init(_ json: JSONValue?, _ field: String) throws(SnapshotFault) {
        let word = try json.text(field)
        guard let kind = SegmentKind(rawValue: word) else {
            throw SnapshotFault(field, "is '\(word.prefix(40))', which this version does not know")
        }
        self = kind
    }
}

extension Snapshot.Source {
    /// Reads an entry member by member.
    ///
    /// The labels of the entry before are shared if they are the same, as those of neighbours are.
    fileprivate init(
        reading reader: inout JSONReader, before: Snapshot.Source?, number: Int
    ) throws(Snapshot.DecodingFault) {
        var members: [String: JSONValue] = [:]
        do throws(JSONError) {
            try reader.members { (reader, name) throws(JSONError) in members[name] = try reader.value() }
        } catch {
            throw .json(error)
        }
        do throws(SnapshotFault) {
            try self.init(members, before: before, "sources[\(number)]")
        } catch {
            throw .field(error)
        }
    }

    private init(
        _ members: [String: JSONValue], before: Snapshot.Source?, _ field: String
    ) throws(SnapshotFault) {
        let known: Set = [
            "sha256", "path", "kind", "piece", "split", "segments", "gain_db", "labels", "warnings",
        ]
        for name in members.keys.sorted() where !known.contains(name) {
            throw SnapshotFault("\(field).\(name)", "is no member that this version knows")
        }
        var split: Split?
        if members["split"] != .null {
            let word = try members["split"].text("\(field).split")
            split = Split(rawValue: word)
            if split == nil { throw SnapshotFault("\(field).split", "is '\(word.prefix(40))', no split") }
        }
        var gain: Double?
        if members["gain_db"] != .null {
            gain = members["gain_db"]?.double
            guard let gain, gain.magnitude <= 1000 else {
                throw SnapshotFault("\(field).gain_db", "is no number from -1000 to 1000")
            }
        }
        var labels: [String: String] = [:]
        for (name, value) in try (members["labels"] ?? .null).members("\(field).labels") {
            labels[name] = try (value as JSONValue?).text("\(field).labels.\(name)")
        }
        let warnings = try members["warnings"].list("\(field).warnings")
            .map { value throws(SnapshotFault) in try (value as JSONValue?).text("\(field).warnings") }
        self.init(
            sha256: try members["sha256"].digest("\(field).sha256"),
            path: try members["path"].text("\(field).path"),
            kind: try SegmentKind(members["kind"], "\(field).kind"),
            piece: try members["piece"].digest("\(field).piece").hex, split: split,
            labels: before?.labels == labels ? before?.labels ?? labels : labels,
            segments: try members["segments"].whole("\(field).segments", 0...Snapshot.maximumSegmentCount),
            gainDB: gain, warnings: warnings)
    }
}

extension Snapshot {
    /// The largest object that a snapshot may refer to, in bytes: 1 PiB.
    static let maximumByteCount = 1 << 50
    /// The largest snapshot that is read, in bytes: that of some six million sources.
    private static let maximumFileSize = 1 << 31
    /// The most segments of a snapshot, so that no sum of them overflows.
    static let maximumSegmentCount = 1 << 40

    /// Why bytes are no snapshot.
    fileprivate enum DecodingFault: Error {
        case json(JSONError)
        case field(SnapshotFault)

        var message: String {
            switch self {
            case .json(let error): "is not JSON: \(error)"
            case .field(let fault): fault.message
            }
        }
    }

    /// Reads a snapshot's bytes.
    ///
    /// - Parameters:
    ///   - bytes: its object.
    ///   - name: what errors call it.
    /// - Throws: `BuildError` (`build.damaged`) that names the field if they are not a snapshot that this version
    ///   knows.
    public init(decoding bytes: [UInt8], named name: String = "the snapshot") throws(BuildError) {
        do throws(DecodingFault) {
            try self.init(checking: bytes)
        } catch {
            throw BuildError(
                .damaged, "\(name): \(error.message); build the dataset again", canRetry: false)
        }
    }

    /// Reads a snapshot out of a cache.
    ///
    /// - Throws: `build.object-missing`, `build.object-corrupt`; `build.damaged` for a file that is far too large, or no
    ///   snapshot; `build.io`.
    public init(_ digest: Digest, in cache: Cache) throws(BuildError) {
        let name = "snapshot \(digest.short)"
        if let size = FileStat(path: cache.path(of: digest))?.size, size > Self.maximumFileSize {
            throw BuildError(
                .damaged,
                "\(name) has \(size) bytes, but the limit is \(Self.maximumFileSize); build the dataset again",
                canRetry: false)
        }
        try self.init(decoding: cache.bytes(of: digest), named: name)
    }

    private init(checking bytes: [UInt8]) throws(DecodingFault) {
        var members: [String: JSONValue] = [:]
        var sources: [Source] = []
        try bytes.span.withUnsafeBytes { (raw) throws(DecodingFault) in
            var reader = JSONReader(raw)
            var fault: DecodingFault?
            var place = ""
            do throws(JSONError) {
                try reader.members { (reader, name) throws(JSONError) in
                    place = name
                    guard name == "sources" else { return members[name] = try reader.value() }
                    members[name] = []
                    // One by one: a tree of all would take several times the room of what it is read for.
                    try reader.elements { (reader) throws(JSONError) in
                        place = "sources[\(sources.count)]"
                        do throws(DecodingFault) {
                            sources.append(
                                try Source(reading: &reader, before: sources.last, number: sources.count))
                        } catch {
                            fault = error
                            throw reader.fault("the entry cannot be read")
                        }
                    }
                }
                place = ""
                try reader.end()
            } catch {
                if case .field(let fault)? = fault { throw .field(fault) }
                throw place.isEmpty ? .json(error) : .field(SnapshotFault(place, "cannot be read: \(error)"))
            }
        }
        do throws(SnapshotFault) {
            try self.init(members, sources)
        } catch {
            throw .field(error)
        }
    }

    private init(_ members: [String: JSONValue], _ sources: [Source]) throws(SnapshotFault) {
        _ = try members["format"].whole("format", 1...1)
        let known: Set = [
            "format", "dataset", "manifest", "stages", "splits", "sources", "vocabularies", "statistics",
            "quarantine", "features",
        ]
        for name in members.keys.sorted() where !known.contains(name) {
            throw SnapshotFault(name, "is no member that this version knows")
        }
        for name in known.sorted() where members[name] == nil { throw SnapshotFault(name, "is missing") }
        func object(_ name: String) throws(SnapshotFault) -> [String: JSONValue] {
            try (members[name] ?? .null).members(name)
        }
        var stages: [String: Int] = [:]
        for (name, version) in try object("stages") {
            stages[name] = try version.whole("stages.\(name)", 0...Int(Int32.max))
        }
        var vocabularies: [String: [String]] = [:]
        for (name, values) in try object("vocabularies") {
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
        let statistics: Digest? =
            members["statistics"] == .null ? nil : try members["statistics"].digest("statistics")
        let shards = try Self.shards(object("splits"))
        let count = shards.values.joined().reduce(0) { $0 + $1.segments }
        let listed = sources.reduce(0) { min($0 + $1.segments, Self.maximumSegmentCount + 1) }
        guard count == listed else {
            throw SnapshotFault("sources", "have \(listed) segments, the shards \(count)")
        }
        self.init(
            dataset: try members["dataset"].text("dataset"), manifest: members["manifest"] ?? .null,
            stages: stages, shards: shards, sources: sources, vocabularies: vocabularies,
            statistics: statistics, quarantine: quarantine, features: members["features"] ?? .null,
            form: try ShardForm(members["features"] ?? .null))
    }

    private static func shards(_ splits: [String: JSONValue]) throws(SnapshotFault) -> [Split: [Shard]] {
        var shards: [Split: [Shard]] = [:]
        for split in Split.allCases where splits[split.rawValue] == nil {
            throw SnapshotFault("splits.\(split.rawValue)", "is missing")
        }
        for (name, value) in splits {
            let field = "splits.\(name)"
            guard let split = Split(rawValue: name) else { throw SnapshotFault(field, "is no split") }
            let contents = try value.members(field, of: ["segments", "shards"])
            let described = try contents["shards"].list("\(field).shards").enumerated()
                .map { (item) throws(SnapshotFault) in
                    try Shard(item.element, "\(field).shards[\(item.offset)]")
                }
            var sum = 0
            for shard in described {
                sum += shard.segments
                guard sum <= maximumSegmentCount else {
                    throw SnapshotFault("\(field).shards", "have more than \(maximumSegmentCount) segments")
                }
            }
            _ = try contents["segments"].whole("\(field).segments", sum...sum)
            shards[split] = described
        }
        return shards
    }
}
