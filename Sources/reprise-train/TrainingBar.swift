import Console
import Files
import Synchronization
import Training

/// Progress of a training: a bar on a terminal, a plain line every ten seconds elsewhere.
final class TrainingBar: Sendable {
    private struct State {
        var lastDrawn: ContinuousClock.Instant?
        var isDrawn = false
    }

    private let state = Mutex(State())
    private let isTerminal = Terminal.standardError.isInteractive

    func report(_ progress: TrainingProgress) {
        state.withLock { state in
            let now = ContinuousClock.now
            let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
            if let last = state.lastDrawn, now - last < pause { return }
            state.lastDrawn = now
            let line = Self.line(progress)
            Terminal.standardError.write(isTerminal ? "\r\u{1B}[K\(line)" : line + "\n")
            state.isDrawn = isTerminal
        }
    }

    func clear() {
        state.withLock { state in
            if state.isDrawn { Terminal.standardError.write("\r\u{1B}[K") }
            state.isDrawn = false
        }
    }

    static func line(_ progress: TrainingProgress) -> String {
        let width = 24
        let filled = width * progress.step / max(progress.steps, 1)
        let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
        return "epoch \(progress.epoch)/\(progress.epochs) [\(bar)] \(progress.step)/\(progress.steps)"
            + "  loss \(format(progress.loss, 4))  \(format(progress.rate, 1)) items/s"
            + "  \(durationText(progress.secondsLeft)) left"
    }
}
