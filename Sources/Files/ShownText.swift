extension StringProtocol {
    /// The text for a line on a terminal: control characters are written as `\n` or `\u001b`, so that a file's name can
    /// neither move the cursor nor begin a line of its own.
    ///
    /// Escaped are C0, DEL, C1 (ISO 6429), the line and paragraph separators, and the characters that turn the
    /// direction of writing (Unicode, UAX #9).
    public var shown: String { escaped(keepingLines: false) }

    /// The text as `shown` has it, but with its line ends and tabs.
    public var shownLines: String { escaped(keepingLines: true) }

    private func escaped(keepingLines: Bool) -> String {
        guard unicodeScalars.contains(where: { $0.isControl }) else { return String(self) }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar {
            case "\n" where !keepingLines: text += "\\n".unicodeScalars
            case "\r": text += "\\r".unicodeScalars
            case "\t" where !keepingLines: text += "\\t".unicodeScalars
            case "\n", "\t": text.append(scalar)
            default:
                guard scalar.isControl else {
                    text.append(scalar)
                    continue
                }
                let digits = String(scalar.value, radix: 16)
                text += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars
            }
        }
        return String(text)
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069, 0x200E...0x200F, 0x061C: true
        default: false
        }
    }
}
