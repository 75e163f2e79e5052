internal import Files

/// A table of JSON lines: an object a line, whose members are the row's cells.
///
/// The columns are the members of all objects, in the order in which they first appear. A member that an object does not
/// have, or that is null, is an empty cell. True and false are words, a list of texts or numbers is several values, and a
/// member of an inner object is named `outer.inner`.
struct JSONLines {
    let header: [String]
    /// The cells of each row, in the order of the header.
    let cells: [[String]]
    /// Each row's line in the file.
    let lines: [Int]

    static func isNamed(_ file: String) -> Bool {
        [".jsonl", ".ndjson"].contains { file.lowercased().hasSuffix($0) }
    }

    private struct Fault: Error {
        let message: String
    }

    init(_ bytes: [UInt8], file: String) throws(ManifestError) {
        var header: [String] = []
        var columns: [String: Int] = [:]
        var rows: [[Int: String]] = []
        var lines: [Int] = []
        var faults: [ManifestFault] = []
        var line = 0
        for text in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            line += 1
            guard text.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { continue }
            do {
                var row: [Int: String] = [:]
                try Self.read(Array(text)) { name, cell in
                    let column = columns[name] ?? header.count
                    if column == header.count {
                        header.append(name)
                        columns[name] = column
                    }
                    row[column] = cell
                }
                rows.append(row)
                lines.append(line)
            } catch {
                let message = (error as? Fault)?.message ?? "this line is not JSON: \(error)"
                faults.append(ManifestFault(file: file, line: line, message: message))
                if faults.count == 20 { break }
            }
        }
        if rows.isEmpty, faults.isEmpty {
            faults.append(
                ManifestFault(file: file, line: 1, message: "the table is empty; write a JSON object a line"))
        }
        guard faults.isEmpty else { throw ManifestError(faults) }
        self.header = header
        self.lines = lines
        cells = rows.map { row in header.indices.map { row[$0] ?? "" } }
    }

    /// Takes the cells of one line.
    private static func read(_ line: [UInt8], _ take: (String, String) -> Void) throws {
        guard line.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "{") else {
            throw Fault(message: "this line is not a JSON object; write such as {\"path\": \"a.mid\"}")
        }
        var names: Set<String> = []
        func add(_ name: String, _ value: JSONValue) throws(Fault) {
            if let members = value.object {
                for (inner, value) in members.sorted(by: { utf8Order($0.key, $1.key) }) {
                    try add("\(name).\(inner)", value)
                }
                return
            }
            guard names.insert(name).inserted else { throw Fault(message: "'\(name)' appears twice") }
            guard let cell = cell(value) else {
                throw Fault(
                    message:
                        "'\(name)' is not a text, a number, true, false or a list of these without control characters"
                )
            }
            take(name, cell)
        }
        // Member by member, since a dictionary would lose the order of the text.
        var members: [(name: String, value: JSONValue)] = []
        try line.span.withUnsafeBytes { (raw) throws(JSONError) in
            var reader = JSONReader(raw)
            try reader.members { (reader, name) throws(JSONError) in
                members.append((name, try reader.value()))
            }
            try reader.end()
        }
        for (name, value) in members { try add(name, value) }
    }

    /// The text of a cell; nil for what is no cell.
    private static func cell(_ value: JSONValue) -> String? {
        switch value {
        case .null: return ""
        case .string(let text): return LabelText.isSeveral(text) ? nil : text
        case .bool, .integer: return value.canonical
        case .number(let number): return number.brief
        case .array(let elements):
            let texts = elements.map { $0.array == nil ? cell($0) : nil }
            return texts.contains(nil) ? nil : LabelText.joined(texts.compactMap { $0 })
        case .object: return nil
        }
    }
}
