internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A fixed number of plain threads that share a list of work.
public struct Workers: Sendable {
    /// How many threads.
    public let count: Int
    /// Ends the work between two items.
    public let cancellation: Cancellation

    /// Sets the number of threads; by default one for each processor that is online.
    ///
    /// - Precondition: `count` ≥ 1.
    public init(count: Int = Workers.processors, cancellation: Cancellation = .bySignal) {
        precondition(count >= 1, "\(count) workers; at least 1")
        self.count = count
        self.cancellation = cancellation
    }

    /// The number of processors that are online.
    public static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Applies a function to every item, in parallel; the results keep the items' order.
    ///
    /// After a throw or a cancellation no further item is begun, and those under way are waited for.
    ///
    /// - Throws: the error of the first item, in the items' order, that was begun and threw; else
    ///   `build.interrupted`.
    public func map<Item: Sendable, Result: Sendable>(
        _ items: [Item], _ body: @Sendable (Item) throws(BuildError) -> Result
    ) throws(BuildError) -> [Result] {
        let next = Atomic<Int>(0)
        let hasFailed = Atomic<Bool>(false)
        let slots = Slots<Swift.Result<Result, BuildError>>(count: items.count)
        run(threads: min(count, items.count)) {
            while !hasFailed.load(ordering: .relaxed), !cancellation.isRequested {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < items.count else { return }
                do throws(BuildError) {
                    slots[index] = .success(try body(items[index]))
                } catch {
                    slots[index] = .failure(error)
                    hasFailed.store(true, ordering: .relaxed)
                }
            }
        }
        var results: [Result] = []
        results.reserveCapacity(items.count)
        var wasCutShort = false
        for index in items.indices {
            switch slots[index] {
            case .success(let result): results.append(result)
            case .failure(let error): throw error
            case nil: wasCutShort = true
            }
        }
        if wasCutShort { throw .interrupted }
        return results
    }

    /// Applies a function to every item, in parallel; see `map`.
    ///
    /// - Throws: as `map`.
    public func forEach<Item: Sendable>(
        _ items: [Item], _ body: @Sendable (Item) throws(BuildError) -> Void
    ) throws(BuildError) {
        _ = try map(items, body)
    }

    /// Runs a body on some threads and waits for all of them.
    private func run(threads: Int, _ body: @Sendable () -> Void) {
        guard threads > 1 else { return body() }
        withoutActuallyEscaping(body) { body in
            let started = (0..<threads).compactMap { _ in Thread(body) }
            // Where the system refuses even one more thread, the caller's own does the work.
            if started.isEmpty { body() }
            for thread in started { thread.join() }
        }
    }
}

/// One slot an item: each is written by one thread, and read when all have ended.
private final class Slots<Value: Sendable>: @unchecked Sendable {
    private let values: UnsafeMutableBufferPointer<Value?>

    init(count: Int) {
        values = .allocate(capacity: count)
        values.initialize(repeating: nil)
    }

    deinit {
        values.deinitialize()
        values.deallocate()
    }

    subscript(index: Int) -> Value? {
        get { values[index] }
        set { values[index] = newValue }
    }
}

/// A POSIX thread.
package struct Thread: @unchecked Sendable {
    private let handle: pthread_t

    /// Starts a thread; nil when the system has none left.
    package init?(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let box = Unmanaged.passRetained(Box(body))
        #if os(Linux)
            var handle = pthread_t()
            let status = pthread_create(
                &handle, nil,
                { raw in
                    if let raw { Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body() }
                    return nil
                }, box.toOpaque())
            guard status == 0 else {
                box.release()
                return nil
            }
            self.handle = handle
        #else
            var handle: pthread_t?
            let status = pthread_create(
                &handle, nil,
                { raw in
                    Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body()
                    return nil
                }, box.toOpaque())
            guard status == 0, let handle else {
                box.release()
                return nil
            }
            self.handle = handle
        #endif
    }

    package func join() {
        pthread_join(handle, nil)
    }
}

/// A lock with a condition: `Mutex` has no way to wait for a change.
package final class Monitor<State>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    package init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Works on the state alone; waiters look at it again afterwards.
    package func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Works on the state in a way that no waiter waits for: none is woken.
    package func withoutWaking<Result>(_ body: (inout State) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&state)
    }

    /// Waits until the body gives a value; wakes nobody.
    package func wait<Result>(_ body: (inout State) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            pthread_cond_wait(condition, mutex)
        }
    }

    /// Waits until the body gives a value or a time is past, in nanoseconds since 1970.
    ///
    /// Gives nil when the time is past. Wakes nobody.
    package func wait<Result>(until deadline: Int64, _ body: (inout State) -> Result?) -> Result? {
        var time = timespec()
        time.tv_sec = Int(deadline / 1_000_000_000)
        time.tv_nsec = Int(deadline % 1_000_000_000)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { return body(&state) }
        }
    }

    /// Wakes all waiters.
    package func wake() {
        pthread_cond_broadcast(condition)
    }
}

extension Workers {
    /// Maps elements of which some share work: of those with one key the first is done before the others.
    ///
    /// So it is always the first that does what is shared, and gives it its name, whatever the number of threads.
    ///
    /// - Throws: as `map(_:_:)`.
    public func map<Element: Sendable, Key: Hashable, Result: Sendable>(
        _ elements: [Element], sharing key: (Element) -> Key,
        _ transform: @Sendable (Element) throws(BuildError) -> Result
    ) throws(BuildError) -> [Result] {
        var seen: Set<Key> = []
        var rounds: [[Int]] = [[], []]
        for (index, element) in elements.enumerated() {
            rounds[seen.insert(key(element)).inserted ? 0 : 1].append(index)
        }
        var results: [Int: Result] = [:]
        for round in rounds {
            let found = try map(round) { (index) throws(BuildError) in try transform(elements[index]) }
            for (index, result) in zip(round, found) { results[index] = result }
        }
        return elements.indices.compactMap { results[$0] }
    }
}
