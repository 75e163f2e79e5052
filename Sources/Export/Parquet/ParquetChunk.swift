/// The values of one column that wait for the end of their row group.
struct ParquetChunk {
    let column: ParquetColumn
    private var repetition = Levels()
    private var definition = Levels()
    /// Levels, of which a null and an empty list have one too.
    private var levelCount = 0
    private var nullCount = 0
    private var valueCount = 0
    /// Values that are stored one behind the other (PLAIN).
    private var plain: [UInt8] = []
    /// Texts, and bytes of rolls: the number of each value's place in the dictionary.
    private var places: [UInt32] = []
    private var texts: [String] = []
    /// By bytes: Swift's own equality takes é and e + ´ for one.
    private var known: [[UInt8]: UInt32] = [:]
    private var textBytes = 0

    init(_ column: ParquetColumn) { self.column = column }

    /// About the bytes that wait.
    var byteCount: Int { plain.count + places.count * 4 + textBytes + levelCount / 8 }

    /// Appends the value of a row.
    ///
    /// - Precondition: it is of the column's kind.
    mutating func append(_ value: ParquetValue) {
        if case .null = value {
            precondition(column.isOptional, "a null in column '\(column.name)'")
            nullCount += 1
            level(0, 0)
            return
        }
        append(value, depth: 0, repetition: 0)
    }

    private mutating func append(_ value: ParquetValue, depth: Int, repetition: Int) {
        guard depth < column.listDepth else {
            level(repetition, column.deepest)
            return store(value)
        }
        guard case .list(let elements) = value else {
            preconditionFailure("a value in place of a list in column '\(column.name)'")
        }
        if elements.isEmpty { level(repetition, column.base + depth) }
        for (index, element) in elements.enumerated() {
            append(element, depth: depth + 1, repetition: index == 0 ? repetition : depth + 1)
        }
    }

    private mutating func level(_ repetition: Int, _ definition: Int) {
        self.repetition.append(repetition)
        self.definition.append(definition)
        levelCount += 1
    }

    /// Appends an array of numbers as nested lists.
    ///
    /// - Precondition: its shape has the column's depth and no axis of length 0; its elements are of the column's kind.
    mutating func append(array bytes: UnsafeRawBufferPointer, shape: [Int]) {
        let count = shape.reduce(1, *)
        precondition(shape.count == column.listDepth && count > 0, "an array of \(shape) in '\(column.name)'")
        definition.append(column.deepest, count: count)
        let row = shape[shape.count - 1]
        for start in stride(from: 0, to: count, by: row) {
            // The outermost axis of which a new list begins here.
            var level = 0
            var block = count
            while start > 0, start % block != 0 {
                block /= shape[level]
                level += 1
            }
            repetition.append(level)
            repetition.append(shape.count, count: row - 1)
        }
        levelCount += count
        valueCount += count
        switch column.kind {
        case .uint8: places.append(contentsOf: bytes.lazy.map { UInt32($0) })
        case .uint16:
            for index in 0..<count {
                let number = bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
                append(UInt32(UInt16(littleEndian: number)))
            }
        case .int32, .int64, .float, .double: plain.append(contentsOf: bytes)
        case .text, .binary: preconditionFailure("an array of numbers in '\(column.name)'")
        }
    }

