/// What a text is not JSON for, and where.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was found instead of what.
    public let message: String
    /// Where, in bytes from the start.
    public let offset: Int

    /// The message with its place.
    public var description: String { "\(message) at byte \(offset)" }
}

extension JSONValue {
    /// Reads a JSON text strictly (RFC 8259): nothing after the value, no name twice, valid UTF-8, no lone
    /// surrogates, at most 200 levels deep.
    ///
    /// A number without fraction and exponent that fits 64 bits becomes an integer.
    ///
    /// - Throws: `JSONError` with the byte offset.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        var parser = JSONParser(bytes: bytes)
        self = try parser.document()
    }

    /// Reads a JSON text that is in an array; see `init(parsing:)` for raw bytes.
    ///
    /// - Throws: `JSONError` with the byte offset.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try bytes.span.withUnsafeBytes { (raw) throws(JSONError) in try JSONValue(parsing: raw) }
    }
}

private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    var at = 0
    var depth = 0

    init(bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func document() throws(JSONError) -> JSONValue {
        skipSpace()
        let value = try value()
        skipSpace()
        guard at == bytes.count else { throw fault("expected the end") }
        return value
    }

    private func fault(_ message: String) -> JSONError {
        JSONError(message: message, offset: at)
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard at < bytes.count else { throw fault("the text ends too early") }
        return bytes[at]
    }

    private mutating func skipSpace() {
        while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        switch try peek() {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard try peek() == text.utf8Start[index] else { throw fault("expected '\(text)'") }
            at += 1
        }
        return value
    }

    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= 200 else { throw fault("more than 200 levels deep") }
        at += 1
        skipSpace()
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        try enter()
        var elements: [JSONValue] = []
        if try peek() != UInt8(ascii: "]") {
            while true {
                elements.append(try value())
                if try !separator(before: UInt8(ascii: "]")) { break }
            }
        }
        at += 1
        depth -= 1
        return .array(elements)
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        try enter()
        var members: [String: JSONValue] = [:]
        if try peek() != UInt8(ascii: "}") {
            while true {
                guard try peek() == UInt8(ascii: "\"") else { throw fault("expected a name in quotes") }
                let start = at
                let name = try string()
                skipSpace()
                guard try peek() == UInt8(ascii: ":") else { throw fault("expected ':'") }
                at += 1
                skipSpace()
                guard members.updateValue(try value(), forKey: name) == nil else {
                    throw JSONError(message: "the name \"\(name)\" stands twice", offset: start)
                }
                if try !separator(before: UInt8(ascii: "}")) { break }
            }
        }
        at += 1
        depth -= 1
        return .object(members)
    }

    /// Passes a comma; false at the closing bracket.
    private mutating func separator(before end: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        let next = try peek()
        if next == end { return false }
        guard next == UInt8(ascii: ",") else {
            throw fault("expected ',' or '\(Character(Unicode.Scalar(end)))'")
        }
        at += 1
        skipSpace()
        return true
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = at
        if at < bytes.count, bytes[at] == UInt8(ascii: "-") { at += 1 }
        let whole = try digits()
        if whole > 1, bytes[at - whole] == UInt8(ascii: "0") {
            throw JSONError(message: "a number begins with 0", offset: start)
        }
        var isWhole = true
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            isWhole = false
            at += 1
            _ = try digits()
        }
        if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            at += 1
            if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
            _ = try digits()
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw JSONError(message: "a number out of range", offset: start)
        }
        return .number(value)
    }

    private mutating func digits() throws(JSONError) -> Int {
        let start = at
        while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) { at += 1 }
        guard at > start else { throw fault("expected a value") }
        return at - start
    }

    private mutating func string() throws(JSONError) -> String {
        at += 1
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\"),
            bytes[at] >= 0x20
        {
            at += 1
        }
        // Most strings hold no escapes: their bytes are taken as they are.
        var units: [UInt8]?
        while try peek() != UInt8(ascii: "\"") {
            var collected = units ?? Array(bytes[start..<at])
            if bytes[at] == UInt8(ascii: "\\") {
                at += 1
                try escape(into: &collected)
            } else if bytes[at] < 0x20 {
                throw fault("a control character in a string")
            } else {
                collected.append(bytes[at])
                at += 1
            }
            units = collected
        }
        let text =
            units.map { String(validating: $0, as: UTF8.self) }
            ?? String(validating: bytes[start..<at], as: UTF8.self)
        guard let text else { throw JSONError(message: "a string is not UTF-8", offset: start) }
        at += 1
        return text
    }

    private mutating func escape(into units: inout [UInt8]) throws(JSONError) {
        let letter = try peek()
        at += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(letter)
        case UInt8(ascii: "b"): units.append(0x08)
        case UInt8(ascii: "f"): units.append(0x0C)
        case UInt8(ascii: "n"): units.append(0x0A)
        case UInt8(ascii: "r"): units.append(0x0D)
        case UInt8(ascii: "t"): units.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexUnit()
            if (0xD800..<0xDC00).contains(code), at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
                bytes[at + 1] == UInt8(ascii: "u")
            {
                at += 2
                let low = try hexUnit()
                guard (0xDC00..<0xE000).contains(low) else { throw fault("a lone surrogate") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw fault("a lone surrogate") }
            units += String(Character(scalar)).utf8
        default: throw fault("an unknown escape")
        }
    }

    private mutating func hexUnit() throws(JSONError) -> UInt32 {
        guard at + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
        else { throw fault("expected four hex digits") }
        at += 4
        return code
    }
}
