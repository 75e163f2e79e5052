/// Random numbers from a seed: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
///
/// The oracles have the same generator, so results that depend on it can be compared exactly.
package struct SplitMix64 {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// A number below `count`: the upper half of a product (Lemire 2019, without its rejection).
    package mutating func index(below count: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// Puts elements in a random order (Fisher and Yates).
    package mutating func shuffle(_ elements: inout [Int]) {
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, index(below: last + 1))
        }
    }
}
