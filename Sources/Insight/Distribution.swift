public import Files

/// How a number is spread over sources.
public struct Distribution: Sendable {
    private var values: [Double] = []

    /// Nothing yet.
    public init() {}

    /// Counts a number; nil, NaN and infinities are ignored.
    public mutating func add(_ value: Double?) {
        if let value, value.isFinite { values.append(value) }
    }

    /// How many numbers there are.
    public var count: Int { values.count }
    /// The mean; 0 of nothing.
    public var mean: Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }
    /// The population's standard deviation (ddof 0); 0 of nothing.
    public var deviation: Double {
        guard !values.isEmpty else { return 0 }
        let mean = mean
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    }

    /// The value below which shares of the numbers lie, between neighbours in proportion (numpy's default).
    ///
    /// - Precondition: there is at least one number.
    public func quantiles(_ shares: [Double]) -> [Double] {
        let sorted = values.sorted()
        precondition(!sorted.isEmpty, "nothing has no quantiles")
        return shares.map { share in
            let place = share * Double(sorted.count - 1)
            let low = min(Int(place), sorted.count - 1)
            let high = min(low + 1, sorted.count - 1)
            return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
        }
    }

    /// Counts in bins of equal width between the least and the greatest number; nil of nothing, or of one value only.
    public func histogram(bins: Int) -> (edges: [Double], counts: [Int])? {
        guard let least = values.min(), let greatest = values.max(), greatest > least else { return nil }
        let width = (greatest - least) / Double(bins)
        var counts = [Int](repeating: 0, count: bins)
        for value in values { counts[min(Int((value - least) / width), bins - 1)] += 1 }
        return ((0...bins).map { least + Double($0) * width }, counts)
    }

    /// Count, mean, deviation, five quantiles and a histogram; `null` of nothing.
    public var json: JSONValue {
        guard !values.isEmpty else { return .null }
        let quantiles = quantiles([0, 0.25, 0.5, 0.75, 1])
        let bins = histogram(bins: 16)
        return [
            "histogram": bins.map { bins in
                [
                    "edges": .array(bins.edges.map { .number($0) }),
                    "counts": .array(bins.counts.map { JSONValue($0) }),
                ]
            } ?? .null,
            "sources": JSONValue(count), "mean": .number(mean), "deviation": .number(deviation),
            "min": .number(quantiles[0]), "q25": .number(quantiles[1]), "median": .number(quantiles[2]),
            "q75": .number(quantiles[3]), "max": .number(quantiles[4]),
        ]
    }
}
