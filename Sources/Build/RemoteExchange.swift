import Files
import Storage

/// What an engine takes from a remote store and gives to it: read-through, and write-behind on threads of its own.
///
/// A result that is taken is recorded as one that ran here: its objects are whole, and have the hashes that its record
/// says.
final class RemoteExchange: Sendable {
    /// A record that was found, and the files of its objects that wait to be put in place.
    struct Found: Sendable {
        let record: ActionRecord
        let files: [SealedFile]
    }

    private struct State {
        /// Keys that were asked for.
        var asked: Set<Digest> = []
        /// Records of actions that ran here, and how many of them are under way.
        var queue: [ActionRecord] = []
        var underWay = 0
        var isStopping = false
        /// Objects of which the store has bytes that are not theirs.
        var wrong: Set<Digest> = []
        var found = 0
        var kept = 0
    }

    /// The most records that wait to be sent; then actions wait too.
    private static let queueLimit = 1 << 14
    /// The most bytes of an object that is fetched: no record is believed that says more.
    private static let objectLimit = 1 << 36
    /// An object of so many bytes or more is asked for before it is sent: it may be another action's too.
    private static let largeObject = 1 << 20

    private let remote: any RemoteStore
    private let cache: Cache
    private let outputs: @Sendable (ActionRecord) -> [String: ActionContext.Audience]?
    private let state = Monitor(State())
    private let threads = Monitor<[Thread]>([])

    init(
        _ remote: any RemoteStore, _ cache: Cache,
        outputs: @escaping @Sendable (ActionRecord) -> [String: ActionContext.Audience]?
    ) {
        self.remote = remote
        self.cache = cache
        self.outputs = outputs
    }

    /// How many results were taken from the store, and how many it took.
    var counts: (found: Int, kept: Int) { state.withoutWaking { ($0.found, $0.kept) } }

    // MARK: Taking

    /// The results of actions that the store has, by their places in the list.
    func fetch(_ actions: [Action]) throws(BuildError) -> [Found?] {
        let workers = Workers(count: remote.connections, cancellation: cache.cancellation)
        return try workers.map(actions) { (action) throws(BuildError) in try fetch(action) }
    }

    /// The result of an action; nil if the store has none that is whole, and if it was asked before.
    func fetch(_ action: Action) throws(BuildError) -> Found? {
        guard state.withoutWaking({ $0.asked.insert(action.key).inserted }),
            let bytes = remote.record(under: action.key)
        else { return nil }
        guard let json = try? JSONValue(parsing: bytes), let parsed = ActionRecord(json: json),
            parsed.key == action.key
        else {
            remote.reject("the record of \(action.stage.name) of \(action.subject)")
            return nil
        }
        let record = ActionRecord(action: action, result: parsed.result)
        guard let audiences = outputs(record),
            record.failure == nil ? Set(audiences.keys) == Set(record.outputs.keys) : record.outputs.isEmpty,
            record.outputs.values.allSatisfy({ $0.size <= Self.objectLimit })
        else {
            remote.reject("the record of \(action.stage.name) of \(action.subject)")
            return nil
        }
        var objects: [SealedObject] = []
        for (name, reference) in record.outputs {
            if try cache.store.isPresent([reference])[0] { continue }
            guard let object = try fetch(reference, for: audiences[name] ?? .actions) else {
                for case .file(let path) in objects.map(\.contents) { _ = cache.disk.calls.unlink(path) }
                return nil
            }
            objects.append(object)
        }
        var files: [SealedFile] = []
        for object in objects {
            switch object.contents {
            case .bytes(let bytes): try cache.store.pack(bytes, named: object.reference.digest)
            case .file(let path):
                let file = SealedFile(reference: object.reference, path: path)
                if cache.store.adopt(file) { files.append(file) }
            }
        }
        state.withoutWaking { $0.found += 1 }
        return Found(record: record, files: files)
    }

    private func fetch(
        _ reference: ObjectReference, for audience: ActionContext.Audience
    ) throws(BuildError) -> SealedObject? {
        let writer = try ObjectWriter(
            cache.disk, path: cache.store.temporaryPath(), mayBePacked: audience == .actions,
            cancellation: cache.cancellation)
        guard
            try remote.copy(
                reference.digest, size: reference.size,
                to: { (part) throws(BuildError) in try writer.write(part) })
        else { return nil }
        let object = try writer.seal()
        guard object.reference == reference else {
            if case .file(let path) = object.contents { _ = cache.disk.calls.unlink(path) }
            state.withoutWaking { _ = $0.wrong.insert(reference.digest) }
            remote.reject("object \(reference.digest)")
            return nil
        }
        return object
    }

    // MARK: Giving

    /// Sends the results of actions that ran here, some time soon; waits only when very many wait already.
    func give(_ records: [ActionRecord]) {
        guard !records.isEmpty else { return }
        // The other connections are left to look-ups.
        startThreads(max(1, remote.connections / 2))
        _ = state.wait { $0.queue.count < Self.queueLimit || cache.cancellation.isRequested ? true : nil }
        state.withLock { $0.queue += records }
    }

    /// Waits until all that was given is sent, or was refused.
    func drain() {
        // No action looks up results any more, so all connections can send.
        if state.withoutWaking({ !$0.queue.isEmpty }) { startThreads(remote.connections) }
        // A signal wakes nobody.
        while true {
            let deadline = FileStat.now + 200_000_000
            let isDone = state.wait(until: deadline) { $0.queue.isEmpty && $0.underWay == 0 ? true : nil }
            if isDone == true || cache.cancellation.isRequested { return }
        }
    }

    /// Ends the threads; what waits is not sent.
    func stop() {
        state.withLock {
            $0.isStopping = true
            $0.queue = []
        }
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in running { thread.join() }
    }

    /// Starts threads until there are `count`.
    private func startThreads(_ count: Int) {
        threads.withLock { threads in
            guard threads.count < count else { return }
            threads += (threads.count..<count).compactMap { _ in Thread { self.work() } }
        }
    }

    private func work() {
        while true {
            let record = state.wait { state -> ActionRecord?? in
                if let record = state.queue.popLast() {
                    state.underWay += 1
                    return .some(record)
                }
                return state.isStopping ? .some(nil) : nil
            }
            guard let record else { return }
            let isKept = !cache.cancellation.isRequested && send(record)
            state.withLock { state in
                state.underWay -= 1
                if isKept { state.kept += 1 }
            }
        }
    }

    /// Objects first: a record never names one that is not there.
    private func send(_ record: ActionRecord) -> Bool {
        for object in record.outputs.values {
            let isWrong = state.withoutWaking { $0.wrong.contains(object.digest) }
            if !isWrong, object.size >= Self.largeObject, remote.holds(object) { continue }
            // What cannot be read here is left to other machines.
            guard (try? cache.send(object, to: remote)) == true else { return false }
        }
        var bytes: [UInt8] = []
        record.appendCanonical(to: &bytes)
        return remote.keep(bytes, under: record.key)
    }
}
