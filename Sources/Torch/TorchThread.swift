internal import CTorch
internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The one thread on which all of libtorch is used.
///
/// libtorch keeps its grad mode by thread, and OpenMP a pool of workers for each thread that computes: spread over
/// threads, a training would lose the one and pay for the other. Everything that touches a `TorchTensor` runs in a
/// closure given to `run`; tensors are not Sendable, so only plain values leave it. Called from elsewhere, an
/// operation stops the program. The first use also lets malloc keep freed memory in this process.
public enum TorchThread {
    private static let worker = Worker()

    /// Whether this is the Torch thread.
    public static var isCurrent: Bool { pthread_equal(pthread_self(), worker.identity) != 0 }

    /// Runs a closure on the Torch thread, after those given before it, and waits without blocking a thread.
    ///
    /// - Throws: what the body throws.
    public static func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            worker.add { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    /// Runs a closure on the Torch thread and blocks until it is done: for programs that are not asynchronous.
    ///
    /// - Throws: what the body throws.
    public static func runAndWait<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) throws -> Result {
        precondition(!isCurrent, "the Torch thread would wait for itself")
        let done = DispatchSemaphore(value: 0)
        let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
        worker.add {
            let result = Swift.Result { try body() }
            outcome.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        guard let result = outcome.withLock({ $0 }) else { preconditionFailure("the body left no result") }
        return try result.get()
    }

    @inline(__always)
    static func check() {
        precondition(isCurrent, "libtorch is used outside TorchThread.run")
    }
}

/// A thread that takes closures from a queue, for the life of the program.
private final class Worker: Sendable {
    private let queue: Queue
    let identity: pthread_t

    private final class Queue: Sendable {
        let jobs = Mutex<[@Sendable () -> Void]>([])
        let pending = DispatchSemaphore(value: 0)
    }

    init() {
        queue = Queue()
        // Only faster with it, so a refusal is borne.
        _ = ctorch_keep_freed_memory()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        // A long graph is freed recursively: one frame for each operation of an unrolled sequence.
        pthread_attr_setstacksize(&attributes, 64 << 20)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let queue = Unmanaged<Queue>.fromOpaque(argument).takeRetainedValue()
                while true {
                    queue.pending.wait()
                    let job = queue.jobs.withLock { $0.removeFirst() }
                    job()
                }
            }, Unmanaged.passRetained(queue).toOpaque())
        precondition(status == 0, "no thread for libtorch: \(String(cString: strerror(status)))")
        pthread_attr_destroy(&attributes)
        identity = thread
    }

    func add(_ job: @escaping @Sendable () -> Void) {
        queue.jobs.withLock { $0.append(job) }
        queue.pending.signal()
    }
}
