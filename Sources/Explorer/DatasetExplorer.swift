import Dataset
import Files
import Insight
import Loading
import Manifest
import Storage
import Synchronization

/// A dataset to see and hear in a browser.
///
/// It answers requests; `serve` brings them from the network. It reads, and writes only tags and notes. What a
/// request names are numbers of segments and sources, names of runs and of measures: no path reaches the disk, and a
/// source's file is read only if its bytes are those that the snapshot knows.
public final class DatasetExplorer: Sendable {
    let reader: DatasetReader
    let cachePath: String
    let manifest: Manifest
    let table: SegmentTable
    let library: SegmentLibrary
    /// Read in the background from the start; filtering or sorting by a measure waits for it.
    private let known: Task<Known, any Error>
    /// Read after `known`; histograms, and filtering or sorting by a segment's number, wait for it.
    private let numbers: Task<SegmentNumbers, any Error>
    private let late = Mutex(Late())
    /// Names, in lower case, that requests may call this machine by, beside `localhost` and any IP address.
    let hostNames: Set<String>
    /// What a page must know to write tags and notes; nil if they can only be read.
    let token: String?

    /// The numbers in the sources' records.
    struct Known: Sendable {
        let measures: SegmentLibrary.Measures
        /// The frames of each audio file; nil for MIDI.
        let frames: [Int?]
    }

    /// What `stats` says, and by code, whether each problem concerns each source; problems without sources are left out.
    private struct Findings {
        let statistics: DatasetStatistics
        var concerned: [String: [Bool]] = [:]
        /// By path, the first source of each that a problem names.
        let numbers: [String: Int]

        init(_ reader: DatasetReader) throws {
            statistics = try DatasetStatistics(reader)
            let sources = reader.snapshot.sources
            for problem in statistics.problems where !problem.paths.isEmpty {
                let paths = Set(problem.paths)
                let old = concerned[problem.code] ?? [Bool](repeating: false, count: sources.count)
                concerned[problem.code] = zip(old, sources).map { $0 || paths.contains($1.path) }
            }
            let named = Set(statistics.problems.flatMap(\.paths))
            numbers = Dictionary(
                sources.enumerated().filter { named.contains($1.path) }.map { ($1.path, $0) },
                uniquingKeysWith: { first, _ in first })
        }
    }

    /// Made on demand.
    private struct Late {
        var findings: Task<Findings, any Error>?
        /// With the state of the file that it was read from.
        var annotations: (file: FileStat?, read: Annotations)?
        /// Where segments begin, by source.
        var starts: [Int: [Int]] = [:]
        /// Made of the annotations of a state of their file.
        var tags: (file: FileStat?, found: SegmentTags)?
        /// The shards that were opened last, oldest first.
        var shards: [(object: Digest, shard: Shard)] = []
        /// Thumbnails by the segment's id.
        var thumbnails: [String: [UInt8]] = [:]
    }

    /// Opens a dataset.
    ///
    /// - Parameters:
    ///   - dataset: as `DatasetReader` takes it.
    ///   - cachePath: the cache's folder.
    ///   - hostNames: what the machine is called in the page's address, beside `localhost` and IP addresses.
    ///   - isReadOnly: whether tags and notes can only be read.
    /// - Throws: `BuildError`, `ManifestError`.
    public init(
        dataset: String, cachePath: String, hostNames: Set<String> = [], isReadOnly: Bool = false
    ) throws {
        let reader = try DatasetReader(dataset, cachePath: cachePath, holdingFor: "serve \(dataset)")
        self.reader = reader
        self.cachePath = cachePath
        self.hostNames = Set(hostNames.map { $0.lowercased() })
        token =
            isReadOnly
            ? nil : (0..<4).map { _ in String(UInt64.random(in: 1 << 60...UInt64.max), radix: 16) }.joined()
        manifest = try reader.manifest()
        let table = try SegmentTable(reader)
        self.table = table
        let library = SegmentLibrary(
            reader.snapshot.sources, table, labels: reader.snapshot.vocabularies.keys)
        self.library = library
        let frequencies = manifest.audio?.frequencies(ofFeature: "mel")
        let known = Task.detached {
            let records = try reader.records()
            var measures: SegmentLibrary.Measures = [:]
            let nothing = [Double](repeating: .nan, count: records.count)
            for (index, record) in records.enumerated() {
                for (name, value) in record.measures(frequencies: frequencies) {
                    measures[name, default: nothing][index] = value
                }
            }
            return Known(measures: measures, frames: records.map { $0.facts["frames"]?.integer })
        }
        self.known = known
        numbers = Task.detached {
            _ = await known.result
            return try SegmentNumbers(reader, table, count: library.count)
        }
    }

