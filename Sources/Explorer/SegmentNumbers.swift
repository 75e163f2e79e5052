import Dataset
import Files
import Loading

/// The numbers of all segments, each in a column in the order of `SegmentLibrary`, with its order and its histogram's
/// bins made once.
struct SegmentNumbers: Sendable {
    /// By name; NaN where a segment has no such number.
    let columns: [String: [Float]]
    /// By name, the segments in ascending order.
    let orders: [String: Order]
    /// By name, the bin of each segment; `noBin` where it has no such number.
    let bins: [String: [UInt8]]
    /// By name, the numbers at the ends of the histogram; what lies beyond is in its first and last bin.
    let ends: [String: ClosedRange<Double>]

    /// Segments by a number.
    struct Order: Sendable {
        /// Those with the number come first.
        let segments: [Int32]
        /// How many have the number.
        let count: Int
    }

    /// The bins of a histogram.
    static let binCount = 32
    /// The bin of no number.
    static let noBin = UInt8.max

    /// The numbers that segments may have, in the order in which people look at them.
    static let all: [(name: String, title: String)] =
        SegmentNumber.all.filter(\.isOfNotes).map(titled) + [SegmentNumberReader.pitchRange]
        + SegmentNumber.all.filter { !$0.isOfNotes }.map(titled)

    private static func titled(
        _ item: (name: String, title: String, unit: String, decimals: Int, isOfNotes: Bool)
    ) -> (name: String, title: String) {
        (item.name, item.unit.isEmpty ? item.title : "\(item.title), \(item.unit)")
    }

    /// The name of a segment's number where a query calls it `segment.<name>`; nil for all else.
    static func name(_ text: String) -> String? {
        guard text.hasPrefix("segment.") else { return nil }
        let name = String(text.dropFirst("segment.".count))
        return all.contains { $0.name == name } ? name : nil
    }

    /// Reads what the stages of the sources stored.
    ///
    /// - Throws: `BuildError`, `ManifestError`.
    init(_ reader: DatasetReader, _ table: SegmentTable, count: Int) throws {
        let stored = try SegmentNumberReader(reader)
        let sources = reader.snapshot.sources
        var columns: [String: [Float]] = [:]
        let nothing = [Float](repeating: .nan, count: count)
        var place = 0
        for start in stride(from: 0, to: sources.count, by: DatasetReader.partCount) {
            let part = start..<min(start + DatasetReader.partCount, sources.count)
            for (source, found) in zip(part, try stored.columns(of: Array(sources[part]))) {
                for run in table.runs[source] {
                    for (name, values) in found {
                        columns[name, default: nothing].replaceSubrange(
                            place..<place + run.count, with: values[run.first..<run.first + run.count])
                    }
                    place += run.count
                }
            }
        }
        self.init(columns)
    }

    /// Sorts columns, and puts their numbers into bins.
    init(_ columns: [String: [Float]]) {
        let columns = columns.mapValues { $0.map { $0.isFinite ? $0 : .nan } }
        self.columns = columns
        var ends: [String: ClosedRange<Double>] = [:]
        orders = columns.mapValues { values in
            let some = values.indices.filter { !values[$0].isNaN }
                .sorted { (values[$0], $0) < (values[$1], $1) }
            let none = values.indices.filter { values[$0].isNaN }
            return Order(segments: (some + none).map { Int32($0) }, count: some.count)
        }
        for (name, order) in orders where order.count > 0 {
            guard let values = columns[name] else { continue }
            // A few extreme numbers must not leave the rest in one bin.
            let low = Double(values[Int(order.segments[order.count / 200])])
            let high = Double(values[Int(order.segments[order.count - 1 - order.count / 200])])
            ends[name] = low...max(high, low)
        }
        self.ends = ends
        bins = Dictionary(
            uniqueKeysWithValues: columns.compactMap { name, values in
                ends[name].map { range in (name, values.map { Self.bin(Double($0), range) }) }
            })
    }

    private static func bin(_ value: Double, _ range: ClosedRange<Double>) -> UInt8 {
        guard !value.isNaN else { return noBin }
        let width = (range.upperBound - range.lowerBound) / Double(binCount)
        guard width > 0 else { return 0 }
        return UInt8(min(max((value - range.lowerBound) / width, 0), Double(binCount - 1)))
    }
}
