import Insight
import Loading

/// Which segments are looked for, in which order, and which page of them.
struct SegmentQuery: Sendable {
    /// Words that the path or a label's value must contain, in lower case.
    var text = ""
    var split: Split?
    var kind: SegmentKind?
    /// By label the values that will do; "" is a label that is not known.
    var labels: [String: Set<String>] = [:]
    /// By measure the numbers that will do.
    var ranges: [String: ClosedRange<Double>] = [:]
    /// A measure; nil: by path.
    var sort: String?
    /// Whether the sort is descending.
    var isDescending = false
    /// From 0.
    var page = 0

    /// Segments on a page.
    static let pageSize = 50

    /// Whether the measures of sources must be known.
    var needsMeasures: Bool { !ranges.isEmpty || sort != nil }

    /// Reads a request's query.
    init(_ request: ExplorerRequest, vocabularies: [String: [String]]) throws(ExplorerError) {
        for (name, value) in request.query {
            func fault(_ wanted: String) -> ExplorerError {
                ExplorerError(.badRequest, "'\(name)' must be \(wanted)")
            }
            switch name {
            case "q": text = value.lowercased()
            case "split" where !value.isEmpty:
                guard let split = Split(rawValue: value) else {
                    throw fault("train, validation or test")
                }
                self.split = split
            case "kind" where !value.isEmpty:
                guard let kind = SegmentKind(rawValue: value) else { throw fault("audio, midi or paired") }
                self.kind = kind
            case "page":
                guard let page = Int(value), page >= 0, page < 1 << 40 else { throw fault("a page from 0") }
                self.page = page
            case "sort" where !value.isEmpty:
                isDescending = value.hasPrefix("-")
                let measure = isDescending ? String(value.dropFirst()) : value
                guard Self.isMeasure(measure) else { throw fault("a measure") }
                sort = measure
            case "split", "kind", "sort": break
            default: try readFilter(name, value, vocabularies, fault("the name of a filter"))
            }
        }
    }

    /// `label.<name>=<value>`, `min.<measure>=<number>`, `max.<measure>=<number>`.
    private mutating func readFilter(
        _ name: String, _ value: String, _ vocabularies: [String: [String]], _ fault: ExplorerError
    ) throws(ExplorerError) {
        guard let dot = name.firstIndex(of: ".") else { throw fault }
        let (form, of) = (name[..<dot], String(name[name.index(after: dot)...]))
        switch form {
        case "label":
            guard vocabularies[of] != nil else { throw fault }
            labels[of, default: []].insert(value)
        case "min", "max":
            guard Self.isMeasure(of), let number = Double(value), number.isFinite else { throw fault }
            let old = ranges[of] ?? -Double.infinity...Double.infinity
            ranges[of] =
                form == "min"
                ? number...max(number, old.upperBound) : min(number, old.lowerBound)...number
        default: throw fault
        }
    }

    private static func isMeasure(_ name: String) -> Bool { SourceMeasure.all.contains { $0.name == name } }
}
