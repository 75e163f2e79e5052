import Files
import Storage
import Synchronization
import Tensors

/// The shards that a plan reads, in the order of the snapshot.
///
/// At opening each is mapped for its size and its labels alone; its bytes are hashed once, when it is first used.
final class LoaderShards: Sendable {
    /// Where a shard's segments are in the split.
    struct Place: Sendable {
        let shard: Snapshot.Shard
        let segments: Range<Int>
    }

    let places: [Place]
    private let source: Source
    private let open: Mutex<[LoaderShard?]>

    /// Where shards are.
    private enum Source: Sendable {
        case dataset(DatasetReader)
        case memory(LoaderShard)
    }

    /// The one shard of a loader that reads no dataset.
    init(_ shard: Shard, of snapshot: Snapshot) throws {
        let kind: SegmentKind = shard.holdsNotes ? .midi : .audio
        let loaded = try LoaderShard(shard, vocabularies: snapshot.vocabularies)
        // It has no object; nothing looks for one.
        let described = Snapshot.Shard(
            object: Digest(of: []), bytes: shard.file.byteCount, segments: shard.count, kind: kind)
        source = .memory(loaded)
        places = shard.count == 0 ? [] : [Place(shard: described, segments: 0..<shard.count)]
        open = Mutex([loaded])
    }

    /// - Throws: `loader.truncated` if a shard hasn't the size that the snapshot says; `BuildError` if one is gone.
    init(_ reader: DatasetReader, _ split: Split, _ kind: SegmentKind) throws {
        source = .dataset(reader)
        var places: [Place] = []
        var first = 0
        for shard in reader.snapshot.shards[split] ?? [] {
            let segments = first..<first + shard.segments
            first = segments.upperBound
            if shard.kind == kind, !segments.isEmpty {
                places.append(Place(shard: shard, segments: segments))
            }
        }
        self.places = places
        open = Mutex(Array(repeating: nil, count: places.count))
        for place in places {
            let path = reader.cache.path(of: place.shard.object)
            guard let status = FileStat(path: path) else {
                // One that only the remote has is fetched when it is first used.
                if reader.cache.remote != nil { continue }
                throw BuildError(
                    .objectMissing,
                    "shard \(place.shard.object) is not in the cache; build the dataset again",
                    canRetry: false)
            }
            guard status.size == place.shard.bytes else {
                throw LoaderError(
                    .truncated,
                    "shard \(place.shard.object) has \(status.size) bytes, not the snapshot's \(place.shard.bytes)"
                        + "; repair the cache with 'reprise verify --repair'")
            }
        }
    }

    /// Maps a shard without a look at its bytes.
    func map(_ index: Int) throws -> LoaderShard {
        switch source {
        case .memory(let shard): return shard
        case .dataset(let reader):
            let shard = places[index].shard
            return try LoaderShard(
                Shard(
                    path: reader.cache.readablePath(of: shard.object, size: shard.bytes), as: shard,
                    in: reader.snapshot, .columns),
                vocabularies: reader.snapshot.vocabularies)
        }
    }

    /// Lends a shard; at its first use its bytes are hashed, while other shards stay in use.
    ///
    /// - Throws: `build.object-corrupt`, `build.object-missing`; `build.damaged` if it is not what the snapshot says.
    func shard(_ index: Int) throws -> LoaderShard {
        if let shard = open.withLock({ $0[index] }) { return shard }
        guard case .dataset(let reader) = source else { preconditionFailure("a shard in memory is open") }
        let shard = try LoaderShard(
            reader.open(places[index].shard), vocabularies: reader.snapshot.vocabularies)
        return open.withLock { open in
            let first = open[index] ?? shard
            open[index] = first
            return first
        }
    }

    /// The number of the shard that holds a segment of the split.
    func index(of segment: Int) -> Int {
        places.partition(where: { $0.segments.lowerBound > segment }) - 1
    }
}
