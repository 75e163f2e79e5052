import ArgumentParser
import Console
import Export
import Files
import Loading

/// A format on the command line.
struct FormatArgument: ExpressibleByArgument, Sendable {
    let format: DatasetExport.Format

    init(_ format: DatasetExport.Format) { self.format = format }

    init?(argument: String) {
        guard let format = DatasetExport.Format(rawValue: argument) else { return nil }
        self.format = format
    }

    static var allValueStrings: [String] { DatasetExport.Format.allCases.map(\.rawValue) }
    var defaultValueDescription: String { format.rawValue }
}

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a dataset's segments as files for other programs.",
        discussion: """
            npz, webdataset and hf hold dense arrays, parquet and csv the list of segments with their numbers, midi, \
            wav and flac one file per segment. A stopped export continues in the same folder. See docs/sharing.md.
            Exit status: 0 done; 3 done, but some sources are gone or changed, so that sound files are missing.
            """)

    @Argument(help: "The dataset.")
    var dataset: String

    @Option(
        help: ArgumentHelp(
            "The folder to write to: a new or an empty one, or that of a stopped export.", valueName: "dir"))
    var to: String

    @Option(help: "The format.")
    var format = FormatArgument(.npz)

    @Option(
        help: ArgumentHelp("One split only: train, validation or test.", valueName: "split"),
        transform: splitNamed)
    var split: Split?

    @Flag(help: "Compress arrays: npz, hf and parquet.")
    var compress = false

    @Option(help: ArgumentHelp("The size of a tar file of webdataset, in MiB.", valueName: "n"))
    var tarSize = DatasetExport.usualTarBytes >> 20

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if !(1...1_048_576).contains(tarSize) {
            throw ValidationError("--tar-size is \(tarSize); write a number of MiB from 1 to 1048576")
        }
        if compress, ![.npz, .hf, .parquet].contains(format.format) {
            throw ValidationError("--compress is for npz, hf and parquet, not for \(format.format.rawValue)")
        }
    }

    func run() throws {
        Cancellation.catchSignals()
        let reader = try DatasetReader(dataset, cachePath: common.cachePath, holdingFor: "export \(dataset)")
        let export = DatasetExport(
            format.format, splits: split.map { [$0] } ?? Split.allCases, isCompressed: compress,
            tarBytes: tarSize << 20)
        let progress = ProgressLine()
        defer { progress.clear() }
        let summary = try export.run(reader, to: to) { progress.report("segments", done: $0, of: $1) }
        progress.clear()
        for (path, count) in summary.missing.sorted(by: { $0.key < $1.key }) {
            Terminal.standardError.writeLine(
                "warning: \(path) is gone or changed since the build: no sound for \(count) of its segments")
        }
        if common.json {
            var members = summary.json.object ?? [:]
            members["to"] = .string(to)
            print(JSONValue.object(members).canonical)
        } else {
            let kept = summary.kept > 0 ? ", \(grouped(summary.kept)) kept" : ""
            print("segments   \(grouped(summary.segments))")
            print("files      \(grouped(summary.written)) written\(kept), \(byteSize(summary.bytes))")
            print("folder     \(to)")
        }
        if !summary.missing.isEmpty { throw Ending(status: .quarantined) }
    }
}
