import ArgumentParser
import Console
import Dataset
import Files
import Foundation

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "List what is due in slices, for workers on other machines.",
        discussion: """
            Writes JSON lines: a header, a line for each slice, a line for each action. Each slice is run by \
            'reprise work', on any machine that sees the cache and the files; 'reprise build' then finds all results.

            With --missing, prints the numbers of the slices of an earlier plan that still lack results, as Slurm's \
            --array takes them. Of more than 1001 slices it prints a line for each array, with what is to be added to \
            the array's indices: '0-3,7 1001'.
            """)

    @OptionGroup var build: BuildOptions

    @OptionGroup var remote: RemoteOptions

    @Option(
        help: ArgumentHelp("What to plan: sources, statistics or shards.", valueName: "name"),
        completion: .list(WorkPhase.allCases.map(\.rawValue)),
        transform: { text in
            guard let phase = WorkPhase(rawValue: text) else {
                throw ValidationError("--phase is '\(text)'; write sources, statistics or shards")
            }
            return phase
        })
    var phase: WorkPhase?

    @Option(
        help: ArgumentHelp(
            "How many slices at most (default: by the estimated cost, at least 64).", valueName: "n"))
    var slices: Int?

    @Option(
        help: ArgumentHelp("Print which slices of this plan still lack results.", valueName: "plan"),
        completion: .file())
    var missing: String?

    func validate() throws {
        if let slices, slices < 1 { throw ValidationError("--slices is \(slices); write at least 1") }
        guard (phase == nil) != (missing == nil) else {
            throw ValidationError("write one of --phase and --missing: a new plan, or an earlier one")
        }
        if missing != nil, slices != nil {
            throw ValidationError("--slices is for a new plan; the slices of an earlier one stay as they are")
        }
    }

    func run() throws {
        Cancellation.catchSignals()
        let dataset = try DatasetBuild(manifestPath: build.manifest)
        let progress = ProgressLine()
        defer { progress.clear() }
        if let phase {
            let lines = try dataset.plan(phase, slices: slices, build.options(progress, remote))
            progress.clear()
            FileHandle.standardOutput.write(Data(lines))
            return
        }
        let plan = try WorkPlan(path: missing ?? "")
        let found = try dataset.missing(of: plan, build.options(progress, remote))
        progress.clear()
        if build.common.json {
            let slices = found.map { item -> JSONValue in
                ["slice": JSONValue(item.slice.number), "actions": JSONValue(item.actions)]
            }
            let json: JSONValue = ["plan": .string(plan.id), "missing": .array(slices)]
            return print(json.canonical)
        }
        for (offset, indices) in WorkPlan.arrayExpressions(found.map(\.slice.number)) {
            print(offset == 0 ? indices : "\(indices) \(offset)")
        }
    }
}

struct WorkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work", abstract: "Run slices of a plan, beside any number of other workers.",
        discussion: """
            Writes results and a journal of its own to the cache, and uses neither its index nor its lock. Any slice may \
            be run at any time, by several workers at once, and again after one was killed.

            Exit status: 0 done, also if some sources cannot be used: the build reports them; 3 done, but some sources \
            could not be read and are tried again; 64 the manifest has faults; 130 interrupted, finished work is kept.
            """)

    @Option(help: ArgumentHelp("What 'reprise plan' wrote.", valueName: "file"), completion: .file())
    var plan: String

    @Option(help: ArgumentHelp("The number of the slice.", valueName: "k"))
    var slice: Int?

    @Option(help: ArgumentHelp("Every n-th slice from k on, such as 0/4.", valueName: "k/n"))
    var task: String?

    @Option(help: ArgumentHelp("Worker threads (default: one for each processor).", valueName: "n"))
    var jobs: Int?

    @OptionGroup var remote: RemoteOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        try BuildOptions.check(jobs: jobs)
        guard (slice == nil) != (task == nil) else {
            throw ValidationError("write one of --slice and --task: one slice, or every n-th")
        }
        if let task, share(task) == nil {
            throw ValidationError("--task is '\(task)'; write k/n with k from 0 to n - 1, such as 0/4")
        }
    }

    private func share(_ text: String) -> (index: Int, count: Int)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let index = parts[0], let count = parts[1], 0 <= index, index < count else {
            return nil
        }
        return (index, count)
    }

    func run() throws {
        Cancellation.catchSignals()
        let plan = try WorkPlan(path: plan)
        let slices: [WorkPlan.Slice]
        if let share = task.flatMap(share) {
            slices = plan.slices.filter { $0.number % share.count == share.index }
        } else {
            slices = plan.slices.filter { $0.number == slice }
            guard !slices.isEmpty else {
                throw BuildError(
                    .inputOutput,
                    "the plan has no slice \(slice ?? 0): it has \(plan.slices.count), from 0",
                    canRetry: false)
            }
        }
        let progress = ProgressLine()
        let summary: WorkSummary
        do {
            summary = try DatasetBuild(manifestPath: plan.manifestPath).work(
                on: slices, of: plan, progress.options(common, remote, jobs: jobs))
        } catch {
            progress.clear()
            throw error
        }
        progress.clear()
        if common.json {
            print(summary.json.canonical)
        } else {
            for problem in summary.unreadable {
                print("unreadable   \(problem.path): \(problem.reason) [\(problem.code)]".shown)
            }
            print(text(summary))
        }
        if !summary.unreadable.isEmpty { throw Ending(status: .quarantined) }
    }

    private func text(_ summary: WorkSummary) -> String {
        var text = slice.map { "slice \($0)" } ?? "\(grouped(summary.slices.count)) slices"
        text +=
            ": \(grouped(summary.actions)) actions, \(grouped(summary.run)) run, \(grouped(summary.hit)) found"
        let (unusable, unread) = (summary.quarantine.count, summary.unreadable.count)
        if unusable > 0 { text += ", \(grouped(unusable)) quarantined" }
        if unread > 0 { text += ", \(grouped(unread)) unreadable" }
        return text + ", \(format(summary.seconds, 2)) s"
    }
}
