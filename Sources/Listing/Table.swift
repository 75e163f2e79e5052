package import Files

/// A table of text: RFC 4180 with commas or semicolons, separated by tabs without any quoting, or JSON lines.
///
/// A name that ends in `.tsv` means tabs; else the header decides. Fields between commas or semicolons may be quoted
/// (then they may contain the delimiter, line ends and doubled quotes), and spaces around them are dropped. Between
/// tabs every character counts, quotes and spaces too. Lines end in LF, CRLF or CR; empty lines are skipped. All rows
/// have as many fields as the header. The text is UTF-8, or UTF-16 with a byte-order mark.
///
/// A name that ends in `.jsonl` or `.ndjson` means JSON lines: see `JSONLines`.
package struct Table {
    package let file: String
    /// The columns' names; of several header rows the cells that are not empty, joined by '.'.
    package let header: [String]
    /// The hash of the table's bytes.
    package let digest: Digest
    /// Columns that deal the rows to splits, as published datasets have them.
    package private(set) var splitColumns: [String]
    private let bytes: [UInt8]
    private let delimiter: UInt8
    /// Where each row begins, and in what line of the file.
    private let rows: [(start: Int, line: Int)]
    private let columns: [String: Int]
    /// The cells of a table of JSON lines; nil for one of delimited text.
    private let cells: [[String]]?

    /// The largest table that is read, in bytes.
    package static let maximumByteCount = 1 << 30

    private static let tab = UInt8(ascii: "\t")
    private static let pipe = UInt8(ascii: "|")

    package var rowCount: Int { rows.count }

    package init(_ raw: [UInt8], file: String, headerRows: Int) throws(ManifestError) {
        self.file = file
        digest = Digest(of: raw)
        do throws(TextEncoding.Fault) {
            bytes = try TextEncoding.utf8(raw, what: "the table", file: file)
        } catch {
            throw ManifestError([ManifestFault(file: file, line: error.line, message: error.message)])
        }
        if JSONLines.isNamed(file) {
            let lines = try JSONLines(bytes, file: file)
            (header, cells, delimiter) = (lines.header, lines.cells, Self.tab)
            rows = lines.lines.map { (start: 0, line: $0) }
            columns = Dictionary(uniqueKeysWithValues: lines.header.enumerated().map { ($1, $0) })
            splitColumns = []
            splitColumns = header.filter(namesSplits)
            return
        }
        cells = nil
        if let mark = bytes.firstIndex(of: LabelText.separatorByte) {
            let line = 1 + bytes[..<mark].count { $0 == 0x0A }
            throw ManifestError([
                ManifestFault(
                    file: file, line: line, message: "the control character U+001F is in this row; remove it")
            ])
        }
        let found = Self.delimiter(of: bytes, file: file)
        guard let found else {
            throw ManifestError([ManifestFault(file: file, line: 1, message: Self.pipeMessage)])
        }
        delimiter = found
        var faults: [ManifestFault] = []
        var header: [String] = []
        var rows: [(start: Int, line: Int)] = []
        var reader = Reader(bytes: bytes, delimiter: delimiter, position: 0)
        var headersLeft = headerRows
        while reader.skipEmptyLines() {
            let start = (start: reader.position, line: reader.line)
            var cells: [String] = []
            var count = 0
            do throws(Reader.Fault) {
                repeat {
                    let field = try reader.field(keep: headersLeft > 0)
                    if headersLeft > 0 { cells.append(field) }
                    count += 1
                } while reader.takesDelimiter()
            } catch {
                faults.append(ManifestFault(file: file, line: error.line, message: error.message))
                break
            }
            if headersLeft > 0 {
                headersLeft -= 1
                for (index, cell) in cells.enumerated() {
                    if index == header.count { header.append("") }
                    if !cell.isEmpty { header[index] += header[index].isEmpty ? cell : "." + cell }
                }
            } else if count != header.count {
                if header.contains(where: { $0.contains("|") }) {
                    faults = [ManifestFault(file: file, line: 1, message: Self.pipeMessage)]
                    break
                }
                let remedy =
                    delimiter == Self.tab
                    ? "remove tabs and line breaks inside fields"
                    : "quote fields that contain '\(Character(Unicode.Scalar(delimiter)))'"
                faults.append(
                    ManifestFault(
                        file: file, line: start.line,
                        message:
                            "this row has \(count) \(count == 1 ? "field" : "fields"), the header \(header.count); \(remedy)"
                    ))
                if faults.count == 20 { break }
            } else {
                rows.append(start)
            }
        }
        if headersLeft > 0, faults.isEmpty {
            faults.append(
                ManifestFault(
                    file: file, line: 1, message: "the table has no header; its first row names the columns"))
        }
        var columns: [String: Int] = [:]
        for (index, name) in header.enumerated() where !name.isEmpty {
            if columns.updateValue(index, forKey: name) != nil {
                faults.append(
                    ManifestFault(file: file, line: 1, message: "two columns are named '\(name)'; rename one")
                )
            }
        }
        guard faults.isEmpty else { throw ManifestError(faults) }
        (self.header, self.rows, self.columns) = (header, rows, columns)
        splitColumns = []
        splitColumns = header.filter(namesSplits)
    }

    /// Whether a column is called as columns of splits are, and each of its cells names one.
    private func namesSplits(_ column: String) -> Bool {
        let word = column.lowercased().split(separator: ".").last ?? ""
        guard ["split", "set", "subset", "partition"].contains(word), !rows.isEmpty else { return false }
        return rows.indices.allSatisfy { cell($0, column).flatMap(SplitWord.split) != nil }
    }

    private static let pipeMessage =
        "fields are separated by '|', which is not read; convert the table to commas or tabs, and name the columns in its first row"

    /// What separates fields; nil for a '|'.
    private static func delimiter(of bytes: [UInt8], file: String) -> UInt8? {
        let comma = UInt8(ascii: ",")
        if file.lowercased().hasSuffix(".tsv") { return tab }
        var counts: [UInt8: Int] = [:]
        var isQuoted = false
        for byte in bytes.drop(while: { $0 == 0x0A || $0 == 0x0D }) {
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == 0x0A || byte == 0x0D { break }
            counts[byte, default: 0] += 1
        }
        let commas = counts[comma] ?? 0
        for other in [UInt8(ascii: ";"), tab] where counts[other, default: 0] > commas { return other }
        return commas == 0 && counts[pipe] != nil ? nil : comma
    }

    /// The line of the file that a row begins in.
    package func line(of row: Int) -> Int { rows[row].line }

    package func has(_ column: String) -> Bool { columns[column] != nil }

    /// A cell; nil if there is no such column.
    package func cell(_ row: Int, _ column: String) -> String? {
        guard let index = columns[column] else { return nil }
        if let cells { return cells[row][index] }
        var reader = Reader(bytes: bytes, delimiter: delimiter, position: rows[row].start)
        // The whole table was read once without a fault, so no field fails here.
        for _ in 0..<index {
            _ = try? reader.field(keep: false)
            _ = reader.takesDelimiter()
        }
        return try? reader.field(keep: true)
    }

    private struct Reader {
        struct Fault: Error {
            let line: Int
            let message: String
        }

        let bytes: [UInt8]
        let delimiter: UInt8
        var position: Int
        var line = 1

        /// Goes to the next line that holds something; false at the end.
        mutating func skipEmptyLines() -> Bool {
            while position < bytes.count, isLineEnd(bytes[position]) { endLine() }
            return position < bytes.count
        }

        private func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

        private mutating func endLine() {
            if bytes[position] == 0x0D, position + 1 < bytes.count, bytes[position + 1] == 0x0A {
                position += 1
            }
            position += 1
            line += 1
        }

        mutating func takesDelimiter() -> Bool {
            guard position < bytes.count, bytes[position] == delimiter else { return false }
            position += 1
            return true
        }

        /// Whether quotes have a meaning, and spaces around a field none.
        private var quotes: Bool { delimiter != Table.tab }

        private mutating func skipSpaces() {
            while position < bytes.count, bytes[position] == UInt8(ascii: " ") { position += 1 }
        }

        mutating func field(keep: Bool) throws(Fault) -> String {
            if quotes { skipSpaces() }
            if quotes, position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
                return try quoted(keep: keep)
            }
            let start = position
            while position < bytes.count, bytes[position] != delimiter, !isLineEnd(bytes[position]) {
                position += 1
            }
            guard keep else { return "" }
            var field = bytes[start..<position]
            while quotes, field.last == UInt8(ascii: " ") { field.removeLast() }
            return String(decoding: field, as: UTF8.self)
        }

        private mutating func quoted(keep: Bool) throws(Fault) -> String {
            let first = line
            var content: [UInt8] = []
            position += 1
            while position < bytes.count {
                let byte = bytes[position]
                if byte == UInt8(ascii: "\"") {
                    position += 1
                    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                        skipSpaces()
                        guard
                            position == bytes.count || bytes[position] == delimiter
                                || isLineEnd(bytes[position])
                        else {
                            throw Fault(
                                line: line,
                                message: "text follows a closing quote; double quotes inside a quoted field")
                        }
                        return String(decoding: content, as: UTF8.self)
                    }
                } else if byte == 0x0A
                    || (byte == 0x0D && (position + 1 == bytes.count || bytes[position + 1] != 0x0A))
                {
                    line += 1
                }
                if keep { content.append(byte) }
                position += 1
            }
            throw Fault(line: first, message: "a quote that opens here is never closed")
        }
    }
}
