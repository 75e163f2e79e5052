public import Build
import Synchronization

/// Runs actions, or only notes which would run and why.
enum ActionRunner: Sendable {
    case engine(Engine)
    case plan(Plan)

    var cache: Cache {
        switch self {
        case .engine(let engine): engine.cache
        case .plan(let plan): plan.cache
        }
    }

    /// What is recorded of many actions; nil for those that have to run.
    func lookup(_ actions: [Action]) throws(BuildError) -> [ActionRecord?] {
        switch self {
        case .engine(let engine): try engine.lookup(actions)
        case .plan(let plan): try plan.lookup(actions)
        }
    }

    /// The result of an action; nil when planning and the action would run, unless its result was only lost.
    func run(
        _ action: Action, reading sources: [SourceFile] = [], _ body: (ActionContext) throws -> Void
    ) throws(BuildError) -> ActionRecord? {
        switch self {
        case .engine(let engine): try engine.run(action, reading: sources, body)
        case .plan(let plan): try plan.find(action)
        }
    }

    /// Runs a chain again when an object that it reads turns out damaged or gone.
    func mending<Result>(_ chain: () throws(BuildError) -> Result) throws(BuildError) -> Result {
        switch self {
        case .engine(let engine): try engine.mending(chain)
        case .plan: try chain()
        }
    }
}

/// An action that would run.
public struct PlannedAction: Sendable, Hashable {
    /// The stage's name.
    public let stage: String
    /// What it is about.
    public let subject: String
    /// Why it would run.
    public let reason: RunReason

    /// The action as an object.
    public var json: JSONValue {
        guard case .object(var members) = reason.json else { return .null }
        members["stage"] = .string(stage)
        members["subject"] = .string(subject)
        return .object(members)
    }
}

/// Notes what would run, without running or writing anything.
final class Plan: Sendable {
    let cache: Cache
    private let workers: Workers
    private let state = Mutex(State())

    private struct State {
        var planned: [PlannedAction] = []
        /// Entries of equal bytes share an action, which runs once.
        var keys: Set<Digest> = []
        var hits = 0
        var paths: [String: String] = [:]
    }

    /// Plans over a cache; the workers share what is looked up for many actions at once.
    init(_ cache: Cache, workers: Workers) {
        self.cache = cache
        self.workers = workers
    }

    /// What would run, by stage in the order of the data's way, then by subject.
    ///
    /// - Parameter paths: the path of each source, by the start of its hash, under which stages know it.
    /// - Returns: the actions.
    func planned(naming paths: [String: String]) -> [PlannedAction] {
        planned.map { action in
            let reason = action.reason.renaming { name in
                // `3fa9c1d07b22 mel`, `gain_db.3fa9c1d07b22`: the hash is the first or the last part.
                let digits = name.hasPrefix("gain_db.") ? name.dropFirst(8) : name.prefix(12)
                guard let path = paths[String(digits)] else { return name }
                return name.replacing(digits, with: path)
            }
            return PlannedAction(stage: action.stage, subject: action.subject, reason: reason)
        }
    }

    /// What would run, under the stages' own names for inputs.
    var planned: [PlannedAction] {
        let order = Dictionary(
            uniqueKeysWithValues: (Stages.all + Stages.asked + Stages.looking + [Stages.snapshot])
                .enumerated().map {
                    ($1.name, $0)
                })
        return state.withLock(\.planned).sorted {
            (order[$0.stage] ?? 0, $0.subject) < (order[$1.stage] ?? 0, $1.subject)
        }
    }

    var hitCount: Int { state.withLock(\.hits) }

    /// The path of each source, by the start of its hash.
    var paths: [String: String] {
        get { state.withLock(\.paths) }
        set { state.withLock { $0.paths = newValue } }
    }

    func lookup(_ actions: [Action]) throws(BuildError) -> [ActionRecord?] {
        let found = try cache.lookup(actions, with: workers)
        state.withLock { $0.hits += found.count { $0 != nil } }
        return found
    }

    func find(_ action: Action) throws(BuildError) -> ActionRecord? {
        if let record = try cache.lookup([action])[0] {
            state.withLock { $0.hits += 1 }
            return record
        }
        guard state.withLock({ $0.keys.insert(action.key).inserted }) else {
            return try cache.recorded([action])[0]
        }
        let reason = try cache.reason(for: action) ?? .outputMissing
        note(action.stage, action.subject, reason)
        // A result that was only lost comes out as it was: what follows from it stays as it is.
        return try cache.recorded([action])[0]
    }

    /// Notes that the snapshot would be made anew, of shards that are not made yet.
    func expectSnapshot(of manifest: Manifest) throws(BuildError) {
        var reason = try cache.reason(
            forStage: Stages.snapshot, parameters: Parameters(["manifest": manifest.effective]), inputs: [],
            subject: manifest.dataset)
        if case .inputChanged(let changes) = reason {
            // Which shards there will be is not known before they are made.
            let ofManifest = changes.filter { $0.name.hasPrefix("manifest.") }
            reason =
                ofManifest.isEmpty
                ? .inputChanged([RunReason.Change(name: "shards", old: nil, new: nil)])
                : .parametersChanged(ofManifest)
        }
        note(Stages.snapshot, manifest.dataset, reason)
    }

    /// Notes an action some of whose inputs are not known before others have run.
    func expect(
        _ stage: Stage, _ parameters: Parameters?, inputs: [(name: String, digest: Digest?)], subject: String
    ) throws(BuildError) {
        note(
            stage, subject,
            try cache.reason(forStage: stage, parameters: parameters, inputs: inputs, subject: subject))
    }

    private func note(_ stage: Stage, _ subject: String, _ reason: RunReason) {
        let action = PlannedAction(stage: stage.name, subject: subject, reason: reason)
        state.withLock { $0.planned.append(action) }
    }
}
