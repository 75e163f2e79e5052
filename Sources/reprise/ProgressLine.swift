import Console
import Dataset
import Files
import Synchronization

/// Progress on standard error: a bar with rate and time left on a terminal, a plain line now and then elsewhere.
final class ProgressLine: Sendable {
    private let terminal = Terminal.standardError
    private let isInteractive = Terminal.standardError.isInteractive
    private let state = Mutex(State())

    private struct State {
        var phase: String?
        var phaseStart = ContinuousClock.now
        var lastDrawn: ContinuousClock.Instant?
        var isDrawn = false
    }

    /// Takes note of a build's progress.
    func report(_ progress: BuildProgress) {
        report(progress.phase.rawValue, done: progress.done, of: progress.total)
    }

    /// Takes note of progress in something that is counted; draws at most ten times a second, prints at most every ten seconds.
    func report(_ phase: String, done: Int, of total: Int) {
        state.withLock { state in
            let now = ContinuousClock.now
            let isNew = state.phase != phase
            if isNew {
                state.phase = phase
                state.phaseStart = now
            }
            let pause: Duration = isInteractive ? .milliseconds(100) : .seconds(10)
            let isDue = state.lastDrawn.map { now - $0 >= pause } ?? isInteractive
            guard isDue || (isNew && isInteractive) else {
                if state.lastDrawn == nil { state.lastDrawn = now }
                return
            }
            state.lastDrawn = now
            let line = Self.line(
                phase, done: done, of: total, elapsed: now - state.phaseStart, width: terminal.width)
            terminal.write(isInteractive ? "\r\u{1B}[K\(line)" : "\(line)\n")
            state.isDrawn = isInteractive
        }
    }

    /// Clears the bar, so that other text can be printed.
    func clear() {
        state.withLock { state in
            if state.isDrawn { terminal.write("\r\u{1B}[K") }
            state.isDrawn = false
        }
    }

    static func line(
        _ name: String, done: Int, of total: Int, elapsed: Duration, width: Int
    ) -> String {
        guard total > 0 else { return "\(name) …" }
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        var tail = " \(done)/\(total)"
        if done > 0, seconds > 0.5 {
            let rate = Double(done) / seconds
            tail += "  \(rate < 10 ? format(rate, 1) : format(rate, 0))/s"
            if done < total { tail += "  \(durationText(Double(total - done) / rate)) left" }
        }
        let room = min(30, width - name.count - tail.count - 4)
        guard room >= 8 else { return name + tail }
        let filled = room * done / max(total, 1)
        return "\(name) [" + String(repeating: "█", count: filled)
            + String(repeating: "·", count: room - filled)
            + "]" + tail
    }
}
