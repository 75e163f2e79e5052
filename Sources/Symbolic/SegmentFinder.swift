/// Finds the segments that stretches of steps overlap.
struct SegmentFinder {
    private let starts: [Int]
    private let steps: Int
    private let end: Int
    /// Segments before it are over.
    private var first = 0

    /// - Parameters:
    ///   - starts: the steps at which segments start, not falling.
    ///   - steps: their length.
    ///   - end: where the part that is cut ends.
    init(_ starts: [Int], steps: Int, end: Int) {
        self.starts = starts
        self.steps = steps
        self.end = end
    }

    /// The segments that a stretch overlaps; stretches come in the order of their starts.
    @inline(__always)
    mutating func segments(from start: Int, to stop: Int) -> Range<Int32> {
        while first < starts.count, starts[first] + steps <= start { first += 1 }
        guard first < starts.count, starts[first] < stop, start < end else { return 0..<0 }
        var (low, high) = (first + 1, starts.count)
        if low < high, starts[low] >= stop { high = low }
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] < stop { low = middle + 1 } else { high = middle }
        }
        return Range(
            uncheckedBounds: (Int32(truncatingIfNeeded: first), Int32(truncatingIfNeeded: low)))
    }
}
