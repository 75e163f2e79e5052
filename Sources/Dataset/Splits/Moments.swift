public import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Count, mean and sum of squared deviations of each band of a feature, in double precision.
public struct Moments: Hashable, Sendable {
    /// Values of each band.
    public var count: Int
    /// The mean of each band.
    public var mean: [Double]
    /// The sum of squared deviations from the mean, of each band.
    public var m2: [Double]

    /// Moments from their parts.
    public init(count: Int, mean: [Double], m2: [Double]) {
        precondition(
            mean.count == m2.count, "\(mean.count) means and \(m2.count) sums are not of the same bands")
        (self.count, self.mean, self.m2) = (count, mean, m2)
    }

    /// The moments of both sets of values (Chan, Golub and LeVeque 1979, formula 2.1).
    public func merged(with other: Moments) -> Moments {
        precondition(
            mean.count == other.mean.count,
            "moments of \(mean.count) and \(other.mean.count) bands do not merge")
        if count == 0 { return other }
        if other.count == 0 { return self }
        var result = self
        let (a, b) = (Double(count), Double(other.count))
        let total = a + b
        for band in mean.indices {
            let difference = other.mean[band] - mean[band]
            result.mean[band] = mean[band] + difference * (b / total)
            result.m2[band] = m2[band] + other.m2[band] + difference * difference * (a * b / total)
        }
        result.count = count + other.count
        return result
    }

    /// Merges the moments of many sources in a fixed tree, so that the last bit depends on the set alone.
    ///
    /// - Parameter parts: moments by source, in any order; sorted by id (equal ids must have equal moments), neighbours
    ///   are merged pair by pair until one is left.
    /// - Returns: the whole's moments; nil if there are no parts.
    public static func merge(_ parts: [(id: Digest, moments: Moments)]) -> Moments? {
        tree(parts.sorted { $0.id < $1.id }.map(\.moments))
    }

    private static func tree(_ parts: [Moments]) -> Moments? {
        var level = parts
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 2).map { index in
                index + 1 < level.count ? level[index].merged(with: level[index + 1]) : level[index]
            }
        }
        return level.first
    }

    /// The moments of all bands' values taken together, as one band.
    public var pooled: Moments {
        let bands = mean.indices.map { Moments(count: count, mean: [mean[$0]], m2: [m2[$0]]) }
        return Self.tree(bands) ?? Moments(count: 0, mean: [0], m2: [0])
    }

    /// The population's standard deviation (ddof 0) of each band; 0 where there are no values.
    public var sigma: [Double] {
        m2.map { count == 0 ? 0 : ($0 / Double(count)).squareRoot() }
    }

    /// The nearest power of 2^(1/64), by ratio; 0 stays 0.
    ///
    /// Steps are 1.09 % apart, so that small additions to a dataset leave its statistics as they were.
    ///
    /// - Parameter sigma: finite and at least 0.
    /// - Returns: 2^(k/64) for a whole k.
    public static func rounded(_ sigma: Double) -> Double {
        precondition(sigma.isFinite && sigma >= 0, "a standard deviation of \(sigma) cannot be rounded")
        guard sigma > 0 else { return 0 }
        return exp2((log2(sigma) * 64).rounded() / 64)
    }
}
