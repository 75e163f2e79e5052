#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// 10^x.
func pow10(_ x: Double) -> Double { pow(10, x) }

extension [Double] {
    /// The middle of the sorted numbers, or the mean of the two in the middle; nil of none.
    var median: Double? {
        guard !isEmpty else { return nil }
        let sorted = sorted()
        let half = count / 2
        return count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
    }
}

/// Pearson's correlation of two rows of one length; nil where one of them does not vary.
func correlation(_ first: some Collection<Float>, _ second: some Collection<Float>) -> Double? {
    let count = Double(first.count)
    guard count > 1 else { return nil }
    let (meanA, meanB) = (
        first.reduce(0) { $0 + Double($1) } / count, second.reduce(0) { $0 + Double($1) } / count
    )
    var (both, a, b) = (0.0, 0.0, 0.0)
    for (x, y) in zip(first, second) {
        let (x, y) = (Double(x) - meanA, Double(y) - meanB)
        both += x * y
        a += x * x
        b += y * y
    }
    return a > 0 && b > 0 ? both / (a * b).squareRoot() : nil
}
