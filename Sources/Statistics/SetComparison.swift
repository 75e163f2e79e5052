#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A density made of a Gaussian around each sample: `scipy.stats.gaussian_kde` in one dimension.
public struct GaussianDensity: Hashable, Sendable {
    /// The samples.
    public let samples: [Double]
    /// The standard deviation of each Gaussian: the samples' own (over n − 1) times n^(−1/5), Scott's rule.
    public let bandwidth: Double

    /// A density of samples; nil for fewer than two, or if all are equal.
    public init?(_ samples: [Double]) {
        guard samples.count > 1 else { return nil }
        let count = Double(samples.count)
        let mean = samples.reduce(0, +) / count
        let variance = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        guard variance > 0 else { return nil }
        self.samples = samples
        bandwidth = variance.squareRoot() * pow(count, -0.2)
    }

    /// The natural logarithm of the density, which is finite far away too.
    public func logDensity(at x: Double) -> Double {
        var largest = -Double.infinity
        for sample in samples { largest = max(largest, -(x - sample) * (x - sample)) }
        let scale = 1 / (2 * bandwidth * bandwidth)
        var sum = 0.0
        for sample in samples { sum += exp((-(x - sample) * (x - sample) - largest) * scale) }
        return largest * scale + log(sum / (Double(samples.count) * bandwidth * (2 * Double.pi).squareRoot()))
    }

    /// The density.
    public func density(at x: Double) -> Double { exp(logDensity(at: x)) }
}

/// How two sets of pieces compare by one feature: overlap area and KL divergence of Yang and Lerch.
///
/// The distances within a set show how varied it is, those between the sets how far they are apart. If the sets are
/// alike, the two distributions of distances are too. Source: Yang and Lerch, "On the evaluation of generative models
/// in music" (Neural Computing and Applications, 2020), section 3.2, and their code `mgeval`.
public struct SetComparison: Hashable, Sendable {
    /// A set's distances within itself against the distances between the sets.
    public struct Comparison: Hashable, Sendable {
        /// ∫ min(p, q) over the range of all distances, 0 to 1; a little below 1 for equal densities, whose tails lie
        /// outside.
        public let overlapArea: Double
        /// The KL divergence of the set's own density from that between the sets, in nats, not below 0.
        public let divergence: Double
    }

    /// The outputs' own distances against those to the reference.
    public let outputs: Comparison
    /// The reference's own distances against those to the outputs.
    public let reference: Comparison

    /// The points of the grid on which densities are compared, from the least of all distances to the largest.
    public static let gridCount = 1000

    /// Compares two sets by Euclidean distances of a feature, which may be a number or a vector.
    ///
    /// As in `mgeval`, each pair within a set counts twice, which makes the bandwidth of Scott's rule smaller. The
    /// overlap area is the trapezoid rule on the grid. The divergence is that of both densities on one grid, normalised
    /// to sum 1; `mgeval` takes each on a grid of its own, which compares densities at different places. nil if a set
    /// has fewer than two pieces, or if the distances of one kind are all equal.
    ///
    /// - Parameters:
    ///   - outputs: The feature of each output: [piece][number].
    ///   - reference: The feature of each piece of the style.
    public init?(outputs: [[Double]], reference: [[Double]]) {
        let between = outputs.flatMap { output in reference.map { distance(output, $0) } }
        guard let inter = GaussianDensity(between), outputs.count > 1, reference.count > 1,
            let first = Self.compare(outputs, inter), let second = Self.compare(reference, inter)
        else { return nil }
        self.outputs = first
        self.reference = second
    }

    private static func compare(_ set: [[Double]], _ inter: GaussianDensity) -> Comparison? {
        var within: [Double] = []
        for (index, item) in set.enumerated() {
            for (other, second) in set.enumerated() where other != index {
                within.append(distance(item, second))
            }
        }
        guard let intra = GaussianDensity(within) else { return nil }
        return compare(intra, inter)
    }

    /// Compares two densities on the grid over the range of all their samples.
    static func compare(_ first: GaussianDensity, _ second: GaussianDensity) -> Comparison {
        let all = first.samples + second.samples
        let low = all.reduce(.infinity, min)
        let high = all.reduce(-.infinity, max)
        let step = (high - low) / Double(gridCount - 1)
        let grid = (0..<gridCount).map { low + Double($0) * step }
        let (p, q) = (grid.map(first.logDensity), grid.map(second.logDensity))
        var area = 0.0
        for index in grid.indices {
            let least = exp(min(p[index], q[index]))
            area += index == 0 || index == gridCount - 1 ? least / 2 : least
        }
        let (sumP, sumQ) = (logSum(p), logSum(q))
        var divergence = 0.0
        for index in grid.indices {
            let logShare = p[index] - sumP
            divergence += exp(logShare) * (logShare - (q[index] - sumQ))
        }
        return Comparison(overlapArea: area * step, divergence: max(0, divergence))
    }

    private static func logSum(_ logs: [Double]) -> Double {
        let largest = logs.reduce(-.infinity, max)
        return largest + log(logs.reduce(0) { $0 + exp($1 - largest) })
    }
}

/// The Euclidean distance of two vectors.
package func distance(_ first: [Double], _ second: [Double]) -> Double {
    squaredDistance(first, second).squareRoot()
}

/// The square of the Euclidean distance of two vectors.
func squaredDistance(_ first: [Double], _ second: [Double]) -> Double {
    precondition(first.count == second.count, "vectors of \(first.count) and \(second.count) numbers")
    var sum = 0.0
    for index in first.indices {
        let difference = first[index] - second[index]
        sum += difference * difference
    }
    return sum
}
