/// A bit for each of a number of places.
struct BitRow {
    private var words: [UInt64]

    /// - Parameter count: how many places.
    init(count: Int) { words = [UInt64](repeating: 0, count: count / 64 + 1) }

    /// Sets the bit of a place.
    mutating func insert(_ place: Int) { words[place >> 6] |= 1 << UInt64(place & 63) }

    /// How many bits of some places are set.
    func count(in places: Range<Int>) -> Int {
        guard !places.isEmpty else { return 0 }
        let (first, last) = (places.lowerBound >> 6, (places.upperBound - 1) >> 6)
        let head = UInt64.max << UInt64(places.lowerBound & 63)
        let tail = UInt64.max >> UInt64(63 - (places.upperBound - 1) & 63)
        if first == last { return (words[first] & head & tail).nonzeroBitCount }
        let whole = words[(first + 1)..<last].reduce(0) { $0 + $1.nonzeroBitCount }
        return (words[first] & head).nonzeroBitCount + whole + (words[last] & tail).nonzeroBitCount
    }

    /// How many set bits have another set a number of places before them.
    func repeats(after distance: Int) -> Int {
        let (skipped, shift) = (distance >> 6, UInt64(distance & 63))
        var (count, lower) = (0, UInt64(0))
        for index in words.indices.dropFirst(skipped) {
            let upper = words[index - skipped]
            let before = shift == 0 ? upper : upper << shift | lower >> (64 - shift)
            count += (words[index] & before).nonzeroBitCount
            lower = upper
        }
        return count
    }
}
