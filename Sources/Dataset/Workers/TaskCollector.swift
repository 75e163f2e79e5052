import Build
import Files
import Storage
import Synchronization

/// Walks through a build for a plan of work: what is small is run in place, what workers are to run is collected.
final class TaskCollector: Sendable {
    let engine: Engine
    private let state = Mutex(State())

    private struct State {
        var tasks: [WorkTask] = []
        var unread = 0
    }

    init(_ engine: Engine) { self.engine = engine }

    /// What is left to workers.
    var tasks: [WorkTask] { state.withLock(\.tasks) }

    /// How many sources have no result.
    var unreadCount: Int { state.withLock(\.unread) }

    func lookup(_ drafts: [ActionDraft]) throws(BuildError) -> [ActionRecord?] {
        try drafts.records { actions throws(BuildError) in try engine.lookup(actions) }
    }

    /// The result of an action; nil if it is left to a worker, or depends on one that is.
    func run(
        _ draft: ActionDraft, reading sources: [SourceFile], _ body: (ActionContext) throws -> Void
    ) throws(BuildError) -> ActionRecord? {
        guard let action = draft.action else { return nil }
        if let record = try engine.lookup([action])[0] { return record }
        if [Stages.read.name, Stages.spectrum.name].contains(draft.stage.name) {
            state.withLock { $0.unread += 1 }
            return nil
        }
        guard let task = draft.task else { return try engine.run(action, reading: sources, body) }
        state.withLock { $0.tasks.append(task) }
        return nil
    }
}
