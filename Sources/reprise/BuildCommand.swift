import ArgumentParser
import Console
import Dataset
import Files
import Insight
import Loading
import Storage

/// Options of commands that build.
struct BuildOptions: ParsableArguments {
    @Argument(help: "The dataset's manifest.", completion: .file(extensions: ["yaml", "yml"]))
    var manifest: String

    @Option(help: ArgumentHelp("Worker threads (default: one for each processor).", valueName: "n"))
    var jobs: Int?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        try Self.check(jobs: jobs)
    }

    static func check(jobs: Int?) throws {
        if let jobs, !(1...1024).contains(jobs) {
            throw ValidationError("--jobs is \(jobs); write a number from 1 to 1024")
        }
    }

    func options(
        _ progress: ProgressLine, _ remote: RemoteOptions? = nil, waits: Bool = true
    ) throws -> DatasetBuild.Options {
        try progress.options(common, remote, jobs: jobs, waits: waits)
    }
}

extension ProgressLine {
    /// The options of a build that reports here.
    func options(
        _ common: CommonOptions, _ remote: RemoteOptions?, jobs: Int?, waits: Bool = true
    ) throws -> DatasetBuild.Options {
        let log: @Sendable (String) -> Void = { line in
            self.clear()
            Terminal.standardError.writeLine(line)
        }
        return DatasetBuild.Options(
            cachePath: common.cachePath, jobs: jobs ?? Workers.processors, waits: waits,
            remote: try remote?.open(log: log), progress: { self.report($0) }, log: log)
    }
}

struct BuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build a dataset; run only actions that are not cached.",
        discussion: """
            Exit status: 0 done; 3 done, but some sources could not be used; 11 another build uses the cache; \
            64 the manifest has faults; 130 interrupted, finished work is kept.
            """)

    @OptionGroup var build: BuildOptions

    @OptionGroup var remote: RemoteOptions

    @Flag(help: "Only show what would run, and why.")
    var dryRun = false

    @Flag(help: "Fail with status 11 instead of waiting if another build uses the cache.")
    var noWait = false

    func run() throws {
        if dryRun { return try explain(build, isVerbose: false) }
        Cancellation.catchSignals()
        let dataset = try DatasetBuild(manifestPath: build.manifest)
        let progress = ProgressLine()
        let summary: BuildSummary
        do {
            summary = try dataset.run(try build.options(progress, remote, waits: !noWait))
        } catch {
            progress.clear()
            throw error
        }
        progress.clear()
        for warning in summary.warnings { Terminal.standardError.writeLine("warning: \(warning)") }
        if build.common.json {
            print(summary.json.canonical)
        } else {
            print(text(summary), terminator: "")
        }
        if !summary.isComplete { throw Ending(status: .quarantined) }
    }

    private func text(_ summary: BuildSummary) -> String {
        var text = ""
        for problem in summary.quarantine {
            let place = problem.offset.map { " (at \($0))" } ?? ""
            text += "quarantined  \(problem.path): \(problem.reason)\(place) [\(problem.code)]".shown + "\n"
        }
        if !summary.quarantine.isEmpty { text += "\n" }
        let segments = Split.allCases.map { "\($0.rawValue) \(grouped(summary.segments[$0] ?? 0))" }
        var sources = "\(grouped(summary.ok)) of \(grouped(summary.found))"
        if !summary.quarantine.isEmpty { sources += ", \(grouped(summary.quarantine.count)) quarantined" }
        if summary.excluded > 0 { sources += ", \(grouped(summary.excluded)) left out by 'require'" }
        if summary.warned > 0 { sources += ", \(grouped(summary.warned)) with warnings" }
        text += "dataset    \(summary.dataset)\n"
        text += "snapshot   \(summary.snapshot.short)\n"
        text += "sources    \(sources)\n"
        text += "segments   \(segments.joined(separator: ", "))\n"
        text += "shards     \(grouped(summary.written)) written, \(grouped(summary.reused)) reused\n"
        text += "actions    \(grouped(summary.run)) run, \(grouped(summary.hit)) cached\n"
        if let remote = summary.remote { text += "remote     \(remote.text)\n" }
        text += "time       \(format(summary.seconds, 2)) s\n"
        return text
    }
}

extension RemoteUse {
    /// What was moved, for people.
    fileprivate var text: String {
        var parts = [
            "\(grouped(found)) \(found == 1 ? "result" : "results") from \(address.shown) (\(byteSize(traffic.received)))",
            "\(grouped(kept)) sent (\(byteSize(traffic.sent)))",
        ]
        if isPublished == false { parts.append("the snapshot is not there") }
        return parts.joined(separator: ", ")
    }
}

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Show what a build would run, and why.")

    @OptionGroup var build: BuildOptions

    @Flag(name: .shortAndLong, help: "List every action with all its changes.")
    var verbose = false

    func run() throws {
        try reprise.explain(build, isVerbose: verbose)
    }
}

/// Prints what a build would run; without a cache, the first of all builds.
private func explain(_ build: BuildOptions, isVerbose: Bool) throws {
    Cancellation.catchSignals()
    let dataset = try DatasetBuild(manifestPath: build.manifest)
    let progress = ProgressLine()
    let explanation = try dataset.explain(build.options(progress))
    progress.clear()
    if build.common.json {
        print(explanation.json.canonical)
        return
    }
    if isVerbose {
        for action in explanation.planned {
            let remark = action.isCertain ? "" : " (its result may be unchanged)"
            print("\(action.stage)  \(action.subject.shown)\(remark)\n    \("\(action.reason)".shown)")
        }
    } else {
        for group in explanation.groups {
            print("\(group.stage): \(group.count) (\(group.cause.shown))")
        }
    }
    let count = explanation.planned.count
    let cached = "\(grouped(explanation.hits)) \(explanation.hits == 1 ? "result is" : "results are") cached"
    guard count > 0 else { return print("nothing to run: \(cached)") }
    print("\(grouped(count)) \(count == 1 ? "action" : "actions") would run; \(cached)")
    if !isVerbose { print("use -v to list each action") }
}
