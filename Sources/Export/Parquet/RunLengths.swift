/// Small numbers in Parquet's hybrid of run lengths and packed bits (Apache Parquet, "Encodings", RLE = 3).
enum RunLengths {
    /// The bits that numbers up to a greatest one need, at least 1.
    static func bitWidth(of greatest: Int) -> Int { max(1, Int.bitWidth - greatest.leadingZeroBitCount) }

    /// Encodes numbers that are given by their runs.
    static func encode(_ runs: Levels, bitWidth: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for (value, count) in zip(runs.values, runs.counts) {
            append(UInt32(value), count: count, bitWidth, to: &bytes)
        }
        return bytes
    }

    /// Encodes numbers: runs of eight and more as such, the others packed in groups of eight.
    static func encode(_ numbers: [UInt32], bitWidth: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        /// Where the numbers begin that no run holds yet.
        var literals = 0
        var place = 0
        while place < numbers.count {
            var end = place
            while end < numbers.count, numbers[end] == numbers[place] { end += 1 }
            // A group that has begun is filled up first.
            let start = min(end, place + (8 - (place - literals) % 8) % 8)
            if end - start >= 8 {
                pack(numbers[literals..<start], bitWidth, to: &bytes)
                append(numbers[place], count: end - start, bitWidth, to: &bytes)
                literals = end
            }
            place = end
        }
        pack(numbers[literals...], bitWidth, to: &bytes)
        return bytes
    }

    private static func append(_ value: UInt32, count: Int, _ bitWidth: Int, to bytes: inout [UInt8]) {
        bytes.appendVarint(UInt64(count) << 1)
        for byte in 0..<(bitWidth + 7) / 8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }

    /// Packs numbers from the lowest bit on; a last group is filled with zeros, which readers skip.
    private static func pack(_ numbers: ArraySlice<UInt32>, _ bitWidth: Int, to bytes: inout [UInt8]) {
        guard !numbers.isEmpty else { return }
        let groups = (numbers.count + 7) / 8
        bytes.appendVarint(UInt64(groups) << 1 | 1)
        let end = bytes.count + groups * bitWidth
        var (bits, held): (UInt64, Int) = (0, 0)
        for number in numbers {
            bits |= UInt64(number) << UInt64(held)
            held += bitWidth
            while held >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: bits))
                bits >>= 8
                held -= 8
            }
        }
        if held > 0 { bytes.append(UInt8(truncatingIfNeeded: bits)) }
        bytes.append(contentsOf: repeatElement(0, count: end - bytes.count))
    }
}

/// Levels of nested values, by their runs.
struct Levels {
    private(set) var values: [UInt8] = []
    private(set) var counts: [Int] = []

    mutating func append(_ value: Int, count: Int = 1) {
        guard count > 0 else { return }
        if values.last == UInt8(value) {
            counts[counts.count - 1] += count
        } else {
            values.append(UInt8(value))
            counts.append(count)
        }
    }
}