    private mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { plain.append(contentsOf: $0) }
    }

    private mutating func store(_ value: ParquetValue) {
        valueCount += 1
        switch (column.kind, value) {
        case (.text, .text(let text)):
            textBytes += 4
            let units = Array(text.utf8)
            if let place = known[units] { return places.append(place) }
            let place = UInt32(texts.count)
            known[units] = place
            texts.append(text)
            textBytes += text.utf8.count
            places.append(place)
        case (.binary, .binary(let bytes)):
            append(UInt32(bytes.count))
            plain += bytes
        case (.uint8, .integer(let number)): places.append(UInt32(UInt8(number)))
        case (.uint16, .integer(let number)): append(UInt32(UInt16(number)))
        case (.int32, .integer(let number)): append(Int32(number))
        case (.int64, .integer(let number)): append(number)
        case (.float, .number(let number)): append(Float(number).bitPattern)
        case (.double, .number(let number)): append(number.bitPattern)
        default: preconditionFailure("\(value) in column '\(column.name)' of \(column.kind)")
        }
    }

    // MARK: Pages

    /// A page as it is written.
    private struct Page {
        let header: [UInt8]
        let body: [UInt8]
        let plainCount: Int

        /// Makes a page; `describe` writes the header's fields of the page's type.
        init(type: Int, _ content: [UInt8], isCompressed: Bool, _ describe: (inout ThriftWriter) -> Void) {
            body = isCompressed ? Deflater.gzip(content) : content
            let (plain, stored) = (content.count, body.count)
            // The sizes in a page's header have 32 bits.
            precondition(max(plain, stored) < Int(Int32.max), "a page of \(plain) bytes")
            header = ThriftWriter.structure { thrift in
                thrift.field(1, int32: type)
                thrift.field(2, int32: plain)
                thrift.field(3, int32: stored)
                describe(&thrift)
            }
            plainCount = header.count + plain
        }

        var bytes: [UInt8] { header + body }
    }

    /// The chunk as it lies in the file, and its `ColumnMetaData`.
    ///
    /// - Parameters:
    ///   - offset: where in the file it begins.
    ///   - isCompressed: whether pages are compressed by gzip.
    /// - Returns: the bytes, the metadata, and how many bytes the pages have uncompressed.
    func encoded(at offset: Int, isCompressed: Bool) -> (bytes: [UInt8], metadata: [UInt8], plainCount: Int) {
        let values = encodedValues
        let dictionary = values.dictionary.map { entries in
            Page(type: 2, entries.bytes, isCompressed: isCompressed) { thrift in
                thrift.field(7) {
                    $0.field(1, int32: entries.count)
                    $0.field(2, int32: 0)
                }
            }
        }
        var content: [UInt8] = []
        func append(_ levels: Levels, _ greatest: Int) {
            guard greatest > 0 else { return }
            let bytes = RunLengths.encode(levels, bitWidth: RunLengths.bitWidth(of: greatest))
            withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { content.append(contentsOf: $0) }
            content += bytes
        }
        append(repetition, column.listDepth)
        append(definition, column.deepest)
        let encoding = dictionary == nil ? 0 : 8
        let data = Page(type: 0, content + values.bytes, isCompressed: isCompressed) { thrift in
            thrift.field(5) {
                $0.field(1, int32: levelCount)
                $0.field(2, int32: encoding)
                $0.field(3, int32: 3)
                $0.field(4, int32: 3)
            }
        }
        let entries = dictionary?.bytes ?? []
        let bytes = entries + data.bytes
        let plainCount = (dictionary?.plainCount ?? 0) + data.plainCount
        let metadata = ThriftWriter.structure { thrift in
            thrift.field(1, int32: column.physicalType)
            thrift.field(2, int32s: dictionary == nil ? [0, 3] : [0, 3, 8])
            thrift.field(3, texts: column.path)
            thrift.field(4, int32: isCompressed ? 2 : 0)
            thrift.field(5, int64: levelCount)
            thrift.field(6, int64: plainCount)
            thrift.field(7, int64: bytes.count)
            thrift.field(9, int64: offset + entries.count)
            if dictionary != nil { thrift.field(11, int64: offset) }
            if column.listDepth == 0 { thrift.field(12) { $0.field(3, int64: nullCount) } }
        }
        return (bytes, metadata, plainCount)
    }

    /// The values, and the dictionary that they number, if that is shorter.
    private var encodedValues: (bytes: [UInt8], dictionary: (bytes: [UInt8], count: Int)?) {
        func numbered(
            _ places: [UInt32], _ count: Int, _ entries: [UInt8]
        ) -> ([UInt8], (bytes: [UInt8], count: Int)?) {
            let width = RunLengths.bitWidth(of: count - 1)
            return ([UInt8(width)] + RunLengths.encode(places, bitWidth: width), (entries, count))
        }
        switch column.kind {
        case .uint8 where valueCount > 0:
            var isUsed = [Bool](repeating: false, count: 256)
            for value in places { isUsed[Int(value)] = true }
            let used = isUsed.indices.filter { isUsed[$0] }
            var place = [UInt32](repeating: 0, count: 256)
            for (number, value) in used.enumerated() { place[value] = UInt32(number) }
            let entries = used.flatMap { (value: Int) -> [UInt8] in [UInt8(value), 0, 0, 0] }
            return numbered(places.map { place[Int($0)] }, used.count, entries)
        case .text where texts.count * 2 <= valueCount && valueCount > 0:
            return numbered(places, texts.count, Self.plain(texts))
        case .text: return (Self.plain(places.map { texts[Int($0)] }), nil)
        default: return (plain, nil)
        }
    }

    private static func plain(_ texts: [String]) -> [UInt8] {
        var bytes: [UInt8] = []
        for text in texts {
            withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes += text.utf8
        }
        return bytes
    }
}
