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
        var reader = JSONReader(bytes)
        self = try reader.value()
        try reader.end()
    }

    /// Reads a JSON text that is in an array; see `init(parsing:)` for raw bytes.
    ///
    /// - Throws: `JSONError` with the byte offset.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try bytes.span.withUnsafeBytes { (raw) throws(JSONError) in try JSONValue(parsing: raw) }
    }
}

/// Reads a JSON text part by part, strictly: for texts of which a tree of values would be large, or of which only some
/// parts are wanted.
///
/// A caller that reads a text in full ends with `end()`. That no name of an object appears twice is checked where a value is read,
/// not where members are lent one by one.
public struct JSONReader {
    private let bytes: UnsafeRawBufferPointer
    private var at = 0
    private var depth = 0
    /// Where the name begins that was read last.
    private var nameStart = 0

    /// Begins at the start of a text, whose bytes must stay as long as they are read.
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        skipSpace()
    }

    /// Makes sure that nothing follows.
    ///
    /// - Throws: `JSONError` if something does.
    public mutating func end() throws(JSONError) {
        skipSpace()
        guard at == bytes.count else { throw fault("expected the end") }
    }

    /// Reads a value of any kind.
    ///
    /// - Throws: `JSONError` with the byte offset.
    public mutating func value() throws(JSONError) -> JSONValue {
        switch try peek() {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            try self.elements { (reader) throws(JSONError) in elements.append(try reader.value()) }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    /// Reads a whole number.
    ///
    /// - Throws: `JSONError`, also if there is something else.
    public mutating func integer() throws(JSONError) -> Int {
        let start = at
        guard let value = try value().integer else {
            throw JSONError(message: "expected a whole number", offset: start)
        }
        return value
    }

    /// Reads a number.
    ///
    /// - Throws: `JSONError`, also if there is something else.
    public mutating func double() throws(JSONError) -> Double {
        let start = at
        guard let value = try value().double else {
            throw JSONError(message: "expected a number", offset: start)
        }
        return value
    }

    /// Reads an array, whose elements the body reads one by one.
    ///
    /// - Throws: `JSONError`, also if there is no array; and what the body throws.
    public mutating func elements(
        _ body: (inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        try enter(UInt8(ascii: "["), "an array")
        if try peek() != UInt8(ascii: "]") {
            repeat { try body(&self) } while try separator(before: UInt8(ascii: "]"))
        }
        leave()
    }

    /// Reads an object, whose members' values the body reads one by one, given their names.
    ///
    /// - Throws: `JSONError`, also if there is no object; and what the body throws.
    public mutating func members(
        _ body: (inout JSONReader, _ name: String) throws(JSONError) -> Void
    ) throws(JSONError) {
        try enter(UInt8(ascii: "{"), "an object")
        if try peek() != UInt8(ascii: "}") {
            repeat {
                guard try peek() == UInt8(ascii: "\"") else { throw fault("expected a name in quotes") }
                nameStart = at
                let name = try string()
                try passColon()
                try body(&self, name)
            } while try separator(before: UInt8(ascii: "}"))
        }
        leave()
    }

    /// Passes over a value of any kind; of strings, only their ends are looked for.
    ///
    /// - Throws: `JSONError` with the byte offset.
    public mutating func skip() throws(JSONError) {
        switch try peek() {
        case UInt8(ascii: "{"):
            try enter(UInt8(ascii: "{"), "an object")
            if try peek() != UInt8(ascii: "}") {
                repeat {
                    guard try peek() == UInt8(ascii: "\"") else { throw fault("expected a name in quotes") }
                    try skipString()
                    try passColon()
                    try skip()
                } while try separator(before: UInt8(ascii: "}"))
            }
            leave()
        case UInt8(ascii: "["): try elements { (reader) throws(JSONError) in try reader.skip() }
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): _ = try value()
        default: _ = try scanNumber()
        }
    }

    /// Passes over a value of any kind and lends its text.
    ///
    /// - Throws: `JSONError` with the byte offset.
    public mutating func text() throws(JSONError) -> UnsafeRawBufferPointer {
        let start = at
        try skip()
        return UnsafeRawBufferPointer(rebasing: bytes[start..<at])
    }

    private mutating func passColon() throws(JSONError) {
        skipSpace()
        guard try peek() == UInt8(ascii: ":") else { throw fault("expected ':'") }
        at += 1
        skipSpace()
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        var members: [String: JSONValue] = [:]
        try self.members { (reader, name) throws(JSONError) in
            let start = reader.nameStart
            guard members.updateValue(try reader.value(), forKey: name) == nil else {
                throw JSONError(message: "the name \"\(name)\" appears twice", offset: start)
            }
        }
        return .object(members)
    }

    /// What is wrong with the text here.
    public func fault(_ message: String) -> JSONError {
        JSONError(message: message, offset: at)
    }

    @inline(__always)
    private func peek() throws(JSONError) -> UInt8 {
        guard at < bytes.count else { throw fault("the text ends too early") }
        return bytes[at]
    }

    @inline(__always)
    private mutating func skipSpace() {
        while at < bytes.count, case let unit = bytes[at], unit <= 0x20,
            unit == 0x20 || unit == 0x0A || unit == 0x0D || unit == 0x09
        {
            at += 1
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard try peek() == text.utf8Start[index] else { throw fault("expected '\(text)'") }
            at += 1
        }
        return value
    }

    private mutating func enter(_ bracket: UInt8, _ what: StaticString) throws(JSONError) {
        guard try peek() == bracket else { throw fault("expected \(what)") }
        depth += 1
        guard depth <= 200 else { throw fault("more than 200 levels deep") }
        at += 1
        skipSpace()
    }

    private mutating func leave() {
        at += 1
        depth -= 1
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

    /// Reads a number; a whole one that fits 64 bits is an integer, and any other a number.
    private mutating func number() throws(JSONError) -> JSONValue {
        let (start, digits, isWhole) = try scanNumber()
        // Eighteen digits fit 64 bits whatever they are.
        if isWhole, at - digits <= 18 {
            let magnitude = bytes[digits..<at].reduce(Int64(0)) { $0 * 10 + Int64($1 & 15) }
            return .integer(digits > start ? -magnitude : magnitude)
        }
        let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<at]), as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw JSONError(message: "a number out of range", offset: start)
        }
        return .number(value)
    }

    /// Passes over a number: where it begins, where its digits do, and whether it has neither fraction nor exponent.
    private mutating func scanNumber() throws(JSONError) -> (start: Int, digits: Int, isWhole: Bool) {
        let start = at
        if at < bytes.count, bytes[at] == UInt8(ascii: "-") { at += 1 }
        let first = at
        let whole = try digits()
        if whole > 1, bytes[first] == UInt8(ascii: "0") {
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
        return (start, first, isWhole)
    }

    private mutating func digits() throws(JSONError) -> Int {
        let start = at
        while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) { at += 1 }
        guard at > start else { throw fault("expected a value") }
        return at - start
    }

    /// Reads a string.
    ///
    /// - Throws: `JSONError`, also if there is something else.
    public mutating func string() throws(JSONError) -> String {
        guard try peek() == UInt8(ascii: "\"") else { throw fault("expected a string") }
        at += 1
        let start = at
        let isASCII = passPlain()
        // Most strings hold no escapes: their bytes are taken as they are.
        if try peek() == UInt8(ascii: "\"") {
            let plain = UnsafeRawBufferPointer(rebasing: bytes[start..<at])
            if isASCII {
                at += 1
                return String(decoding: plain, as: UTF8.self)
            }
            guard let text = String(validating: plain, as: UTF8.self) else {
                throw JSONError(message: "a string is not UTF-8", offset: start)
            }
            at += 1
            return text
        }
        var units = Array(bytes[start..<at])
        while try peek() != UInt8(ascii: "\"") {
            if bytes[at] == UInt8(ascii: "\\") {
                at += 1
                try escape(into: &units)
            } else if bytes[at] < 0x20 {
                throw fault("a control character in a string")
            } else {
                units.append(bytes[at])
                at += 1
            }
        }
        guard let text = String(validating: units, as: UTF8.self) else {
            throw JSONError(message: "a string is not UTF-8", offset: start)
        }
        at += 1
        return text
    }

    private mutating func skipString() throws(JSONError) {
        at += 1
        while true {
            passPlain()
            switch try peek() {
            case UInt8(ascii: "\""):
                at += 1
                return
            case UInt8(ascii: "\\"): at = min(at + 2, bytes.count)
            default: throw fault("a control character in a string")
            }
        }
    }

    /// Passes over what stands for itself in a string; tells whether all of it is ASCII.
    @discardableResult
    private mutating func passPlain() -> Bool {
        var all: UInt8 = 0
        while at < bytes.count, case let unit = bytes[at], unit != UInt8(ascii: "\""),
            unit != UInt8(ascii: "\\"), unit >= 0x20
        {
            all |= unit
            at += 1
        }
        return all < 0x80
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
