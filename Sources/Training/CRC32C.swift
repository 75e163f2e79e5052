/// The cyclic redundancy check with Castagnoli's polynomial (RFC 3720, appendix B.4), as TensorBoard's files have it.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
    }

    /// The check of some bytes.
    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
    }

    /// The check as TFRecord stores it, so that a check of data that holds checks stays good.
    static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let check = checksum(bytes)
        return (check >> 15 | check << 17) &+ 0xA282_EAD8
    }
}
