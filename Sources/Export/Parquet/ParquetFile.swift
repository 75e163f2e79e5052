import Files

/// Writes a Parquet file (Apache Parquet, format 2.10), row by row and one row group in memory at a time.
///
/// Each column of a row group has one data page of version 1. Texts and bytes of rolls go through a dictionary where it
/// is shorter; all else is PLAIN. Pages are uncompressed, or compressed by gzip. The file appears when it is closed.
final class ParquetFile {
    /// The columns, in the order of the values of a row.
    let columns: [ParquetColumn]
    private let file: OutputFile
    private let isCompressed: Bool
    private let metadata: [(key: String, value: String)]
    private let groupBytes: Int
    private let groupRows: Int
    private var chunks: [ParquetChunk]
    private var waiting = 0
    private var rowCount = 0
    private var position = 0
    private var groups: [Group] = []

    private struct Group {
        var chunks: [(offset: Int, metadata: [UInt8])] = []
        var plainCount = 0
        var storedCount = 0
        var rowCount = 0
    }

    /// Begins a file that takes the path's place when it is closed.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - columns: at least one.
    ///   - metadata: what the footer says under keys of one's own.
    ///   - isCompressed: whether pages are compressed.
    ///   - groupBytes: a row group ends once about so many bytes wait.
    ///   - groupRows: a row group ends with so many rows.
    /// - Throws: `BuildError`.
    init(
        _ path: String, columns: [ParquetColumn], metadata: [(key: String, value: String)] = [],
        isCompressed: Bool, groupBytes: Int = 16 << 20, groupRows: Int = 16_384
    ) throws(BuildError) {
        precondition(!columns.isEmpty, "a table without columns")
        file = try OutputFile(path)
        (self.columns, self.isCompressed, self.metadata) = (columns, isCompressed, metadata)
        (self.groupBytes, self.groupRows) = (groupBytes, groupRows)
        chunks = columns.map { ParquetChunk($0) }
        try write(Array("PAR1".utf8))
    }

    /// Appends a row; each column gets one value, or one array, by the body.
    ///
    /// - Throws: `BuildError`, and what the body throws.
    func appendRow(_ body: (inout [ParquetChunk]) throws -> Void) throws {
        try body(&chunks)
        waiting += 1
        let isFull = waiting >= groupRows || chunks.reduce(0) { $0 + $1.byteCount } >= groupBytes
        if isFull { try endGroup() }
    }

    /// Appends a row of values.
    ///
    /// - Throws: `BuildError`.
    func append(_ row: [ParquetValue]) throws {
        precondition(row.count == columns.count, "\(row.count) values for \(columns.count) columns")
        try appendRow { chunks in for (index, value) in row.enumerated() { chunks[index].append(value) } }
    }

    private func endGroup() throws {
        guard waiting > 0 else { return }
        var group = Group(rowCount: waiting)
        for index in chunks.indices {
            let offset = position
            let encoded = chunks[index].encoded(at: offset, isCompressed: isCompressed)
            // Freed one by one: a row group would else be held twice.
            chunks[index] = ParquetChunk(columns[index])
            try write(encoded.bytes)
            group.chunks.append((offset, encoded.metadata))
            group.plainCount += encoded.plainCount
            group.storedCount += encoded.bytes.count
        }
        groups.append(group)
        rowCount += waiting
        waiting = 0
    }

    /// Writes the last row group and the footer, and gives the file its name.
    ///
    /// - Throws: `BuildError`.
    func close() throws {
        try endGroup()
        let schema = ParquetColumn.schema(of: columns)
        let footer = ThriftWriter.structure { thrift in
            thrift.field(1, int32: 2)
            thrift.field(2, encoded: schema)
            thrift.field(3, int64: rowCount)
            thrift.field(4, structures: groups) { thrift, group in
                thrift.field(1, structures: group.chunks) { thrift, chunk in
                    thrift.field(2, int64: chunk.offset)
                    thrift.field(3, encoded: chunk.metadata)
                }
                thrift.field(2, int64: group.plainCount)
                thrift.field(3, int64: group.rowCount)
                if let first = group.chunks.first { thrift.field(5, int64: first.offset) }
                thrift.field(6, int64: group.storedCount)
            }
            if !metadata.isEmpty {
                thrift.field(5, structures: metadata) { thrift, item in
                    thrift.field(1, text: item.key)
                    thrift.field(2, text: item.value)
                }
            }
            thrift.field(6, text: "Reprise")
        }
        try write(footer)
        var tail: [UInt8] = []
        withUnsafeBytes(of: UInt32(footer.count).littleEndian) { tail.append(contentsOf: $0) }
        try write(tail + Array("PAR1".utf8))
        try file.commit()
    }

    private func write(_ bytes: [UInt8]) throws(BuildError) {
        try file.write(bytes)
        position += bytes.count
    }
}
