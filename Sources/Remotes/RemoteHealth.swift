import Foundation
import Synchronization

/// Whether a server is asked: after failures in a row it is left alone for some time, and after many for good.
final class RemoteHealth: Sendable {
    private struct State {
        var failuresInRow = 0
        var rejected = 0
        /// How often it was left alone.
        var pauses = 0
        var isProbing = false
        var pausedUntil: ContinuousClock.Instant?
        var isOff = false
    }

    private let limits: RemoteLimits
    private let address: String
    private let log: @Sendable (String) -> Void
    private let state = Mutex(State())

    init(_ limits: RemoteLimits, address: String, log: @escaping @Sendable (String) -> Void) {
        self.limits = limits
        self.address = address
        self.log = log
    }

    /// Whether a request may be made now.
    ///
    /// After a pause, one request at a time shows whether the server is back.
    func mayAsk() -> Bool {
        state.withLock { state in
            if state.isOff { return false }
            guard let until = state.pausedUntil else { return true }
            if state.isProbing || ContinuousClock.now < until { return false }
            state.isProbing = true
            return true
        }
    }

    /// Notes an answer, be it that something is not there.
    func noteAnswer() {
        let wasPaused = state.withLock { state in
            defer {
                state.pausedUntil = nil
                state.isProbing = false
                state.failuresInRow = 0
            }
            return state.pausedUntil != nil
        }
        if wasPaused { log("the remote \(address) answers again") }
    }

    /// Notes that a request failed.
    func noteFailure(_ reason: String) {
        let line = state.withLock { state -> String? in
            state.failuresInRow += 1
            if state.isOff { return nil }
            let isPaused = state.pausedUntil != nil
            // Requests that were under way when the pause began say nothing new.
            guard isPaused ? state.isProbing : state.failuresInRow >= limits.failures else { return nil }
            state.isProbing = false
            state.pauses += 1
            guard state.pauses <= limits.pauses else {
                state.isOff = true
                return "the remote \(address) fails (\(reason)); it is not used any more"
            }
            let pause = limits.pause * (1 << (state.pauses - 1))
            state.pausedUntil = ContinuousClock.now + pause
            return "the remote \(address) fails (\(reason)); it is not used for \(Int(pause / .seconds(1))) s"
        }
        if let line { log(line) }
    }

    /// Notes that something was not what it should be.
    func noteRejection(_ what: String) {
        let line = state.withLock { state -> String? in
            if state.isOff { return nil }
            state.rejected += 1
            guard state.rejected >= limits.rejections else {
                return state.rejected == 1
                    ? "the remote \(address) gave what is not right: \(what); it is made here" : nil
            }
            state.isOff = true
            return
                "the remote \(address) gave \(state.rejected) records and objects that are not right; it is not used any more"
        }
        if let line { log(line) }
    }
}

/// How long a server is waited for, and how much is taken from it.
public struct RemoteLimits: Sendable {
    /// Until there is a connection.
    var connecting = Duration.seconds(5)
    /// With under 1,000 bytes a second.
    var stalling = Duration.seconds(10)
    /// For a request, besides a second for each 256 KiB.
    var answering = Duration.seconds(60)
    /// How often a request is made that fails for a reason that may pass.
    var attempts = 3
    /// Before a request is repeated, doubled each time.
    var retrying = Duration.milliseconds(250)
    /// After so many failures in a row the server is left alone.
    var failures = 8
    /// For how long, doubled each time.
    var pause = Duration.seconds(10)
    /// How often, before it is left alone for good.
    var pauses = 5
    /// After so many wrong records and objects the server is left alone for good.
    var rejections = 16
    /// The most bytes of a record.
    var recordSize = 16 << 20
    /// The most bytes of an object whose size is not known.
    var objectSize = 256 << 20
    /// An object with more bytes is sent to S3 in parts of so many; 5 MiB at least.
    var partSize = 16 << 20
    /// The most requests at once.
    var connections = 16

    /// What serves over good and bad networks.
    public init() {}
}
