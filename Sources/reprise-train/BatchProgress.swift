import Files

/// How far a row of conversions is, and the time left if each of the others takes as long as those so far.
struct BatchProgress {
    private let total: Int
    private var number = 0
    private var converted = 0
    private var seconds = 0.0

    init(of total: Int) { self.total = total }

    /// Begins the next file, and gives its place and the time left, such as "3 of 12, about 2 min 10 s left".
    mutating func next() -> String {
        number += 1
        let place = "\(number) of \(total)"
        guard converted > 0 else { return place }
        let left = seconds / Double(converted) * Double(total - number + 1)
        return "\(place), about \(durationText(left)) left"
    }

    /// Counts a file that was converted in so many seconds; one that came from the cache says nothing of the others.
    mutating func count(_ seconds: Double) {
        converted += 1
        self.seconds += seconds
    }
}
