import Files
import Storage
import Tensors

/// Writes the tensors of one file side by side: each grows at its own place, through a small buffer, so that
/// memory stays flat however large the file is.
final class ColumnWriter {
    /// Writes bytes at a place of the file.
    typealias Output = (UnsafeRawBufferPointer, _ offset: Int) throws -> Void

    private let output: Output
    private var columns: [String: Column] = [:]

    private struct Column {
        var position: Int
        let end: Int
        var buffer: [UInt8] = []
    }

    private static let bufferByteCount = 1 << 16

    /// Writes the header and takes up each tensor's place.
    init(_ layout: TensorFileLayout, to output: @escaping Output) throws {
        self.output = output
        try layout.header.withUnsafeBytes { try output($0, 0) }
        var position = layout.header.count
        for item in layout.order {
            columns[item.name] = Column(position: position, end: position + item.byteCount)
            position += item.byteCount
        }
    }

    /// Appends elements to a tensor.
    func append<Element: TensorElement>(_ elements: UnsafeBufferPointer<Element>, to name: String) throws {
        try append(UnsafeRawBufferPointer(elements), to: name)
    }

    /// Appends elements to a tensor.
    func append<Element: TensorElement>(_ elements: [Element], to name: String) throws {
        try elements.withUnsafeBytes { try append($0, to: name) }
    }

    /// Appends raw elements to a tensor.
    func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws {
        guard !bytes.isEmpty else { return }
        guard let index = columns.index(forKey: name) else { preconditionFailure("no column '\(name)'") }
        if columns.values[index].buffer.count + bytes.count > Self.bufferByteCount { try flush(index) }
        if bytes.count > Self.bufferByteCount {
            try write(bytes, index)
        } else {
            columns.values[index].buffer.append(contentsOf: bytes)
        }
    }

    /// Writes what is buffered; every tensor must be full by then.
    func finish() throws {
        for index in columns.indices { try flush(index) }
        for (name, column) in columns {
            precondition(
                column.position == column.end, "column '\(name)' lacks \(column.end - column.position) bytes")
        }
    }

    private func flush(_ index: Dictionary<String, Column>.Index) throws {
        guard !columns.values[index].buffer.isEmpty else { return }
        var full: [UInt8] = []
        swap(&full, &columns.values[index].buffer)
        try full.withUnsafeBytes { try write($0, index) }
        full.removeAll(keepingCapacity: true)
        columns.values[index].buffer = full
    }

    private func write(_ bytes: UnsafeRawBufferPointer, _ index: Dictionary<String, Column>.Index) throws {
        let position = columns.values[index].position
        precondition(position + bytes.count <= columns.values[index].end, "column overflows")
        try output(bytes, position)
        columns.values[index].position = position + bytes.count
    }
}
