internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A request to stop, seen by all workers between and within actions.
public final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)

    /// Nobody has asked to stop yet.
    public init() {}

    /// Whether it is time to stop.
    public var isRequested: Bool { flag.load(ordering: .relaxed) }

    /// Asks to stop; safe in a signal handler.
    public func request() {
        flag.store(true, ordering: .relaxed)
    }

    /// Throws `build.interrupted` when it is time to stop.
    ///
    /// - Throws: `build.interrupted`.
    public func check() throws(BuildError) {
        if isRequested { throw .interrupted }
    }

    /// The one that Ctrl-C and a polite kill request, once `catchSignals` was called.
    public static let bySignal = Cancellation()

    /// Lets SIGINT, SIGTERM and SIGHUP request `bySignal`.
    ///
    /// A second one ends the process at once, which loses only unfinished work. Those that the process was started to
    /// ignore stay ignored.
    public static func catchSignals() {
        // Touched here, so that the handler never has to build it.
        _ = bySignal
        var action = sigaction()
        #if os(Linux)
            action.__sigaction_handler.sa_handler = { _ in Cancellation.bySignal.request() }
        #else
            action.__sigaction_u.__sa_handler = { _ in Cancellation.bySignal.request() }
        #endif
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
        // What is ignored from the start stays so: a lost terminal under nohup, Ctrl-C in a script's background job.
        for signal in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(signal) { sigaction(signal, &action, nil) }
        // A parent's mask is inherited too: what blocks these would make Ctrl-C unheard.
        var heard = sigset_t()
        sigemptyset(&heard)
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&heard, signal) }
        pthread_sigmask(SIG_UNBLOCK, &heard, nil)
    }

    private static func isIgnored(_ signal: Int32) -> Bool {
        var inherited = sigaction()
        sigaction(signal, nil, &inherited)
        #if os(Linux)
            let handler = inherited.__sigaction_handler.sa_handler
        #else
            let handler = inherited.__sigaction_u.__sa_handler
        #endif
        // 1: SIG_IGN.
        return handler.map { unsafeBitCast($0, to: Int.self) } == 1
    }
}
