internal import Files

/// A text with placeholders that an entry's path, or its row in a table, fills in.
///
/// | placeholder | stands for |
/// | --- | --- |
/// | `{name}` | the file's name |
/// | `{stem}` | the file's name without its last ending |
/// | `{dir}`, `{dir:1}` | the folder the file is in |
/// | `{dir:N}` | the folder N levels up |
/// | `{column}` | in a table item, the row's cell; a column's name goes before the words above |
/// | `{column:06}`, `{column:06.3}` | the cell padded with zeros to 6 characters; then its first 3 |
/// | `{{`, `}}` | a brace |
public struct LabelPattern: Hashable, Sendable {
    enum Part: Hashable, Sendable {
        case text(String)
        case field(Field)
    }

    /// A placeholder: its name, and what follows the colon.
    struct Field: Hashable, Sendable {
        var name: String
        var level: Int?
        var width = 0
        var prefix: Int?
    }

    /// The pattern as written.
    public let source: String
    let parts: [Part]

    var fields: [Field] {
        parts.compactMap { if case .field(let field) = $0 { field } else { nil } }
    }

    /// The words that take a part of the path.
    static let pathWords = ["name", "stem", "dir"]

    /// A failure to read a pattern: one sentence.
    struct Fault: Error {
        let message: String
    }

    init(_ source: String) throws(Fault) {
        self.source = source
        guard !LabelText.isSeveral(source) else {
            throw Fault(message: "has the control character U+001F; remove it")
        }
        var parts: [Part] = []
        var text = ""
        var rest = Substring(source)
        while let character = rest.popFirst() {
            switch character {
            case "{" where rest.first == "{", "}" where rest.first == "}":
                text.append(character)
                rest.removeFirst()
            case "{":
                guard let end = rest.firstIndex(of: "}") else {
                    throw Fault(message: "has '{' without '}'; write '{{' for a brace")
                }
                if !text.isEmpty { parts.append(.text(text)) }
                text = ""
                parts.append(.field(try Self.field(rest[..<end])))
                rest = rest[rest.index(after: end)...]
            case "}": throw Fault(message: "has '}' without '{'; write '}}' for a brace")
            default: text.append(character)
            }
        }
        if !text.isEmpty || parts.isEmpty { parts.append(.text(text)) }
        self.parts = parts
    }

    private static func field(_ inside: Substring) throws(Fault) -> Field {
        let halves = inside.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var field = Field(name: String(halves[0]))
        guard !field.name.isEmpty else {
            throw Fault(message: "has '{}', which names nothing; write '{{' for a brace")
        }
        guard halves.count == 2 else { return field }
        if field.name == "dir", let level = Int(halves[1]), (1...255).contains(level) {
            field.level = level
            return field
        }
        let numbers = halves[1].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard field.name != "dir", halves[1].first == "0", let width = Int(numbers[0]),
            (0...255).contains(width),
            numbers.count == 1 || Int(numbers[1]).map((1...255).contains) == true
        else {
            throw Fault(
                message:
                    "has '{\(inside)}', which is not understood; write {dir:2} for the second folder up, {column:06} for a number padded with zeros"
            )
        }
        field.width = width
        field.prefix = numbers.count == 2 ? Int(numbers[1]) : nil
        return field
    }

    /// Fills in the placeholders.
    ///
    /// - Parameters:
    ///   - path: the entry's path, its folders parted by `/`.
    ///   - cell: the row's cell of a column; nil where there is no such column.
    /// - Returns: the text; empty if a cell that the pattern needs is empty.
    /// - Throws: `Fault` if the path has too few folders or a name is unknown.
    func text(path: String, cell: (String) -> String?) throws(Fault) -> String {
        var result = ""
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .field(let field):
                let found = cell(field.name)
                let value = if let found { found } else { try Self.part(of: path, field: field) }
                guard found != nil || !LabelText.isSeveral(value) else {
                    throw Fault(message: "'\(value.shown)' has the control character U+001F; rename the file")
                }
                if value.isEmpty { return "" }
                guard !LabelText.isSeveral(value) || parts.count == 1 && field.width == 0 else {
                    throw Fault(
                        message:
                            "'\(field.name)' has several values (\(LabelText.shown(value))) in a row, and '\(source)' takes one; write \"{\(field.name)}\" alone"
                    )
                }
                result += field.formatted(value)
            }
        }
        return result
    }

    private static func part(of path: String, field: Field) throws(Fault) -> String {
        // By UTF-8: by characters this would be most of the time that describing entries takes.
        let bytes = path.utf8
        let slash = UInt8(ascii: "/")
        let nameStart = bytes.lastIndex(of: slash).map { bytes.index(after: $0) } ?? bytes.startIndex
        switch field.name {
        case "name": return String(path[nameStart...])
        case "stem":
            guard let dot = bytes[nameStart...].lastIndex(of: UInt8(ascii: ".")), dot != nameStart else {
                return String(path[nameStart...])
            }
            return String(path[nameStart..<dot])
        case "dir":
            let level = field.level ?? 1
            var start = nameStart
            var folder = path[start..<start]
            for _ in 0..<level where start > bytes.startIndex {
                let end = bytes.index(before: start)
                start = bytes[..<end].lastIndex(of: slash).map { bytes.index(after: $0) } ?? bytes.startIndex
                folder = path[start..<end]
            }
            guard bytes[..<nameStart].count(where: { $0 == slash }) >= level, folder != ".." else {
                throw Fault(message: "'\(path)' has no folder for {dir\(level == 1 ? "" : ":\(level)")}")
            }
            return String(folder)
        default: throw Fault(message: "nothing is named '\(field.name)'")
        }
    }
}

extension LabelPattern.Field {
    func formatted(_ value: String) -> String {
        if width == 0 { return value }
        let padded = String(repeating: "0", count: max(0, width - value.count)) + value
        return prefix.map { String(padded.prefix($0)) } ?? padded
    }
}
