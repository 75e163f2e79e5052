#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// How often something happened in a number of independent trials: exact intervals and tests.
public enum Binomial {
    /// The probability of at most `count` successes.
    ///
    /// - Parameters:
    ///   - count: Successes.
    ///   - trials: Trials.
    ///   - probability: Of a success in a trial, 0 to 1.
    /// - Returns: The sum of the probabilities of 0 to `count` successes.
    public static func probability(ofAtMost count: Int, of trials: Int, probability: Double) -> Double {
        guard count >= 0 else { return 0 }
        guard count < trials, probability > 0 else { return 1 }
        guard probability < 1 else { return 0 }
        let odds = log(probability) - log1p(-probability)
        // The logarithm of a term, since the first may be too small for a number.
        var term = Double(trials) * log1p(-probability)
        var sum = exp(term)
        for k in stride(from: 1, through: count, by: 1) {
            term += log(Double(trials - k + 1) / Double(k)) + odds
            sum += exp(term)
        }
        return min(1, sum)
    }

    /// The exact interval of a share.
    ///
    /// Source: Clopper and Pearson, "The use of confidence or fiducial limits" (Biometrika 1934): the shares at which no
    /// more, or no fewer, successes have a probability of half of what the confidence leaves.
    ///
    /// - Parameters:
    ///   - count: Successes.
    ///   - trials: Trials, at least 1.
    ///   - confidence: 0 to 1.
    /// - Returns: The bounds, to 1e-12.
    public static func interval(
        of count: Int, in trials: Int, confidence: Double = 0.95
    ) -> ClosedRange<Double> {
        precondition(trials > 0 && (0...trials).contains(count), "\(count) of \(trials) trials")
        let tail = (1 - confidence) / 2
        // The probability of at most so many falls as the share rises.
        func share(where isAbove: (Double) -> Bool) -> Double {
            var (low, high) = (0.0, 1.0)
            while high - low > 1e-13 {
                let middle = (low + high) / 2
                if isAbove(middle) { low = middle } else { high = middle }
            }
            return (low + high) / 2
        }
        // No fewer successes than `count` are no more failures than the rest.
        let lower =
            count == 0
            ? 0
            : share { probability(ofAtMost: trials - count, of: trials, probability: 1 - $0) < tail }
        let upper =
            count == trials
            ? 1 : share { probability(ofAtMost: count, of: trials, probability: $0) > tail }
        return lower...upper
    }

    /// The exact p value of so many successes, or as unlikely a count on either side, where both are as likely.
    public static func twoSided(_ count: Int, of trials: Int) -> Double {
        min(1, 2 * probability(ofAtMost: min(count, trials - count), of: trials, probability: 0.5))
    }

    /// The exact p value of so many successes or more, where success and failure are as likely.
    public static func atLeast(_ count: Int, of trials: Int) -> Double {
        probability(ofAtMost: trials - count, of: trials, probability: 0.5)
    }

    /// The p values of several tests, corrected so that the chance of any false finding stays below the level.
    ///
    /// Source: Holm, "A simple sequentially rejective multiple test procedure" (Scandinavian Journal of Statistics 1979).
    public static func holm(_ values: [Double]) -> [Double] {
        var corrected = values
        var greatest = 0.0
        let order = values.indices.sorted { values[$0] < values[$1] }
        for (rank, index) in order.enumerated() {
            greatest = max(greatest, min(1, Double(values.count - rank) * values[index]))
            corrected[index] = greatest
        }
        return corrected
    }
}
