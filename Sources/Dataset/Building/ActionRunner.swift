import Build

/// Runs the actions that a build describes, or notes which would run.
enum ActionRunner: Sendable {
    case engine(Engine)
    case plan(Plan)

    var cache: Cache {
        switch self {
        case .engine(let engine): engine.cache
        case .plan(let plan): plan.cache
        }
    }

    /// The recorded results of many actions; nil for those that have to run.
    func lookup(_ drafts: [ActionDraft]) throws(BuildError) -> [ActionRecord?] {
        switch self {
        case .engine(let engine): try engine.lookup(drafts.map { Self.action($0) })
        case .plan(let plan): try plan.lookup(drafts)
        }
    }

    /// The result of an action; nil in a plan when the action would run, unless only its result was lost.
    func run(
        _ draft: ActionDraft, reading sources: [SourceFile] = [], _ body: (ActionContext) throws -> Void
    ) throws(BuildError) -> ActionRecord? {
        switch self {
        case .engine(let engine): try engine.run(Self.action(draft), reading: sources, body)
        case .plan(let plan): try plan.find(draft)
        }
    }

    private static func action(_ draft: ActionDraft) -> Action {
        guard let action = draft.action else {
            preconditionFailure(
                "\(draft.stage.name) of \(draft.subject) depends on an action that has not run")
        }
        return action
    }
}
