/// Texts of any origin in Markdown (CommonMark 0.31 with GitHub's tables).
public enum Markdown {
    /// A text on one line of which nothing is markup.
    public static func text(_ text: String) -> String {
        var result = ""
        var isStart = true
        for character in text.shown {
            // What begins a list, a heading under a line or an ordered list, only at the start.
            let isLeading = isStart && "-+=.)".contains(character)
            if "\\`*_{}[]<>#|!~&$".contains(character) || isLeading { result += "\\" }
            result.append(character)
            isStart = isStart && character.isASCII && character.isNumber
        }
        return result
    }

    /// A text as code in a line.
    public static func code(_ text: String) -> String {
        let text = text.shown
        let fence = String(repeating: "`", count: longestRun(in: text) + 1)
        let space = text.hasPrefix("`") || text.hasSuffix("`") ? " " : ""
        return fence + space + text + space + fence
    }

    /// A text as a block of code, with its line ends.
    public static func block(_ text: String, language: String = "") -> [String] {
        let fence = String(repeating: "`", count: max(3, longestRun(in: text) + 1))
        return [fence + language, text.shownLines, fence]
    }

    /// An address as a link; as a plain text where it is none of the web.
    public static func link(_ address: String) -> String {
        let isLink =
            (address.hasPrefix("https://") || address.hasPrefix("http://"))
            && address.utf8.allSatisfy { (0x21...0x7E).contains($0) && ![0x3C, 0x3E].contains($0) }
        return isLink ? "<\(address)>" : text(address)
    }

    /// A table; its cells are Markdown.
    public static func table(_ head: [String], _ rows: [[String]]) -> [String] {
        [row(head), row(head.map { _ in "---" })] + rows.map(row)
    }

    private static func row(_ cells: [String]) -> String {
        // A bar ends a cell, in code too.
        let cells = cells.map { $0.replacing("\\|", with: "|").replacing("|", with: "\\|") }
        return "| \(cells.joined(separator: " | ")) |"
    }

    private static func longestRun(in text: String) -> Int {
        var (longest, run) = (0, 0)
        for character in text {
            run = character == "`" ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest
    }
}

/// Texts of any origin in YAML.
public enum YAML {
    /// A text in double quotes, whatever is in it: JSON's escapes are YAML's too (YAML 1.2, 5.7).
    ///
    /// What YAML may not hold as it is (5.1) or reads as a line's end is escaped as well.
    public static func quoted(_ text: String) -> String {
        var result = ""
        for scalar in JSONValue.string(text).canonical.unicodeScalars {
            switch scalar.value {
            case 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// Texts of any origin in tables of commas (RFC 4180).
public enum CSV {
    /// A cell; in quotes if it holds what would end it, or begins or ends with a space, which a reader may drop.
    ///
    /// Bytes decide, as they do for readers: a comma or a quote with a mark above it, and CR LF, are one character each.
    public static func cell(_ text: String) -> String {
        let special: Set<UInt8> = [0x0A, 0x0D, 0x22, 0x2C]
        let bytes = text.utf8
        guard
            bytes.contains(where: special.contains) || bytes.first == 0x20 || bytes.last == 0x20
        else { return text }
        let doubled = text.unicodeScalars.flatMap { $0 == "\"" ? [$0, $0] : [$0] }
        return "\"" + String(String.UnicodeScalarView(doubled)) + "\""
    }
}
