import Files
import Storage

/// Makes finished actions durable, many at a time, on a thread of its own.
///
/// The order is fixed: packs flushed; files flushed, moved to their places, folders flushed; then the journal appended
/// and flushed; then the index's transaction. So a journal never names an object that a power cut could take, and the
/// index never knows what no journal holds.
final class Committer: @unchecked Sendable {
    /// A finished action, with the record that it replaces and the files that it made.
    struct Item: Sendable {
        /// Nil for hashed sources, and for a small object that no action made; it is in a pack already, as all small
        /// objects are.
        let record: ActionRecord?
        var replaces: DropReason?
        var files: [SealedFile] = []
        var sources: [SourceFile] = []
        /// Whether it came from a remote store.
        var isFetched = false

        var bytes: Int { files.reduce(0) { $0 + $1.reference.size } }
    }

    private struct State {
        var queue: [Item] = []
        var queuedBytes = 0
        var oldest: Int64 = 0
        /// Finished, but perhaps not yet in the index.
        var pending: [Digest: ActionRecord] = [:]
        var enqueued = 0
        var committed = 0
        var flushes = 0
        var isStopping = false
        var error: BuildError?

        var isDue: Bool {
            queue.count >= Committer.recordLimit || queuedBytes >= Committer.byteLimit || flushes > 0
                || isStopping
        }
    }

    private static let recordLimit = 2048
    private static let byteLimit = 256 << 20
    /// How long a finished action may wait for company, in nanoseconds: not so long that much is left for the end of a
    /// build, when nothing else is to be done meanwhile.
    private static let patience: Int64 = 200_000_000

    private let store: ObjectStore
    private let records: Records
    private let log: @Sendable (String) -> Void
    /// Given the records of actions that ran here, once they are durable; called by the committing thread.
    private let committed: @Sendable ([ActionRecord]) -> Void
    private let state = Monitor(State())
    // Both are touched by the committing thread alone.
    private let journal: JournalWriter
    private var lastTime: Int64 = 0
    private let thread = Monitor<Thread?>(nil)

    init(_ cache: Cache, committed: @escaping @Sendable ([ActionRecord]) -> Void) {
        self.committed = committed
        store = cache.store
        records = cache.records
        log = cache.log
        let name = "\(cache.writer).jsonl"
        journal = JournalWriter(
            Journal(name: name, path: "\(cache.records.folder)/\(name)"), disk: cache.disk)
    }

    /// A finished action that may not be in the index yet.
    func pending(_ key: Digest) -> ActionRecord? {
        state.withoutWaking { $0.pending[key] }
    }

    /// Takes in a finished action; waits when too many are queued.
    ///
    /// - Throws: the error that ended an earlier group.
    func enqueue(_ item: Item) throws(BuildError) {
        startThread()
        var mustWake = false
        let error: BuildError? = state.wait { state in
            if let error = state.error { return .some(.some(error)) }
            guard state.queue.count < 2 * Self.recordLimit, state.queuedBytes < 2 * Self.byteLimit else {
                return nil
            }
            if state.queue.isEmpty { state.oldest = FileStat.now }
            let wasDue = state.isDue
            state.queue.append(item)
            state.queuedBytes += item.bytes
            if let record = item.record { state.pending[record.key] = record }
            state.enqueued += 1
            mustWake = state.queue.count == 1 || state.isDue != wasDue
            return .some(nil)
        }
        // The committing thread waits for the first, and for enough.
        if mustWake { state.wake() }
        if let error { throw error }
    }

    /// Waits until all that was taken in is durable.
    func flush() throws(BuildError) {
        let target = state.withLock { state in
            state.flushes += 1
            return state.enqueued
        }
        let error: BuildError? = state.wait { state in
            guard state.error != nil || state.committed >= target else { return nil }
            state.flushes -= 1
            return .some(state.error)
        }
        if let error { throw error }
    }

    /// Makes durable what is queued and ends the thread.
    func stop() {
        state.withLock { $0.isStopping = true }
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
        store.packs.close()
    }

    private func startThread() {
        thread.withoutWaking { thread in
            if thread == nil { thread = Thread { self.work() } }
        }
    }

    private func work() {
        while true {
            let mayGoOn = state.wait { $0.queue.isEmpty ? ($0.isStopping ? false : nil) : true }
            guard mayGoOn else { return }
            let deadline = state.withoutWaking { $0.oldest + Self.patience }
            _ = state.wait(until: deadline) { $0.isDue ? true : nil }
            let group = state.withLock { state in
                defer {
                    state.queue = []
                    state.queuedBytes = 0
                }
                return state.queue
            }
            do throws(BuildError) {
                try commit(group)
                committed(group.filter { !$0.isFetched }.compactMap(\.record))
                state.withLock { state in
                    state.committed += group.count
                    // The same key may have been queued again meanwhile.
                    let queued = Set(state.queue.compactMap(\.record?.key))
                    for case let record? in group.map(\.record) where !queued.contains(record.key) {
                        state.pending[record.key] = nil
                    }
                }
            } catch {
                state.withLock { $0.error = error }
                return
            }
        }
    }

    private func commit(_ group: [Item]) throws(BuildError) {
        let placed = try store.packs.flush()
        try store.place(group.flatMap(\.files))
        var entries: [JournalEntry] = []
        if lastTime == 0 {
            // A clock that was set back must not make new records older than what was dropped before.
            lastTime = try records.withIndex { (index) throws(BuildError) in try index.youngest() }
        }
        func nextTime() -> Int64 {
            lastTime = JournalEntry.time(after: lastTime)
            return lastTime
        }
        if !placed.isEmpty {
            let time = nextTime()
            entries += placed.map { .place($0, at: time) }
        }
        for item in group {
            for source in item.sources {
                let row = Index.SourceRow(stat: source.stat, digest: source.digest)
                entries.append(.source(source.path, row, at: nextTime()))
            }
            guard let record = item.record else { continue }
            if let reason = item.replaces { entries.append(.drop(record.key, reason, at: nextTime())) }
            entries.append(.record(record, at: nextTime()))
        }
        let places = try journal.append(entries)
        let end = places.last?.upperBound ?? 0
        let messages = try records.withIndex { (index) throws(BuildError) in
            try index.ingest(Array(zip(entries, places)), of: journal.journal.name, upTo: end)
        }
        store.packs.settle(placed)
        FailPoint.pass("index.committed")
        for message in messages { log(message) }
    }
}
