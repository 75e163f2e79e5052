/// One example of a set: a window of a segment.
struct Item: Hashable, Sendable {
    /// The segment's number in the split.
    var segment: Int
    /// The window's number in the segment, from 0.
    var window: Int
}

/// Examples in their natural order, kept as runs of neighbouring segments: some numbers a piece, none a segment.
struct ItemList: Sendable {
    private struct Run {
        let first: Int
        let segment: Int
        let segments: Int
        let windows: Int
    }

    private var runs: [Run] = []
    /// The number of examples.
    private(set) var count = 0

    /// Adds neighbouring segments, each with so many windows.
    mutating func append(_ segments: Range<Int>, windows: Int = 1) {
        guard !segments.isEmpty, windows > 0 else { return }
        if let last = runs.last, last.windows == windows, last.segment + last.segments == segments.lowerBound
        {
            runs[runs.count - 1] = Run(
                first: last.first, segment: last.segment, segments: last.segments + segments.count,
                windows: windows)
        } else {
            runs.append(
                Run(first: count, segment: segments.lowerBound, segments: segments.count, windows: windows))
        }
        count += segments.count * windows
    }

    /// An example by its number.
    subscript(index: Int) -> Item {
        precondition(index >= 0 && index < count, "example \(index) of \(count)")
        let run = runs[runs.partition(where: { $0.first > index }) - 1]
        let (segment, window) = (index - run.first).quotientAndRemainder(dividingBy: run.windows)
        return Item(segment: run.segment + segment, window: window)
    }
}

extension Array {
    /// The number of leading elements that don't meet a condition, of elements sorted so that those that meet it
    /// come last.
    func partition(where isBehind: (Element) -> Bool) -> Int {
        var range = 0..<count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = isBehind(self[middle]) ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        return range.lowerBound
    }
}

/// The endless order of one set: a function of the position alone.
struct ItemOrder: Sendable {
    /// The set's examples; more than one list where a label is balanced.
    let groups: [ItemList]
    /// How many of each group come before the order of groups is drawn again.
    let share: Int
    private let seed: UInt64
    private let isShuffled: Bool

    /// - Precondition: there is a group, and none is empty.
    init(_ groups: [ItemList], balance: LoaderPlan.Balance.Share?, seed: UInt64, isShuffled: Bool) {
        precondition(!groups.isEmpty && groups.allSatisfy { $0.count > 0 }, "examples in every group")
        self.groups = groups
        self.seed = seed
        self.isShuffled = isShuffled
        let counts = groups.map(\.count)
        share = (balance == .smallest ? counts.min() : counts.max()) ?? 0
    }

    /// The examples of one pass.
    var count: Int { groups.count * share }

    /// The example at a position, from 0 without end.
    func item(_ position: Int) -> Item {
        var (pass, place) = position.quotientAndRemainder(dividingBy: count)
        if groups.count > 1 { place = shuffled(place, of: count, 0, pass) }
        // A group continues where the last pass left it, so that each of its examples has its turn.
        let (turn, group) = place.quotientAndRemainder(dividingBy: groups.count)
        let list = groups[group]
        let (round, index) = (pass * share + turn).quotientAndRemainder(dividingBy: list.count)
        return list[shuffled(index, of: list.count, group + 1, round)]
    }

    private func shuffled(_ index: Int, of count: Int, _ group: Int, _ round: Int) -> Int {
        guard isShuffled else { return index }
        let key = Draw.hash(seed, UInt64(group), UInt64(round))
        return IndexShuffle(count: count, key: key)[index]
    }
}
