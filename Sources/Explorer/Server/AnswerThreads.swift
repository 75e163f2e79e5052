internal import Dispatch
internal import Synchronization

/// Runs the tasks that make answers, a few at once, on threads of their own.
///
/// The threads that Swift's tasks share are as many as processors; reading all records, or counting statistics, may keep
/// every one of them busy for seconds, and meanwhile no client would be answered. Few at once bounds what pictures need of memory.
final class AnswerThreads: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var running = 0
    }

    private let width: Int
    private let queue = DispatchQueue(label: "answers", attributes: .concurrent)
    private let state = Mutex(State())

    /// - Parameter width: the most jobs that run at once.
    init(width: Int) { self.width = width }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let needsThread = state.withLock { state in
            state.jobs.append(job)
            guard state.running < width else { return false }
            state.running += 1
            return true
        }
        if needsThread { queue.async { self.work() } }
    }

    private func work() {
        while let job = next() { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func next() -> UnownedJob? {
        state.withLock { state in
            guard !state.jobs.isEmpty else {
                state.running -= 1
                return nil
            }
            return state.jobs.removeFirst()
        }
    }
}
