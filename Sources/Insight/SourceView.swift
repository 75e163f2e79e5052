public import Dataset
public import Files
public import Loading
import Manifest
public import Pictures
import Tensors

/// A whole source as its segments show it.
public struct SourceView: Sendable {
    let source: Snapshot.Source
    let reader: DatasetReader
    let parts: [Excerpt.Part]
    let manifest: Manifest
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
        let extent =
            isWhole
            ? "\(grouped(source.segments)) segments"
            : "the first \(grouped(parts.count)) of \(grouped(source.segments)) segments"
        var excerpt = try Excerpt(parts, manifest: manifest)
        excerpt.clock = try StepClock(
            SourceFiles(reader), source: source, timeline: parts.first?.segment.timeline ?? 0,
            midi: manifest.midi)
        return excerpt.picture(title: [
            "\(source.split?.rawValue ?? "split by segment")   \(extent)   \(described(source.labels))",
            source.path,
        ])
    }

    /// The source's music, in seconds from the start of its file, or for a pair from the start of its picture.
    ///
    /// - Returns: the notes as the file has them; none for audio, and where the file is gone or has other bytes.
    /// - Throws: `BuildError`.
    public func music() throws -> SoundingMusic? {
        guard let score = try reader.score(of: source) else { return nil }
        guard let pair = source.pair, let audio = manifest.audio, let first = parts.first else {
            return SoundingMusic(of: score)
        }
        return SoundingMusic(
            of: score, shift: Double(pair.offset) / 1e6 - Double(first.place) / Double(audio.sampleRate))
    }

    /// The source as text.
    public var text: String {
        var text = "source     \(source.path.shown)\nsha256     \(source.sha256)\n"
        text +=
            "split      \(source.split?.rawValue ?? "split by segment"), \(grouped(source.segments)) segments"
        if let first = parts.first, let last = parts.last {
            let end = last.segment.start + last.segment.length
            text += " from \(grouped(first.segment.start)) to \(grouped(end)) "
            text += source.kind == .midi ? "steps" : "samples"
        }
        text += "\n"
        if !source.labels.isEmpty { text += "labels     \(described(source.labels).shown)\n" }
        for warning in source.warnings { text += "warning    \(warning.shown)\n" }
        return text
    }

    /// The source as an object.
    public var json: JSONValue { source.json }
}
