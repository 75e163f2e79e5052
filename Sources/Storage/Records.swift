package import Files
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The records of a cache: its journals, and the index over them, opened when first asked for.
package final class Records: Sendable {
    /// Who keeps the index.
    enum Keeper: Sendable, Equatable {
        /// The builder: on the disk.
        case builder
        /// A reader: from the disk when it is complete, else in memory.
        case reader
        /// A worker: in memory, since a database over a network is not to be trusted.
        case worker(WorkerKnowledge?)
    }

    private let disk: Disk
    private let root: String
    private let keeper: Keeper
    private let log: @Sendable (String) -> Void
    private let opened = Mutex<Index?>(nil)
    /// What a worker was told in place of the journals; nil for anyone who reads all of them.
    private let knowledge: Mutex<WorkerKnowledge?>

    init(_ disk: Disk, root: String, keeper: Keeper, log: @escaping @Sendable (String) -> Void) {
        self.disk = disk
        self.root = root
        self.keeper = keeper
        self.log = log
        if case .worker(let given) = keeper { knowledge = Mutex(given) } else { knowledge = Mutex(nil) }
    }

    /// The folder `journals`.
    package var folder: String { "\(root)/journals" }
    private var indexPath: String { "\(root)/index.sqlite" }

    /// The journals there are, by name; links and whatever else is no regular file are left out, and for a worker those
    /// that it need not know.
    package func journals() -> [Journal] {
        let prefix = knowledge.withLock { $0.map { "worker-\($0.predecessors)" } } ?? ""
        return disk.names(in: folder).compactMap { name in
            let path = "\(folder)/\(name)"
            guard name.hasSuffix(".jsonl"), name.hasPrefix(prefix),
                FileStat(withoutFollowing: path)?.isRegularFile == true
            else {
                return nil
            }
            return Journal(name: name, path: path)
        }
    }

    /// Works with the index; one that turns out damaged is replaced once: by the builder on the disk, by anyone else in
    /// memory.
    package func withIndex<Result>(_ body: (Index) throws(BuildError) -> Result) throws(BuildError) -> Result
    {
        var used: Index?
        do throws(BuildError) {
            let index = try index()
            used = index
            return try body(index)
        } catch {
            guard error.concernsTheIndex, let used, !used.isInMemory else { throw error }
            try opened.withLock { (held) throws(BuildError) in
                // Another thread may have met the same damage, and replaced the index meanwhile.
                guard held === used else { return }
                held?.close()
                held = nil
                held = try replaced(because: error.message)
            }
            return try body(try index())
        }
    }

    /// An index in place of one that cannot be used.
    private func replaced(because reason: String) throws(BuildError) -> Index {
        log("\(reason); it is rebuilt from the journals\(keeper == .builder ? "" : " in memory")")
        guard keeper == .builder else { return try inMemory() }
        try removeIndex()
        return try openOnDisk()
    }

    /// Removes the index's files, whatever is in their place.
    package func removeIndex() throws(BuildError) {
        for suffix in ["", "-wal", "-shm", "-journal"] { try disk.remove(indexPath + suffix) }
    }

    /// Takes in what the journals hold by now, where the index is not one that others write too; false where nothing is
    /// done.
    func refresh() throws(BuildError) -> Bool {
        guard keeper != .builder else { return false }
        try opened.withLock { (held) throws(BuildError) in
            // A reader's index on the disk may be older than the journals, and is left as it is.
            let wasLimited = knowledge.withLock { known in
                defer { known = nil }
                return known != nil
            }
            if let index = held, index.isInMemory, !wasLimited { return try catchUp(index) }
            held?.close()
            held = try open()
        }
        return true
    }

    /// Closes the index's file, so that nothing of it stays beside it.
    package func close() {
        opened.withLock { index in
            index?.close()
            index = nil
        }
    }

    /// Takes the journals in from their starts; what is known of sources stays.
    package func rebuild() throws(BuildError) {
        try opened.withLock { (held) throws(BuildError) in
            do throws(BuildError) {
                if held == nil { held = try indexOnDisk(for: .keeper) }
                guard let index = held else { return }
                try index.clear()
                try catchUp(index)
            } catch {
                guard error.concernsTheIndex else { throw error }
                held?.close()
                held = nil
                held = try replaced(because: error.message)
            }
        }
    }

    /// Replaces the index by a new one, whatever is in it; sources are hashed again.
    package func rebuildFromNothing() throws(BuildError) {
        try opened.withLock { (held) throws(BuildError) in
            held?.close()
            held = nil
            try removeIndex()
            held = try openOnDisk()
        }
    }

    private func index() throws(BuildError) -> Index {
        try opened.withLock { (held) throws(BuildError) in
            if let held { return held }
            let index = try open()
            held = index
            return index
        }
    }

    private func open() throws(BuildError) -> Index {
        switch keeper {
        case .builder:
            let isThere = FileStat(withoutFollowing: indexPath) != nil
            if !isThere, !journals().isEmpty {
                log("index.sqlite is missing; it is rebuilt from the journals")
            }
            do throws(BuildError) {
                return try openOnDisk()
            } catch {
                // Where another member of a group made the file, the folder may be writable though the file is not.
                let isAnothers = error.code == .readOnly && access(root, W_OK) == 0
                guard isThere, error.concernsTheIndex || isAnothers else { throw error }
                return try replaced(because: error.message)
            }
        case .worker:
            return try inMemory()
        case .reader:
            guard access(root, W_OK) == 0, let index = try? indexOnDisk(for: .reader) else {
                return try inMemory()
            }
            guard let known = try? index.journals(), known.count == journals().count,
                journals().allSatisfy({ known[$0.name] == FileStat(withoutFollowing: $0.path)?.size })
            else {
                index.close()
                return try inMemory()
            }
            return index
        }
    }

    /// Opens the index's file as it lies there; for the keeper, makes it when there is none.
    ///
    /// - Throws: `build.damaged` for anything but an index of this schema.
    package func indexOnDisk(for access: Index.Access) throws(BuildError) -> Index {
        // SQLite would follow links, and take in a journal of its own that names other files to remove.
        for suffix in ["", "-wal", "-shm"] {
            guard let found = FileStat(withoutFollowing: indexPath + suffix) else { continue }
            guard found.isRegularFile else {
                throw BuildError(
                    .damaged, "\(indexPath)\(suffix) is not a regular file", canRetry: true)
            }
        }
        guard FileStat(withoutFollowing: indexPath + "-journal") == nil else {
            throw BuildError(.damaged, "\(indexPath) was left half made", canRetry: true)
        }
        if FileStat(withoutFollowing: indexPath) == nil {
            guard access == .keeper else {
                throw BuildError(.damaged, "\(indexPath) is missing", canRetry: true)
            }
            // SQLite would make it unwritable for a group, whatever the umask.
            disk.close(try disk.open(indexPath, O_RDWR | O_CREAT | O_EXCL))
        }
        return try Index(path: indexPath, access: access)
    }

    private func openOnDisk() throws(BuildError) -> Index {
        let index = try indexOnDisk(for: .keeper)
        try catchUp(index)
        return index
    }

    private func inMemory() throws(BuildError) -> Index {
        let index = try Index(path: nil)
        try catchUp(index)
        if let known = knowledge.withLock({ $0 }) {
            let entries = known.places.map { (JournalEntry.place($0, at: known.youngest), 0..<0) }
            _ = try index.ingest(entries, of: "", upTo: 0, since: known.youngest)
        }
        return index
    }

    /// Takes in what the journals hold beyond the index.
    func catchUp(_ index: Index) throws(BuildError) {
        var known = try index.journals()
        let journals = journals()
        let sizes = journals.map { FileStat(withoutFollowing: $0.path)?.size ?? 0 }
        // A journal that has gone or shrunk: some rows may have no record any more.
        let names = Set(journals.map(\.name))
        let hasShrunk = zip(journals, sizes).contains { $0.1 < known[$0.0.name] ?? 0 }
        if hasShrunk || known.keys.contains(where: { !names.contains($0) }) {
            log("a journal is shorter than the index knows it; the index is rebuilt from the journals")
            try index.clear()
            known = [:]
        }
        for (journal, size) in zip(journals, sizes) where size > known[journal.name] ?? 0 {
            try ingest(journal, from: known[journal.name] ?? 0, into: index)
        }
    }

    private func ingest(_ journal: Journal, from start: Int, into index: Index) throws(BuildError) {
        var batch: [(JournalEntry, Range<Int>)] = []
        func flush(upTo end: Int) throws(BuildError) {
            for message in try index.ingest(batch, of: journal.name, upTo: end) { log(message) }
            batch.removeAll(keepingCapacity: true)
        }
        let scan = try journal.scan(disk, from: start) { (entry, place) throws(BuildError) in
            batch.append((entry, place))
            if batch.count == 4096 { try flush(upTo: place.upperBound) }
        }
        try flush(upTo: scan.end)
        if !scan.damaged.isEmpty {
            log(
                "\(scan.damaged.count) damaged lines in journals/\(journal.name) are skipped; see `reprise verify`"
            )
        }
    }
}
