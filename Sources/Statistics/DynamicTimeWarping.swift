/// The cheapest way to lay two sequences over each other.
public struct WarpingPath: Hashable, Sendable {
    /// A frame of each sequence that lie over each other.
    public struct Pair: Hashable, Sendable {
        /// The first sequence's frame.
        public let first: Int
        /// The second sequence's frame.
        public let second: Int

        /// A pair of frames.
        public init(first: Int, second: Int) {
            self.first = first
            self.second = second
        }
    }

    /// The pairs from the beginnings of both to their ends.
    public let pairs: [Pair]
    /// The sum of the distances of all pairs.
    public let cost: Double
}

/// Dynamic time warping with steps of one frame in either sequence or both: `librosa.sequence.dtw` with its defaults.
public enum DynamicTimeWarping {
    /// How far two frames are apart.
    public enum Metric: Hashable, Sendable {
        /// 1 − cosine: 1 if one frame is zero, 0 if both are.
        case cosine
        /// The Euclidean distance.
        case euclidean
    }

    /// Aligns two sequences from end to end.
    ///
    /// Of equal costs the step in both is preferred, then the step in the second alone, as in librosa 0.11. Time and
    /// memory are proportional to the product of the lengths, with one byte per cell: a caller thins out long
    /// sequences.
    ///
    /// - Parameters:
    ///   - first: [frame][feature].
    ///   - second: [frame][feature], of as many features.
    ///   - metric: The distance of frames.
    /// - Returns: nil if one of the sequences is empty.
    public static func align(_ first: [[Double]], _ second: [[Double]], metric: Metric) -> WarpingPath? {
        guard let width = first.first?.count, !second.isEmpty else { return nil }
        precondition(
            first.allSatisfy { $0.count == width } && second.allSatisfy { $0.count == width },
            "sequences whose frames do not all have \(width) features")
        let (a, b) = (prepared(first, metric), prepared(second, metric))
        let (rows, columns) = (first.count, second.count)
        var steps = [UInt8](repeating: 0, count: rows * columns)
        var before = [Double](repeating: .infinity, count: columns + 1)
        var current = before
        for row in 0..<rows {
            current[0] = .infinity
            for column in 0..<columns {
                let distance = distance(a, row, b, column, width, metric)
                var (best, step) = (before[column], UInt8(0))
                if row == 0, column == 0 { best = 0 }
                if current[column] < best { (best, step) = (current[column], 1) }
                if before[column + 1] < best { (best, step) = (before[column + 1], 2) }
                current[column + 1] = best + distance
                steps[row * columns + column] = step
            }
            swap(&before, &current)
        }
        var pairs: [WarpingPath.Pair] = []
        var (row, column) = (rows - 1, columns - 1)
        while true {
            pairs.append(WarpingPath.Pair(first: row, second: column))
            if row == 0, column == 0 { break }
            let step = row == 0 ? 1 : column == 0 ? 2 : steps[row * columns + column]
            if step != 1 { row -= 1 }
            if step != 2 { column -= 1 }
        }
        return WarpingPath(pairs: pairs.reversed(), cost: before[columns])
    }

    /// All frames in one array; for the cosine of length 1, zero frames as they are.
    private static func prepared(_ frames: [[Double]], _ metric: Metric) -> [Double] {
        frames.flatMap { frame -> [Double] in
            guard metric == .cosine else { return frame }
            let norm = frame.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return norm > 0 ? frame.map { $0 / norm } : frame
        }
    }

    @inline(__always)
    private static func distance(
        _ a: [Double], _ row: Int, _ b: [Double], _ column: Int, _ width: Int, _ metric: Metric
    ) -> Double {
        let (from, other) = (row * width, column * width)
        var sum = 0.0
        switch metric {
        case .euclidean:
            for index in 0..<width {
                let difference = a[from + index] - b[other + index]
                sum += difference * difference
            }
            return sum.squareRoot()
        case .cosine:
            var (left, right) = (false, false)
            for index in 0..<width {
                sum += a[from + index] * b[other + index]
                left = left || a[from + index] != 0
                right = right || b[other + index] != 0
            }
            return left || right ? 1 - sum : 0
        }
    }
}
