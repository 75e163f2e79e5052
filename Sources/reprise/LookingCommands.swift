import ArgumentParser
import Console
import Dataset
import Files
import Insight
import Loading
import Pictures

struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show a dataset's statistics and problems.")

    @Argument(
        help: "The dataset: its name, <name>@<n> for an older snapshot, or a prefix of a snapshot's hash.")
    var dataset: String

    @Option(help: ArgumentHelp("Write a page with charts to this file; it works offline.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("Show what changed since another snapshot instead.", valueName: "dataset"))
    var against: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if html != nil, against != nil { throw ValidationError("--html and --against cannot be combined") }
    }

    func run() throws {
        if let against {
            let comparison = SnapshotComparison(
                from: try DatasetReader(against, cachePath: common.cachePath),
                to: try DatasetReader(dataset, cachePath: common.cachePath))
            return print(
                common.json ? comparison.json.canonical + "\n" : comparison.text, terminator: "")
        }
        let statistics = try DatasetStatistics(DatasetReader(dataset, cachePath: common.cachePath))
        if let html {
            try statistics.writeHTML(html)
            if !common.json { return print("wrote \(html)") }
        }
        print(
            common.json
                ? statistics.json.canonical + "\n"
                : statistics.text(width: Terminal.standardOutput.textWidth), terminator: "")
    }
}

struct SourcesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sources", abstract: "List a dataset's sources, and what could not be used and why.",
        discussion: """
            Filters combine: a source is listed if it passes all of them. A source that failed has neither a split nor \
            labels, so --split and --label leave it out.
            """)

    @Argument(help: "The dataset.")
    var dataset: String

    @Argument(help: "Only sources whose paths contain this text.")
    var path: String?

    @Option(
        help: ArgumentHelp("Only sources with segments in this split.", valueName: "split"),
        transform: splitNamed)
    var split: Split?

    @Option(
        name: .customLong("label"),
        help: ArgumentHelp(
            "Only sources with this value of a label. May be repeated.", valueName: "label=value"),
        transform: { text in
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw ValidationError("'\(text)' is no label with a value; write such as style=jazz")
            }
            return (name: parts[0], value: parts[1])
        })
    var labels: [(name: String, value: String)] = []

    @Flag(help: "Only sources that gave no segments because something failed.")
    var failed = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        var filter = SourceList.Filter()
        (filter.split, filter.labels, filter.isFailed, filter.path) = (split, labels, failed, path)
        let list = try SourceList(DatasetReader(dataset, cachePath: common.cachePath), filter: filter)
        let output = Terminal.standardOutput
        print(
            common.json
                ? list.json.canonical + "\n" : list.text(width: output.isTerminal ? output.textWidth : nil),
            terminator: "")
    }
}

/// The split that an option names.
func splitNamed(_ text: String) throws -> Split {
    guard let split = Split(rawValue: text) else {
        throw ValidationError("'\(text)' is not a split; write train, validation or test")
    }
    return split
}

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show a segment of a dataset, or what a raw file contains.",
        discussion: """
            With a dataset and a segment: the segment's notes or features, as text or as a picture. With a MIDI or \
            audio file: its contents; --json lists every note.
            """)

    @Argument(help: "A dataset; or a raw MIDI or audio file, without a segment.", completion: .file())
    var dataset: String

    @Argument(
        help:
            "The segment: train/12, test/0, 12 (of train), or path/to/source.mid#3; path/to/source.mid# is the whole source."
    )
    var segment: String?

    @Option(help: ArgumentHelp("Write a PNG picture to this file.", valueName: "file"))
    var png: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if segment == nil, png != nil {
            throw ValidationError("--png needs a dataset and a segment; a raw file is shown as text")
        }
    }

    func run() throws {
        guard let segment else {
            let file = try FileInspection(path: dataset)
            return print(common.json ? file.json.canonical + "\n" : file.text, terminator: "")
        }
        let reader = try DatasetReader(dataset, cachePath: common.cachePath)
        if segment.hasSuffix("#") { return try show(SourceView(reader, named: String(segment.dropLast()))) }
        let view = try SegmentView(reader, reader.place(segment))
        if let png {
            try view.picture().write(png)
            if !common.json { return print("wrote \(png)") }
        }
        print(
            common.json ? view.json.canonical + "\n" : try view.text(width: Terminal.standardOutput.width),
            terminator: "")
    }
}

extension InspectCommand {
    private func show(_ view: SourceView) throws {
        if let png {
            try view.picture().write(png)
            if !common.json { return print("wrote \(png)") }
        }
        print(common.json ? view.json.canonical + "\n" : view.text, terminator: "")
    }
}
