public import Build
public import Dataset
public import Loading
import Manifest
import Tensors

/// A whole source as its segments show it.
public struct SourceView: Sendable {
    private let source: Snapshot.Source
    private let reader: DatasetReader
    private let parts: [Excerpt.Part]
    private let manifest: Manifest
    private let isWhole: Bool

    /// The most numbers of a picture that are held at once.
    private static let mostNumbers = 1 << 24

    /// Opens the shards of a source's segments.
    ///
    /// - Parameters:
    ///   - reader: the dataset.
    ///   - number: the source's number in the snapshot.
    ///   - table: where segments are.
    /// - Throws: `BuildError` if the source has no segments, or a shard is gone; `TensorFileError`.
    public init(_ reader: DatasetReader, source number: Int, in table: SegmentTable) throws {
        self.reader = reader
        // A recording of a pair is shown with its score, which has the segments.
        let sources = reader.snapshot.sources
        let number =
            sources[number].segments > 0
            ? number : sources.firstIndex { $0.path == sources[number].pair?.path } ?? number
        source = sources[number]
        manifest = try reader.manifest()
        guard source.segments > 0 else {
            throw BuildError(.noDataset, "\(source.path) has no segments", canRetry: false)
        }
        var shards: [Digest: Shard] = [:]
        var parts: [Excerpt.Part] = []
        var numbers = 0
        var isWhole = true
        reading: for run in table.runs[number] {
            for offset in 0..<run.count {
                guard let place = reader.place(run.number + offset, in: run.split) else { continue }
                let shard = try shards[place.shard.object] ?? reader.open(place.shard)
                shards[place.shard.object] = shard
                let segment = try shard.segment(place.index)
                // Timelines of format 2 are pieces of their own; the first is shown.
                guard segment.timeline == parts.first?.segment.timeline ?? segment.timeline else {
                    isWhole = false
                    break reading
                }
                numbers += try Self.size(shard)
                guard numbers <= Self.mostNumbers || parts.isEmpty else {
                    isWhole = false
                    break reading
                }
                parts.append(Excerpt.Part(shard: shard, index: place.index, segment: segment))
            }
        }
        self.parts = parts
        self.isWhole = isWhole
    }

    /// Opens the source with a path.
    ///
    /// - Throws: as the other; and `BuildError` if there is no such source, or more than one whose path ends so.
    public init(_ reader: DatasetReader, named path: String) throws {
        try self.init(reader, source: reader.source(path), in: SegmentTable(reader))
    }

    /// The numbers that a segment's picture holds.
    private static func size(_ shard: Shard) throws -> Int {
        if shard.holdsNotes, !shard.isPaired { return try shard.steps() * 128 * 4 }
        return try shard.featureNames.reduce(0) {
            try $0 + shard.file.entry($1).shape.dropFirst().reduce(1, *)
        }
    }

    /// The source as a picture: all its segments joined, each up to where the next begins; very long ones are cut.
    ///
    /// - Throws: `TensorFileError`.
    public func picture() throws -> Picture {
        let labels = source.labels.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        let extent =
            isWhole
            ? "\(grouped(source.segments)) segments"
            : "the first \(grouped(parts.count)) of \(grouped(source.segments)) segments"
        var excerpt = try Excerpt(parts, manifest: manifest)
        excerpt.clock = try StepClock(
            SourceFiles(reader), source: source, timeline: parts.first?.segment.timeline ?? 0,
            midi: manifest.midi)
        return excerpt.picture(title: [
            "\(source.split?.rawValue ?? "split by segment")   \(extent)   \(labels.joined(separator: ", "))",
            source.path,
        ])
    }

    /// The source as text.
    public var text: String {
        let labels = source.labels.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)".shown }
        var text = "source     \(source.path.shown)\nsha256     \(source.sha256)\n"
        text +=
            "split      \(source.split?.rawValue ?? "split by segment"), \(grouped(source.segments)) segments"
        if let first = parts.first, let last = parts.last {
            let end = last.segment.start + last.segment.length
            text += " from \(grouped(first.segment.start)) to \(grouped(end)) "
            text += source.kind == .midi ? "steps" : "samples"
        }
        text += "\n"
        if !labels.isEmpty { text += "labels     \(labels.joined(separator: ", "))\n" }
        for warning in source.warnings { text += "warning    \(warning.shown)\n" }
        return text
    }

    /// The source as an object.
    public var json: JSONValue { source.json }
}
