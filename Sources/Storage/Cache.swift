public import Files
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A folder that holds everything ever computed: objects by their hash, and the records of how they came about.
///
/// ```
/// CACHEDIR.TAG       marks the folder as a cache of Reprise
/// objects/ab/cdef…   immutable blobs, named by SHA-256, read-only
/// objects/packs/*    files that hold many small blobs each
/// journals/*.jsonl   action records and places in packs, append only, a file a writer
/// index.sqlite       results by key; a convenience, made from the journals
/// refs/<dataset>     the newest snapshot's hash; <dataset>@<n> older ones, numbered in time
/// state/<dataset>    what the last build saw, for builds that find nothing to do
/// runs/<run>/        trainings; each holds the snapshot that its run.json names
/// holders/<process>  what processes use right now, locked for as long as they live
/// leases/<worker>    the signs of life of workers
/// fetched/ab/cdef…   objects of a remote store that were read; any of them may go at any time
/// plans/             plans of work and their logs, as the tools for schedulers write them
/// tmp/<writer>/      files not yet in place
/// lock               held by the one builder
/// ```
///
/// One builder, any number of readers and workers. An object that no journal names is never trusted. Below the folder
/// no link is followed, and only files that carry the names of this table are ever removed or replaced.
public final class Cache: Sendable {
    /// What a cache is opened for.
    public enum Access: Sendable, Hashable {
        /// Reading only: nothing is locked, and nothing is written but SQLite's passing files beside the index, and a
        /// file in `holders` while a snapshot is held.
        case reading
        /// Building and tidying: at most one at a time; when taken, waiting with a message or `build.locked`.
        case building(wait: Bool)
        /// Running actions for another process's build, from any machine, under a name that no other worker has.
        ///
        /// A worker that was told what it needs to know reads few journals; any other reads all of them.
        case working(name: String, knowing: WorkerKnowledge? = nil)
    }

    /// The folder.
    public let path: String
    /// What it was opened for.
    public let access: Access

    package let disk: Disk
    package let store: ObjectStore
    package let records: Records
    package let log: @Sendable (String) -> Void
    package let cancellation: Cancellation
    /// Where results are looked for that this cache lacks, and where new ones are sent.
    public let remote: (any RemoteStore)?
    private let lock: Lock?
    package let lease: Lease?

