/// The name of a pack: a random number of 63 bits that no other pack has, spelt as 16 lower-case hex digits.
struct PackName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Not negative, so that the order of the numbers is that of the names.
    let number: Int64

    /// A new name.
    init() { number = Int64.random(in: 0...Int64.max) }

    /// Takes a number; nil for one that is negative.
    init?(number: Int64) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    /// Reads 16 lower-case hex digits; nil for anything else.
    init?(_ text: some StringProtocol) {
        guard text.utf8.count == 16,
            text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 }),
            let number = Int64(text, radix: 16)
        else { return nil }
        self.number = number
    }

    var description: String {
        String(unsafeUninitializedCapacity: 16) { digits in
            for index in 0..<16 {
                let value = UInt8(truncatingIfNeeded: number >> (60 - 4 * Int64(index)) & 15)
                digits[index] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
            }
            return 16
        }
    }

    static func < (left: PackName, right: PackName) -> Bool { left.number < right.number }
}

/// Where a small object lies: a range of a pack's bytes.
///
/// Small itself, since a build holds one for each source.
struct Place: Sendable, Hashable, Comparable {
    let pack: PackName
    private let start: UInt32
    private let count: UInt32

    var offset: Int { Int(start) }
    var length: Int { Int(count) }
    /// The first byte after it.
    var end: Int { offset + length }

    /// Takes a place; nil for one that no pack can have.
    init?(pack: PackName, offset: Int, length: Int) {
        guard (0...PackFile.sizeLimit).contains(offset), (0...PackFile.sizeLimit).contains(length) else {
            return nil
        }
        self.pack = pack
        start = UInt32(offset)
        count = UInt32(length)
    }

    static func < (left: Place, right: Place) -> Bool {
        (left.pack, left.offset) < (right.pack, right.offset)
    }
}

/// A small object with the place that it was given.
struct PlacedObject: Sendable, Hashable {
    let digest: Digest
    let place: Place
}
