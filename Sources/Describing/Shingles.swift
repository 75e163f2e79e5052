import Files
public import Symbolic

/// Stretches of twelve notes that follow each other, as hashes: what pieces that are versions of one work share.
///
/// Notes without drums in the order of onset, then pitch, each timeline alone. Ordered and without repeats.
public struct Shingles: Sendable, Hashable {
    /// Hashes of the stretches.
    public private(set) var hashes: [UInt32]

    /// The notes of a stretch.
    public static let noteCount = 12

    /// What is hashed of a stretch.
    public enum Content: Sendable {
        /// The pitches.
        case pitches
        /// The steps from pitch to pitch: a transposed copy has the same.
        case intervals
    }

    /// The stretches of a score.
    public init(_ score: Score, _ content: Content) {
        self.init(score.timelines.map { Self.pitches(of: $0) }, content)
    }

    /// The stretches of a score, from each timeline's pitches by onset, then pitch.
    public init(_ order: [[UInt8]], _ content: Content) {
        hashes = []
        for pitches in order { Self.append(pitches, content, to: &hashes) }
        Self.sort(&hashes)
    }

    /// Sorts, and leaves repeats out.
    private static func sort(_ hashes: inout [UInt32]) {
        hashes.sort()
        var count = 0
        for hash in hashes where count == 0 || hashes[count - 1] != hash {
            hashes[count] = hash
            count += 1
        }
        hashes.removeLast(hashes.count - count)
    }

    /// The smallest hashes of a score's stretches, at most `sketchCount`: of two sets, those of the one that lie among
    /// the other's show how much they share (Broder, "On the resemblance and containment of documents", 1997).
    public static func sketch(_ order: [[UInt8]], _ content: Content) -> [UInt32] {
        let total = order.reduce(0) { $0 + max($1.count - noteCount + 1, 0) }
        // Hashes are spread evenly, so that the smallest of many are known to lie below some bound: only those are
        // kept. Where many repeat, the bound may have been too low.
        let bound = min((UInt64(1) << 32) * UInt64(3 * sketchCount) / UInt64(max(total, 1)), 1 << 32)
        var least: [UInt32] = []
        least.reserveCapacity(min(total, 4 * sketchCount))
        for pitches in order { append(pitches, content, below: bound, to: &least) }
        sort(&least, below: bound)
        if least.count < sketchCount, bound < 1 << 32 {
            least.removeAll(keepingCapacity: true)
            for pitches in order { append(pitches, content, to: &least) }
            sort(&least)
        }
        return Array(least.prefix(sketchCount))
    }

    /// Sorts hashes that are spread evenly below a bound, and leaves repeats out.
    private static func sort(_ hashes: inout [UInt32], below bound: UInt64) {
        let bins = 1024
        guard hashes.count > 32, hashes.count < 1 << 12 else { return sort(&hashes) }
        // In bins by size, of which each holds few; then by insertion.
        let scale = (UInt64(bins) << 32) / bound
        func bin(_ hash: UInt32) -> Int { Int((UInt64(hash) &* scale) >> 32) }
        hashes = withUnsafeTemporaryAllocation(of: Int.self, capacity: bins + 1) { starts in
            starts.initialize(repeating: 0)
            for hash in hashes { starts[bin(hash) + 1] += 1 }
            for index in 1...bins { starts[index] += starts[index - 1] }
            return [UInt32](unsafeUninitializedCapacity: hashes.count) { sorted, count in
                for hash in hashes {
                    sorted.initializeElement(at: starts[bin(hash)], to: hash)
                    starts[bin(hash)] += 1
                }
                for index in 0..<hashes.count {
                    let hash = sorted[index]
                    var place = count
                    while place > 0, sorted[place - 1] > hash { place -= 1 }
                    if place > 0, sorted[place - 1] == hash { continue }
                    for moved in stride(from: count, to: place, by: -1) { sorted[moved] = sorted[moved - 1] }
                    sorted[place] = hash
                    count += 1
                }
            }
        }
    }

