public import Files
public import Storage
internal import Synchronization

/// Runs pure stages at most once.
///
/// An action whose key has a recorded result with all its objects is not run; anything else is, and what comes of it
/// is recorded. Results are found by what goes in, so an action whose inputs come out as before is a hit, and nothing
/// after it runs (early cutoff). If the cache has a remote store, that is asked before an action runs, and is given what
/// comes of those that ran.
///
/// All methods may be called from any thread.
public final class Engine: Sendable {
    /// What became of one action.
    public enum Event: Sendable {
        /// Its result was there.
        case hit(ActionRecord)
        /// A remote store had its result.
        case fetched(ActionRecord)
        /// It ran, for a reason.
        case ran(ActionRecord, RunReason)
    }

    /// The cache that it works on.
    public let cache: Cache
    private let workers: Workers
    private let observer: @Sendable (Event) -> Void
    private let committer: Committer
    private let exchange: RemoteExchange?
    private let underWay = Monitor<Set<Digest>>([])
    /// Keys of which a lookup found that nothing is known that could say why they run; each saves one look.
    private let unknown = Mutex<Set<Digest>>([])
    private let hits = Atomic<Int>(0)
    private let runs = Atomic<Int>(0)

    /// Makes an engine over a cache.
    ///
    /// - Parameters:
    ///   - cache: where results are looked up and recorded.
    ///   - workers: share what is looked up for many actions at once.
    ///   - observer: told of each action, from any thread.
    ///   - outputs: of a record from the cache's remote store: the outputs that its stage makes, and who opens each; nil
    ///     if the stage could not have made the record. Without it no remote store is asked.
    /// - Precondition: the cache was opened for building or working, and has no other engine.
    public init(
        _ cache: Cache, workers: Workers = Workers(count: 1),
        observer: @escaping @Sendable (Event) -> Void = { _ in },
        outputs: (@Sendable (ActionRecord) -> [String: ActionContext.Audience]?)? = nil
    ) {
        precondition(cache.access != .reading, "an engine on a cache that was opened for reading")
        self.cache = cache
        self.workers = workers
        self.observer = observer
        let exchange = cache.remote.flatMap { remote in
            outputs.map { RemoteExchange(remote, cache, outputs: $0) }
        }
        self.exchange = exchange
        committer = Committer(cache, committed: { exchange?.give($0) })
    }

    deinit {
        committer.stop()
        exchange?.stop()
    }

    /// How many actions had their results there.
    public var hitCount: Int { hits.load(ordering: .relaxed) }
    /// How many actions ran.
    public var runCount: Int { runs.load(ordering: .relaxed) }
    /// How many of the hits a remote store had.
    public var fetchedCount: Int { exchange?.counts.found ?? 0 }
    /// How many results a remote store took.
    public var sharedCount: Int { exchange?.counts.kept ?? 0 }

    /// What is recorded of many actions; nil for those that have to run.
    ///
    /// Each that is found counts as a hit; the cache's remote store, if it has one, is asked for the others.
    ///
    /// - Throws: `build.io`, `build.damaged`; `build.interrupted`.
    public func lookup(_ actions: [Action]) throws(BuildError) -> [ActionRecord?] {
        var found = try cache.lookup(actions, with: workers)
        for index in actions.indices where found[index] == nil {
            guard let record = committer.pending(actions[index].key) else { continue }
            found[index] = ActionRecord(action: actions[index], result: record.result)
        }
        for case let record? in found { count(record) }
        if let exchange {
            let absent = found.indices.filter { found[$0] == nil }
            for (index, fetched) in zip(absent, try exchange.fetch(absent.map { actions[$0] })) {
                guard let fetched else { continue }
                let (_, reason) = try cache.find(actions[index])
                try take(fetched, because: reason ?? .neverBuilt)
                found[index] = fetched.record
            }
        }
        let missing = zip(actions, found).compactMap { $1 == nil ? $0 : nil }
        if !missing.isEmpty {
            let new = try cache.unknown(missing)
            unknown.withLock { $0.formUnion(new) }
        }
        return found
    }

    /// Records a result that a remote store had.
    private func take(_ found: RemoteExchange.Found, because reason: RunReason) throws(BuildError) {
        let item = Committer.Item(
            record: found.record, replaces: Self.drop(for: reason), files: found.files, isFetched: true)
        try committer.enqueue(item)
        hits.add(1, ordering: .relaxed)
        observer(.fetched(found.record))
    }

    /// How the record is dropped that is there already.
    private static func drop(for reason: RunReason) -> DropReason? {
        switch reason {
        case .outputMissing: .missing
        case .outputCorrupt: .corrupt
        case .forced: .forced
        default: nil
        }
    }

