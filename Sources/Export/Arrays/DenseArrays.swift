import Loading
import Symbolic
import Tensors

/// The dense arrays of a shard's segments: rolls painted from their notes, and the features of audio.
///
/// `piano`, `velocity`, `onset` U8 [steps, pitches]; `instrument` U8 [steps, 17]; `pedal` U8 [steps, 3]; `tempo` F32
/// [steps]; `mel` and the other features F32 or F16 [rows, frames]; `waveform` [samples]; of pairs whose steps are no
/// frames `frame.step` U16 [frames].
struct DenseArrays {
    /// One of them.
    struct Item {
        let name: String
        let type: ElementType
        /// Of one segment.
        let shape: [Int]
        /// Hands over the elements of a segment in row-major order, little-endian.
        fileprivate let read: (Int, (UnsafeRawBufferPointer) throws -> Void) throws -> Void

        /// Hands over the elements of a segment.
        func withBytes(of segment: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
            try read(segment, body)
        }

        /// The bytes of a segment.
        var byteCount: Int { shape.reduce(type.byteCount, *) }
    }

    /// In the order in which exports write them: rolls, features, pedals and tempo, frames.
    let items: [Item]

    /// Describes what a shard holds.
    ///
    /// - Throws: `TensorFileError`.
    init(_ shard: Shard, in snapshot: Snapshot) throws {
        let rolls = shard.holdsNotes ? try Self.rolls(shard, snapshot) : []
        let stored = (shard.featureNames + ["pedal", "tempo", "frame.step"]).compactMap { name in
            shard.file.entries[name].map { entry in
                let shape = Array(entry.shape.dropFirst())
                let width = shape.reduce(entry.type.byteCount, *)
                return Item(name: name, type: entry.type, shape: shape) { segment, body in
                    try shard.file.withBytes(of: name) { bytes in
                        try body(.init(rebasing: bytes[segment * width..<(segment + 1) * width]))
                    }
                }
            }
        }
        items = rolls + stored
    }

    private static func rolls(_ shard: Shard, _ snapshot: Snapshot) throws -> [Item] {
        let steps = try shard.steps()
        let (pitches, drums) = (snapshot.pitches, snapshot.paintsDrums)
        typealias Paint = (RollRows, UnsafeMutableBufferPointer<UInt8>) -> Void
        func item(_ name: String, _ width: Int, _ paint: @escaping Paint) -> Item {
            Item(name: name, type: .u8, shape: [steps, width]) { segment, body in
                try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: steps * width) { buffer in
                    try shard.withRows(of: segment) { paint($0, buffer) }
                    try body(UnsafeRawBufferPointer(buffer))
                }
            }
        }
        return [
            item("piano", pitches.count) {
                DenseRolls.piano($0, steps: steps, pitches: pitches, paintsDrums: drums, into: $1)
            },
            item("velocity", pitches.count) {
                DenseRolls.velocity($0, steps: steps, pitches: pitches, paintsDrums: drums, into: $1)
            },
            item("onset", pitches.count) {
                DenseRolls.onset($0, steps: steps, pitches: pitches, paintsDrums: drums, into: $1)
            },
            item("instrument", DenseRolls.instrumentCount) {
                DenseRolls.instrument($0, steps: steps, pitches: pitches, into: $1)
            },
        ]
    }
}