    /// The pitches of a timeline's notes without drums, by onset, then pitch.
    public static func pitches(of timeline: Timeline) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: timeline.notes.count) { pitches, count in
            var (tick, first) = (-1, 0)
            // Few begin together: by insertion, unless they are so many that this would take long.
            func sortRest() {
                if count - first > 64 { pitches[first..<count].sort() }
                first = count
            }
            for note in timeline.notes where !note.isDrum {
                if note.onset != tick {
                    sortRest()
                    tick = note.onset
                }
                var place = count
                if count - first < 64 {
                    while place > first, pitches[place - 1] > note.pitch {
                        pitches[place] = pitches[place - 1]
                        place -= 1
                    }
                }
                pitches[place] = note.pitch
                count += 1
            }
            sortRest()
        }
    }

    /// Appends the hashes below a bound.
    private static func append(
        _ pitches: [UInt8], _ content: Content, below bound: UInt64 = 1 << 32, to hashes: inout [UInt32]
    ) {
        guard pitches.count >= noteCount else { return }
        let isRelative = content == .intervals
        let length = isRelative ? noteCount - 1 : noteCount
        // A rolling sum of powers (Karp and Rabin, 1987): a stretch's is its forerunner's, times the base, with a value
        // more and one less.
        let base: UInt64 = 1_000_003
        let highest = (0..<length).reduce(UInt64(1)) { power, _ in power &* base }
        pitches.withUnsafeBufferPointer { pitches in
            func value(_ index: Int) -> UInt64 {
                isRelative
                    ? 200 + UInt64(pitches[index]) - UInt64(pitches[index - 1]) : UInt64(pitches[index])
            }
            let first = isRelative ? 1 : 0
            var sum: UInt64 = 0
            for index in first..<first + length { sum = sum &* base &+ value(index) }
            var index = first + length
            while true {
                let hash = spread(sum)
                if UInt64(hash) < bound { hashes.append(hash) }
                guard index < pitches.count else { return }
                sum = sum &* base &+ value(index) &- highest &* value(index - length)
                index += 1
            }
        }
    }

    /// The finaliser of MurmurHash3, which spreads neighbouring numbers over all bits; the upper half.
    static func spread(_ number: UInt64) -> UInt32 {
        var hash = number
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return UInt32(truncatingIfNeeded: (hash ^ hash >> 33) >> 32)
    }

    /// The share of the smaller set's stretches that the other has too; 0 if one is empty.
    public func share(with other: Shingles) -> Double { SharedHashes.share(hashes, other.hashes) }

    /// The most hashes of a sketch.
    public static let sketchCount = 256

    /// A sketch as text: eight hexadecimal digits a hash.
    static func text(_ sketch: [UInt32]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(sketch.count * 8)
        for hash in sketch {
            for shift in stride(from: 28, through: 0, by: -4) { text.append(digits[Int(hash >> shift & 15)]) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads what `text` wrote; nil if it is something else.
    public static func sketch(_ text: String) -> [UInt32]? {
        let bytes = Array(text.utf8)
        guard bytes.count % 8 == 0 else { return nil }
        var sketch: [UInt32] = []
        for start in stride(from: 0, to: bytes.count, by: 8) {
            var hash: UInt32 = 0
            for byte in bytes[start..<start + 8] {
                switch byte {
                case 0x30...0x39: hash = hash << 4 | UInt32(byte - 0x30)
                case 0x61...0x66: hash = hash << 4 | UInt32(byte - 0x57)
                default: return nil
                }
            }
            sketch.append(hash)
        }
        return sketch
    }
}

/// Pairs of sets that share much, found through an index of what each holds.
public enum SharedHashes {
    /// The share of the smaller set's hashes that the other has too; 0 if one is empty.
    ///
    /// Both rise.
    public static func share(_ first: [UInt32], _ second: [UInt32]) -> Double {
        let least = min(first.count, second.count)
        return least > 0 ? Double(common(first, second)) / Double(least) : 0
    }

    /// How many hashes both sets have.
    ///
    /// Both rise.
    public static func common(_ first: [UInt32], _ second: [UInt32]) -> Int {
        var (i, j, common) = (0, 0, 0)
        while i < first.count, j < second.count {
            let (a, b) = (first[i], second[j])
            if a == b { common += 1 }
            if a <= b { i += 1 }
            if b <= a { j += 1 }
        }
        return common
    }

    /// A hash that more sets than this hold is a commonplace, such as a scale, and is skipped: so are versions of one
    /// work of which there are more.
    static let commonplaceCount = 200

    /// How many hashes each pair of sets has in common; pairs that have none are left out.
    public static func counts(_ sets: [[UInt32]]) -> [Pair: Int] {
        var owners: [UInt64] = []
        owners.reserveCapacity(sets.reduce(0) { $0 + $1.count })
        for (index, set) in sets.enumerated() {
            for hash in set { owners.append(UInt64(hash) << 32 | UInt64(index)) }
        }
        owners.sort()
        var counts: [Pair: Int] = [:]
        var start = 0
        while start < owners.count {
            var end = start + 1
            while end < owners.count, owners[end] >> 32 == owners[start] >> 32 { end += 1 }
            if end - start > 1, end - start <= commonplaceCount {
                for i in start..<end - 1 {
                    for j in i + 1..<end {
                        let pair = Pair(
                            first: Int(truncatingIfNeeded: owners[i] & 0xFFFF_FFFF),
                            second: Int(truncatingIfNeeded: owners[j] & 0xFFFF_FFFF))
                        counts[pair, default: 0] += 1
                    }
                }
            }
            start = end
        }
        return counts
    }

    /// Two sets by their numbers, the smaller first.
    public struct Pair: Hashable {
        /// The smaller number.
        public let first: Int
        /// The larger number.
        public let second: Int
    }
}