    /// The numbers in the records; waits until they are read.
    func knowledge() async throws -> Known { try await known.value }

    /// The numbers of all segments; waits until they are read.
    func segmentNumbers() async throws -> SegmentNumbers { try await numbers.value }

    /// What `stats` says.
    func statistics() async throws -> DatasetStatistics { try await findings().statistics }

    /// By code, whether each problem of `stats` concerns each source; those without sources of their own are left out.
    func problemSources() async throws -> [String: [Bool]] { try await findings().concerned }

    /// By path, the first source of each that a problem of `stats` names.
    func problemNumbers() async throws -> [String: Int] { try await findings().numbers }

    /// Counted once.
    private func findings() async throws -> Findings {
        let reader = reader
        let task = late.withLock { late in
            let task = late.findings ?? Task.detached { try Findings(reader) }
            late.findings = task
            return task
        }
        return try await task.value
    }

    /// The tags and notes of the dataset, read again if their file has changed.
    func annotations() throws -> Annotations {
        try late.withLock { try annotations(&$0) }
    }

    /// The tags in use, and which segments have them; found again if the file of annotations has changed.
    func tags() throws -> SegmentTags {
        let annotations = try annotations()
        let file = FileStat(withoutFollowing: annotations.path)
        if let known = late.withLock({ $0.tags }), known.file == file { return known.found }
        let found = try SegmentTags(annotations, reader.snapshot.sources, first: library.first) { source in
            if let known = late.withLock({ $0.starts[source] }) { return known }
            let starts = try starts(ofSource: source)
            late.withLock { $0.starts[source] = starts }
            return starts
        }
        late.withLock { $0.tags = (file, found) }
        return found
    }

    /// Where the segments of a source begin, in steps or samples, in their order, as its shards say.
    private func starts(ofSource source: Int) throws -> [Int] {
        var starts: [Int] = []
        for run in table.runs[source] {
            for number in run.number..<run.number + run.count {
                guard let place = reader.place(number, in: run.split) else { continue }
                starts.append(try shard(of: place).segment(place.index).start)
            }
        }
        return starts
    }

    /// Keeps tags and a note.
    func annotate(_ annotation: Annotation) throws {
        try late.withLock { late in
            var annotations = try annotations(&late)
            try annotations.append(annotation)
            late.annotations = (FileStat(withoutFollowing: annotations.path), annotations)
        }
    }

    private func annotations(_ late: inout Late) throws -> Annotations {
        if let known = late.annotations, known.file == FileStat(withoutFollowing: known.read.path) {
            return known.read
        }
        let read = try Annotations(ofDataset: reader.snapshot.dataset, cachePath: cachePath)
        late.annotations = (FileStat(withoutFollowing: read.path), read)
        return read
    }

    /// The shard of a segment; the last few stay open, since many segments are of the same, whose opening costs more than
    /// what is done with one of them.
    private func shard(of place: DatasetReader.Place) throws -> Shard {
        let object = place.shard.object
        if let open = late.withLock({ $0.shards.first { $0.object == object }?.shard }) { return open }
        let shard = try reader.open(place.shard)
        late.withLock { late in
            late.shards.append((object, shard))
            if late.shards.count > 8 { late.shards.removeFirst() }
        }
        return shard
    }

    /// The thumbnail of a segment, drawn once.
    func thumbnail(of place: DatasetReader.Place) throws -> [UInt8] {
        let name = "\(place.split.rawValue)/\(place.number)"
        if let old = late.withLock({ $0.thumbnails[name] }) { return old }
        let png = try Thumbnail.png(of: place.index, in: shard(of: place))
        late.withLock { late in
            if late.thumbnails.count >= 4096 { late.thumbnails.removeAll() }
            late.thumbnails[name] = png
        }
        return png
    }
}
