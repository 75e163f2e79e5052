import Build
public import Loading
import Manifest
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

    /// All that stages store, in the order in which people look at them.
    fileprivate static let all: [(name: String, title: String, unit: String, decimals: Int)] = [
        ("density", "density", "notes/s", 2), ("polyphony", "mean polyphony", "", 2),
        ("loudness", "loudness", "dBFS", 1), ("silence", "silence", "of frames", 2),
        ("centroid", "centroid", "Hz", 0), ("rolloff", "rolloff", "Hz", 0), ("flux", "flux", "", 2),
        ("zero_crossings", "zero crossings", "per sample", 4),
    ]
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
        let output = source.kind == .midi ? ReadStage.output : SpectrumStage.output
        let index = try RecordIndex(self)
        let record = try index.stages(of: [source]).first ?? nil
        guard let object = record?.outputs[output]?.digest else { return [] }
        let hop = index.manifest.audio?.hop ?? 1
        let found = try? cache.tensors(of: object) { file -> [SegmentNumber] in
            let row: Int?
            switch source.kind {
            case .midi, .paired:
                let starts = try file.tensor("segment.start", as: Int64.self).elements
                let timelines = try file.tensor("segment.timeline", as: Int16.self).elements
                row = starts.indices.first { starts[$0] == start && timelines[$0] == timeline }
            case .audio: row = start / hop
            }
            guard let row else { return [] }
            return try SegmentNumber.all.compactMap { name, title, unit, decimals in
                guard file.entries["segment.\(name)"] != nil else { return nil }
                let values = try file.tensor("segment.\(name)", as: Float.self).elements
                guard values.indices.contains(row) else { return nil }
                return SegmentNumber(
                    name: name, title: title, unit: unit, decimals: decimals, value: Double(values[row]))
            }
        }
        return found ?? []
    }
}
