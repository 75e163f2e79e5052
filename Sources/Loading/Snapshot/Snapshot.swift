public import Files
public import Storage

/// What the segments of a shard hold.
public enum SegmentKind: String, Sendable, CaseIterable {
    /// Features of audio.
    case audio
    /// Notes.
    case midi
    /// Notes and the features of their recording, on one axis of time.
    case paired
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

    /// Some of the entries: a leaf of the trie over the hashes of their paths.
    public struct Table: Sendable, Hashable {
        /// The object that lists them.
        public let object: Digest
        /// How many there are.
        public let count: Int

        /// Describes a table.
        public init(object: Digest, count: Int) {
            self.object = object
            self.count = count
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
        /// Its labels that are known; several values of one are one text, as `LabelText` has it.
        public let labels: [String: String]
        /// Its segments, in all splits together.
        public let segments: Int
        /// The gain applied to its audio in dB; nil for MIDI.
        public let gainDB: Double?
        /// What was read with warnings, or why it gave no segments.
        public let warnings: [String]
        /// Its other half; nil without one.
        ///
        /// The MIDI file of a pair has its segments, the recording none.
        public let pair: Pair?

        /// The kind of its segments.
        public var segmentKind: SegmentKind { pair == nil ? kind : .paired }

        /// The other half of an entry: the recording of a MIDI file, or the MIDI file of a recording.
        public struct Pair: Sendable, Hashable {
            /// The other's path, relative to the manifest.
            public let path: String
            /// When the score begins in the recording, in microseconds.
            public let offset: Int

            /// Names the other half.
            public init(path: String, offset: Int) { (self.path, self.offset) = (path, offset) }

            /// The offset as the snapshot has it, in seconds.
            var seconds: JSONValue { .number(Double(offset) / 1e6) }
        }

        /// Describes an entry.
        public init(
            sha256: Digest, path: String, kind: SegmentKind, piece: String, split: Split?,
            labels: [String: String], segments: Int, gainDB: Double?, warnings: [String],
            pair: Pair? = nil
        ) {
            self.sha256 = sha256
            self.path = path
            self.kind = kind
            self.piece = piece
            self.split = split
            self.labels = labels
            self.segments = segments
            self.gainDB = gainDB
            self.warnings = warnings
            self.pair = pair
        }
    }

    /// The dataset's name.
    public let dataset: String
    /// The effective manifest, with its defaults filled in.
    public let manifest: JSONValue
    /// The version of every stage that took part.
    public let stages: [String: Int]
    /// The shards of each split, in the order of their buckets: audio, then MIDI, then pairs.
    public let shards: [Split: [Shard]]
    /// The objects that list the entries.
    public let tables: [Table]
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
    /// What every shard holds, by `features`.
    let form: ShardForm

    /// A stage in the version that the snapshot was built with.
    public func stage(_ stage: Stage) -> Stage {
        Stage(stage.name, version: stages[stage.name] ?? stage.version, numerics: stage.numerics)
    }

    /// The steps of a segment of notes; nil without notes.
    public var steps: Int? { form.steps }
    /// The lowest and highest pitch of rolls.
    public var pitches: ClosedRange<UInt8> { form.pitches }
    /// Whether drums are painted in the rolls as other notes are: `midi.drums: include`.
    public var paintsDrums: Bool { manifest["midi"]?["drums"]?.string == "include" }

    /// Whether step t of a paired segment is its frame t; else the shards say in which step each frame lies.
    public var stepsAreFrames: Bool { manifest["midi"]?["grid"]?["frames"] != nil }

    /// The segments of a split.
    public func segmentCount(_ split: Split) -> Int {
        (shards[split] ?? []).reduce(0) { $0 + $1.segments }
    }

    /// Every object that the snapshot refers to.
    public var objects: [Digest] {
        tables.map(\.object) + Split.allCases.flatMap { (shards[$0] ?? []).map(\.object) }
            + (statistics.map { [$0] } ?? [])
    }

