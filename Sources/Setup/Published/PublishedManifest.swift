public import Files
import Listing
import Manifest
import Storage

/// The manifest, and the table beside it, that `reprise import` writes for a published dataset.
public struct PublishedManifest: Sendable {
    /// The dataset.
    public let dataset: PublishedDataset
    /// The manifest's file.
    public let path: String
    /// The manifest with its comments.
    public let text: String
    /// The table that the manifest names, beside it.
    public let tablePath: String
    /// The table: a row for each file.
    public let table: String
    private let rows: [PublishedDataset.Row]
    private let columns: Columns

    /// Looks for a dataset's files; writes nothing.
    ///
    /// - Parameters:
    ///   - dataset: the dataset.
    ///   - folder: where it was unpacked.
    ///   - path: the manifest's file; nil: beside the folder, under the dataset's name.
    /// - Throws: `BuildError` if the folder cannot be read, or is not laid out as the dataset was published; `ManifestError`
    ///   for a table of the dataset that cannot be read.
    public init(_ dataset: PublishedDataset, in folder: String, path: String? = nil) throws {
        self.dataset = dataset
        let absolute = try FolderManifest.directory(of: folder + "/")
        let tree = PublishedTree(folder, files: try FolderListing.readable(below: folder).files)
        rows = try dataset.find(tree).sorted { utf8Order($0.path, $1.path) }
        guard !rows.isEmpty else {
            throw BuildError(
                .inputOutput, "\(folder) contains none of the files that \(dataset.title)'s tables name",
                canRetry: false)
        }
        let parent = absolute.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        self.path = path ?? "\(parent)/\(dataset.name).yaml"
        tablePath = MusicFiles.stem(of: self.path) + ".csv"
        let base = relativePath(from: try FolderManifest.directory(of: self.path), to: absolute)
        columns = Columns(rows)
        table = columns.csv(rows, prefix: base.isEmpty ? "" : base + "/")
        text = Self.text(
            dataset, rows, columns, folder: folder, table: String(tablePath.split(separator: "/").last ?? ""))
    }

    /// Writes the manifest and the table, if there are no such files yet.
    ///
    /// - Throws: `BuildError`; `ManifestError` if the manifest would not be read, which is a fault of this program.
    public func write() throws {
        if FileStat(path: path) != nil { throw NewFile.exists(path) }
        let directory = try FolderManifest.directory(of: path)
        let manifest = try Manifest(bytes: Array(text.utf8), file: path, directory: directory)
        try NewFile.write(table, to: tablePath)
        _ = try EntryList(manifest, file: path, directory: directory).described()
        try NewFile.write(text, to: path)
    }

    /// The columns that some row fills in.
    private struct Columns: Sendable {
        let hasPairs, hasPieces, hasSplits: Bool
        let labels: [String]

        init(_ rows: [PublishedDataset.Row]) {
            hasPairs = rows.contains { $0.pair != nil }
            hasPieces = rows.contains { $0.piece != nil }
            // A table's column decides for all or for none.
            hasSplits = rows.allSatisfy { $0.split != nil } && rows.contains { $0.split == "train" }
            labels = Set(rows.flatMap { row in row.labels.filter { !$0.value.isEmpty }.map(\.key) }).sorted()
        }

        func csv(_ rows: [PublishedDataset.Row], prefix: String) -> String {
            var header = ["path"]
            if hasPairs { header.append("pair") }
            if hasPieces { header.append("piece") }
            if hasSplits { header.append("split") }
            var text = (header + labels).map(CSV.cell).joined(separator: ",") + "\n"
            for row in rows {
                var cells = [prefix + row.path]
                if hasPairs { cells.append(row.pair.map { prefix + $0 } ?? "") }
                if hasPieces { cells.append(row.piece ?? "") }
                if hasSplits { cells.append(row.split ?? "") }
                text +=
                    (cells + labels.map { row.labels[$0] ?? "" }).map(CSV.cell).joined(separator: ",") + "\n"
            }
            return text
        }
    }

