import Build
public import Tensors

/// An open shard: its segments with their sources and labels, mapped from its object.
///
/// Layout: `docs/formats.md`, Shard.
public final class Shard: Sendable {
    /// Its tensors.
    public let file: TensorFile
    /// SHA-256 of each source, in hexadecimal, sorted; `segment.source` indexes it.
    public let sources: [String]
    /// Each label's vocabulary; `label.<name>` indexes it.
    public let vocabularies: [String: [String]]
    /// Its segments.
    public let count: Int

    /// Maps the object and checks it against what the snapshot says of it.
    ///
    /// - Throws: `BuildError` (`build.damaged`) that names the object and the tensor if it is not such a shard.
    convenience init(
        path: String, as described: Snapshot.Shard, in snapshot: Snapshot, _ checks: Checks = .all
    ) throws {
        let file: TensorFile
        do {
            file = try TensorFile(path: path)
        } catch {
            throw Self.damaged("shard \(described.object.short)", "\(error)")
        }
        try self.init(file, as: described, in: snapshot, checks)
    }

    /// Takes the bytes of a shard that is in memory alone, and checks them as those of a snapshot's own shards.
    ///
    /// - Throws: `BuildError` (`build.damaged`) that names the tensor if it is not such a shard as the snapshot has.
    public convenience init(
        _ bytes: [UInt8], kind: SegmentKind, segments: Int, in snapshot: Snapshot
    ) throws {
        let described = Snapshot.Shard(
            object: Digest(of: bytes), bytes: bytes.count, segments: segments, kind: kind)
        try self.init(TensorFile(bytes: bytes), as: described, in: snapshot, .all)
    }

    private init(
        _ file: TensorFile, as described: Snapshot.Shard, in snapshot: Snapshot, _ checks: Checks
    ) throws {
        let name = "shard \(described.object.short)"
        self.file = file
        guard file.byteCount == described.bytes else {
            throw Self.damaged(name, "has \(file.byteCount) bytes, not \(described.bytes)")
        }
        count = described.segments
        func parsed(_ key: String) throws -> JSONValue {
            do {
                return try JSONValue(parsing: Array((file.metadata[key] ?? "").utf8))
            } catch {
                throw Self.damaged(name, "has no '\(key)' in its metadata")
            }
        }
        sources = try Self.texts(parsed("sources"), "sources", name)
        guard let labels = try parsed("labels").object else {
            throw Self.damaged(name, "has no object 'labels' in its metadata")
        }
        var vocabularies: [String: [String]] = [:]
        for (label, values) in labels {
            vocabularies[label] = try Self.texts(values, "labels.\(label)", name)
        }
        self.vocabularies = vocabularies
        try check(described, in: snapshot, checks)
    }

    private static func texts(_ value: JSONValue, _ key: String, _ name: String) throws(BuildError)
        -> [String]
    {
        let texts = value.array?.map(\.string) ?? [nil]
        let known = texts.compactMap { $0 }
        guard known.count == texts.count else { throw damaged(name, "has no list of texts '\(key)'") }
        return known
    }

    private static func damaged(_ name: String, _ problem: String) -> BuildError {
        BuildError(
            .damaged,
            "\(name) \(problem); mend the cache with `reprise verify --repair`, or build the dataset again",
            canRetry: false)
    }

    /// Whether segments hold notes.
    public var holdsNotes: Bool { file.entries["notes.offset"] != nil }

    /// The names of its features of audio, in alphabetical order.
    public var featureNames: [String] {
        ShardForm.featureNames.filter { file.entries[$0] != nil }
    }

    /// What is known of one segment, and where it comes from.
    public struct Segment: Sendable {
        /// SHA-256 of its source, in hexadecimal.
        public let source: String
        /// The timeline it was cut from; 0 but for format 2.
        public let timeline: Int
        /// Where it begins, in steps or samples from the timeline's start.
        public let start: Int
        /// Its true length in steps or samples; the rest is padding.
        public let length: Int
        /// Its labels that are known.
        public let labels: [String: String]
    }

    /// What is known of a segment.
    ///
    /// - Throws: `TensorFileError` if a column is missing.
    /// - Precondition: `0 ≤ index < count`.
    public func segment(_ index: Int) throws -> Segment {
        precondition(index >= 0 && index < count, "segment \(index) of \(count)")
        func value<Element: TensorElement & BinaryInteger>(_ name: String, _ type: Element.Type) throws -> Int
        {
            try file.withElements(of: name, as: type) { Int($0[index]) }
        }
        var labels: [String: String] = [:]
        for (name, vocabulary) in vocabularies {
            let value = try value("label.\(name)", Int32.self)
            if vocabulary.indices.contains(value) { labels[name] = vocabulary[value] }
        }
        return try Segment(
            source: sources[value("segment.source", Int32.self)],
            timeline: value("segment.timeline", Int16.self),
            start: value("segment.start", Int64.self), length: value("segment.length", Int64.self),
            labels: labels)
    }

    /// The rows of a segment's notes.
    ///
    /// - Throws: `TensorFileError` if the shard holds no notes.
    public func noteRows(_ index: Int) throws -> Range<Int> {
        try file.withElements(of: "notes.offset", as: Int64.self) { Int($0[index])..<Int($0[index + 1]) }
    }
}
