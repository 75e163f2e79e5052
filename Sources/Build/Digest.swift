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
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
        (a, b, c, d) = (words[0], words[1], words[2], words[3])
    }

    /// Reads 64 lower-case hex digits; nil for anything else.
    public init?(hex: some StringProtocol) {
        let digits = hex.utf8
        guard digits.count == 64 else { return nil }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, digit) in digits.enumerated() {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            words[index / 16] = words[index / 16] << 4 | UInt64(value)
        }
        (a, b, c, d) = (words[0], words[1], words[2], words[3])
    }

    /// All 64 hex digits.
    public var hex: String {
        String(unsafeUninitializedCapacity: 64) { digits in
            var at = 0
            for word in [a, b, c, d] {
                for shift in stride(from: 60, through: 0, by: -4) {
                    let value = UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15
                    digits[at] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
                    at += 1
                }
            }
            return 64
        }
    }

    /// The first 12 hex digits, for people.
    public var short: String { String(hex.prefix(12)) }

    /// The first 12 hex digits.
    public var description: String { short }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        [a, b, c, d].flatMap { word in
            stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }

    /// The first eight bytes as a number, for tables that need a short key.
    var prefix: UInt64 { a }

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

    private init(words bytes: UnsafeRawBufferPointer) {
        func word(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
        }
        (a, b, c, d) = (word(0), word(1), word(2), word(3))
    }
}
