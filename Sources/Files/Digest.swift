internal import Crypto

/// The SHA-256 of some bytes: the name of a source, an object or an action.
///
/// Printed as 12 hex digits, stored and compared as 64 (FIPS 180-4; lower-case hex).
public struct Digest: Hashable, Comparable, Sendable, CustomStringConvertible {
    // Big-endian words, so that their order is the order of the bytes and of the hex digits.
    private let a: UInt64
    private let b: UInt64
    private let c: UInt64
    private let d: UInt64

    /// Hashes bytes that are in memory.
    public init(of bytes: UnsafeRawBufferPointer) {
        var hasher = Hasher()
        hasher.update(bytes)
        self = hasher.finish()
    }

    /// Hashes bytes that are in memory.
    public init(of bytes: some Sequence<UInt8>) {
        let hashed: Digest? = bytes.withContiguousStorageIfAvailable {
            Digest(of: UnsafeRawBufferPointer($0))
        }
        self = hashed ?? Array(bytes).withUnsafeBytes { Digest(of: $0) }
    }

    /// Takes the 32 bytes of a digest; nil when there are not 32.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        let whole: Digest? = bytes.withContiguousStorageIfAvailable {
            Digest(words: UnsafeRawBufferPointer($0))
        }
        if let whole {
            self = whole
            return
        }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
        (a, b, c, d) = (words[0], words[1], words[2], words[3])
    }

    /// Reads 64 lower-case hex digits; nil for anything else.
    public init?(hex: some StringProtocol) {
        let digits = hex.utf8
        guard digits.count == 64 else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for digit in digits {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            // All 256 bits move on by one digit.
            words.0 = words.0 << 4 | words.1 >> 60
            words.1 = words.1 << 4 | words.2 >> 60
            words.2 = words.2 << 4 | words.3 >> 60
            words.3 = words.3 << 4 | UInt64(value)
        }
        (a, b, c, d) = words
    }

    /// All 64 hex digits.
    public var hex: String {
        String(unsafeUninitializedCapacity: 64) { digits in
            writeHex(to: digits)
            return 64
        }
    }

    /// Writes the 64 hex digits to the start of a buffer.
    package func writeHex(to digits: UnsafeMutableBufferPointer<UInt8>) {
        withBytes { bytes in
            for (index, byte) in bytes.enumerated() {
                digits[2 * index] = Self.digit(byte >> 4)
                digits[2 * index + 1] = Self.digit(byte & 15)
            }
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// Where an object of this name lies in a folder of objects: `ab/cdef…`.
    public var place: String {
        let hex = hex
        return "\(hex.prefix(2))/\(hex.dropFirst(2))"
    }

    /// The first 12 hex digits, for people.
    public var short: String { String(hex.prefix(12)) }

    /// The first 12 hex digits.
    public var description: String { short }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        withBytes { Array($0) }
    }

    /// Lends the 32 bytes.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let words = (a.bigEndian, b.bigEndian, c.bigEndian, d.bigEndian)
        return try withUnsafeBytes(of: words, body)
    }

    /// The first eight bytes as a number, for tables that need a short key.
    package var prefix: UInt64 { a }

    /// Orders digests by their bytes, which is the order of their hex digits.
    public static func < (left: Digest, right: Digest) -> Bool {
        (left.a, left.b, left.c, left.d) < (right.a, right.b, right.c, right.d)
    }

    /// A hash that is fed in parts.
    public struct Hasher: Sendable {
        private var hash = SHA256()

        /// Starts a hash of nothing.
        public init() {}

        /// Adds bytes.
        public mutating func update(_ bytes: UnsafeRawBufferPointer) {
            hash.update(bufferPointer: bytes)
        }

        /// Adds bytes.
        public mutating func update(_ bytes: [UInt8]) {
            bytes.withUnsafeBytes { update($0) }
        }

        /// The hash of all that was added.
        public func finish() -> Digest {
            hash.finalize().withUnsafeBytes { Digest(words: $0) }
        }
    }

    /// Takes 32 bytes.
    package init(words bytes: UnsafeRawBufferPointer) {
        func word(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
        }
        (a, b, c, d) = (word(0), word(1), word(2), word(3))
    }
}
