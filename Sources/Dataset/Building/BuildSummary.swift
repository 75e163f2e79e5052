public import Files
public import Loading

/// How far a build has come.
public struct BuildProgress: Sendable {
    /// A part of a build.
    public enum Phase: String, Sendable {
        /// Listing entries.
        case scanning
        /// Hashing sources and running their stages.
        case sources
        /// Fitting the train split's statistics.
        case statistics
        /// Writing shards.
        case shards
    }

    /// The part that is under way.
    public let phase: Phase
    /// What is done of it.
    public let done: Int
    /// All of it; 0 if not known yet.
    public let total: Int
}

/// What a build did: printed by `reprise build`, and kept for the build after it.
public struct BuildSummary: Sendable, Equatable {
    /// A source that gave no segments because it could not be used.
    public struct Problem: Sendable, Hashable {
        /// The entry's path, relative to the manifest.
        public let path: String
        /// The stable code of the reason.
        public let code: String
        /// Where in the source, in bytes (MIDI) or samples (audio), if known.
        public let offset: Int?
        /// The reason in a sentence.
        public let reason: String
    }

    /// The dataset's name.
    public var dataset: String
    /// The snapshot that was made or found.
    public var snapshot: Digest
    /// Entries that the manifest names.
    public var found = 0
    /// Entries that are in the snapshot.
    public var ok = 0
    /// Entries whose bytes had not changed since they were last hashed.
    public var unchanged = 0
    /// Entries that do not meet the manifest's requirements, and so have no segments.
    public var excluded = 0
    /// Sources with warnings.
    public var warned = 0
    /// Segments of each split.
    public var segments: [Split: Int] = [:]
    /// Actions that ran.
    public var run = 0
    /// Actions whose recorded result was used.
    public var hit = 0
    /// Shards that were written.
    public var written = 0
    /// Shards that were there already.
    public var reused = 0
    /// What was taken from a remote store and given to it; nil without one.
    public var remote: RemoteUse?
    /// Wall-clock seconds.
    public var seconds = 0.0
    /// Entries that could not be used, by path.
    public var quarantine: [Problem] = []
    /// Remarks on the dataset as a whole: empty splits, pieces that share a source, a gain that met its ceiling.
    public var warnings: [String] = []

    /// Whether the next build can tell by looking at the sources that nothing has changed.
    var isSettled = true

    /// Whether every entry could be used.
    public var isComplete: Bool { quarantine.isEmpty }

    /// The object that `build --json` prints.
    public var json: JSONValue {
        var members = lastingJSON.object ?? [:]
        members["remote"] = remote?.json
        return .object(members)
    }

    /// The part of `json` that a build with nothing to do gives again.
    var lastingJSON: JSONValue {
        [
            "dataset": .string(dataset),
            "snapshot": JSONValue(snapshot),
            "sources": [
                "found": JSONValue(found), "ok": JSONValue(ok), "quarantined": JSONValue(quarantine.count),
                "unchanged": JSONValue(unchanged), "excluded": JSONValue(excluded),
                "warned": JSONValue(warned),
            ],
            "segments": .object(
                Dictionary(
                    uniqueKeysWithValues: Split.allCases.map { ($0.rawValue, JSONValue(segments[$0] ?? 0)) })),
            "actions": ["run": JSONValue(run), "hit": JSONValue(hit)],
            "shards": ["written": JSONValue(written), "reused": JSONValue(reused)],
            "seconds": .rounded(seconds),
            "quarantine": .array(quarantine.map(\.json)),
            "warnings": .array(warnings.map { .string($0) }),
        ]
    }

    init(dataset: String, snapshot: Digest) {
        self.dataset = dataset
        self.snapshot = snapshot
    }

    /// Reads what `lastingJSON` wrote; nil for anything else.
    init?(json: JSONValue) {
        guard let dataset = json["dataset"]?.string,
            let snapshot = json["snapshot"]?.string.flatMap({ Digest(hex: $0) }),
            let sources = json["sources"],
            let actions = json["actions"], let shards = json["shards"]
        else { return nil }
        self.init(dataset: dataset, snapshot: snapshot)
        found = sources["found"]?.integer ?? 0
        ok = sources["ok"]?.integer ?? 0
        unchanged = sources["unchanged"]?.integer ?? 0
        excluded = sources["excluded"]?.integer ?? 0
        warned = sources["warned"]?.integer ?? 0
        for split in Split.allCases { segments[split] = json["segments"]?[split.rawValue]?.integer ?? 0 }
        run = actions["run"]?.integer ?? 0
        hit = actions["hit"]?.integer ?? 0
        written = shards["written"]?.integer ?? 0
        reused = shards["reused"]?.integer ?? 0
        quarantine = (json["quarantine"]?.array ?? []).compactMap(Problem.init(json:))
        warnings = (json["warnings"]?.array ?? []).compactMap(\.string)
    }

    /// The summary that an identical build right after this one gives: nothing to do, nothing done.
    func repeated(seconds: Double) -> BuildSummary {
        var summary = self
        summary.hit = run + hit
        summary.run = 0
        summary.reused = written + reused
        summary.written = 0
        summary.unchanged = found
        summary.seconds = seconds
        return summary
    }
}

extension BuildSummary.Problem {
    var json: JSONValue {
        [
            "path": .string(path), "code": .string(code), "offset": offset.map { JSONValue($0) } ?? .null,
            "reason": .string(reason),
        ]
    }

    init?(json: JSONValue) {
        guard let path = json["path"]?.string, let code = json["code"]?.string,
            let reason = json["reason"]?.string
        else { return nil }
        self.init(path: path, code: code, offset: json["offset"]?.integer, reason: reason)
    }
}
