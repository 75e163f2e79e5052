public import Build

/// What the segments of a shard hold.
public enum SegmentKind: String, Sendable, CaseIterable {
    /// Features of audio.
    case audio
    /// Notes.
    case midi
}

/// One built dataset: what it was made from, and the objects that hold it.
///
/// Stored as canonical JSON (`docs/formats.md`, Snapshot); the SHA-256 of those bytes is its name. It holds no
/// time, host, absolute path or earlier snapshot, so equal inputs give equal snapshots everywhere.
public struct Snapshot: Sendable {
    /// A shard of a split.
    public struct Shard: Sendable, Hashable {
        /// The object that holds it.
        public let object: Digest
        /// Its size in bytes.
        public let bytes: Int
        /// Its segments.
        public let segments: Int
        /// What they hold.
        public let kind: SegmentKind

        /// Describes a shard.
        public init(object: Digest, bytes: Int, segments: Int, kind: SegmentKind) {
            self.object = object
            self.bytes = bytes
            self.segments = segments
            self.kind = kind
        }
    }

    /// One entry of the manifest, as it was built.
    public struct Source: Sendable, Hashable {
        /// SHA-256 of its bytes.
        public let sha256: Digest
        /// Its path, relative to the manifest.
        public let path: String
        /// What it holds.
        public let kind: SegmentKind
        /// The id of its piece, 64 hexadecimal digits.
        public let piece: String
        /// Its split; nil where single segments were dealt.
        public let split: Split?
        /// Its labels that are known.
        public let labels: [String: String]
        /// Its segments, in all splits together.
        public let segments: Int
        /// The gain applied to its audio in dB; nil for MIDI.
        public let gainDB: Double?
        /// What was read leniently, or why it gave no segments.
        public let warnings: [String]
    }

    /// The dataset's name.
    public let dataset: String
    /// The effective manifest, with its defaults filled in.
    public let manifest: JSONValue
    /// The version of every stage that took part.
    public let stages: [String: Int]
    /// The shards of each split, in the order of their buckets, audio before MIDI.
    public let shards: [Split: [Shard]]
    /// Every entry that was read, in the order of the paths' bytes.
    public let sources: [Source]
    /// Every label's values, sorted by bytes.
    public let vocabularies: [String: [String]]
    /// The object with the normalisation statistics, if any were fitted.
    public let statistics: Digest?
    /// The entries whose bytes could not be used, with the code of the reason.
    public let quarantine: [(path: String, code: String)]
    /// What a segment holds: element types and shapes.
    public let features: JSONValue

    /// A stage in the version that the snapshot was built with.
    func stage(_ stage: Stage) -> Stage {
        Stage(stage.name, version: stages[stage.name] ?? stage.version, numerics: stage.numerics)
    }

    /// The segments of a split.
    public func segmentCount(_ split: Split) -> Int {
        (shards[split] ?? []).reduce(0) { $0 + $1.segments }
    }

    /// Every object that the snapshot refers to.
    public var objects: [Digest] {
        Split.allCases.flatMap { (shards[$0] ?? []).map(\.object) } + (statistics.map { [$0] } ?? [])
    }

    /// The canonical JSON.
    public var encoded: [UInt8] { encoded(sources: encodedSources) }

