/// TensorBoard's event files: TFRecords that each hold an `Event` message.
///
/// A record is its length (64 bits, little-endian), the masked check of the length, the data and the masked check of
/// the data (`tensorflow/core/lib/io/record_writer.h`). The message is protocol buffers, of which four fields are
/// used (`tensorflow/core/util/event.proto`): wall_time = 1, step = 2, file_version = 3, summary = 5.
enum EventRecord {
    /// The record that a file begins with.
    static func version(time: Double) -> [UInt8] {
        record(double(1, time) + bytes(3, Array("brain.Event:2".utf8)))
    }

    /// Scalars of a step.
    static func scalars(_ measures: [Measure], step: Int, time: Double) -> [UInt8] {
        let summary = measures.flatMap { measure in
            // Summary.value = 1: Summary.Value with tag = 1 and simple_value = 2.
            bytes(1, bytes(1, Array(measure.name.utf8)) + float(2, Float(measure.value)))
        }
        return record(double(1, time) + varint(2, UInt64(step)) + bytes(5, summary))
    }

    static func record(_ data: [UInt8]) -> [UInt8] {
        let length = little(UInt64(data.count))
        return length + little(CRC32C.masked(length)) + data + little(CRC32C.masked(data))
    }

    private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func varint(_ field: UInt8, _ value: UInt64) -> [UInt8] { [field << 3] + varint(value) }
    private static func double(_ field: UInt8, _ value: Double) -> [UInt8] {
        [field << 3 | 1] + little(value.bitPattern)
    }
    private static func float(_ field: UInt8, _ value: Float) -> [UInt8] {
        [field << 3 | 5] + little(value.bitPattern)
    }
    private static func bytes(_ field: UInt8, _ value: [UInt8]) -> [UInt8] {
        [field << 3 | 2] + varint(UInt64(value.count)) + value
    }
}
