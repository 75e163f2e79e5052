public import Files
public import Loading
import Manifest
import Storage
import Symbolic
import Tensors

/// One number that a source's stage stored of a segment, measured on the file as it is, before any gain.
public struct SegmentNumber: Sendable, Hashable {
    /// Its name, as in the tensor `segment.<name>`.
    public let name: String
    /// What it is, for people.
    public let title: String
    /// The unit; empty for a plain number.
    public let unit: String
    /// How many decimals are worth showing.
    public let decimals: Int
    /// The number; finite.
    public let value: Double

    /// All that stages store, in the order in which people look at them, and whether it is of notes or of sound.
    public static let all: [(name: String, title: String, unit: String, decimals: Int, isOfNotes: Bool)] = [
        ("density", "density", "notes/s", 2, true), ("polyphony", "mean polyphony", "", 2, true),
        ("loudness", "loudness", "dBFS", 1, false), ("silence", "silence", "of frames", 2, false),
        ("centroid", "centroid", "Hz", 0, false), ("rolloff", "rolloff", "Hz", 0, false),
        ("flux", "flux", "", 2, false), ("zero_crossings", "zero crossings", "per sample", 4, false),
    ]
}

/// Reads the numbers that the stages of sources stored of their segments.
public struct SegmentNumberReader: Sendable {
    private let cache: Cache
    private let index: RecordIndex

    /// Prepares to read.
    ///
    /// - Throws: `ManifestError` if this version no longer reads the manifest.
    public init(_ reader: DatasetReader) throws {
        cache = reader.cache
        index = try RecordIndex(reader)
    }

    /// The numbers of all segments of a source; none where the stage's record or object is gone.
    ///
    /// - Throws: `BuildError` if the records cannot be read.
    public func numbers(of source: Snapshot.Source) throws -> SourceNumbers {
        let output = source.kind == .midi ? ReadStage.output : SpectrumStage.output
        let record = try index.stages(of: [source]).first ?? nil
        guard let object = record?.outputs[output]?.digest else { return SourceNumbers() }
        let hop = index.manifest.audio?.hop ?? 1
        let found = try? cache.tensors(of: object) { file in
            try SourceNumbers(file, hop: source.kind == .audio ? hop : nil)
        }
        return found ?? SourceNumbers()
    }

    /// The name and the title of the one column that is computed from the notes.
    public static let pitchRange = (name: "pitch_range", title: "pitch range, semitones")

    /// The numbers of all segments of many sources, as columns: those of `SegmentNumber.all`, and `pitch_range`, the
    /// semitones from the lowest to the highest pitch, drums left out.
    ///
    /// - Returns: for each source its columns by name, a row a segment in the order of its segments; NaN where a segment
    ///   has no such number. Sources whose stage's record or object is gone have none.
    /// - Throws: `BuildError` if the records cannot be read.
    public func columns(of sources: [Snapshot.Source]) throws(BuildError) -> [[String: [Float]]] {
        let records = try index.stages(of: sources)
        let parts = stride(from: 0, to: sources.count, by: 64).map { $0..<min($0 + 64, sources.count) }
        let found = try Workers().map(parts) { (part) throws(BuildError) in
            part.map { self.columns(of: sources[$0], records[$0]) }
        }
        return Array(found.joined())
    }

    private func columns(of source: Snapshot.Source, _ record: ActionRecord?) -> [String: [Float]] {
        let output = source.kind == .midi ? ReadStage.output : SpectrumStage.output
        guard let object = record?.outputs[output]?.digest else { return [:] }
        let columns = try? cache.tensors(of: object) { file in
            var columns: [String: [Float]] = [:]
            for item in SegmentNumber.all where file.entries["segment.\(item.name)"] != nil {
                columns[item.name] = try file.tensor("segment.\(item.name)", as: Float.self).elements
            }
            if source.kind == .midi { columns[Self.pitchRange.name] = try Self.pitchRanges(file) }
            return columns
        }
        return columns?.filter { $0.value.count >= source.segments } ?? [:]
    }

    private static func pitchRanges(_ file: TensorFile) throws -> [Float] {
        let offsets = try file.tensor("notes.offset", as: Int64.self).elements
        let pitches = try file.tensor("notes.pitch", as: UInt8.self).elements
        let programs = try file.tensor("notes.program", as: UInt8.self).elements
        return zip(offsets, offsets.dropFirst()).map { first, end in
            let own = (Int(first)..<Int(end)).filter { programs[$0] != Note.drumProgram }.map { pitches[$0] }
            guard let low = own.min(), let high = own.max() else { return .nan }
            return Float(high - low)
        }
    }
}

/// The numbers that a source's stage stored of its segments.
public struct SourceNumbers: Sendable {
    /// In the order of `SegmentNumber.all`; nil for what is not stored.
    private var columns: [[Float]?] = []
    /// Row by timeline and start; nil for audio, whose rows are `hop` samples apart.
    private var rows: [Int: [Int: Int]]?
    private var hop = 1

    init() {}

    fileprivate init(_ file: TensorFile, hop: Int?) throws {
        if let hop {
            self.hop = hop
        } else {
            let starts = try file.tensor("segment.start", as: Int64.self).elements
            let timelines = try file.tensor("segment.timeline", as: Int16.self).elements
            var rows: [Int: [Int: Int]] = [:]
            for row in starts.indices.reversed() {
                rows[Int(timelines[row]), default: [:]][Int(starts[row])] = row
            }
            self.rows = rows
        }
        columns = try SegmentNumber.all.map { item in
            guard file.entries["segment.\(item.name)"] != nil else { return nil }
            return try file.tensor("segment.\(item.name)", as: Float.self).elements
        }
    }

    /// The numbers of one segment.
    ///
    /// - Parameters:
    ///   - timeline: the segment's timeline.
    ///   - start: the segment's start in steps or samples.
    /// - Returns: those that are stored.
    public func numbers(timeline: Int, start: Int) -> [SegmentNumber] {
        guard let row = rows.map({ $0[timeline]?[start] }) ?? start / hop else { return [] }
        return zip(SegmentNumber.all, columns).compactMap { item, column in
            guard let column, column.indices.contains(row) else { return nil }
            return SegmentNumber(
                name: item.name, title: item.title, unit: item.unit, decimals: item.decimals,
                value: Double(column[row]))
        }
    }
}

extension DatasetReader {
    /// The numbers that the stage of a source stored of one of its segments.
    ///
    /// - Parameters:
    ///   - source: an entry of the snapshot.
    ///   - timeline: the segment's timeline.
    ///   - start: the segment's start in steps or samples.
    /// - Returns: those that are stored; none where the stage's record or object is gone.
    /// - Throws: `BuildError` if the records cannot be read; `ManifestError` if this version no longer reads the manifest.
    public func segmentNumbers(
        of source: Snapshot.Source, timeline: Int, start: Int
    ) throws -> [SegmentNumber] {
        try SegmentNumberReader(self).numbers(of: source).numbers(timeline: timeline, start: start)
    }
}
