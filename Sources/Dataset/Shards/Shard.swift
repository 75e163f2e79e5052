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

    /// Maps the object and reads what it says of itself.
    ///
    /// - Throws: `TensorFileError` if it is no shard.
    public init(path: String) throws {
        file = try TensorFile(path: path)
        count = try file.entry("segment.source").shape.first ?? 0
        guard let sources = try? JSONValue(parsing: Array((file.metadata["sources"] ?? "").utf8)).array,
            let labels = try? JSONValue(parsing: Array((file.metadata["labels"] ?? "").utf8)).object
        else { throw TensorFileError(.mismatch, "\(path) lacks the sources and labels that a shard has") }
        self.sources = sources.compactMap(\.string)
        vocabularies = labels.mapValues { ($0.array ?? []).compactMap(\.string) }
    }

    /// Whether segments hold notes.
    public var holdsNotes: Bool { file.entries["notes.offset"] != nil }

    /// The names of its features of audio, in alphabetical order.
    public var featureNames: [String] {
        ["chroma", "cqt", "mel", "mfcc", "spectrogram", "waveform"].filter { file.entries[$0] != nil }
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
