import Build
import Files
import Storage

/// Runs the actions that a build describes, notes which would run, or computes some of them once more.
enum ActionRunner: Sendable {
    case engine(Engine)
    case plan(Plan)
    case collector(TaskCollector)
    case recomputation(Recomputation)

    var cache: Cache {
        switch self {
        case .engine(let engine): engine.cache
        case .plan(let plan): plan.cache
        case .collector(let collector): collector.engine.cache
        case .recomputation(let recomputation): recomputation.cache
        }
    }

    /// The same, but that no action is left to workers.
    var inPlace: ActionRunner {
        guard case .collector(let collector) = self else { return self }
        return .engine(collector.engine)
    }

    /// The recorded results of many actions; nil for those that have to run.
    func lookup(_ drafts: [ActionDraft]) throws(BuildError) -> [ActionRecord?] {
        switch self {
        case .engine(let engine): try engine.lookup(drafts.map { Self.action($0) })
        case .plan(let plan): try plan.lookup(drafts)
        case .collector(let collector): try collector.lookup(drafts)
        case .recomputation(let recomputation): try recomputation.lookup(drafts)
        }
    }

    /// The result of an action; nil in a plan when the action would run, unless only its result was lost, and nil when
    /// it is left to a worker.
    func run(
        _ draft: ActionDraft, reading sources: [SourceFile] = [], _ body: (ActionContext) throws -> Void
    ) throws(BuildError) -> ActionRecord? {
        switch self {
        case .engine(let engine): try engine.run(Self.action(draft), reading: sources, body)
        case .plan(let plan): try plan.find(draft)
        case .collector(let collector): try collector.run(draft, reading: sources, body)
        case .recomputation(let recomputation): try recomputation.run(draft, reading: sources, body)
        }
    }

    /// Stores bytes that are there already, each by an action of its own whose inputs name them.
    ///
    /// - Parameters:
    ///   - items: actions, each with its one output; nil while a plan does not know it.
    ///   - output: the name of the output.
    ///   - audience: who opens it.
    ///   - workers: store side by side.
    /// - Returns: the results, as `run` gives them.
    /// - Throws: as `lookup` and `run`.
    func store(
        _ items: [(draft: ActionDraft, bytes: [UInt8]?)], as output: String,
        for audience: ActionContext.Audience, _ workers: Workers
    ) throws -> [ActionRecord?] {
        var records = try lookup(items.map(\.draft))
        let due = items.indices.filter { records[$0] == nil }
        let stored = try workers.map(due) { (index) throws(BuildError) in
            try run(items[index].draft) { context in
                guard let bytes = items[index].bytes else {
                    preconditionFailure("\(items[index].draft.subject) depends on an action that has not run")
                }
                try context.write(bytes, as: output, for: audience)
            }
        }
        for (index, record) in zip(due, stored) { records[index] = record }
        return records
    }

    /// Stores lists of inputs.
    func store(_ lists: [InputList], _ workers: Workers) throws {
        _ = try store(lists.map { ($0.draft, $0.bytes) }, as: "list", for: .actions, workers)
    }

    private static func action(_ draft: ActionDraft) -> Action {
        guard let action = draft.action else {
            preconditionFailure(
                "\(draft.stage.name) of \(draft.subject) depends on an action that has not run")
        }
        return action
    }
}
