/// Count, mean and summed squared deviations of numbers, in double precision.
///
/// Merging is that of Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
/// variances" (1979). The result depends in its last bits on the order of merges; callers fix that order.
public struct Moments: Sendable, Hashable {
    /// How many numbers there were.
    public var count: Int
    /// Their mean; 0 if there were none.
    public var mean: Double
    /// The sum of their squared deviations from the mean.
    public var deviations: Double

    /// Moments that were stored, or of nothing.
    public init(count: Int = 0, mean: Double = 0, deviations: Double = 0) {
        self.count = count
        self.mean = mean
        self.deviations = deviations
    }

    /// The moments of these values, in two passes.
    public init(of values: UnsafeBufferPointer<Float>) {
        count = values.count
        mean = 0
        deviations = 0
        guard count > 0, let base = values.baseAddress else { return }
        var sum = SIMD4<Double>.zero
        var i = 0
        while i + 4 <= count {
            sum += SIMD4<Double>((base + i).four)
            i += 4
        }
        var total = sum.sum()
        for j in i..<count { total += Double(base[j]) }
        mean = total / Double(count)
        let center = SIMD4<Double>(repeating: mean)
        var squares = SIMD4<Double>.zero
        i = 0
        while i + 4 <= count {
            let distance = SIMD4<Double>((base + i).four) - center
            squares += distance * distance
            i += 4
        }
        deviations = squares.sum()
        for j in i..<count { deviations += (Double(base[j]) - mean) * (Double(base[j]) - mean) }
    }

    /// The moments of each row of an array of `rows` rows.
    public static func ofRows(_ rows: Int, _ values: UnsafeBufferPointer<Float>) -> [Moments] {
        precondition(
            rows > 0 && values.count % rows == 0, "\(values.count) values do not fall into \(rows) rows")
        let length = values.count / rows
        return (0..<rows).map { Moments(of: .init(rebasing: values[($0 * length)..<(($0 + 1) * length)])) }
    }

    /// Adds the numbers behind other moments.
    public mutating func merge(_ other: Moments) {
        guard other.count > 0 else { return }
        let total = count + other.count
        let distance = other.mean - mean
        mean += distance * Double(other.count) / Double(total)
        deviations +=
            other.deviations + distance * distance * Double(count) * Double(other.count) / Double(total)
        count = total
    }

    /// The moments of the same numbers times a factor, such as a gain's power.
    public func scaled(by factor: Double) -> Moments {
        Moments(count: count, mean: mean * factor, deviations: deviations * factor * factor)
    }

    /// The population's variance (ddof 0); 0 for no numbers.
    public var variance: Double { count > 0 ? deviations / Double(count) : 0 }
    /// The population's standard deviation (ddof 0); 0 for no numbers.
    public var standardDeviation: Double { variance.squareRoot() }
}
