import Build
public import Files
import Foundation
import Manifest
import Storage
import Symbolic
import Synchronization

/// What a worker did.
public struct WorkSummary: Sendable {
    /// The slices that it worked on.
    public var slices: [Int] = []
    /// All of their actions.
    public var actions = 0
    /// Actions that ran.
    public var run = 0
    /// Actions whose results another attempt had recorded.
    public var hit = 0
    /// Sources that no stage can use, and why; the build that follows finds the same in the workers' journals.
    public var quarantine: [BuildSummary.Problem] = []
    /// Sources that could not be read this time, and why: nothing is recorded of them.
    public var unreadable: [BuildSummary.Problem] = []
    /// Wall-clock seconds.
    public var seconds = 0.0
    /// What was taken from a remote store and given to it; nil without one.
    public var remote: RemoteUse?

    /// The object that `work --json` prints.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "slices": .array(slices.map { JSONValue($0) }), "actions": JSONValue(actions),
            "run": JSONValue(run), "hit": JSONValue(hit), "quarantine": .array(quarantine.map(\.json)),
            "unreadable": .array(unreadable.map(\.json)),
            "seconds": .rounded(seconds),
        ]
        members["remote"] = remote?.json
        return .object(members)
    }
}

extension DatasetBuild {
    // MARK: Planning

    /// Plans what workers are to do, as the bytes of a `WorkPlan`.
    ///
    /// It takes the builder's place in the cache for a moment, to take in the journals of earlier workers. Of the sources
    /// it reads none: a file that was not hashed before is planned by its path.
    ///
    /// - Parameters:
    ///   - phase: which part of the build.
    ///   - slices: how many; nil leaves it to the costs.
    ///   - options: of the build.
    /// - Returns: the plan's lines.
    /// - Throws: `ManifestError`; `BuildError`, also if an earlier phase lacks results.
    public func plan(_ phase: WorkPhase, slices: Int? = nil, _ options: Options) throws -> [UInt8] {
        options.progress(BuildProgress(phase: .scanning, done: 0, total: 0))
        let (entries, _) = try scan()
        let cache = try Cache(
            path: options.cachePath, for: .building(wait: options.waits), remote: options.remote,
            log: options.log)
        let workers = Workers(count: options.jobs)
        var items: [WorkPlan.Item] = []
        if phase == .sources {
            let plan = Plan(cache, workers: workers)
            for due in try assembly(manifest, .plan(plan), workers, options).dueSources(entries) {
                items.append(try item(due.task, by: due.digest, cache))
            }
        } else {
            let engine = Engine(cache, workers: workers, outputs: Stages.outputs)
            let collector = TaskCollector(engine)
            _ = try assembly(manifest, .collector(collector), workers, options).assemble(entries)
            try engine.flush()
            try check(collector, before: phase)
            for task in collector.tasks where task.phase == phase {
                items.append(try item(task, by: nil, cache))
            }
        }
        return WorkPlan.encode(
            items, slices: slices,
            header: [
                "dataset": .string(manifest.dataset), "phase": .string(phase.rawValue),
                "manifest": .string("\(directory)/\(path.split(separator: "/").last ?? "")"),
                "effective": JSONValue(Digest(of: manifest.effective.canonicalBytes)),
                "stages": .array(TaskStages(manifest: manifest).stages(phase).map { .string($0) }),
                "youngest": JSONValue(try cache.youngestTime()),
            ])
    }

    private func item(
        _ task: WorkTask, by digest: Digest?, _ cache: Cache
    ) throws(BuildError) -> WorkPlan.Item {
        guard case .object(var members) = task.json else { preconditionFailure("a task is an object") }
        members["cost"] = .rounded(task.cost)
        let places = try cache.places(of: task.objects.map(\.digest))
        if !places.isEmpty { members["places"] = .array(places) }
        return WorkPlan.Item(
            order: digest ?? Digest(of: task.subject.utf8), cost: task.cost,
            line: JSONValue.object(members).canonicalBytes)
    }

    private func check(_ collector: TaskCollector, before phase: WorkPhase) throws(BuildError) {
        let unread = collector.unreadCount
        guard unread == 0 else {
            throw BuildError(
                .inputOutput,
                "\(unread) \(unread == 1 ? "source has" : "sources have") no result yet; run the phase 'sources' first",
                canRetry: true)
        }
        let due = collector.tasks.count { $0.phase == .statistics }
        guard phase == .statistics || due == 0 else {
            throw BuildError(
                .inputOutput,
                "the statistics lack the moments of \(due) \(due == 1 ? "feature" : "features") of sources; run the phase 'statistics' first",
                canRetry: true)
        }
    }

    /// The slices of a plan that still lack results.
    ///
    /// - Returns: each slice with the number of its actions that have none.
    /// - Throws: `BuildError`, also if the plan is one of another manifest.
    public func missing(
        of plan: WorkPlan, _ options: Options
    ) throws -> [(slice: WorkPlan.Slice, actions: Int)] {
        try check(plan)
        let cache = try Cache(
            path: options.cachePath, for: .building(wait: options.waits), log: options.log)
        let workers = Workers(count: options.jobs)
        let walk = assembly(manifest, .plan(Plan(cache, workers: workers)), workers, options)
        let stages = TaskStages(manifest: manifest)
        return try plan.slices.compactMap { slice in
            let tasks = try plan.tasks(of: slice).tasks
            let count: Int
            if plan.phase == .sources {
                count = try walk.due(items(tasks)).count
            } else {
                count = try cache.lookup(tasks.compactMap { stages.draft($0)?.action }, with: workers)
                    .count { $0 == nil }
            }
            return count == 0 ? nil : (slice, count)
        }
    }

