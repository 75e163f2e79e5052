import Dataset
public import Files
public import Loading
import SoundFiles

/// Writes a built dataset in a form that other programs read.
///
/// An export reads the dataset and never changes it. One that was stopped continues in the same folder; files that are
/// finished there are kept. Memory does not grow with the dataset: one shard, one row group or one sample is in memory at
/// a time, and the list of the files' names.
public struct DatasetExport: Sendable {
    /// A form.
    public enum Format: String, CaseIterable, Sendable {
        /// NumPy archives, one per shard.
        case npz
        /// Tar files of samples, as WebDataset reads them.
        case webdataset
        /// A folder that Hugging Face's `datasets` loads.
        case hf
        /// The list of segments as one Parquet file.
        case parquet
        /// The list of segments as one CSV file.
        case csv
        /// A Standard MIDI File per segment.
        case midi
        /// A WAV file per segment.
        case wav
        /// A FLAC file per segment.
        case flac
    }

    /// The form.
    public var format: Format
    /// Which splits.
    public var splits: [Split]
    /// Whether arrays are compressed: `npz`, `hf` and `parquet`.
    public var isCompressed: Bool
    /// About how many bytes a tar file of `webdataset` gets at most.
    public var tarBytes: Int

    /// The tar file's size unless something else is asked for: 256 MiB.
    public static let usualTarBytes = 256 << 20

    /// Describes an export.
    public init(
        _ format: Format, splits: [Split] = Split.allCases, isCompressed: Bool = false,
        tarBytes: Int = usualTarBytes
    ) {
        self.format = format
        self.splits = splits
        self.isCompressed = isCompressed
        self.tarBytes = tarBytes
    }

    /// What an export did.
    public struct Summary: Sendable {
        /// The segments of the splits.
        public var segments = 0
        /// Files that were written.
        public var written = 0
        /// Files that an earlier export had finished.
        public var kept = 0
        /// The bytes of all files.
        public var bytes = 0
        /// Segments of which no file could be written, by the path of their source.
        public var missing: [String: Int] = [:]

        /// The summary as an object.
        public var json: JSONValue {
            [
                "segments": JSONValue(segments),
                "files": ["written": JSONValue(written), "kept": JSONValue(kept)],
                "bytes": JSONValue(bytes), "missing": .object(missing.mapValues { JSONValue($0) }),
            ]
        }
    }

    /// Writes the dataset.
    ///
    /// - Parameters:
    ///   - reader: the dataset.
    ///   - folder: where to write: a new or an empty folder, or that of the same export.
    ///   - progress: is told how many segments are done, of how many.
    /// - Returns: what was done.
    /// - Throws: `build.foreign-folder`, `build.locked`; `build.no-dataset` where the dataset has nothing of the kind;
    ///   `build.interrupted`; `BuildError` of the disk and the cache; `ManifestError`, `AudioOutputError`.
    public func run(
        _ reader: DatasetReader, to folder: String,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws -> Summary {
        try check(reader.snapshot)
        do {
            return try write(reader, to: folder, progress: progress)
        } catch let error as BuildError where error.code == .interrupted {
            throw BuildError(
                .interrupted,
                "interrupted; finished files are kept, give the same command again to continue",
                canRetry: true)
        }
    }

    private func write(
        _ reader: DatasetReader, to folder: String, progress: (_ done: Int, _ total: Int) -> Void
    ) throws -> Summary {
        let target = try ExportFolder(folder, description: description(of: reader))
        let splits = splits.filter { reader.snapshot.segmentCount($0) > 0 }
        let total = splits.reduce(0) { $0 + reader.snapshot.segmentCount($1) }
        var summary = Summary(segments: total)
        var done = 0
        try withoutActuallyEscaping(progress) { progress in
            let job = ExportJob(
                reader: reader, target: target, splits: splits, isCompressed: isCompressed,
                advance: { count in
                    done += count
                    progress(done, total)
                })
            progress(0, total)
            switch format {
            case .npz: try job.writeNPZ()
            case .webdataset: try job.writeWebDataset(tarBytes: tarBytes)
            case .hf: try job.writeHuggingFace()
            case .parquet: try job.writeParquet()
            case .csv: try job.writeCSV()
            case .midi: try job.writeMIDI()
            case .wav, .flac: summary.missing = try job.writeSound(format == .wav ? .wav : .flac)
            }
            // Of files that were kept, all segments count at once.
            if done < total { progress(total, total) }
        }
        (summary.written, summary.kept) = (target.writtenCount, target.keptCount)
        summary.bytes = target.byteCount
        return summary
    }

    /// The first line of the list of files: two exports of equal descriptions write equal files.
    private func description(of reader: DatasetReader) -> JSONValue {
        var members: [String: JSONValue] = [
            "export": 1, "format": .string(format.rawValue), "dataset": .string(reader.snapshot.dataset),
            "snapshot": JSONValue(reader.digest),
            "splits": .array(Split.allCases.filter(splits.contains).map { .string($0.rawValue) }),
        ]
        switch format {
        case .npz, .parquet, .hf: members["compressed"] = .bool(isCompressed)
        case .webdataset: members["tar_bytes"] = JSONValue(tarBytes)
        case .csv, .midi, .wav, .flac: break
        }
        return .object(members)
    }

    /// Refuses a form of which the dataset has nothing.
    private func check(_ snapshot: Snapshot) throws(BuildError) {
        let kinds = Set(splits.flatMap { (snapshot.shards[$0] ?? []).map(\.kind) })
        let lacks: String? =
            switch format {
            case .midi: kinds.isDisjoint(with: [.midi, .paired]) ? "notes" : nil
            case .wav, .flac: kinds.isDisjoint(with: [.audio, .paired]) ? "audio" : nil
            default: nil
            }
        guard let lacks else { return }
        throw BuildError(
            .noDataset,
            "the segments of dataset '\(snapshot.dataset)' have no \(lacks), so there is nothing to export as \(format.rawValue)",
            canRetry: false)
    }
}

/// One export under way.
struct ExportJob {
    let reader: DatasetReader
    let target: ExportFolder
    /// The splits that have segments.
    let splits: [Split]
    let isCompressed: Bool
    /// Is told how many further segments are done.
    let advance: (Int) -> Void
}
