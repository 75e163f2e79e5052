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
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    static func < (left: PackName, right: PackName) -> Bool { left.number < right.number }
}

/// Where a small object lies: a range of a pack's bytes.
struct Place: Sendable, Hashable, Comparable {
    let pack: PackName
    let offset: Int
    let length: Int

    /// The first byte after it.
    var end: Int { offset + length }

    /// Takes a place as a file gives it; nil for one that no pack can have.
    init?(pack: PackName, offset: Int, length: Int) {
        guard offset >= 0, length >= 0, offset <= PackFile.sizeLimit, length <= PackFile.sizeLimit else {
            return nil
        }
        self.init(within: pack, offset: offset, length: length)
    }

    /// A place in a pack that this process writes.
    init(within pack: PackName, offset: Int, length: Int) {
        self.pack = pack
        self.offset = offset
        self.length = length
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
