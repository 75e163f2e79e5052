public import Files
public import Loading

/// What came, went and changed from one snapshot to another.
public struct SnapshotComparison: Sendable {
    /// The names of the two.
    public let snapshots: (from: Digest, to: Digest)
    /// A change of one source, with what it was and what it is.
    public struct Change: Sendable, Hashable {
        /// The path, or the older and the newer one of a renamed file.
        public let path: String
        /// As it was.
        public let from: String
        /// As it is.
        public let to: String
    }

    /// Paths that only the newer has.
    public let added: [String]
    /// Paths that only the older has.
    public let removed: [String]
    /// Files that have another path now.
    public let renamed: [Change]
    /// Paths whose bytes are others.
    public let changed: [Change]
    /// Paths whose labels are others.
    public let relabelled: [Change]
    /// Paths that are in another split.
    public let moved: [Change]
    /// Segments of each split.
    public let segments: [Split: (from: Int, to: Int)]
    /// Shards that both have, that only the older and that only the newer has.
    public let shards: (kept: Int, gone: Int, new: Int)
    /// Settings of the manifest, and versions of stages, that differ.
    public let settings: [Change]
    /// Files that cannot be used now and could, or were not there; and those that can be used again, or are gone.
    public let quarantine: (new: [String], gone: [String])

    /// Compares.
    public init(from old: DatasetReader, to new: DatasetReader) {
        self.init((old.digest, old.snapshot), (new.digest, new.snapshot))
    }

    init(_ old: (digest: Digest, snapshot: Snapshot), _ new: (digest: Digest, snapshot: Snapshot)) {
        snapshots = (old.digest, new.digest)
        // By bytes: Swift takes paths for equal that differ in the composition of their letters.
        func key(_ source: Snapshot.Source) -> [UInt8] { Array(source.path.utf8) }
        let before = Dictionary(old.snapshot.sources.map { (key($0), $0) }) { first, _ in first }
        let after = Dictionary(new.snapshot.sources.map { (key($0), $0) }) { first, _ in first }
        var gone = Dictionary(grouping: before.values.filter { after[key($0)] == nil }) { $0.sha256 }
            .mapValues { $0.map(\.path).sorted() }
        var added: [String] = []
        var renamed: [Change] = []
        for source in new.snapshot.sources where before[key(source)] == nil {
            if let path = gone[source.sha256]?.first {
                gone[source.sha256]?.removeFirst()
                renamed.append(Change(path: source.path, from: path, to: source.path))
            } else {
                added.append(source.path)
            }
        }
        self.added = added
        self.renamed = renamed
        removed = gone.values.joined().sorted()
        func changes(_ text: (Snapshot.Source) -> String) -> [Change] {
            new.snapshot.sources.compactMap { source in
                guard let other = before[key(source)] else { return nil }
                let (from, to) = (text(other), text(source))
                return from == to ? nil : Change(path: source.path, from: from, to: to)
            }
        }
        changed = changes { $0.sha256.short }
        relabelled = changes { described($0.labels) }
        moved = changes { $0.split?.rawValue ?? "by segment" }
        var segments: [Split: (from: Int, to: Int)] = [:]
        for split in Split.allCases {
            segments[split] = (old.snapshot.segmentCount(split), new.snapshot.segmentCount(split))
        }
        self.segments = segments
        func objects(_ snapshot: Snapshot) -> Set<Digest> {
            Set(Split.allCases.flatMap { (snapshot.shards[$0] ?? []).map(\.object) })
        }
        let (first, second) = (objects(old.snapshot), objects(new.snapshot))
        shards = (
            first.intersection(second).count, first.subtracting(second).count, second.subtracting(first).count
        )
        let (left, right) = (Self.flat(old.snapshot), Self.flat(new.snapshot))
        settings = Set(left.keys).union(right.keys).sorted().compactMap { name in
            let (from, to) = (left[name] ?? "–", right[name] ?? "–")
            return from == to ? nil : Change(path: name, from: from, to: to)
        }
        let (bad, worse) = (
            Set(old.snapshot.quarantine.map(\.path)), Set(new.snapshot.quarantine.map(\.path))
        )
        quarantine = (worse.subtracting(bad).sorted(), bad.subtracting(worse).sorted())
    }

    /// Every setting by its path, such as `midi.grid.steps_per_beat`.
    private static func flat(_ snapshot: Snapshot) -> [String: String] {
        var result: [String: String] = [:]
        func add(_ name: String, _ value: JSONValue) {
            if let members = value.object {
                for (key, value) in members { add(name.isEmpty ? key : "\(name).\(key)", value) }
            } else {
                result[name] = value.string ?? value.canonical
            }
        }
        add("", snapshot.manifest)
        for (stage, version) in snapshot.stages { result["stage \(stage)"] = "version \(version)" }
        return result
    }

    /// The comparison as an object.
    public var json: JSONValue {
        func list(_ paths: [String]) -> JSONValue { .array(paths.map { .string($0) }) }
        func changes(_ changes: [Change]) -> JSONValue {
            .array(
                changes.map { ["path": .string($0.path), "from": .string($0.from), "to": .string($0.to)] })
        }
        return [
            "from": JSONValue(snapshots.from), "to": JSONValue(snapshots.to), "added": list(added),
            "removed": list(removed), "renamed": changes(renamed), "changed": changes(changed),
            "relabelled": changes(relabelled), "moved": changes(moved), "settings": changes(settings),
            "segments": .object(
                Dictionary(
                    uniqueKeysWithValues: segments.map {
                        ($0.key.rawValue, ["from": JSONValue($0.value.from), "to": JSONValue($0.value.to)])
                    })),
            "shards": [
                "kept": JSONValue(shards.kept), "gone": JSONValue(shards.gone), "new": JSONValue(shards.new),
            ],
            "quarantine": ["new": list(quarantine.new), "gone": list(quarantine.gone)],
        ]
    }

    /// The comparison as text for a terminal.
    public var text: String {
        var text = "snapshot   \(snapshots.from.short) → \(snapshots.to.short)\n"
        if snapshots.from == snapshots.to { return text + "nothing changed\n" }
        let counts = Split.allCases.compactMap { split in
            segments[split].map { "\(split.rawValue) \(grouped($0.from)) → \(grouped($0.to))" }
        }
        text += "segments   \(counts.joined(separator: ", "))\n"
        text += "shards     \(shards.kept) kept, \(shards.gone) gone, \(shards.new) new\n"
        func section(_ title: String, _ lines: [String]) {
            guard !lines.isEmpty else { return }
            text += "\n\(title) (\(grouped(lines.count)))\n"
            for line in lines.prefix(20) { text += "  \(line.shown)\n" }
            if lines.count > 20 { text += "  … and \(grouped(lines.count - 20)) more; --json has all\n" }
        }
        func lines(_ changes: [Change]) -> [String] { changes.map { "\($0.path): \($0.from) → \($0.to)" } }
        section("added", added)
        section("removed", removed)
        section("renamed", renamed.map { "\($0.from) → \($0.to)" })
        section("changed bytes", lines(changed))
        section("changed labels", lines(relabelled))
        section("changed split", lines(moved))
        section("newly quarantined", quarantine.new)
        section("no longer quarantined", quarantine.gone)
        section("settings", lines(settings))
        return text
    }
}
