import Build
import Dataset
import Insight
import Loading
import Manifest
import Synchronization

/// A dataset to see and hear in a browser.
///
/// It answers requests; `serve` brings them from the network. It reads, and nothing else. What a request names are numbers
/// of segments and sources, names of runs and of measures: no path reaches the disk, and a source's file is read only if
/// its bytes are those that the snapshot knows.
public final class DatasetExplorer: Sendable {
    let reader: DatasetReader
    let cachePath: String
    let manifest: Manifest
    let table: SegmentTable
    let library: SourceLibrary
    /// Read in the background from the start; filtering or sorting by a measure waits for it.
    private let known: Task<Known, any Error>
    private let late = Mutex(Late())
    /// Names, in lower case, that requests may call this machine by, beside `localhost` and any IP address.
    let hostNames: Set<String>

    /// The numbers in the sources' records.
    struct Known: Sendable {
        let measures: SourceLibrary.Measures
        /// The frames of each audio file; nil for MIDI.
        let frames: [Int?]
    }

    /// Made on demand.
    private struct Late {
        var statistics: Task<[UInt8], any Error>?
    }

    /// Opens a dataset.
    ///
    /// - Parameters:
    ///   - dataset: as `DatasetReader` takes it.
    ///   - cachePath: the cache's folder.
    ///   - hostNames: what the machine is called in the page's address, beside `localhost` and IP addresses.
    /// - Throws: `BuildError`, `ManifestError`.
    public init(dataset: String, cachePath: String, hostNames: Set<String> = []) throws {
        let reader = try DatasetReader(dataset, cachePath: cachePath, holdingFor: "serve \(dataset)")
        self.reader = reader
        self.cachePath = cachePath
        self.hostNames = Set(hostNames.map { $0.lowercased() })
        manifest = try reader.manifest()
        table = try SegmentTable(reader)
        library = SourceLibrary(reader.snapshot.sources, table)
        let frequencies = manifest.audio?.frequencies(ofFeature: "mel")
        known = Task.detached {
            let records = try reader.records()
            var measures: SourceLibrary.Measures = [:]
            let nothing = [Double](repeating: .nan, count: records.count)
            for (index, record) in records.enumerated() {
                for (name, value) in record.measures(frequencies: frequencies) {
                    measures[name, default: nothing][index] = value
                }
            }
            return Known(measures: measures, frames: records.map { $0.facts["frames"]?.integer })
        }
    }

    /// The numbers in the records; waits until they are read.
    func knowledge() async throws -> Known { try await known.value }

    /// The page of `stats --html`, made once.
    func statistics() async throws -> [UInt8] {
        let reader = reader
        let task = late.withLock { late in
            let task =
                late.statistics
                ?? Task.detached { Array(try DatasetStatistics(reader).html(backTo: "/").utf8) }
            late.statistics = task
            return task
        }
        return try await task.value
    }
}