    /// Opens a cache; for building, makes it when there is none.
    ///
    /// What a killed build left half written is swept away. Opening for building writes nothing to a cache that
    /// was left tidy.
    ///
    /// - Parameters:
    ///   - path: the folder.
    ///   - access: what for.
    ///   - remote: where results are looked for that it lacks, and where new ones are sent. Objects that are read and
    ///     that the cache lacks are fetched; for that, a cache is made for reading too.
    ///   - cancellation: ends waiting for another builder.
    ///   - log: is given lines for people, such as that another build is waited for.
    /// - Throws: `build.no-cache`; `build.not-a-cache` for a folder that holds other things; `build.locked`,
    ///   `build.read-only`, `build.foreign-file`, `build.io`, `build.interrupted`.
    public convenience init(
        path: String, for access: Access, remote: (any RemoteStore)? = nil,
        cancellation: Cancellation = .bySignal, log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(BuildError) {
        try self.init(
            path: path, for: access, remote: remote, disk: Disk(), cancellation: cancellation, log: log)
    }

    package init(
        path: String, for access: Access, remote: (any RemoteStore)? = nil, disk: Disk,
        packLimit: Int = PackFile.sizeLimit,
        cancellation: Cancellation = .bySignal, log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(BuildError) {
        self.path = path
        self.access = access
        self.remote = remote
        self.disk = disk
        self.cancellation = cancellation
        self.log = log
        let writer: String
        let keeper: Records.Keeper
        switch access {
        case .reading:
            writer = "reader"
            keeper = .reader
        case .building:
            writer = "builder"
            keeper = .builder
        case .working(let name, let knowledge):
            precondition(
                Self.isName(name), "a worker's name has letters, digits, '-', '_', '.'; not '\(name)'")
            writer = "worker-\(name)"
            keeper = .worker(knowledge)
        }
        records = Records(disk, root: path, keeper: keeper, log: log)
        store = ObjectStore(
            disk, root: "\(path)/objects", temporaries: "\(path)/tmp/\(writer)", records: records,
            packLimit: packLimit,
            fetched: remote.map {
                FetchedObjects($0, disk, folder: "\(path)/fetched", cancellation: cancellation)
            })
        self.writer = writer
        if access == .reading {
            if remote != nil, !Self.isCache(path, disk) {
                try Self.mark(path, disk)
                try Self.makeFolders(["objects", "journals", "refs"], in: path, disk)
            }
            let isCache = Self.isCache(path, disk)
            if isCache { try Self.checkFolders(in: path, writer: writer, disk) }
            guard isCache, disk.isFolder("\(path)/objects") else {
                throw BuildError(.noCache, "no cache at \(path); `reprise build` makes one", canRetry: false)
            }
            (lock, lease) = (nil, nil)
            return
        }
        try Self.mark(path, disk)
        try Self.checkFolders(in: path, writer: writer, disk)
        try Self.makeFolders(["objects", "journals", "refs", "state", "tmp/\(writer)"], in: path, disk)
        if case .building(let wait) = access {
            lock = try Lock(
                "\(path)/lock", disk: disk, wait: wait, cancellation: cancellation,
                waiting: { log("another build works in \(path); waiting for it to end") })
            lease = nil
            try Lease.sweep(disk, cache: path)
        } else {
            lock = nil
            lease = try Lease(disk, cache: path, writer: writer)
        }
    }

    deinit {
        records.close()
        if lease != nil { rmdir("\(path)/tmp/\(writer)") }
    }

    /// Makes the folders that aren't there, and makes sure that a power cut leaves them.
    private static func makeFolders(_ folders: [String], in path: String, _ disk: Disk) throws(BuildError) {
        let missing = folders.filter { !disk.isFolder("\(path)/\($0)") }
        guard !missing.isEmpty else { return }
        for folder in missing { try disk.makeDirectories("\(path)/\(folder)") }
        // The cache itself may be reached through a link, which "." is not.
        try disk.synchronise("\(path)/.")
        try disk.synchronise("\(path)/..")
    }

    /// The name of this process's journal and of its folder of temporaries.
    package let writer: String

    /// Whether a name is made of letters, digits, '-', '_' and '.', and doesn't begin with '.'.
    package static func isName(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".")
            && name.utf8.allSatisfy { unit in
                unit | 0x20 >= 0x61 && unit | 0x20 <= 0x7A || unit >= 0x30 && unit <= 0x39
                    || [0x2D, 0x5F, 0x2E].contains(unit)
            }
    }

    // MARK: Objects

    /// Whether an object is there with the right size; its bytes aren't looked at.
    public func contains(_ reference: ObjectReference) -> Bool {
        store.isFile(reference) || (try? store.isPresent([reference])) == [true]
    }

    /// Whether an object of this name is there; its size and its bytes aren't looked at.
    public func holds(_ digest: Digest) -> Bool { (try? store.size(of: digest)) != nil }

    /// The size of an object in bytes; 0 for one that is not there.
    public func size(of digest: Digest) -> Int { min((try? store.size(of: digest)) ?? 0, 1 << 50) }

    /// Where the file of an object lies, or would lie, in the cache: of a shard, a snapshot, statistics.
    ///
    /// A small object that only actions read has no file, and one made by this process may not be there yet: use
    /// `withFile(of:)` for those.
    public func path(of digest: Digest) -> String {
        store.path(of: digest)
    }

    /// The path of the file of an object, which is fetched if only the remote store has it; its bytes are checked if it
    /// was.
    ///
    /// - Parameters:
    ///   - digest: its name.
    ///   - size: its size.
    /// - Returns: where it lies, or would lie if it is nowhere.
    /// - Throws: `build.disk-full`, `build.io`.
    public func readablePath(of digest: Digest, size: Int) throws(BuildError) -> String {
        try store.readablePath(of: digest, size: size)
    }

    /// The whole of an object, its bytes checked against its name.
    ///
    /// - Parameters:
    ///   - digest: its name.
    ///   - size: its size, where that is known: an object of another size is damaged, and is not read.
    /// - Returns: its bytes.
    /// - Throws: `build.object-missing`; `build.object-corrupt`, after the object was set aside; `build.foreign-file`
    ///   for one of more than 1 GiB; `build.io`.
    public func bytes(of digest: Digest, size: Int? = nil) throws(BuildError) -> [UInt8] {
        try store.bytes(of: digest, size: size)
    }

    /// Lends an object in the form in which it is read fastest, its bytes checked against its name once a process: as
    /// bytes if it is small, else as a file.
    ///
    /// - Parameters:
    ///   - digest: its name.
    ///   - size: its size, where that is known: an object of another size is damaged, and is not read.
    ///   - body: works with the object; a path is good within the body only.
    /// - Returns: what the body returns.
    /// - Throws: as `withFile(of:)`.
    public func withContents<Result>(
        of digest: Digest, size: Int? = nil, _ body: (ObjectContents) throws -> Result
    ) throws -> Result {
        // A small file is read sooner than it is mapped.
        if let size, size <= 1 << 15 { return try body(.bytes(bytes(of: digest, size: size))) }
        if let bytes = try store.bytesIfPacked(digest, size: size) { return try body(.bytes(bytes)) }
        return try withFile(of: digest, size: size) { try body(.file($0)) }
    }

    /// Lends a path at which an object can be opened, its bytes checked against its name once a process.
    ///
    /// The path is good within the body only; what was opened or mapped there stays good, whatever happens to the
    /// cache.
    ///
    /// - Parameters:
    ///   - digest: its name.
    ///   - size: its size, where that is known: an object of another size is damaged, and is not read.
    ///   - body: works with the file.
    /// - Returns: what the body returns.
    /// - Throws: `build.object-missing`; `build.object-corrupt`, after the object was set aside; `build.io`; and
    ///   what the body throws.
    public func withFile<Result>(
        of digest: Digest, size: Int? = nil, _ body: (String) throws -> Result
    ) throws -> Result {
        let result: Swift.Result<Result, any Error> = try store.withDescriptor(of: digest, size: size) {
            descriptor in
            #if os(Linux)
                let path = "/proc/self/fd/\(descriptor)"
            #else
                let path = "/dev/fd/\(descriptor)"
            #endif
            return Swift.Result { try body(path) }
        }
        return try result.get()
    }

    // MARK: Records

    /// What is recorded of actions; nil where nothing is, or where an output is no longer there.
    ///
    /// - Parameters:
    ///   - actions: which.
    ///   - workers: share the work when there are many.
    /// - Returns: for each action its record.
    /// - Throws: `build.io`, `build.damaged`; `build.interrupted`.
    public func lookup(
        _ actions: [Action], with workers: Workers = Workers(count: 1)
    ) throws(BuildError) -> [ActionRecord?] {
        let parts = stride(from: 0, to: actions.count, by: 512).map { start in
            start..<min(start + 512, actions.count)
        }
        let found = try workers.map(parts) { (part) throws(BuildError) -> [ActionRecord?] in
            var records = try recorded(Array(actions[part]))
            let outputs = records.map { $0.map { Array($0.outputs.values) } ?? [] }
            var present = try store.isPresent(Array(outputs.joined()))[...]
            for (index, own) in outputs.enumerated() {
                if present.prefix(own.count).contains(false) { records[index] = nil }
                present = present.dropFirst(own.count)
            }
            return records
        }
        return Array(found.joined())
    }

    /// What is recorded of actions, though outputs may be gone; nil where nothing is.
    ///
    /// - Throws: `build.io`, `build.damaged`.
    public func recorded(_ actions: [Action]) throws(BuildError) -> [ActionRecord?] {
        let results = try records.withIndex { (index) throws(BuildError) in
            try index.results(for: actions.map(\.key))
        }
        return zip(actions, results).map { action, result in
            result.map { ActionRecord(action: action, result: $0) }
        }
    }
}

/// A lock on a file that ends with the process, however it ends.
package final class Lock: Sendable {
    private let disk: Disk
    private let descriptor: Int32

    package init(
        _ path: String, disk: Disk, isShared: Bool = false, wait: Bool, cancellation: Cancellation,
        waiting: () -> Void
    ) throws(BuildError) {
        self.disk = disk
        let operation = (isShared ? LOCK_SH : LOCK_EX) | LOCK_NB
        descriptor = try disk.open(path, O_RDWR | O_CREAT)
        if flock(descriptor, operation) == 0 { return }
        guard errno == EWOULDBLOCK else {
            let number = errno
            disk.close(descriptor)
            throw .system("lock", path, number)
        }
        guard wait else {
            disk.close(descriptor)
            throw BuildError(
                .locked, "another build is using this cache (\(path)); try again when it has finished",
                canRetry: true)
        }
        waiting()
        // Asked again and again: a signal that came just before a waiting call would not end it.
        while flock(descriptor, operation) != 0 {
            let number = errno
            if cancellation.isRequested || (number != EWOULDBLOCK && number != EINTR) {
                disk.close(descriptor)
                throw cancellation.isRequested ? .interrupted : .system("lock", path, number)
            }
            usleep(50_000)
        }
    }

    deinit {
        // A process that is being started at this moment may have a copy of the descriptor until it runs its program:
        // closing ours would leave the lock with it.
        flock(descriptor, LOCK_UN)
        disk.close(descriptor)
    }
}