    /// The canonical JSON of one table: a list of entries.
    ///
    /// - Parameter sources: the entries, in the order of the paths' bytes.
    /// - Returns: the bytes of the table's object.
    public static func table(of sources: some Collection<Source>) -> [UInt8] {
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

    /// The canonical JSON.
    public var encoded: [UInt8] { json.canonicalBytes }

    private var json: JSONValue {
        [
            "format": JSONValue(Self.format),
            "dataset": .string(dataset),
            "manifest": manifest,
            "stages": .object(stages.mapValues { JSONValue($0) }),
            "sources": .array(
                tables.map { ["object": JSONValue($0.object), "count": JSONValue($0.count)] as JSONValue }),
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

    /// The format that this version writes.
    public static let format = 2

    /// Describes a built dataset.
    ///
    /// - Precondition: `features` are such as a shard can hold.
    public init(
        dataset: String, manifest: JSONValue, stages: [String: Int], shards: [Split: [Shard]],
        tables: [Table], sources: [Source],
        vocabularies: [String: [String]], statistics: Digest?, quarantine: [(path: String, code: String)],
        features: JSONValue
    ) {
        let form: ShardForm
        do throws(SnapshotFault) {
            form = try ShardForm(features)
        } catch {
            preconditionFailure("a builder describes features that no reader knows: \(error.message)")
        }
        self.init(
            dataset: dataset, manifest: manifest, stages: stages, shards: shards, tables: tables,
            sources: sources,
            vocabularies: vocabularies, statistics: statistics, quarantine: quarantine, features: features,
            form: form)
    }

    init(
        dataset: String, manifest: JSONValue, stages: [String: Int], shards: [Split: [Shard]],
        tables: [Table], sources: [Source],
        vocabularies: [String: [String]], statistics: Digest?, quarantine: [(path: String, code: String)],
        features: JSONValue, form: ShardForm
    ) {
        self.dataset = dataset
        self.manifest = manifest
        self.stages = stages
        self.shards = shards
        self.tables = tables
        self.sources = sources
        self.vocabularies = vocabularies
        self.statistics = statistics
        self.quarantine = quarantine
        self.features = features
        self.form = form
    }
}

extension Snapshot.Shard {
    var json: JSONValue {
        [
            "object": JSONValue(object), "bytes": JSONValue(bytes), "segments": JSONValue(segments),
            "kind": .string(kind.rawValue),
        ]
    }
}

extension Snapshot.Source {
    /// The entry as the snapshot lists it.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "sha256": JSONValue(sha256), "path": .string(path), "kind": .string(kind.rawValue),
            "piece": .string(piece), "split": split.map { .string($0.rawValue) } ?? .null,
            "labels": LabelText.json(labels), "segments": JSONValue(segments),
            "gain_db": gainDB.map { .number($0) } ?? .null, "warnings": .array(warnings.map { .string($0) }),
        ]
        members["pair"] = pair.map { .string($0.path) }
        if let pair, pair.offset != 0 { members["offset_seconds"] = pair.seconds }
        return .object(members)
    }

    /// Appends the canonical text of `json`, without making a value for each member.
    func appendCanonical(to bytes: inout [UInt8]) {
        bytes += #"{"gain_db":"#.utf8
        (gainDB.map { .number($0) } ?? JSONValue.null).appendCanonical(to: &bytes)
        bytes += #","kind":""#.utf8
        bytes += kind.rawValue.utf8
        bytes += #"","labels":"#.utf8
        LabelText.json(labels).appendCanonical(to: &bytes)
        if let pair {
            if pair.offset != 0 {
                bytes += #","offset_seconds":"#.utf8
                pair.seconds.appendCanonical(to: &bytes)
            }
            bytes += #","pair":"#.utf8
            JSONValue.string(pair.path).appendCanonical(to: &bytes)
        }
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
}
