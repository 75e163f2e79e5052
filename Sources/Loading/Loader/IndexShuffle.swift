/// A bijection of 0 ..< count that a key chooses, computed index by index: a shuffled order without its permutation.
///
/// An unbalanced Feistel network over the smallest power of two that holds `count`, walked on until it falls below
/// `count` (cycle walking; Black and Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002). Fewer than 2
/// rounds of walking are needed on average.
struct IndexShuffle {
    let count: Int
    private let key: UInt64
    private let lowBits: UInt64
    private let lowMask: UInt64
    private let highMask: UInt64

    /// - Precondition: `count` ≥ 1.
    init(count: Int, key: UInt64) {
        precondition(count >= 1, "a shuffle of \(count) indices")
        self.count = count
        self.key = key
        let bits = UInt64(Int.bitWidth - (count - 1).leadingZeroBitCount)
        lowBits = (bits + 1) / 2
        lowMask = (1 << lowBits) - 1
        highMask = (1 << (bits - lowBits)) - 1
    }

    /// Where an index goes.
    subscript(index: Int) -> Int {
        precondition(index >= 0 && index < count, "index \(index) of \(count)")
        var value = UInt64(index)
        repeat {
            var low = value & lowMask
            var high = value >> lowBits
            for round in 0..<4 as Range<UInt64> {
                high ^= Draw.mix(key &+ low &* 0x9E37_79B9_7F4A_7C15 &+ 2 &* round) & highMask
                low ^= Draw.mix(key ^ high &* 0xD6E8_FEB8_6659_FD93 &+ 2 &* round &+ 1) & lowMask
            }
            value = high << lowBits | low
        } while value >= UInt64(count)
        return Int(value)
    }
}

/// Random numbers that are a function of what they are for, never of what was drawn before.
enum Draw {
    /// A bijective mix of 64 bits (SplitMix64's finaliser; Steele, Lea, Flood, OOPSLA 2014).
    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        var value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// A hash of words, their order included.
    static func hash(_ words: UInt64...) -> UInt64 {
        words.reduce(0x2545_F491_4F6C_DD1D) { mix(($0 ^ mix($1)) &+ 0x9E37_79B9_7F4A_7C15) }
    }

    /// A number in 0 ..< 1 out of a hash, by its upper 53 bits.
    static func unit(_ hash: UInt64) -> Double { Double(hash >> 11) * 0x1p-53 }

    /// A number in 0 ..< count out of a hash.
    static func below(_ count: Int, _ hash: UInt64) -> Int {
        Int(hash.multipliedFullWidth(by: UInt64(count)).high)
    }
}