    /// The result of an action: the recorded one, or that of running the body now.
    ///
    /// Of several threads that ask for one key, one runs the body and the others wait for it. The result can be used
    /// at once; it is durable after `flush`.
    ///
    /// - Parameters:
    ///   - action: what to compute.
    ///   - sources: raw files that the body reads by their paths: if one of them is changed meanwhile, nothing is
    ///     recorded.
    ///   - isForced: runs the body though a result is there.
    ///   - body: a pure function of the action. It throws `StageFailure` when the input can't be used, which is
    ///     recorded; anything else that it throws is taken for the environment's fault, and isn't.
    /// - Returns: the result; `failure` tells whether the input could be used.
    /// - Throws: the body's `BuildError`; `build.stage-faulted` for any other error of the body;
    ///   `source.changed`; `build.interrupted`; errors of the disk, also from earlier actions.
    public func run(
        _ action: Action, reading sources: [SourceFile] = [], isForced: Bool = false,
        _ body: (ActionContext) throws -> Void
    ) throws(BuildError) -> ActionRecord {
        try cache.cancellation.check()
        _ = underWay.wait { $0.insert(action.key).inserted ? true : nil }
        defer { underWay.withLock { _ = $0.remove(action.key) } }
        let reason: RunReason
        switch isForced ? .miss(.forced) : try find(action) {
        case .hit(let record):
            count(record)
            return record
        case .miss(let why):
            reason = why
            if !isForced, let found = try exchange?.fetch(action) {
                try take(found, because: reason)
                return found.record
            }
        }
        let context = ActionContext(action, cache: cache)
        var result = try context.run(reading: sources, body)
        var files: [SealedFile] = []
        if result.failure == nil {
            // What was never built is not there, and nobody but the one builder keeps collections away meanwhile.
            let mayBeThere = reason != .neverBuilt && reason != .forced && cache.lease == nil
            (result.outputs, files) = try context.seal(mayBeThere: mayBeThere)
        }
        let record = ActionRecord(action: action, result: result)
        try committer.enqueue(
            Committer.Item(record: record, replaces: Self.drop(for: reason), files: files))
        runs.add(1, ordering: .relaxed)
        observer(.ran(record, reason))
        return record
    }

    /// Stores a small object that only actions read, such as parameters that are too long for a record; an action that
    /// has it among its inputs keeps it.
    ///
    /// It can be read at once; it is durable no later than any action that is run after this call, and after `flush`.
    ///
    /// - Parameter bytes: less than 256 KiB.
    /// - Returns: the object.
    /// - Throws: `build.disk-full`, `build.io`; errors of the disk from earlier actions.
    public func store(_ bytes: [UInt8]) throws(BuildError) -> ObjectReference {
        precondition(bytes.count < PackFile.objectLimit, "a small object of \(bytes.count) bytes")
        let reference = ObjectReference(digest: Digest(of: bytes), size: bytes.count)
        if try cache.store.isPresent([reference])[0] { return reference }
        try cache.store.pack(bytes, named: reference.digest)
        try committer.enqueue(Committer.Item(record: nil))
        return reference
    }

    /// Writes what sources were hashed to into this process's journal, so that a build elsewhere need not read them.
    ///
    /// Files that are too young for a change to show are left out.
    ///
    /// - Throws: errors of the disk from earlier actions.
    public func note(_ sources: [SourceFile]) throws(BuildError) {
        let settled = sources.filter(\.isSettled)
        if !settled.isEmpty { try committer.enqueue(Committer.Item(record: nil, sources: settled)) }
    }

    private enum Found {
        case hit(ActionRecord)
        case miss(RunReason)
    }

    private func find(_ action: Action) throws(BuildError) -> Found {
        if let pending = committer.pending(action.key) {
            return .hit(ActionRecord(action: action, result: pending.result))
        }
        if unknown.withLock({ $0.remove(action.key) }) != nil { return .miss(.neverBuilt) }
        let (result, reason) = try cache.find(action)
        if let reason { return .miss(reason) }
        // Without a reason to run there is a result.
        return .hit(ActionRecord(action: action, result: result ?? ActionResult()))
    }

    private func count(_ record: ActionRecord) {
        hits.add(1, ordering: .relaxed)
        observer(.hit(record))
    }

    /// Runs a chain of actions, again for each object that it reads and that turns out damaged or gone: the action that
    /// makes the object then runs again, if the chain asks for it.
    ///
    /// - Throws: what the chain throws; the error about an object that a further attempt has not brought back.
    public func mending<Result, Failure: Error>(
        _ chain: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var met: Set<String> = []
        while true {
            do throws(Failure) {
                return try chain()
            } catch {
                guard let lost = error as? BuildError, [.objectCorrupt, .objectMissing].contains(lost.code),
                    met.insert(lost.message).inserted
                else { throw error }
                cache.log(lost.message)
            }
        }
    }

    /// Waits until everything that ran is durable, and the remote store has taken or refused it.
    ///
    /// - Throws: `build.disk-full`, `build.io` and other errors of the disk.
    public func flush() throws(BuildError) {
        try committer.flush()
        exchange?.drain()
    }

    /// Makes everything durable, then a snapshot the newest of a dataset; then keeps what the build saw, so that the
    /// next one can find out cheaply that there is nothing to do.
    ///
    /// - Parameters:
    ///   - snapshot: the snapshot's object.
    ///   - dataset: its dataset.
    ///   - state: without a fingerprint when a source is so young that a change could go unseen; nil keeps nothing.
    /// - Throws: `build.disk-full`, `build.io` and other errors of the disk.
    public func publish(
        _ snapshot: Digest, as dataset: String, keeping state: BuildState?
    ) throws(BuildError) {
        try flush()
        try cache.setReference(dataset, to: snapshot)
        let path = "\(cache.path)/state/\(dataset)"
        guard let state else { return try cache.disk.remove(path) }
        let bytes = state.bytes
        if (try? cache.disk.contents(of: path)) == bytes { return }
        try cache.disk.replace(path, with: bytes, temporary: cache.store.temporaryPath())
    }
}
