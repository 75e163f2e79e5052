/// A column of a Parquet file: its name, and what a row has in it.
struct ParquetColumn: Sendable, Hashable {
    /// What a value is, or an element of lists.
    enum Kind: Sendable, Hashable, CaseIterable {
        case text
        case binary
        case uint8
        case uint16
        case int32
        case int64
        case float
        case double
    }

    /// The name; within a group that of the member.
    let name: String
    /// What a value is.
    let kind: Kind
    /// 0 for single values, else how deep lists are nested.
    ///
    /// Elements are never null.
    var listDepth = 0
    /// Whether rows may have none: a null, or a null of the group.
    var isOptional = true
    /// The structure of which it is a member; members of one group follow each other, and are null together.
    var group: String?

    /// The definition level of a value that is there, and not in lists.
    var base: Int { isOptional ? 1 : 0 }
    /// The greatest definition level.
    var deepest: Int { base + listDepth }

    /// The number of the physical type.
    var physicalType: Int {
        switch kind {
        case .uint8, .uint16, .int32: 1
        case .int64: 2
        case .float: 4
        case .double: 5
        case .text, .binary: 6
        }
    }

    /// The names from the schema's root down to the values.
    var path: [String] {
        (group.map { [$0] } ?? []) + [name] + (0..<listDepth).flatMap { _ in ["list", "element"] }
    }

    /// An element of the schema.
    private struct Node {
        var name: String
        /// 0 required, 1 optional, 2 repeated.
        var repetition: Int
        var children: Int?
        var isList = false
    }

    /// The elements of the file's schema, the root first, and the number of the root's children.
    static func schema(of columns: [ParquetColumn]) -> [[UInt8]] {
        var elements: [[UInt8]] = []
        var roots = 0
        var place = 0
        while place < columns.count {
            roots += 1
            let group = columns[place].group
            var members = columns[place..<(place + 1)]
            if let group {
                members = columns[place...].prefix { $0.group == group }
                elements.append(
                    element(
                        Node(
                            name: group, repetition: columns[place].isOptional ? 1 : 0,
                            children: members.count), of: nil))
            }
            for column in members { elements += column.elements }
            place = members.endIndex
        }
        return [element(Node(name: "schema", repetition: -1, children: roots), of: nil)] + elements
    }

    private var elements: [[UInt8]] {
        let repetition = group == nil && isOptional ? 1 : 0
        guard listDepth > 0 else { return [Self.element(Node(name: name, repetition: repetition), of: self)] }
        var result: [[UInt8]] = []
        for depth in 0..<listDepth {
            let (name, repetition) = depth == 0 ? (name, repetition) : ("element", 0)
            result.append(
                Self.element(Node(name: name, repetition: repetition, children: 1, isList: true), of: nil))
            result.append(Self.element(Node(name: "list", repetition: 2, children: 1), of: nil))
        }
        return result + [Self.element(Node(name: "element", repetition: 0), of: self)]
    }

    private static func element(_ node: Node, of column: ParquetColumn?) -> [UInt8] {
        ThriftWriter.structure { thrift in
            if let column { thrift.field(1, int32: column.physicalType) }
            if node.repetition >= 0 { thrift.field(3, int32: node.repetition) }
            thrift.field(4, text: node.name)
            if let children = node.children { thrift.field(5, int32: children) }
            if node.isList {
                thrift.field(6, int32: 3)
                thrift.field(10) { $0.field(3) { _ in } }
            }
            guard let column else { return }
            switch column.kind {
            case .text:
                thrift.field(6, int32: 0)
                thrift.field(10) { $0.field(1) { _ in } }
            case .uint8, .uint16:
                thrift.field(6, int32: column.kind == .uint8 ? 11 : 12)
                thrift.field(10) { union in
                    union.field(10) { integer in
                        integer.field(1, byte: column.kind == .uint8 ? 8 : 16)
                        integer.field(2, flag: false)
                    }
                }
            case .binary, .int32, .int64, .float, .double: break
            }
        }
    }
}

/// What a row has in a column.
enum ParquetValue: Sendable, Hashable {
    case null
    case text(String)
    case binary([UInt8])
    case integer(Int64)
    case number(Double)
    case list([ParquetValue])

    init(_ text: String?) { self = text.map { .text($0) } ?? .null }
    init(_ number: Double?) { self = number.map { .number($0) } ?? .null }
    init(_ integer: Int?) { self = integer.map { .integer(Int64($0)) } ?? .null }
}
