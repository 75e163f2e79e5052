/// Text files as programs save them: UTF-8 with or without a byte-order mark, or UTF-16 with one.
package enum TextEncoding {
    /// Why bytes are not text: the line, counted from 1, and one sentence.
    package struct Fault: Error {
        package let line: Int
        package let message: String
    }

    /// The text's UTF-8 without a byte-order mark.
    ///
    /// - Parameters:
    ///   - bytes: the file's bytes.
    ///   - what: the file in a sentence, such as `the table`.
    ///   - file: the file's name, for the command that converts it.
    /// - Returns: the bytes of the text.
    /// - Throws: `Fault` for any other encoding. No code page is guessed: a wrong guess changes labels silently.
    package static func utf8(_ bytes: [UInt8], what: String, file: String) throws(Fault) -> [UInt8] {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            return try checked(Array(bytes[3...]), what: what, file: file)
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            return try utf16(bytes, isLittleEndian: bytes[0] == 0xFF, what: what)
        }
        return try checked(bytes, what: what, file: file)
    }

    private static func checked(_ bytes: [UInt8], what: String, file: String) throws(Fault) -> [UInt8] {
        if let zero = bytes.firstIndex(of: 0) {
            throw Fault(
                line: line(of: zero, in: bytes),
                message: "\(what) contains a zero byte, as UTF-16 does; save \(what) as UTF-8")
        }
        guard String(validating: bytes, as: UTF8.self) == nil else { return bytes }
        let first = invalidOffset(bytes)
        let byte = bytes[first]
        let hex = String(byte, radix: 16, uppercase: true)
        let meaning = windows1252(byte).map { " (\($0) in Windows-1252)" } ?? ""
        throw Fault(
            line: line(of: first, in: bytes),
            message:
                "the byte 0x\(hex)\(meaning) is not UTF-8; save \(what) as UTF-8, such as with: iconv -f WINDOWS-1252 -t UTF-8 \(file)"
        )
    }

    private static func utf16(
        _ bytes: [UInt8], isLittleEndian: Bool, what: String
    ) throws(Fault) -> [UInt8] {
        let units = stride(from: 2, to: bytes.count - 1, by: 2).map { index in
            let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
            return isLittleEndian ? second << 8 | first : first << 8 | second
        }
        guard bytes.count.isMultiple(of: 2), let text = String(validating: units, as: UTF16.self),
            !text.utf8.contains(0)
        else { throw Fault(line: 1, message: "\(what) is damaged UTF-16; save \(what) as UTF-8") }
        return Array(text.utf8)
    }

    /// The offset of the first byte that is not UTF-8.
    ///
    /// - Precondition: there is one.
    private static func invalidOffset(_ bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { offset += UTF8.width(scalar) }
        return offset
    }

    private static func line(of offset: Int, in bytes: [UInt8]) -> Int {
        1 + bytes[..<offset].count { $0 == 0x0A }
    }

    /// The character of a byte from 0x80 in Windows-1252; nil for the five that it leaves open.
    private static func windows1252(_ byte: UInt8) -> Character? {
        if byte >= 0xA0 { return Character(Unicode.Scalar(byte)) }
        let high = Array("€\u{0}‚ƒ„…†‡ˆ‰Š‹Œ\u{0}Ž\u{0}\u{0}‘’“”•–—˜™š›œ\u{0}žŸ")
        guard byte >= 0x80, case let character = high[Int(byte - 0x80)], character != "\u{0}" else {
            return nil
        }
        return character
    }
}
