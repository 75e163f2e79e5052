package import Files

/// The name of a pack: a random number of 63 bits that no other pack has, spelt as 16 lower-case hex digits.
package struct PackName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Not negative, so that the order of the numbers is that of the names.
    package let number: Int64

    /// A new name.
    package init() { number = Int64.random(in: 0...Int64.max) }

    /// Takes a number; nil for one that is negative.
    package init?(number: Int64) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    /// Reads 16 lower-case hex digits; nil for anything else.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 16,
            text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 }),
            let number = Int64(text, radix: 16)
        else { return nil }
        self.number = number
    }

    package var description: String {
        String(unsafeUninitializedCapacity: 16) { digits in
            for index in 0..<16 {
                let value = UInt8(truncatingIfNeeded: number >> (60 - 4 * Int64(index)) & 15)
                digits[index] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
            }
            return 16
        }
    }

    package static func < (left: PackName, right: PackName) -> Bool { left.number < right.number }
}

/// Where a small object lies: a range of a pack's bytes.
///
/// Small itself, since a build holds one for each source.
package struct Place: Sendable, Hashable, Comparable {
    package let pack: PackName
    private let start: UInt32
    private let count: UInt32

    package var offset: Int { Int(start) }
    package var length: Int { Int(count) }
    /// The first byte after it.
    package var end: Int { offset + length }

    /// Takes a place; nil for one that no pack can have.
    package init?(pack: PackName, offset: Int, length: Int) {
        guard (0...PackFile.sizeLimit).contains(offset), (0...PackFile.sizeLimit).contains(length) else {
            return nil
        }
        self.pack = pack
        start = UInt32(offset)
        count = UInt32(length)
    }

    package static func < (left: Place, right: Place) -> Bool {
        (left.pack, left.offset) < (right.pack, right.offset)
    }
}

/// A small object with the place that it was given.
package struct PlacedObject: Sendable, Hashable {
    package let digest: Digest
    package let place: Place

    package init(digest: Digest, place: Place) {
        self.digest = digest
        self.place = place
    }
}
