internal import Build

/// A table of text: RFC 4180 with commas, or parted by tabs.
///
/// Fields may be quoted (then they may hold the delimiter, line ends and doubled quotes), lines end in LF, CRLF or CR,
/// a byte-order mark and empty lines are skipped. All rows have as many fields as the header.
struct Table {
    let file: String
    /// The columns' names; of several header rows the cells that are not empty, joined by '.'.
    let header: [String]
    private let bytes: [UInt8]
    private let delimiter: UInt8
    /// Where each row begins, and in what line of the file.
    private let rows: [(start: Int, line: Int)]
    private let columns: [String: Int]

    var rowCount: Int { rows.count }
    /// The hash of the table's bytes.
    var digest: Digest { Digest(of: bytes) }

    init(_ bytes: [UInt8], file: String, headerRows: Int) throws(ManifestError) {
        self.file = file
        self.bytes = bytes
        delimiter = file.hasSuffix(".tsv") ? 0x09 : UInt8(ascii: ",")
        var faults: [ManifestFault] = []
        var header: [String] = []
        var rows: [(start: Int, line: Int)] = []
        var reader = Reader(
            bytes: bytes, delimiter: delimiter, position: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
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
                faults.append(
                    ManifestFault(
                        file: file, line: start.line,
                        message:
                            "this row has \(count) fields, the header \(header.count); quote fields that hold the delimiter"
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
    }

    /// The line of the file that a row begins in.
    func line(of row: Int) -> Int { rows[row].line }

    func has(_ column: String) -> Bool { columns[column] != nil }

    /// A cell; nil if there is no such column.
    func cell(_ row: Int, _ column: String) -> String? {
        guard let index = columns[column] else { return nil }
        var reader = Reader(bytes: bytes, delimiter: delimiter, position: rows[row].start)
        // The table was read once without fault, so this cannot fail.
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

        mutating func field(keep: Bool) throws(Fault) -> String {
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                let start = position
                while position < bytes.count, bytes[position] != delimiter, !isLineEnd(bytes[position]) {
                    position += 1
                }
                return try keep ? text(bytes[start..<position]) : ""
            }
            return try quoted(keep: keep)
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
                        guard
                            position == bytes.count || bytes[position] == delimiter
                                || isLineEnd(bytes[position])
                        else {
                            throw Fault(
                                line: line,
                                message: "text follows a closing quote; double quotes inside a quoted field")
                        }
                        return try keep ? text(content[...]) : ""
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

        private func text(_ bytes: ArraySlice<UInt8>) throws(Fault) -> String {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Fault(line: line, message: "a field is not UTF-8; save the table as UTF-8")
            }
            return text
        }
    }
}
