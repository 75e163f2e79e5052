import Files

/// Outputs in a row: for each the length of its name, the name, 32 bytes of digest and the size in 7-bit groups.
enum PackedOutputs {
    static func write(_ outputs: [String: ObjectReference]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, reference) in outputs.sorted(by: { $0.key < $1.key }) {
            precondition(name.utf8.count < 256, "an output's name has \(name.utf8.count) bytes; at most 255")
            bytes.append(UInt8(name.utf8.count))
            bytes += name.utf8
            bytes += reference.digest.bytes
            var rest = UInt64(reference.size)
            while rest > 127 {
                bytes.append(UInt8(rest & 127) | 128)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        return bytes
    }

    /// False when the bytes are not what `write` gives.
    static func read(_ bytes: UnsafeRawBufferPointer, into outputs: inout [String: ObjectReference]) -> Bool {
        var at = 0
        while at < bytes.count {
            let length = Int(bytes[at])
            guard at + 1 + length + 32 < bytes.count else { return false }
            let digest = Digest(
                words: UnsafeRawBufferPointer(rebasing: bytes[(at + 1 + length)..<(at + 33 + length)]))
            let name = String(decoding: bytes[(at + 1)..<(at + 1 + length)], as: UTF8.self)
            at += 33 + length
            var size: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                guard at < bytes.count, shift < 63 else { return false }
                size |= UInt64(bytes[at] & 127) << shift
                shift += 7
                at += 1
                if bytes[at - 1] < 128 { break }
            }
            outputs[name] = ObjectReference(digest: digest, size: Int(size))
        }
        return true
    }
}
