import Files
public import Tensors

/// An open shard: its segments with their sources and labels, mapped from its object.
///
/// Layout: `docs/formats.md`, Shard.
public final class Shard: Sendable {
    /// Its tensors.
    public let file: TensorFile
    /// SHA-256 of each entry's source, in hexadecimal, sorted; `segment.source` indexes it.
    public let sources: [String]
    /// Each entry's labels that are known, in the order of `sources`; several values as `LabelText` has them.
    public let labels: [[String: String]]
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
        let texts = try parsed("sources").array?.map(\.string) ?? [nil]
        sources = texts.compactMap { $0 }
        guard sources.count == texts.count else {
            throw Self.damaged(name, "has no list of texts 'sources' in its metadata")
        }
        var labels: [[String: String]] = []
        labels.reserveCapacity(sources.count)
        for value in try parsed("labels").array ?? [] {
            let own = value.object?.compactMapValues { LabelText.text(json: $0) }
            guard let own, own.count == value.object?.count else {
                throw Self.damaged(name, "has an entry in its metadata whose labels are no texts")
            }
            // Neighbours share their storage where they agree, as most do.
            labels.append(labels.last.flatMap { $0 == own ? $0 : nil } ?? own)
        }
        guard labels.count == sources.count else {
            throw Self.damaged(
                name, "has labels of \(labels.count) entries in its metadata, and \(sources.count) sources")
        }
        self.labels = labels
        try check(described, in: snapshot, checks)
    }

    private static func damaged(_ name: String, _ problem: String) -> BuildError {
        BuildError(
            .damaged,
            "\(name) \(problem); mend the cache with `reprise verify --repair`, or build the dataset again",
            canRetry: false)
    }

    /// Whether segments hold notes.
    public var holdsNotes: Bool { file.entries["notes.offset"] != nil }

    /// Whether segments hold notes and the features of their recording.
    public var isPaired: Bool { file.entries["segment.audio"] != nil }

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
        /// Where it begins, in steps or samples from the timeline's start; below 0 if a recording begins before its score.
        public let start: Int
        /// Its true length in steps or samples; the rest is padding.
        public let length: Int
        /// Its labels that are known.
        public let labels: [String: String]
        /// Where its features come from; nil unless it is one of a pair.
        public let recording: Recording?
    }

    /// The stretch of a recording that belongs to a paired segment.
    public struct Recording: Sendable {
        /// SHA-256 of the recording, in hexadecimal.
        public let source: String
        /// Its first sample, at the manifest's sample rate.
        public let start: Int
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
        let entry = try value("segment.source", Int32.self)
        let recording =
            isPaired
            ? try Recording(
                source: sources[value("segment.audio", Int32.self)],
                start: value("segment.audio_start", Int64.self)) : nil
        return try Segment(
            source: sources[entry],
            timeline: value("segment.timeline", Int16.self),
            start: value("segment.start", Int64.self), length: value("segment.length", Int64.self),
            labels: labels[entry], recording: recording)
    }

    /// The step of each frame of a paired segment, from the segment's start; nil for frames outside its steps.
    ///
    /// - Throws: `TensorFileError` if the shard holds no pairs.
    public func frameSteps(_ index: Int) throws -> [Int?] {
        guard let entry = file.entries["frame.step"], let frames = entry.shape.last else {
            // Steps are frames.
            return try (0..<steps()).map { $0 }
        }
        return try file.withElements(of: "frame.step", as: UInt16.self) { steps in
            steps[index * frames..<(index + 1) * frames].map { $0 == .max ? nil : Int($0) }
        }
    }

    /// A segment's values of a feature.
    ///
    /// - Parameters:
    ///   - name: the feature, such as `mel`.
    ///   - index: the segment's number in the shard.
    /// - Returns: the values in row-major order, 16-bit floats as 32-bit ones.
    /// - Throws: `TensorFileError` if the shard holds no such feature.
    public func feature(_ name: String, of index: Int) throws -> [Float] {
        let entry = try file.entry(name)
        let count = entry.shape.dropFirst().reduce(1, *)
        let range = index * count..<(index + 1) * count
        if entry.type == .f16 {
            return try file.withElements(of: name, as: Float16.self) { $0[range].map { Float($0) } }
        }
        return try file.withElements(of: name, as: Float.self) { Array($0[range]) }
    }

    /// The rows of a segment's notes.
    ///
    /// - Throws: `TensorFileError` if the shard holds no notes.
    public func noteRows(_ index: Int) throws -> Range<Int> {
        try file.withElements(of: "notes.offset", as: Int64.self) { Int($0[index])..<Int($0[index + 1]) }
    }
}
