import ArgumentParser
import Console
import Files
import Manifest
import Setup

struct ManifestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manifest", abstract: "Print a manifest with every default written out.",
        discussion: """
            The output is a manifest itself: beside the original it builds the same snapshot. Faults are reported as \
            'reprise build' reports them.
            """)

    @Argument(help: "The manifest.", completion: .file(extensions: ["yaml", "yml"]))
    var manifest: String

    @Flag(help: "Print one JSON object on standard output.")
    var json = false

    func run() throws {
        let manifest = try Manifest.read(manifest).manifest
        for warning in manifest.warnings { Terminal.standardError.writeLine("warning: \(warning)") }
        print(json ? manifest.effective.canonical + "\n" : manifest.text, terminator: "")
    }
}

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Look at a folder of music, and write a manifest for it.",
        discussion: """
            The manifest builds as it is, and its comments say what to change. An existing file is never overwritten.
            """)

    @Argument(help: "The folder with the music.", completion: .directory)
    var folder: String

    @Option(
        help: ArgumentHelp(
            "The manifest to write (default: beside the folder, under its name).", valueName: "file"))
    var out: String?

    @Flag(help: "Print one JSON object on standard output.")
    var json = false

    func run() throws {
        let made = try FolderManifest(of: folder, path: out)
        try made.write()
        if json {
            print((["manifest": .string(made.path), "found": made.survey.json] as JSONValue).canonical)
        } else {
            print(
                made.survey.text
                    + "\nwrote \(made.path.shown); build it with: reprise build \(made.path.shown)")
        }
    }
}

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Write a manifest for a published dataset that was downloaded.",
        discussion: """
            Known are: \(PublishedDataset.all.map(\.name).joined(separator: ", ")). Beside the manifest it writes a table of \
            the files with their labels and the official split. Existing files are never overwritten.
            """)

    @Argument(help: "The dataset's name.", completion: .list(PublishedDataset.all.map(\.name)))
    var name: String

    @Argument(help: "The folder into which it was unpacked.", completion: .directory)
    var folder: String

    @Option(
        help: ArgumentHelp(
            "The manifest to write (default: beside the folder, under the name).", valueName: "file"))
    var out: String?

    @Flag(help: "Print one JSON object on standard output.")
    var json = false

    func validate() throws {
        do throws(BuildError) {
            _ = try PublishedDataset.named(name)
        } catch {
            throw ValidationError(error.message)
        }
    }

    func run() throws {
        let made = try PublishedManifest(PublishedDataset.named(name), in: folder, path: out)
        try made.write()
        print(
            json
                ? made.json.canonical
                : made.summary
                    + "\nwrote \(made.path.shown) and \(made.tablePath.shown); build it with: reprise build \(made.path.shown)"
        )
    }
}

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check whether this machine and the cache are fit for work.",
        discussion: """
            A note means that only some commands are concerned. Exit status: 0 fit; 1 something needed is broken. To \
            check every byte of the cache, use 'reprise verify'.
            """)

    @OptionGroup var common: CommonOptions

    func run() throws {
        let doctor = Doctor(cachePath: common.cachePath, programs: try programFolder())
        print(common.json ? doctor.json.canonical + "\n" : doctor.text, terminator: "")
        if !doctor.isFit { throw Ending(status: .failed) }
    }
}
