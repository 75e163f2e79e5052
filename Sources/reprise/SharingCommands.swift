import ArgumentParser
import Build
import Console
import Export
import Insight
import Loading

/// Where `push` and `pull` copy to and from.
struct SharingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A folder, or a file that ends in .tar; both can be copied anywhere.", valueName: "remote"))
    var remote: String

    @OptionGroup var common: CommonOptions

    /// Prints what was done.
    func show(_ verb: String, _ summary: SharingSummary, _ remote: Remote) {
        if common.json {
            var members = summary.json.object ?? [:]
            members["remote"] = .string(remote.path)
            return print(JSONValue.object(members).canonical)
        }
        print("dataset    \(summary.dataset)")
        print("snapshot   \(summary.snapshot.short)")
        print(
            "objects    \(grouped(summary.copied)) \(verb), \(grouped(summary.skipped)) there already; \(byteSize(summary.bytes))"
        )
    }
}

struct PushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Copy a built dataset to a folder or an archive, for other machines.",
        discussion: """
            The snapshot, everything that training, export and transfer read of it, and a card, README.md. Sources are \
            not copied. Objects that are there are skipped. See docs/sharing.md.
            """)

    @Argument(help: "The dataset.")
    var dataset: String

    @OptionGroup var options: SharingOptions

    func run() throws {
        Cancellation.catchSignals()
        let remote = try Remote(options.remote)
        let reader = try DatasetReader(
            dataset, cachePath: options.common.cachePath, holdingFor: "push \(dataset)")
        let progress = ProgressLine()
        defer { progress.clear() }
        let summary = try remote.push(reader) { progress.report("MiB", done: $0 >> 20, of: $1 >> 20) }
        progress.clear()
        options.show("pushed", summary, remote)
    }
}

struct PullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Copy a pushed dataset into the cache.",
        discussion: """
            Every object is checked against its hash before it is stored. The cache is created if there is none; objects \
            that it has are skipped. See docs/sharing.md.
            """)

    @Argument(help: "The dataset, by the name that it was pushed under.")
    var dataset: String

    @OptionGroup var options: SharingOptions

    func run() throws {
        Cancellation.catchSignals()
        let remote = try Remote(options.remote)
        let progress = ProgressLine()
        defer { progress.clear() }
        let summary = try remote.pull(
            dataset, into: options.common.cachePath,
            log: { line in
                progress.clear()
                Terminal.standardError.writeLine(line)
            },
            progress: { progress.report("MiB", done: $0 >> 20, of: $1 >> 20) })
        progress.clear()
        options.show("pulled", summary, remote)
    }
}
