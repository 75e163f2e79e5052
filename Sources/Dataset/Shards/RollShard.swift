import Loading
import Tensors

/// The MIDI shard: every column of the sources' `segments` objects, one source behind the other.
enum RollShard {
    /// The rows that a selection has of one source.
    struct RowCounts: Sendable {
        var notes = 0
        var controls = 0
    }

    /// The columns of notes.
    static func items(count: Int, rows: RowCounts, steps: Int) -> [TensorFileLayout.Item] {
        var items: [TensorFileLayout.Item] = []
        items.append(.init("notes.offset", .i64, [count + 1]))
        items.append(.init("controls.offset", .i64, [count + 1]))
        items += ShardColumns.notes.map { .init($0.name, $0.type, [rows.notes]) }
        items += ShardColumns.controls.map { .init($0.name, $0.type, [rows.controls]) }
        items.append(.init("pedal", .u8, [count, steps, 3]))
        items.append(.init("tempo", .f32, [count, steps]))
        return items
    }

    /// The rows that some segments of a `segments` object have.
    static func rowCounts(of segments: [Range<Int>], in file: TensorFile) throws -> RowCounts {
        var rows = RowCounts()
        rows.notes = try count(segments, "notes.offset", file)
        rows.controls = try count(segments, "controls.offset", file)
        return rows
    }

    private static func count(_ segments: [Range<Int>], _ column: String, _ file: TensorFile) throws -> Int {
        try file.withElements(of: column, as: Int64.self) { offsets in
            segments.reduce(0) { $0 + Int(offsets[$1.upperBound] - offsets[$1.lowerBound]) }
        }
    }

    /// Where the rows of the next segment begin in the shard.
    struct Cursor {
        var notes: Int64 = 0
        var controls: Int64 = 0
    }

    /// Appends some segments of one source.
    ///
    /// The ranges are of the source's own segments; the cursor, the rows written so far, moves on.
    static func append(
        _ segments: [Range<Int>], of file: TensorFile, to columns: ColumnWriter, _ cursor: inout Cursor,
        withFrameSteps: Bool = false
    ) throws {
        for range in segments where !range.isEmpty {
            try appendRows(range, "notes.offset", ShardColumns.notes, file, columns, &cursor.notes)
            try appendRows(range, "controls.offset", ShardColumns.controls, file, columns, &cursor.controls)
            for name in ["segment.timeline", "segment.start", "segment.length", "pedal", "tempo"]
                + (withFrameSteps ? ["frame.step"] : [])
            {
                let entry = try file.entry(name)
                let rowBytes = entry.shape.dropFirst().reduce(entry.type.byteCount, *)
                try slice(name, range.lowerBound * rowBytes..<range.upperBound * rowBytes, file, columns)
            }
        }
    }

    private static func appendRows(
        _ range: Range<Int>, _ offsetColumn: String, _ rowColumns: [(name: String, type: ElementType)],
        _ file: TensorFile, _ columns: ColumnWriter, _ cursor: inout Int64
    ) throws {
        let rows = try file.withElements(of: offsetColumn, as: Int64.self) { offsets in
            let first = offsets[range.lowerBound]
            try columns.append(range.map { offsets[$0] - first + cursor }, to: offsetColumn)
            return Int(first)..<Int(offsets[range.upperBound])
        }
        cursor += Int64(rows.count)
        for (name, type) in rowColumns {
            try slice(
                name, rows.lowerBound * type.byteCount..<rows.upperBound * type.byteCount, file, columns)
        }
    }

    private static func slice(
        _ name: String, _ bytes: Range<Int>, _ file: TensorFile, _ columns: ColumnWriter
    ) throws {
        try file.withBytes(of: name) {
            try columns.append(UnsafeRawBufferPointer(rebasing: $0[bytes]), to: name)
        }
    }
}
