import ArgumentParser
import Console
import Export
import Files
import Insight
import Loading

struct NotesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notes",
        abstract: "List a dataset's tags and notes, or write them as a table for a manifest.",
        discussion: """
            Tags and notes are made in the explorer ('reprise serve'). --csv writes a row for each source: its path, \
            split, piece and labels as they are, changed by its tags. The tag 'style=jazz' gives the label style the \
            value jazz, 'split=test' moves the source to the test split, 'noisy' gives a label noisy the value yes, and \
            a source tagged 'exclude' gets no row. Write the file beside the manifest: its paths are the manifest's.
            """)

    @Argument(help: "The dataset.")
    var dataset: String

    @Option(
        help: ArgumentHelp("Write the dataset's sources with their tags to this file.", valueName: "file"))
    var csv: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let reader = try DatasetReader(dataset, cachePath: common.cachePath)
        let annotations = try Annotations(ofDataset: reader.snapshot.dataset, cachePath: common.cachePath)
        if let csv { return try write(annotations, of: reader.snapshot, to: csv) }
        if common.json {
            print((["notes": .array(annotations.sorted.map(\.json))] as JSONValue).canonical)
            return
        }
        guard !annotations.all.isEmpty else {
            print("no tags or notes yet; make some in the explorer: reprise serve \(dataset)")
            return
        }
        let rows = annotations.sorted.map { annotation in
            [
                annotation.subject.path.shown,
                annotation.subject.start.map { "from \(grouped($0))" } ?? "all",
                annotation.tags.joined(separator: ", ").shown, annotation.note.shown,
            ]
        }
        print(table(["source", "segment", "tags", "note"], rows), terminator: "")
    }

    private func write(_ annotations: Annotations, of snapshot: Snapshot, to path: String) throws {
        let sources = try TaggedSources(
            snapshot, tags: annotations.tagsOfSources, assignment: Annotation.assignment)
        try sources.write(to: path)
        for path in sources.unknown {
            Terminal.standardError.write("\(path.shown) has tags, and is no source of this snapshot\n")
        }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        if common.json {
            let object: JSONValue = [
                "out": .string(path), "sources": JSONValue(sources.rows.count),
                "excluded": .array(sources.excluded.map { .string($0) }),
                "unknown": .array(sources.unknown.map { .string($0) }),
            ]
            print(object.canonical)
        } else {
            print(
                "\(path): \(count(sources.rows.count, "source")), \(sources.excluded.count) left out; in the manifest:\n"
            )
            print(sources.manifest(table: name), terminator: "")
        }
    }
}
