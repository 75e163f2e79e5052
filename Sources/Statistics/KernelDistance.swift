#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How far a set of vectors is from a reference set: the kernel audio distance (KAD).
///
/// The unbiased estimate of the squared maximum mean discrepancy, times 100, with a Gaussian kernel whose bandwidth is
/// the median distance within the reference. It does not depend on the size of the sets, but near 0 it may be negative.
/// The vectors may be embeddings of audio or any other features. Source: Chung et al., "KAD: No More FAD!" (arXiv
/// 2502.15602), and `kadtk` 1.1.0.
public struct KernelDistance: Sendable {
    /// A distance and how rarely chance gives one as large.
    public struct Test: Hashable, Sendable {
        /// 100 · MMD².
        public let distance: Double
        /// (1 + the permutations with at least this distance) / (1 + permutations).
        public let pValue: Double
    }

    /// The reference set.
    public let reference: [[Double]]
    /// The kernel's bandwidth: the median distance within the reference, of an even number the lower middle.
    public let bandwidth: Double

    /// A measure of distances to a set: nil for fewer than two vectors.
    public init?(reference: [[Double]]) {
        guard reference.count > 1 else { return nil }
        var distances: [Double] = []
        distances.reserveCapacity(reference.count * (reference.count - 1) / 2)
        for index in reference.indices {
            for other in reference[..<index] {
                distances.append(Statistics.distance(reference[index], other))
            }
        }
        distances.sort()
        self.reference = reference
        bandwidth = distances[(distances.count - 1) / 2]
    }

    /// The distance of a set: nil for fewer than two vectors.
    public func distance(of sample: [[Double]]) -> Double? {
        test(sample, permutations: 0, seed: 0)?.distance
    }

    /// The distance of a set, with a permutation test of whether both sets come from one distribution.
    ///
    /// The vectors of both sets are divided at random into two sets of the same sizes; the bandwidth stays. Time and
    /// memory grow with the square of the number of vectors, 8 bytes a pair, and each permutation takes the square of
    /// the smaller set.
    ///
    /// - Parameters:
    ///   - sample: The set, of vectors as long as the reference's.
    ///   - permutations: How many divisions are tried.
    ///   - seed: Of the generator of the permutations.
    /// - Returns: nil for fewer than two vectors.
    public func test(_ sample: [[Double]], permutations: Int = 1000, seed: UInt64 = 0) -> Test? {
        guard sample.count > 1 else { return nil }
        let matrix = KernelMatrix(sample + reference, bandwidth: bandwidth)
        var order = Array(0..<sample.count + reference.count)
        let distance = matrix.distance(order, split: sample.count)
        // Sums of the same numbers in another order differ in their last bits.
        let bound = distance - 1e-9 * max(1, abs(distance))
        var random = SplitMix64(seed: seed)
        var atLeast = 0
        for _ in 0..<permutations {
            random.shuffle(&order)
            if matrix.distance(order, split: sample.count) >= bound { atLeast += 1 }
        }
        return Test(distance: distance, pValue: Double(1 + atLeast) / Double(1 + permutations))
    }
}

/// The kernel of every pair of vectors.
private struct KernelMatrix {
    let count: Int
    /// [count, count]; the diagonal is 0.
    var values: [Double]
    var rowSums: [Double]
    let total: Double

    init(_ vectors: [[Double]], bandwidth: Double) {
        count = vectors.count
        values = [Double](repeating: 0, count: count * count)
        rowSums = [Double](repeating: 0, count: count)
        // kadtk adds 1e-8, so that a bandwidth of 0 is no division by 0.
        let gamma = 1 / (2 * bandwidth * bandwidth + 1e-8)
        for row in 0..<count {
            for column in 0..<row {
                let kernel = exp(-gamma * squaredDistance(vectors[row], vectors[column]))
                values[row * count + column] = kernel
                values[column * count + row] = kernel
                rowSums[row] += kernel
                rowSums[column] += kernel
            }
        }
        total = rowSums.reduce(0, +)
    }

    /// 100 · MMD² of the first `split` vectors of an order against the others.
    ///
    /// The sum over the smaller set's pairs and the row sums give the two other sums.
    func distance(_ order: [Int], split: Int) -> Double {
        let isFirst = split <= count - split
        let small = isFirst ? order[..<split] : order[split...]
        var (inside, rows) = (0.0, 0.0)
        values.withUnsafeBufferPointer { values in
            for (position, row) in zip(small.indices, small) {
                rows += rowSums[row]
                for other in small[small.startIndex..<position] { inside += 2 * values[row * count + other] }
            }
        }
        let across = rows - inside
        let outside = total - rows - across
        let (m, n) = (Double(small.count), Double(count - small.count))
        return 100 * (inside / (m * (m - 1)) + outside / (n * (n - 1)) - 2 * across / (m * n))
    }
}
