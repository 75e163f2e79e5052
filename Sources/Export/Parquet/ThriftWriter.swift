/// Writes structures in Thrift's compact protocol (Apache Thrift, "Thrift Compact protocol encoding"), the form of
/// Parquet's footers and page headers.
///
/// Fields are written in the order of their numbers; a structure in a field or a list is written by a closure.
struct ThriftWriter {
    private(set) var bytes: [UInt8] = []
    private var last = 0

    private enum Kind: UInt8 {
        case yes = 1
        case no = 2
        case byte = 3
        case int16 = 4
        case int32 = 5
        case int64 = 6
        case binary = 8
        case list = 9
        case structure = 12
    }

    /// A structure on its own.
    static func structure(_ body: (inout ThriftWriter) -> Void) -> [UInt8] {
        var writer = ThriftWriter()
        body(&writer)
        return writer.bytes + [0]
    }

    mutating func field(_ number: Int, int32 value: Int) {
        header(number, .int32)
        integer(value)
    }

    mutating func field(_ number: Int, int64 value: Int) {
        header(number, .int64)
        integer(value)
    }

    mutating func field(_ number: Int, byte value: UInt8) {
        header(number, .byte)
        bytes.append(value)
    }

    mutating func field(_ number: Int, flag value: Bool) { header(number, value ? .yes : .no) }

    mutating func field(_ number: Int, text value: String) {
        header(number, .binary)
        text(value)
    }

    mutating func field(_ number: Int, _ body: (inout ThriftWriter) -> Void) {
        header(number, .structure)
        bytes += Self.structure(body)
    }

    /// A structure that is encoded already.
    mutating func field(_ number: Int, encoded structure: [UInt8]) {
        header(number, .structure)
        bytes += structure
    }

    /// A list of structures that are encoded already.
    mutating func field(_ number: Int, encoded structures: [[UInt8]]) {
        list(number, .structure, structures.count)
        for structure in structures { bytes += structure }
    }

    mutating func field(_ number: Int, int32s values: [Int]) {
        list(number, .int32, values.count)
        for value in values { integer(value) }
    }

    mutating func field(_ number: Int, texts values: [String]) {
        list(number, .binary, values.count)
        for value in values { text(value) }
    }

    mutating func field<Element>(
        _ number: Int, structures values: [Element], _ body: (inout ThriftWriter, Element) -> Void
    ) {
        list(number, .structure, values.count)
        for value in values { bytes += Self.structure { body(&$0, value) } }
    }

    private mutating func header(_ number: Int, _ kind: Kind) {
        precondition(number > last && number - last <= 15, "field \(number) after \(last)")
        bytes.append(UInt8(number - last) << 4 | kind.rawValue)
        last = number
    }

    private mutating func list(_ number: Int, _ kind: Kind, _ count: Int) {
        header(number, .list)
        if count < 15 {
            bytes.append(UInt8(count) << 4 | kind.rawValue)
        } else {
            bytes.append(0xF0 | kind.rawValue)
            bytes.appendVarint(UInt64(count))
        }
    }

    /// Zigzag, so that small negative numbers are short too.
    private mutating func integer(_ value: Int) {
        let value = Int64(value)
        bytes.appendVarint(UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    private mutating func text(_ value: String) {
        bytes.appendVarint(UInt64(value.utf8.count))
        bytes += value.utf8
    }
}

extension [UInt8] {
    /// Appends a number, seven bits a byte, the least significant first (ULEB128).
    mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}