    /// The canonical JSON of `sources` alone.
    var encodedSources: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(sources.count * 320)
        for source in sources {
            bytes.append(bytes.isEmpty ? UInt8(ascii: "[") : UInt8(ascii: ","))
            source.appendCanonical(to: &bytes)
        }
        if bytes.isEmpty { bytes.append(UInt8(ascii: "[")) }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }

    /// The canonical JSON around that of `sources`.
    func encoded(sources: [UInt8]) -> [UInt8] {
        let members = membersButSources
        var bytes: [UInt8] = []
        bytes.reserveCapacity(sources.count + 1 << 16)
        for name in (members.keys + ["sources"]).sorted(by: utf8Order) {
            bytes.append(bytes.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
            JSONValue.string(name).appendCanonical(to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            if let value = members[name] { value.appendCanonical(to: &bytes) } else { bytes += sources }
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// All members but `sources`, of which there may be very many.
    private var membersButSources: [String: JSONValue] {
        [
            "format": 1,
            "dataset": .string(dataset),
            "manifest": manifest,
            "stages": .object(stages.mapValues { JSONValue($0) }),
            "splits": .object(
                Dictionary(
                    uniqueKeysWithValues: Split.allCases.map { split in
                        let shards = (shards[split] ?? []).map(\.json)
                        return (
                            split.rawValue,
                            ["segments": JSONValue(segmentCount(split)), "shards": .array(shards)]
                                as JSONValue
                        )
                    })),
            "vocabularies": .object(vocabularies.mapValues { .array($0.map { .string($0) }) }),
            "statistics": statistics.map { JSONValue($0) } ?? .null,
            "quarantine": .array(
                quarantine.map { ["path": .string($0.path), "code": .string($0.code)] as JSONValue }),
            "features": features,
        ]
    }

    init(
        dataset: String, manifest: JSONValue, stages: [String: Int], shards: [Split: [Shard]],
        sources: [Source],
        vocabularies: [String: [String]], statistics: Digest?, quarantine: [(path: String, code: String)],
        features: JSONValue
    ) {
        self.dataset = dataset
        self.manifest = manifest
        self.stages = stages
        self.shards = shards
        self.sources = sources
        self.vocabularies = vocabularies
        self.statistics = statistics
        self.quarantine = quarantine
        self.features = features
    }
}

extension Snapshot.Shard {
    var json: JSONValue {
        [
            "object": JSONValue(object), "bytes": JSONValue(bytes), "segments": JSONValue(segments),
            "kind": .string(kind.rawValue),
        ]
    }

    init?(json: JSONValue) {
        guard let object = json["object"]?.string.flatMap({ Digest(hex: $0) }),
            let bytes = json["bytes"]?.integer,
            let segments = json["segments"]?.integer,
            let kind = json["kind"]?.string.flatMap(SegmentKind.init(rawValue:))
        else { return nil }
        self.init(object: object, bytes: bytes, segments: segments, kind: kind)
    }
}

extension Snapshot.Source {
    /// The entry as the snapshot lists it.
    public var json: JSONValue {
        [
            "sha256": JSONValue(sha256), "path": .string(path), "kind": .string(kind.rawValue),
            "piece": .string(piece), "split": split.map { .string($0.rawValue) } ?? .null,
            "labels": .object(labels.mapValues { .string($0) }), "segments": JSONValue(segments),
            "gain_db": gainDB.map { .number($0) } ?? .null, "warnings": .array(warnings.map { .string($0) }),
        ]
    }

    /// Appends the canonical text of `json`, without making a value for each member.
    func appendCanonical(to bytes: inout [UInt8]) {
        bytes += #"{"gain_db":"#.utf8
        (gainDB.map { .number($0) } ?? JSONValue.null).appendCanonical(to: &bytes)
        bytes += #","kind":""#.utf8
        bytes += kind.rawValue.utf8
        bytes += #"","labels":"#.utf8
        JSONValue.object(labels.mapValues { .string($0) }).appendCanonical(to: &bytes)
        bytes += #","path":"#.utf8
        JSONValue.string(path).appendCanonical(to: &bytes)
        bytes += #","piece":"#.utf8
        JSONValue.string(piece).appendCanonical(to: &bytes)
        bytes += #","segments":"#.utf8
        bytes += String(segments).utf8
        bytes += #","sha256":""#.utf8
        bytes += sha256.hex.utf8
        bytes += #"","split":"#.utf8
        (split.map { .string($0.rawValue) } ?? JSONValue.null).appendCanonical(to: &bytes)
        bytes += #","warnings":"#.utf8
        JSONValue.array(warnings.map { .string($0) }).appendCanonical(to: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }

    /// Reads an entry member by member; nil for one that lacks what it must have.
    ///
    /// The labels of the entry before are shared if they are the same, as those of neighbours are.
    init?(reading reader: inout JSONReader, before: Snapshot.Source?) throws(JSONError) {
        var (sha256, path, kind): (Digest?, String?, SegmentKind?)
        var (piece, split, segments, gain): (String?, Split?, Int?, Double?)
        var (labels, warnings): ([String: String]?, [String]?)
        try reader.members { (reader, name) throws(JSONError) in
            switch name {
            case "sha256": sha256 = try reader.value().string.flatMap { Digest(hex: $0) }
            case "path": path = try reader.value().string
            case "kind": kind = try reader.value().string.flatMap(SegmentKind.init(rawValue:))
            case "piece": piece = try reader.value().string
            case "split": split = try reader.value().string.flatMap(Split.init(rawValue:))
            case "segments": segments = try reader.value().integer
            case "gain_db": gain = try reader.value().double
            case "labels": labels = try reader.value().object?.compactMapValues(\.string)
            case "warnings": warnings = try reader.value().array?.compactMap(\.string)
            default: try reader.skip()
            }
        }
        guard let sha256, let path, let kind, let piece, let segments, let labels, let warnings else {
            return nil
        }
        self.init(
            sha256: sha256, path: path, kind: kind, piece: piece, split: split,
            labels: before?.labels == labels ? before?.labels ?? labels : labels, segments: segments,
            gainDB: gain, warnings: warnings)
    }
}

extension Snapshot {
    /// Reads a snapshot's bytes.
    ///
    /// - Throws: `BuildError` (`cache.damaged`) if they are not a snapshot of a format that is known.
    public init(decoding bytes: [UInt8]) throws {
        var members: [String: JSONValue] = [:]
        var sources: [Source]?
        let isWhole: Void? = try? bytes.span.withUnsafeBytes { (raw) throws(JSONError) in
            var reader = JSONReader(raw)
            var found: [Source] = []
            try reader.members { (reader, name) throws(JSONError) in
                guard name == "sources" else { return members[name] = try reader.value() }
                // One by one: a tree of all would take several times the room of what it is read for.
                try reader.elements { (reader) throws(JSONError) in
                    if let source = try Source(reading: &reader, before: found.last) { found.append(source) }
                }
                sources = found
            }
            try reader.end()
        }
        guard isWhole != nil, members["format"]?.integer == 1, let dataset = members["dataset"]?.string,
            let manifest = members["manifest"],
            let stages = members["stages"]?.object, let splits = members["splits"]?.object,
            let sources, let vocabularies = members["vocabularies"]?.object,
            let quarantine = members["quarantine"]?.array, let features = members["features"]
        else {
            throw BuildError(
                .damaged, "this is not a snapshot that this version reads; build the dataset again",
                canRetry: false)
        }
        var shards: [Split: [Shard]] = [:]
        for (name, contents) in splits {
            guard let split = Split(rawValue: name) else { continue }
            shards[split] = (contents["shards"]?.array ?? []).compactMap(Shard.init(json:))
        }
        self.init(
            dataset: dataset, manifest: manifest, stages: stages.compactMapValues(\.integer), shards: shards,
            sources: sources,
            vocabularies: vocabularies.mapValues { ($0.array ?? []).compactMap(\.string) },
            statistics: members["statistics"]?.string.flatMap { Digest(hex: $0) },
            quarantine: quarantine.compactMap { item in
                guard let path = item["path"]?.string, let code = item["code"]?.string else { return nil }
                return (path, code)
            },
            features: features)
    }
}

extension Snapshot {
    /// The objects that a snapshot's object refers to.
    ///
    /// - Throws: `BuildError` if it cannot be read, or is no snapshot.
    public static func objects(of digest: Digest, in cache: Cache) throws(BuildError) -> [Digest] {
        let bytes = try cache.bytes(of: digest)
        guard let snapshot = try? Snapshot(decoding: bytes) else {
            throw BuildError(.damaged, "object \(digest) is no snapshot", canRetry: false)
        }
        return snapshot.objects
    }
}
