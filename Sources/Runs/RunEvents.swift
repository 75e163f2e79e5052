import Files

/// The times of a run's steps, from its TensorBoard events.
///
/// A file is a sequence of records: the length (64 bits, little-endian), its checksum (32 bits), a message `Event`, and its
/// checksum. Of a message only the fields 1 (`wall_time`, a double) and 2 (`step`, a varint) are read
/// (tensorflow/core/util/event.proto).
enum RunEvents {
    /// By step the seconds after the first event with a step.
    static func seconds(inFolder folder: String) -> [Int: Double] {
        var times: [Int: Double] = [:]
        for name in RunFiles.names(in: folder).sorted() where name.hasPrefix("events.out.tfevents.") {
            guard let bytes = RunFiles.contents("\(folder)/\(name)") else { continue }
            bytes.withUnsafeBytes { read($0, into: &times) }
        }
        let first = times.values.min() ?? 0
        return times.mapValues { $0 - first }
    }

    private static func read(_ bytes: UnsafeRawBufferPointer, into times: inout [Int: Double]) {
        var at = 0
        while bytes.count - at >= 16 {
            let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            // The last record may have come in part.
            guard length <= UInt64(bytes.count - at - 16) else { return }
            let message = UnsafeRawBufferPointer(rebasing: bytes[at + 12..<at + 12 + Int(length)])
            at += 16 + Int(length)
            if let (step, time) = event(message), step > 0, time.isFinite {
                times[step] = times[step] ?? time
            }
        }
    }

    /// The step and the time of a message that begins with them.
    private static func event(_ message: UnsafeRawBufferPointer) -> (step: Int, time: Double)? {
        guard message.count > 10, message[0] == 0x09, message[9] == 0x10 else { return nil }
        let bits = UInt64(littleEndian: message.loadUnaligned(fromByteOffset: 1, as: UInt64.self))
        var step: UInt64 = 0
        for (index, byte) in message[10...].prefix(9).enumerated() {
            step |= UInt64(byte & 0x7F) << UInt64(7 * index)
            if byte < 0x80 { return (Int(step), Double(bitPattern: bits)) }
        }
        return nil
    }
}
