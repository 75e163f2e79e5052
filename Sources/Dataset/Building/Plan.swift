public import Build
public import Files
import Storage
import Synchronization

/// An action that a build would run.
public struct PlannedAction: Sendable, Hashable {
    /// The stage's name.
    public let stage: String
    /// What it is about.
    public let subject: String
    /// Why it would run.
    public let reason: RunReason
    /// Whether it runs in any case; otherwise it depends on actions that have not run, and whose results may come out
    /// as they were.
    public let isCertain: Bool

    /// The action as an object.
    public var json: JSONValue {
        guard case .object(var members) = reason.json else { return .null }
        members["stage"] = .string(stage)
        members["subject"] = .string(subject)
        members["certain"] = .bool(isCertain)
        return .object(members)
    }
}

/// Walks through the actions of a build without running or writing anything.
final class Plan: Sendable {
    let cache: Cache
    private let workers: Workers
    /// The version of each stage, where it is not the current one.
    private let stages: [String: Stage]
    private let state = Mutex(State())

    private struct State {
        /// Every action of the build.
        var drafts: [ActionDraft.Identity: ActionDraft] = [:]
        /// Those that would run, each key once: entries of equal bytes share an action.
        var due: [ActionDraft] = []
        var keys: Set<Digest> = []
        var hits = 0
    }

    /// Plans over a cache.
    ///
    /// - Parameters:
    ///   - cache: where results are looked up.
    ///   - workers: share the look-ups of many actions.
    ///   - stages: the stages to look results up with, by name, where they differ from the current ones.
    init(_ cache: Cache, workers: Workers, stages: [String: Stage] = [:]) {
        self.cache = cache
        self.workers = workers
        self.stages = stages
    }

    var hitCount: Int { state.withLock(\.hits) }

    /// Every action that was asked for.
    var drafts: [ActionDraft.Identity: ActionDraft] { state.withLock(\.drafts) }

    func lookup(_ drafts: [ActionDraft]) throws(BuildError) -> [ActionRecord?] {
        let drafts = drafts.map { versioned($0) }
        let records = try drafts.records { actions throws(BuildError) in
            try cache.lookup(actions, with: workers)
        }
        state.withLock { state in
            for draft in drafts { state.drafts[draft.identity] = draft }
            state.hits += records.count { $0 != nil }
        }
        return records
    }

    func find(_ draft: ActionDraft) throws(BuildError) -> ActionRecord? {
        let draft = versioned(draft)
        if let record = try lookup([draft])[0] { return record }
        let isNew = state.withLock { state in
            draft.action.map { state.keys.insert($0.key).inserted } ?? true
        }
        if isNew { state.withLock { $0.due.append(draft) } }
        // A result that was only lost comes out as it was: what follows from it stays as it is.
        return try draft.action.flatMap { action throws(BuildError) in try cache.recorded([action])[0] }
    }

    private func versioned(_ draft: ActionDraft) -> ActionDraft {
        stages[draft.stage.name].map { draft.with($0) } ?? draft
    }

    /// The actions that would run, by stage in the order of the data flow, then by subject.
    ///
    /// - Parameters:
    ///   - before: the actions of the dataset's last build, which the reasons compare with.
    ///   - paths: the path of each source, by the start of its hash, under which stages know it.
    /// - Returns: the actions with their reasons.
    /// - Throws: `build.io`, `build.damaged`.
    func planned(
        after before: [ActionDraft.Identity: ActionDraft], naming paths: [String: String]
    ) throws(BuildError) -> [PlannedAction] {
        let order = Dictionary(
            uniqueKeysWithValues: Stages.inOrder.enumerated().map { ($1.name, $0) })
        var planned: [PlannedAction] = []
        for draft in state.withLock(\.due) {
            let reason = try reason(for: draft, after: before[draft.identity]).renaming { name in
                // `3fa9c1d07b22`, `gain_db.3fa9c1d07b22`, `labels.3fa9c1d07b22.style`
                name.split(separator: ".", omittingEmptySubsequences: false)
                    .map { paths[String($0)] ?? String($0) }.joined(separator: ".")
            }
            planned.append(
                PlannedAction(
                    stage: draft.stage.name, subject: draft.subject, reason: reason,
                    isCertain: draft.action != nil && draft.isCertain))
        }
        return planned.sorted {
            (order[$0.stage] ?? 0, $0.subject) < (order[$1.stage] ?? 0, $1.subject)
        }
    }

    private func reason(for draft: ActionDraft, after before: ActionDraft?) throws(BuildError) -> RunReason {
        if let action = draft.action, let loss = try cache.loss(of: action) { return loss }
        guard let before, before.action != nil, let parameters = before.detail.parameters else {
            return .neverBuilt
        }
        let old = Action(
            before.stage, parameters: parameters,
            inputs: before.detail.inputs.compactMap { input in
                input.digest.map { Input(input.name, $0) }
            }, subject: before.subject)
        return RunReason.between(
            old, stage: draft.stage, parameters: draft.detail.parameters, inputs: draft.detail.inputs)
            ?? .outputMissing
    }
}
