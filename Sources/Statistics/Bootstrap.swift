/// How sure a mean over pieces is: percentile intervals of the bootstrap.
///
/// Pieces are drawn with replacement, never files or segments: several values of one piece are averaged first, since
/// they are not independent. Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
public enum Bootstrap {
    /// A mean and the interval that the resampled means leave.
    public struct Interval: Hashable, Sendable {
        /// The lower bound.
        public let lower: Double
        /// The mean over pieces.
        public let mean: Double
        /// The upper bound.
        public let upper: Double
        /// The pieces.
        public let pieceCount: Int
    }

    /// The fewest pieces for which an interval is given.
    public static let leastPieceCount = 8

    /// The interval of the mean of a measure.
    ///
    /// - Parameters:
    ///   - values: The measure's values.
    ///   - pieces: The piece of each value; nil if each value is a piece of its own.
    ///   - resamples: How many samples are drawn.
    ///   - confidence: The share of the resampled means in the interval; quantiles are interpolated linearly.
    ///   - seed: Of the generator.
    /// - Returns: nil for fewer than `leastPieceCount` pieces.
    public static func interval(
        ofMean values: [Double], pieces: [String]? = nil, resamples: Int = 10_000, confidence: Double = 0.95,
        seed: UInt64 = 0
    ) -> Interval? {
        interval(
            pieces.map { meanByPiece(values, pieces: $0).sorted { $0.key < $1.key }.map(\.value) } ?? values,
            resamples, confidence, seed)
    }

    /// The interval of the mean difference of two measures of the same pieces: first − second, piece by piece.
    ///
    /// Pieces that only one of them has are left out. Parameters are as for `interval(ofMean:)`; for several values of
    /// a piece see `meanByPiece`.
    ///
    /// - Returns: nil for fewer than `leastPieceCount` pieces that both have.
    public static func interval(
        ofDifference first: [String: Double], _ second: [String: Double], resamples: Int = 10_000,
        confidence: Double = 0.95, seed: UInt64 = 0
    ) -> Interval? {
        let differences = first.sorted { $0.key < $1.key }.compactMap { piece, value in
            second[piece].map { value - $0 }
        }
        return interval(differences, resamples, confidence, seed)
    }

    /// The mean of each piece's values.
    public static func meanByPiece(_ values: [Double], pieces: [String]) -> [String: Double] {
        precondition(values.count == pieces.count, "\(values.count) values of \(pieces.count) pieces")
        var sums: [String: (sum: Double, count: Int)] = [:]
        for (value, piece) in zip(values, pieces) {
            let (sum, count) = sums[piece] ?? (0, 0)
            sums[piece] = (sum + value, count + 1)
        }
        return sums.mapValues { $0.sum / Double($0.count) }
    }

    private static func interval(
        _ values: [Double], _ resamples: Int, _ confidence: Double, _ seed: UInt64
    ) -> Interval? {
        precondition(
            resamples > 0 && confidence > 0 && confidence < 1,
            "\(resamples) resamples at a confidence of \(confidence)")
        guard values.count >= leastPieceCount else { return nil }
        var random = SplitMix64(seed: seed)
        var means = (0..<resamples).map { _ in
            var sum = 0.0
            for _ in values.indices { sum += values[random.index(below: values.count)] }
            return sum / Double(values.count)
        }
        means.sort()
        func quantile(_ share: Double) -> Double {
            let position = share * Double(means.count - 1)
            let index = min(Int(position), means.count - 1)
            let next = min(index + 1, means.count - 1)
            return means[index] + (position - Double(index)) * (means[next] - means[index])
        }
        return Interval(
            lower: quantile((1 - confidence) / 2), mean: values.reduce(0, +) / Double(values.count),
            upper: quantile((1 + confidence) / 2), pieceCount: values.count)
    }
}

/// How much of the source style a transfer takes away, by a classifier's probabilities.
///
/// Source: Brunner et al., "Symbolic Music Genre Transfer with CycleGAN" (ICTAI 2018), section V.
public enum TransferStrength {
    /// The mean of P(source style) before less that after, −1 to 1; nil without pieces.
    ///
    /// - Parameters:
    ///   - before: The probability of the source style for each content.
    ///   - after: The same probability for each output, in the same order.
    /// - Returns: The mean difference.
    public static func oneWay(before: [Double], after: [Double]) -> Double? {
        precondition(before.count == after.count, "\(before.count) contents and \(after.count) outputs")
        guard !before.isEmpty else { return nil }
        return zip(before, after).reduce(0) { $0 + $1.0 - $1.1 } / Double(before.count)
    }

    /// The mean of both directions, A to B and B to A; nil if one has no pieces.
    public static func bothWays(
        forward: (before: [Double], after: [Double]), backward: (before: [Double], after: [Double])
    ) -> Double? {
        guard let there = oneWay(before: forward.before, after: forward.after),
            let back = oneWay(before: backward.before, after: backward.after)
        else { return nil }
        return (there + back) / 2
    }
}
