internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The records of a cache: its journals, and the index over them, opened when first asked for.
final class Records: Sendable {
    /// Who keeps the index.
    enum Keeper: Sendable {
        /// The builder: on the disk.
        case builder
        /// A reader: from the disk when it is complete, else in memory.
        case reader
        /// A worker: in memory, since a database over a network is not to be trusted.
        case worker
    }

    private let disk: Disk
    private let root: String
    private let keeper: Keeper
    private let log: @Sendable (String) -> Void
    private let opened = Mutex<Index?>(nil)

    init(_ disk: Disk, root: String, keeper: Keeper, log: @escaping @Sendable (String) -> Void) {
        self.disk = disk
        self.root = root
        self.keeper = keeper
        self.log = log
    }

    /// The folder `journals`.
    var folder: String { "\(root)/journals" }
    private var indexPath: String { "\(root)/index.sqlite" }

    /// The journals there are, by name.
    func journals() -> [Journal] {
        disk.names(in: folder).filter { $0.hasSuffix(".jsonl") }.map { name in
            Journal(name: name, path: "\(folder)/\(name)")
        }
    }

    /// Works with the index; a damaged one is rebuilt from the journals, once.
    func withIndex<Result>(_ body: (Index) throws(BuildError) -> Result) throws(BuildError) -> Result {
        var used: Index?
        do throws(BuildError) {
            let index = try index()
            used = index
            return try body(index)
        } catch {
            guard error.code == .damaged, keeper == .builder else { throw error }
            try opened.withLock { (held) throws(BuildError) in
                // Another thread may have met the same damage, and rebuilt the index meanwhile.
                guard held === used else { return }
                log("index.sqlite is damaged; rebuilding it from the journals")
                held?.close()
                held = nil
                for suffix in ["", "-wal", "-shm"] { try disk.remove(indexPath + suffix) }
                held = try openOnDisk()
            }
            return try body(try index())
        }
    }

    /// Closes the index's file, so that nothing of it stays beside it.
    func close() {
        opened.withLock { index in
            index?.close()
            index = nil
        }
    }

    /// Rebuilds the index from the journals; what was known of sources is lost only if the old one is damaged.
    func rebuild() throws(BuildError) {
        try withIndex { (index) throws(BuildError) in
            try index.clear()
            try catchUp(index)
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
            if FileStat(path: indexPath) == nil, !journals().isEmpty {
                log("index.sqlite is missing; rebuilding it from the journals")
            }
            return try openOnDisk()
        case .worker:
            return try inMemory()
        case .reader:
            guard FileStat(path: indexPath) != nil, access(root, W_OK) == 0,
                let index = try? Index(path: indexPath), let known = try? index.journals(),
                journals().allSatisfy({ known[$0.name] == FileStat(path: $0.path)?.size }),
                known.count == journals().count
            else { return try inMemory() }
            return index
        }
    }

    private func openOnDisk() throws(BuildError) -> Index {
        let index = try Index(path: indexPath)
        try catchUp(index)
        return index
    }

    private func inMemory() throws(BuildError) -> Index {
        let index = try Index(path: nil)
        try catchUp(index)
        return index
    }

    /// Takes in what the journals hold beyond the index.
    func catchUp(_ index: Index) throws(BuildError) {
        var known = try index.journals()
        let journals = journals()
        let sizes = journals.map { FileStat(path: $0.path)?.size ?? 0 }
        // A journal that has gone or shrunk: some rows may have no record any more.
        let names = Set(journals.map(\.name))
        let hasShrunk = zip(journals, sizes).contains { $0.1 < known[$0.0.name] ?? 0 }
        if hasShrunk || known.keys.contains(where: { !names.contains($0) }) {
            log("a journal is shorter than the index recorded; rebuilding the index from the journals")
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
                "\(scan.damaged.count) damaged lines in journals/\(journal.name) are skipped; see `verify`"
            )
        }
    }
}