    private static func text(
        _ dataset: PublishedDataset, _ rows: [PublishedDataset.Row], _ columns: Columns, folder: String,
        table: String
    ) -> String {
        let kinds = Set(rows.map { MusicFiles.kind(of: $0.path) })
        var text = "# \(dataset.title), imported from \(folder.shown): \(count(rows.count, "file"))"
        let paired = rows.count { $0.pair != nil }
        if paired > 0 { text += ", \(grouped(paired)) with a recording" }
        text += ".\n# \(dataset.url)\n# Licence: \(dataset.licence)\n# Cite: \(dataset.citation)\n#\n"
        for note in dataset.notes { text += "# \(note)\n" }
        text += "version: 1\ndataset: \(dataset.name)\nsources:\n  - table: \(YAMLText.scalar(table))\n"
        if columns.hasPairs { text += "    pair: \"{pair}\"\n" }
        if columns.hasPieces { text += "    piece: \"{piece}\"\n" }
        text +=
            columns.labels.isEmpty
            ? "    labels: {}\n"
            : "    labels: [\(columns.labels.map(YAMLText.scalar).joined(separator: ", "))]\n"
        if kinds.contains(.midi) {
            let grid =
                columns.hasPairs
                ? "{frames: mel}                 # a step is a frame of the mel"
                : dataset.isPlayed
                    ? "{steps_per_second: 20}        # a clock: the files have no true beats"
                    : "{steps_per_beat: 4}"
            text += "midi:\n  grid: \(grid)\n"
        }
        if kinds.contains(.audio) || columns.hasPairs {
            text += """
                audio:
                  sample_rate: \(dataset.sampleRate)
                  segment: {samples: \(dataset.sampleRate > 30_000 ? 131_072 : 65_536)}
                  stft: {n_fft: 2048, hop: 512}
                  features:
                    mel: {bands: 128}
                  normalize: {compress: log10_1p, per: dataset, epsilon: 0.001}

                """
        }
        text +=
            columns.hasSplits
            ? "splits: {column: split}               # the official split\n"
            : "splits: {train: 0.8, validation: 0.1, test: 0.1, by: piece, method: \(rows.count < 200 ? "exact" : "hash"), seed: 0}\n"
        return text
    }

    // MARK: Output

    private var splits: [(name: String, count: Int)] {
        ["train", "validation", "test"].map { split in (split, rows.count { $0.split == split }) }
    }

    /// What was found, as lines for people.
    public var summary: String {
        var text = ""
        func line(_ name: String, _ value: String) {
            text += name.padded(to: 11) + value.shown + "\n"
        }
        line("dataset", "\(dataset.title), \(dataset.url)")
        let editions = dataset.published.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        line(
            "files",
            "\(grouped(rows.count)) found; published: \(editions.map { "\(grouped($0.value)) (\($0.key))" }.joined(separator: ", "))"
        )
        let paired = rows.count { $0.pair != nil }
        if paired > 0 { line("pairs", "\(grouped(paired)) MIDI files with their recordings") }
        if !columns.labels.isEmpty { line("labels", columns.labels.joined(separator: ", ")) }
        line(
            "split",
            columns.hasSplits
                ? "official: "
                    + splits.filter { $0.count > 0 }.map { "\($0.name) \(grouped($0.count))" }.joined(
                        separator: ", ")
                : "none official; by piece")
        line("licence", dataset.licence)
        line("cite", dataset.citation)
        return text
    }

    /// The same as an object.
    public var json: JSONValue {
        [
            "manifest": .string(path), "table": .string(tablePath), "dataset": .string(dataset.name),
            "title": .string(dataset.title), "url": .string(dataset.url), "licence": .string(dataset.licence),
            "citation": .string(dataset.citation), "files": JSONValue(rows.count),
            "pairs": JSONValue(rows.count { $0.pair != nil }),
            "labels": .array(columns.labels.map { .string($0) }),
            "splits": .object(
                Dictionary(splits.map { ($0.name, JSONValue($0.count)) }) { first, _ in first }),
            "notes": .array(dataset.notes.map { .string($0) }),
        ]
    }
}
