import Files

/// Counts of lengths in bins whose edges are a factor of √2 apart.
///
/// Bin 0 holds all below 1/32; bin i ≥ 1 holds lengths from 2^((i − 11)/2) to below 2^((i − 10)/2); the last holds all
/// from 32 on. A length is in beats or seconds; its owner says which.
public struct LogHistogram: Sendable, Hashable {
    /// How many lengths fall in each bin.
    public private(set) var counts = [Int](repeating: 0, count: LogHistogram.binCount)

    /// The lower edges of all bins but the first: 2^(−5), 2^(−4.5) … 2^5.
    public static let edges: [Double] = (0...20).map { index in
        let whole = index / 2 - 5
        let power = whole < 0 ? 1 / Double(1 << -whole) : Double(1 << whole)
        return index % 2 == 0 ? power : power * 2.0.squareRoot()
    }

    /// An empty histogram.
    public init() {}

    /// Counts a length.
    public mutating func add(_ length: Double) { counts[Self.bin(length)] += 1 }

    /// The bin of a length.
    static func bin(_ length: Double) -> Int {
        // The exponent of the length's square counts half octaves; √2 as a Double is a hair too large, so that the
        // square of an edge reaches its power of 2.
        let square = min(length * length, 0x1p10)
        return square > 0 ? max(Int(square.exponent) + 11, 0) : 0
    }

    /// How many bins there are.
    static let binCount = 22

    /// Adds what was counted in each bin.
    mutating func add(counts others: UnsafeMutableBufferPointer<Int>) {
        for index in counts.indices { counts[index] += others[index] }
    }

    /// Adds what another counted.
    public mutating func merge(_ other: LogHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    /// How many lengths there are.
    public var total: Int { counts.reduce(0, +) }

    init?(json: JSONValue?) {
        guard let counts = [Int](sparse: json, count: Self.binCount) else { return nil }
        self.counts = counts
    }
}

extension [Int] {
    /// The counts without the zeros at either end: `[first index, count, count, …]`; empty if all are 0.
    var sparse: JSONValue {
        guard let first = firstIndex(where: { $0 != 0 }), let last = lastIndex(where: { $0 != 0 }) else {
            return []
        }
        return .array([JSONValue(first)] + self[first...last].map { JSONValue($0) })
    }

    /// Reads what `sparse` wrote.
    init?(sparse json: JSONValue?, count: Int) {
        guard let values = json?.array?.compactMap(\.integer), values.count == json?.array?.count else {
            return nil
        }
        self.init(repeating: 0, count: count)
        guard let first = values.first else { return }
        guard first >= 0, first + values.count - 1 <= count else { return nil }
        for (offset, value) in values.dropFirst().enumerated() { self[first + offset] = value }
    }
}
