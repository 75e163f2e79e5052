import ArgumentParser
import Console
import Export
import Files
import Insight
import Loading

/// Where `push` and `pull` copy to and from.
struct SharingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A folder, a file that ends in .tar, http(s)://host/path or s3://bucket/prefix.",
            valueName: "remote"))
    var remote: String

    @Option(
        help: ArgumentHelp("A file whose bytes sign a server's records (HMAC-SHA-256).", valueName: "file"),
        completion: .file())
    var remoteKey: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard remoteKey == nil || RemoteOptions.isAddress(remote) else {
            throw ValidationError(
                "--remote-key signs the records of a server; folders and archives have none")
        }
    }

    /// What `--remote` names.
    func open(log: @escaping @Sendable (String) -> Void) throws(BuildError) -> Remote {
        guard RemoteOptions.isAddress(remote) else { return Remote(path: remote) }
        return .store(try RemoteOptions.open(remote, key: remoteKey, log: log))
    }

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
        commandName: "push", abstract: "Copy a built dataset to a folder, an archive or a server.",
        discussion: """
            The snapshot, everything that training, export and transfer read of it, and a card, README.md. Sources are \
            not copied. Objects that are there are skipped. See docs/sharing.md.
            """)

    @Argument(help: "The dataset.")
    var dataset: String

    @OptionGroup var options: SharingOptions

    func run() throws {
        Cancellation.catchSignals()
        let remote = try options.open { Terminal.standardError.writeLine($0) }
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

    @Argument(help: "The dataset's name; of a server also a snapshot's whole hash.")
    var dataset: String

    @OptionGroup var options: SharingOptions

    func run() throws {
        Cancellation.catchSignals()
        let remote = try options.open { Terminal.standardError.writeLine($0) }
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
