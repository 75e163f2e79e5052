public import Build
public import Files
public import Storage

/// A built dataset, opened for reading: its snapshot, its shards, and what is recorded of its sources.
public final class DatasetReader: Sendable {
    /// The snapshot's name.
    public let digest: Digest
    /// The snapshot.
    public let snapshot: Snapshot
    /// The cache that holds it.
    public let cache: Cache
    /// Keeps the snapshot from being collected as long as it is read, if that was asked for.
    private let hold: Hold?

    /// Opens a dataset.
    ///
    /// - Parameters:
    ///   - name: a dataset's name for its newest snapshot; `<dataset>@<n>` for an older one; or at least 6 digits of
    ///     a snapshot's hash.
    ///   - cachePath: the cache's folder.
    ///   - remote: has the dataset under its name, or the snapshot of this hash; objects are fetched when they are first
    ///     read. The cache is made if there is none. What the remote has not is looked for in the cache.
    ///   - purpose: what the process does for long, such as `serve piano`: `gc` then keeps the snapshot until the reader
    ///     is released or the process ends.
    /// - Throws: `BuildError`: `build.no-cache`, `build.no-dataset`, and what reading the snapshot meets.
    public init(
        _ name: String, cachePath: String, remote: (any RemoteStore)? = nil, holdingFor purpose: String? = nil
    ) throws {
        let cache = try Cache(path: cachePath, for: .reading, remote: remote)
        let digest = try Self.find(name, cache)
        hold = try purpose.flatMap { (purpose) throws(BuildError) in try cache.hold(digest, for: purpose) }
        (self.cache, self.digest) = (cache, digest)
        snapshot = try Snapshot(digest, in: cache)
    }

    private static func find(_ name: String, _ cache: Cache) throws -> Digest {
        if let remote = cache.remote {
            let found = remote.snapshot(of: name)?.digest ?? Digest(hex: name)
            // A snapshot that cannot be had is looked for here under its name.
            if let found, (try? cache.bytes(of: found)) != nil { return found }
        }
        let references = try cache.references()
        let full = { (reference: Reference) in
            reference.number.map { "\(reference.dataset)@\($0)" } ?? reference.dataset
        }
        if let reference = references.first(where: { full($0) == name }) { return reference.snapshot }
        if name.count >= 6, name.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 }) {
            // A run's snapshot may have no reference any more.
            if let digest = Digest(hex: name), cache.holds(digest) { return digest }
            let held = references.map(\.snapshot) + ((try? cache.holders()) ?? []).map(\.snapshot)
            let matches = Set(held.filter { $0.hex.hasPrefix(name) })
            if matches.count == 1, let match = matches.first { return match }
        }
        let known = name.contains("@") ? references.map(full) : Set(references.map(\.dataset)).sorted()
        let hint =
            known.isEmpty ? "it holds none yet; build one first" : suggestion(for: name, among: known)
        throw BuildError(
            .noDataset, "no dataset '\(name)' in the cache at \(cache.path); \(hint)", canRetry: false)
    }

    /// A dataset in a cache.
    public struct Listing: Sendable {
        /// Its name, with `@<n>` for older snapshots; the first 12 digits of a snapshot that only runs or processes hold.
        public let name: String
        /// The snapshot's name.
        public let digest: Digest
        /// The snapshot; nil if its object cannot be read.
        public let snapshot: Snapshot?
        /// The bytes of the snapshot and the objects that it refers to; those that several share count for each.
        public let bytes: Int
        /// The runs and processes that hold it.
        public let holders: [Holder]
        /// When the snapshot was built first, in seconds since 1970; nil if its object cannot be read.
        public let built: Int?
    }

    /// Every dataset of a cache by name, the newest snapshot of each first; then the snapshots that have no name any more
    /// and are held by a run or a process.
    ///
    /// - Throws: `BuildError` if there is no cache, or its references or runs cannot be read.
    public static func list(cachePath: String) throws -> [Listing] {
        let cache = try Cache(path: cachePath, for: .reading)
        let references = try cache.references()
        let holders = try cache.holders().filter { $0.kind != .reference }
        func listing(_ name: String, _ digest: Digest) -> Listing {
            let snapshot = try? Snapshot(digest, in: cache)
            let objects = Set([digest] + (snapshot?.objects ?? []))
            return Listing(
                name: name, digest: digest, snapshot: snapshot,
                bytes: objects.reduce(0) { $0 + cache.size(of: $1) },
                holders: holders.filter { $0.snapshot == digest },
                built: FileStat(path: cache.path(of: digest)).map { Int($0.modified / 1_000_000_000) })
        }
        let named = references.map { reference in
            listing(
                reference.number.map { "\(reference.dataset)@\($0)" } ?? reference.dataset, reference.snapshot
            )
        }
        let unnamed = Set(holders.map(\.snapshot)).subtracting(references.map(\.snapshot)).filter {
            cache.holds($0)
        }
        return named + unnamed.sorted().map { listing($0.short, $0) }
    }

    /// Opens a shard, and checks it against the snapshot before anything is read from it.
    ///
    /// - Throws: `BuildError` if its object is gone, damaged, or not what the snapshot says.
    public func open(_ shard: Snapshot.Shard) throws -> Shard {
        try cache.withFile(of: shard.object, size: shard.bytes) {
            try Shard(path: $0, as: shard, in: snapshot)
        }
    }

    /// Where a segment lies.
    public struct Place: Sendable {
        /// Its split.
        public let split: Split
        /// Its number in the split, from 0.
        public let number: Int
        /// Its shard.
        public let shard: Snapshot.Shard
        /// Its number in the shard, from 0.
        public let index: Int
    }

    /// Where a segment of a split lies; nil if the split has no segment of this number.
    public func place(_ number: Int, in split: Split) -> Place? {
        var first = 0
        for shard in snapshot.shards[split] ?? [] {
            if number >= first, number < first + shard.segments {
                return Place(split: split, number: number, shard: shard, index: number - first)
            }
            first += shard.segments
        }
        return nil
    }

    /// The number of the source with a path.
    ///
    /// - Parameter path: as the manifest names it, or any end of it that fits one source.
    /// - Returns: its number in the snapshot.
    /// - Throws: `BuildError` if none fits, or several do.
    public func source(_ path: String) throws -> Int {
        let sources = snapshot.sources
        // Bytes first: paths that differ only in the composition of their letters are two files.
        let tests: [(String) -> Bool] = [
            { $0.utf8.elementsEqual(path.utf8) }, { $0 == path },
            { Array($0.utf8.suffix(path.utf8.count)) == Array(path.utf8) }, { $0.hasSuffix(path) },
        ]
        for test in tests {
            let fitting = sources.indices.filter { test(sources[$0].path) }
            if fitting.count == 1 { return fitting[0] }
            guard fitting.isEmpty else {
                throw BuildError(
                    .noDataset, "\(fitting.count) paths end in '\(path)'; write more of it", canRetry: false)
            }
        }
        throw BuildError(
            .noDataset,
            "no source's path ends in '\(path)'; `reprise stats` lists labels, the manifest names paths",
            canRetry: false)
    }
}
