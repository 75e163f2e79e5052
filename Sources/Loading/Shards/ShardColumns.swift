public import Tensors

/// The columns of a shard whose rows are not segments.
public enum ShardColumns {
    /// Columns with a row a note.
    public static let notes: [(name: String, type: ElementType)] = [
        ("notes.start", .u16), ("notes.length", .u16), ("notes.pitch", .u8), ("notes.velocity", .u8),
        ("notes.program", .u8), ("notes.voice", .u8), ("notes.flags", .u8),
    ]
    /// Columns with a row a stored control change.
    public static let controls: [(name: String, type: ElementType)] = [
        ("controls.step", .u16), ("controls.number", .u8), ("controls.value", .u8), ("controls.channel", .u8),
    ]
}
