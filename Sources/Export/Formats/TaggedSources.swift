public import Files
public import Loading

/// A dataset's sources as a table that a manifest reads, with the tags that people gave them.
///
/// Column `path` first, then what each source has now: its split, its piece where several sources share one, the other half
/// of a pair, and its labels. A tag such as `style=jazz` fills the column `style`, a tag that is a word fills a column of
/// that name with `yes`, and a source tagged `exclude` has no row.
public struct TaggedSources {
    /// The names of the columns.
    public let columns: [String]
    /// A row a source, in the order of the paths' bytes; an empty cell is an unknown value.
    public let rows: [[String]]
    /// The sources tagged `exclude`.
    public let excluded: [String]
    /// Paths with tags that no source of the dataset has.
    public let unknown: [String]

    /// Puts the table together.
    ///
    /// - Parameters:
    ///   - snapshot: the dataset.
    ///   - tags: paths with their tags.
    ///   - assignment: splits a tag into a name and a value; nil for a word.
    /// - Throws: `build.io` if a label of a source has several values, which a cell cannot hold.
    public init(
        _ snapshot: Snapshot, tags: [(path: String, tags: [String])],
        assignment: (String) -> (name: String, value: String)?
    ) throws(BuildError) {
        // By bytes: Swift takes paths for equal that differ in the composition of their letters.
        var left = Dictionary(tags.map { (Array($0.path.utf8), $0.tags) }) { _, last in last }
        var tables: [[String: String]] = []
        var excluded: [String] = []
        let sharing = Dictionary(snapshot.sources.map { ($0.piece, 1) }, uniquingKeysWith: +)
        // The halves of a pair share a piece anyway.
        let hasPieces = snapshot.sources.contains { (sharing[$0.piece] ?? 0) > ($0.pair == nil ? 1 : 2) }
        for source in snapshot.sources {
            let tags = left.removeValue(forKey: Array(source.path.utf8)) ?? []
            // The recording of a pair is in the row of its score.
            if source.pair != nil, source.kind == .audio { continue }
            if tags.contains("exclude") {
                excluded.append(source.path)
                continue
            }
            var row = source.labels
            row["path"] = source.path
            row["split"] = source.split?.rawValue
            if hasPieces { row["piece"] = source.piece }
            if let pair = source.pair {
                row["pair"] = pair.path
                row["offset_seconds"] = "\(Double(pair.offset) / 1e6)"
            }
            for tag in tags {
                let (name, value) = assignment(tag) ?? (tag, "yes")
                row[name] = value
            }
            if let (name, _) = row.first(where: { LabelText.isSeveral($0.value) }) {
                throw BuildError(
                    .inputOutput,
                    "\(source.path.shown) has several values of the label '\(name)', which a CSV file cannot hold; choose one with the tag '\(name)=…'",
                    canRetry: false)
            }
            tables.append(row)
        }
        let first = ["path", "split", "piece", "pair", "offset_seconds"]
        let names = Set(tables.flatMap(\.keys))
        let columns = first.filter(names.contains) + names.subtracting(first).sorted()
        self.columns = columns
        rows = tables.map { row in columns.map { row[$0] ?? "" } }
        self.excluded = excluded
        unknown = left.filter { !$0.value.isEmpty }.keys.map { String(decoding: $0, as: UTF8.self) }.sorted()
    }

    /// Writes the table as comma-separated values.
    ///
    /// - Throws: `BuildError` if the file cannot be written.
    public func write(to path: String) throws(BuildError) {
        let file = try CSVFile(path, columns: columns)
        for row in rows { try file.append(row.map { $0.isEmpty ? .null : .text($0) }) }
        try file.close()
    }

    /// The lines of a manifest that read the table.
    public func manifest(table: String) -> String {
        var text = "sources:\n  - table: \(JSONValue.string(table).canonical)\n"
        for name in ["piece", "pair"] where columns.contains(name) { text += "    \(name): \"{\(name)}\"\n" }
        if columns.contains("offset_seconds") { text += "    offset_seconds: offset_seconds\n" }
        return columns.contains("split") ? text + "splits: {column: split}\n" : text
    }
}
