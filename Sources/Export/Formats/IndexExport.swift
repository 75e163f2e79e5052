import Files
import Loading

extension ExportJob {
    /// Writes `index.parquet`: a row a segment, with the columns of `SegmentColumns`.
    func writeParquet() throws {
        let rows = try SegmentRows(reader)
        let columns = SegmentColumns(reader.snapshot, rows.manifest)
        try target.make("index.parquet") { path in
            let file = try ParquetFile(
                path, columns: columns.columns.map(\.column),
                metadata: [("reprise", provenance.canonical)], isCompressed: isCompressed)
            try forEachSegment(rows) { try file.append(columns.values($0)) }
            try file.close()
        }
    }

    /// Writes `index.csv`: a row a segment, with the columns of `SegmentColumns`.
    func writeCSV() throws {
        let rows = try SegmentRows(reader)
        let columns = SegmentColumns(reader.snapshot, rows.manifest)
        try target.make("index.csv") { path in
            let file = try CSVFile(path, columns: columns.columns.map(\.column.name))
            try forEachSegment(rows) { try file.append(columns.values($0)) }
            try file.close()
        }
    }

    /// Calls back with every segment of the splits, and counts it as done.
    func forEachSegment(_ rows: SegmentRows, _ body: (SegmentRow) throws -> Void) throws {
        for split in splits {
            try rows.forEach(in: split, 0..<reader.snapshot.segmentCount(split)) { row, _, _ in
                try body(row)
                advance(1)
            }
        }
    }

    /// What an export was made of, for files that have room for it.
    var provenance: JSONValue {
        ["dataset": .string(reader.snapshot.dataset), "snapshot": JSONValue(reader.digest)]
    }
}

/// Writes a table as comma-separated values (RFC 4180), UTF-8, with a line of names and lines that end in LF.
///
/// A null is an empty cell, an empty text a pair of quotes; a list has ';' between its elements. Numbers have the shortest form that reads back equal.
final class CSVFile {
    private let file: OutputFile
    private var waiting: [UInt8] = []

    /// Begins a file that takes the path's place when it is closed.
    init(_ path: String, columns: [String]) throws(BuildError) {
        file = try OutputFile(path)
        append(line: columns.map { Self.cell(.text($0)) })
    }

    /// Appends a row.
    func append(_ row: [ParquetValue]) throws(BuildError) {
        append(line: row.map { Self.cell($0) })
        if waiting.count > 1 << 16 { try flush() }
    }

    /// Writes what waits, and gives the file its name.
    func close() throws(BuildError) {
        try flush()
        try file.commit()
    }

    private func flush() throws(BuildError) {
        try file.write(waiting)
        waiting.removeAll(keepingCapacity: true)
    }

    private func append(line: [String]) {
        for (index, cell) in line.enumerated() {
            if index > 0 { waiting.append(UInt8(ascii: ",")) }
            waiting += cell.utf8
        }
        waiting.append(UInt8(ascii: "\n"))
    }

    /// A value as the text between two commas.
    static func cell(_ value: ParquetValue) -> String {
        switch value {
        case .null: return ""
        case .integer(let number): return String(number)
        case .number(let number): return number.isFinite ? "\(number)" : ""
        // In quotes an empty text is no missing value.
        case .text(let text): return text.isEmpty ? "\"\"" : CSV.cell(text)
        case .list(let values):
            let texts = values.map { value in
                if case .text(let text) = value { text } else { cell(value) }
            }
            return cell(.text(texts.joined(separator: ";")))
        case .binary: preconditionFailure("\(value) in a table of text")
        }
    }
}
