import Insight
import Loading

/// Which segments are looked for, in which order, and which page of them.
struct SegmentQuery: Sendable {
    /// Words that the path or a label's value must contain, in lower case.
    var text = ""
    /// The splits, kinds and codes of problems that will do; all if there are none.
    var splits: Set<Split> = []
    var kinds: Set<SegmentKind> = []
    var problems: Set<String> = []
    /// The tags that will do, of the segment or its source; all segments if there are none.
    var tags: Set<String> = []
    /// The number of the only source; nil: all.
    var source: Int?
    /// By label the values that will do; "" is a label that is not known.
    var labels: [String: Set<String>] = [:]
    /// By measure of sources, or `segment.<number>`, the numbers that will do.
    var ranges: [String: ClosedRange<Double>] = [:]
    /// A measure of sources, or `segment.<number>`; nil: by path.
    var sort: String?
    /// Whether the sort is descending.
    var isDescending = false
    /// Whether a row stands for all segments of a source.
    var isGrouped = false
    /// From 0.
    var page = 0

    /// Rows on a page; so many fill two to six columns.
    static let pageSize = 60

    private var measures: [String] { Array(ranges.keys) + (sort.map { [$0] } ?? []) }
    /// Whether the measures of sources must be known.
    var needsMeasures: Bool { measures.contains { SegmentNumbers.name($0) == nil } }
    /// Whether the numbers of segments must be known.
    var needsNumbers: Bool { measures.contains { SegmentNumbers.name($0) != nil } }

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
                splits.insert(split)
            case "kind" where !value.isEmpty:
                guard let kind = SegmentKind(rawValue: value) else { throw fault("audio, midi or paired") }
                kinds.insert(kind)
            case "problem" where !value.isEmpty: problems.insert(value)
            case "tag" where !value.isEmpty: tags.insert(value)
            case "source" where !value.isEmpty:
                guard let source = Int(value), source >= 0 else { throw fault("the number of a source") }
                self.source = source
            case "group" where !value.isEmpty:
                guard value == "source" else { throw fault("source") }
                isGrouped = true
            case "page":
                guard let page = Int(value), page >= 0, page < 1 << 40 else { throw fault("a page from 0") }
                self.page = page
            case "sort" where !value.isEmpty:
                isDescending = value.hasPrefix("-")
                let measure = isDescending ? String(value.dropFirst()) : value
                guard Self.isMeasure(measure) else { throw fault("a measure") }
                sort = measure
            case "split", "kind", "sort", "problem", "tag", "source", "group": break
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

    private static func isMeasure(_ name: String) -> Bool {
        SegmentNumbers.name(name) != nil || SourceMeasure.all.contains { $0.name == name }
    }
}