    /// The files of source tasks; those that have gone are left out.
    private func items(_ tasks: [WorkTask]) -> [Assembly.DueItem] {
        tasks.compactMap { task in
            guard case .source(let path, _, let offset) = task,
                let stat = FileStat(path: "\(directory)/\(path)")
            else { return nil }
            return Assembly.DueItem(path: path, stat: stat, offset: offset)
        }
    }

    private func check(_ plan: WorkPlan) throws(BuildError) {
        guard plan.manifest == Digest(of: manifest.effective.canonicalBytes) else {
            throw BuildError(
                .inputOutput, "\(plan.path) was made for another version of \(path); plan again",
                canRetry: false)
        }
        let own = TaskStages(manifest: manifest).stages(plan.phase)
        guard plan.stages == own else {
            let pair = zip(plan.stages, own).first { $0 != $1 } ?? ("", "")
            throw BuildError(
                .inputOutput,
                "the plan is for '\(pair.0)', and this machine has '\(pair.1)': nothing would find its results; use the same version of Reprise and of its libraries on machines of one kind",
                canRetry: false)
        }
    }

    // MARK: Working

    /// Runs slices of a plan; writes objects, packs and a journal of its own for each slice, and reads no index.
    ///
    /// Any slice may be run at any time, by several workers at once, and again after one was killed.
    ///
    /// - Throws: `ManifestError`; `BuildError`. Sources that can't be used are no error: the summary lists them.
    public func work(
        on slices: [WorkPlan.Slice], of plan: WorkPlan, _ options: Options
    ) throws -> WorkSummary {
        let start = ContinuousClock.now
        try check(plan)
        var summary = WorkSummary(actions: slices.reduce(0) { $0 + $1.actions })
        let done = Atomic<Int>(0)
        let total = summary.actions
        let finished: @Sendable (Int) -> Void = { count in
            options.progress(
                BuildProgress(
                    phase: plan.phase.progress, done: done.add(count, ordering: .relaxed).newValue,
                    total: total))
        }
        for slice in slices {
            try work(on: slice, of: plan, options, finished, &summary)
            summary.slices.append(slice.number)
        }
        summary.seconds = (ContinuousClock.now - start) / .seconds(1)
        return summary
    }

    private func work(
        on slice: WorkPlan.Slice, of plan: WorkPlan, _ options: Options,
        _ finished: @escaping @Sendable (Int) -> Void, _ summary: inout WorkSummary
    ) throws {
        let (tasks, places) = try plan.tasks(of: slice)
        let name = "\(plan.id)-\(slice.number)-"
        let cache = try Cache(
            path: options.cachePath,
            for: .working(
                name: name + UUID().uuidString,
                knowing: WorkerKnowledge(predecessors: name, places: places, youngest: plan.youngest)),
            remote: options.remote, log: options.log)
        let workers = Workers(count: options.jobs)
        let engine = Engine(cache, workers: workers, outputs: Stages.outputs)
        do {
            if plan.phase == .sources {
                try workOnSources(items(tasks), engine, workers, finished, &summary)
            } else {
                let stages = TaskStages(manifest: manifest)
                let readers = Workers(count: max(1, workers.count / max(1, tasks.count)))
                try workers.forEach(tasks) { (task) throws(BuildError) in
                    try stages.run(task, engine, readers)
                    finished(1)
                }
            }
            try engine.flush()
        } catch {
            // What is finished stays.
            try? engine.flush()
            throw error
        }
        summary.run += engine.runCount
        summary.hit += engine.hitCount
        if let remote = options.remote {
            var use = RemoteUse(remote, engine)
            use.found += summary.remote?.found ?? 0
            use.kept += summary.remote?.kept ?? 0
            summary.remote = use
        }
    }

    private func workOnSources(
        _ items: [Assembly.DueItem], _ engine: Engine, _ workers: Workers,
        _ finished: @escaping @Sendable (Int) -> Void, _ summary: inout WorkSummary
    ) throws {
        let hashed = try engine.cache.hashSources(
            items.map { (path: "\(directory)/\($0.path)", stat: $0.stat) }, with: workers)
        var sources: [SourceStages.Item] = []
        for (item, result) in zip(items, hashed) {
            switch result {
            case .success(let file):
                sources.append(item.item(manifest, file))
            case .failure(let error):
                summary.unreadable.append(
                    BuildSummary.Problem(
                        path: item.path, code: error.code.rawValue, offset: nil, reason: error.message))
            }
        }
        try engine.note(sources.compactMap(\.file))
        for outcome in try SourceStages(manifest, .engine(engine)).outcomes(
            sources, workers, finished: finished)
        {
            switch outcome {
            case .built: break
            case .quarantined(let problem): summary.quarantine.append(problem)
            case .unreadable(let problem): summary.unreadable.append(problem)
            }
        }
    }
}

extension WorkPhase {
    fileprivate var progress: BuildProgress.Phase {
        switch self {
        case .sources: .sources
        case .statistics: .statistics
        case .shards: .shards
        }
    }
}
