import Dataset
import Files
import Loading

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The segments of a dataset, held so that hundreds of thousands are filtered, sorted and counted in milliseconds.
///
/// A segment's index counts from 0 over the sources in the snapshot's order, and over each source's segments in theirs.
struct SegmentLibrary: Sendable {
    private let sources: [Snapshot.Source]
    private let runs: [[SegmentTable.Run]]
    /// The index of each source's first segment, and the number of all segments.
    let first: [Int]
    /// The number of all segments.
    var count: Int { first[first.count - 1] }
    /// By segment, its split's place in `Split.allCases`.
    private let splits: [UInt8]
    /// By label.
    let labels: [String: Values]
    /// Paths and label values in lower case, one source after the other, each ended by a line break.
    private let words: [UInt8]
    private let wordsOffset: [Int]

    /// The numbers of each source by measure, in the order of `SourceMeasure.all`; NaN where it has none.
    typealias Measures = [String: [Double]]

    /// The values that sources have of one label.
    struct Values: Sendable {
        /// Each value once; "" is unknown.
        private(set) var names: [String] = []
        private var codes: [String: Int] = [:]
        private var own: [Int] = []
        private var offset = [0]

        fileprivate mutating func append(_ values: some Sequence<String>) {
            for value in values {
                let code = codes[value] ?? names.count
                if code == names.count {
                    codes[value] = code
                    names.append(value)
                }
                own.append(code)
            }
            offset.append(own.count)
        }

        /// The values of a source, as places in `names`.
        func of(_ source: Int) -> ArraySlice<Int> { own[offset[source]..<offset[source + 1]] }

        /// Which values are among some.
        fileprivate func isAmong(_ wanted: Set<String>) -> [Bool] { names.map { wanted.contains($0) } }
    }

    init(_ sources: [Snapshot.Source], _ table: SegmentTable, labels: some Collection<String>) {
        self.sources = sources
        runs = table.runs
        var words: [UInt8] = []
        var offset = [0]
        var first = [0]
        var splits: [UInt8] = []
        var values = Dictionary(uniqueKeysWithValues: labels.map { ($0, Values()) })
        for (index, source) in sources.enumerated() {
            words += source.path.lowercased().utf8
            for value in source.labels.values { words += [32] + LabelText.shown(value).lowercased().utf8 }
            words.append(10)
            offset.append(words.count)
            for run in runs[index] {
                let split = UInt8(Split.allCases.firstIndex(of: run.split) ?? 0)
                splits += repeatElement(split, count: run.count)
            }
            first.append(splits.count)
            for name in labels { values[name]?.append(LabelText.values(source.labels[name])) }
        }
        (self.words, wordsOffset, self.first, self.splits, self.labels) = (
            words, offset, first, splits, values
        )
    }

    /// A row of a page.
    struct Row: Sendable {
        let source: Int
        /// Its number in the source.
        let segment: Int
        let split: Split
        /// Its number in the split.
        let number: Int
        /// How many segments of the source were found; nil unless a row stands for a source.
        var found: Int?
        /// What is sorted by; NaN if it has no such number.
        var value = Double.nan
    }

    /// What is known beside the snapshot, as far as a query needs it.
    struct Known: Sendable {
        var measures: Measures = [:]
        var numbers: SegmentNumbers?
        /// By code of a problem, whether it concerns each source.
        var problems: [String: [Bool]] = [:]
        var tags = SegmentTags()
    }

    // MARK: Filters

    /// A filter, as it is counted apart from the others.
    enum Facet: Hashable, Sendable {
        case split, kind, problem, tag, other
        case label(String)
        case number(String)
    }

    /// Calls back with every segment that all filters let through but one at most, and with that one.
    ///
    /// So one pass gives what is found, and for each filter what would be found without it.
    func forEach(
        _ query: SegmentQuery, _ known: Known, _ body: (_ segment: Int, _ source: Int, Facet?) -> Void
    ) {
        let needles = query.text.split(separator: " ").map { Array($0.utf8) }
        let wanted = query.labels.compactMap { name, values in
            labels[name].map { (name: name, values: $0, isWanted: $0.isAmong(values)) }
        }
        let problems = query.problems.map { known.problems[$0] ?? [] }
        var sourceRanges: [(values: [Double], range: ClosedRange<Double>)] = []
        var ranges: [(name: String, values: [Float], range: ClosedRange<Double>)] = []
        for (name, range) in query.ranges {
            if let own = SegmentNumbers.name(name) {
                ranges.append((own, known.numbers?.columns[own] ?? [], range))
            } else if let values = known.measures[name] {
                sourceRanges.append((values, range))
            }
        }
        let wantedTags = Set(known.tags.names.indices.filter { query.tags.contains(known.tags.names[$0]) })
        let isSplit = Split.allCases.map { query.splits.isEmpty || query.splits.contains($0) }
        let only = query.source.map { $0..<min($0 + 1, sources.count) } ?? 0..<sources.count
        for source in only where first[source] < first[source + 1] {
            var out: Facet?
            var failures = 0
            func fail(_ facet: Facet) {
                out = facet
                failures += 1
            }
            if !query.kinds.isEmpty, !query.kinds.contains(sources[source].segmentKind) { fail(.kind) }
            for (name, values, isWanted) in wanted where !values.of(source).contains(where: { isWanted[$0] })
            {
                fail(.label(name))
            }
            if !problems.isEmpty, !problems.contains(where: { $0.indices.contains(source) && $0[source] }) {
                fail(.problem)
            }
            guard failures < 2, sourceRanges.allSatisfy({ $1.contains($0[source]) }),
                needles.allSatisfy({ contains($0, source) })
            else { continue }
            for segment in first[source]..<first[source + 1] {
                var (own, count) = (out, failures)
                if !isSplit[Int(splits[segment])] { (own, count) = (.split, count + 1) }
                for (name, values, range) in ranges
                where values.isEmpty || !range.contains(Double(values[segment])) {
                    (own, count) = (.number(name), count + 1)
                }
                if !query.tags.isEmpty, known.tags.of(segment, source: source).isDisjoint(with: wantedTags) {
                    (own, count) = (.tag, count + 1)
                }
                if count < 2 { body(segment, source, own) }
            }
        }
    }

    // MARK: Pages

    /// How many segments and sources a query finds, how many rows they make, and one page of them.
    func find(
        _ query: SegmentQuery, _ known: Known
    ) -> (segments: Int, sources: Int, count: Int, rows: [Row]) {
        var isFound = [Bool](repeating: false, count: count)
        var perSource = [Int](repeating: 0, count: sources.count)
        var segments = 0
        forEach(query, known) { segment, source, out in
            guard out == nil else { return }
            isFound[segment] = true
            perSource[source] += 1
            segments += 1
        }
        let with = perSource.reduce(0) { $0 + ($1 > 0 ? 1 : 0) }
        let count = query.isGrouped ? with : segments
        let page = query.page * SegmentQuery.pageSize..<(query.page + 1) * SegmentQuery.pageSize
        guard page.lowerBound < count else { return (segments, with, count, []) }
        var rows: [Row] = []
        var place = 0
        var isSeen = [Bool](repeating: !query.isGrouped, count: query.isGrouped ? sources.count : 0)
        forEachInOrder(query, known) { segment in
            guard isFound[segment] else { return true }
            var source: Int?
            if query.isGrouped {
                let own = self.source(of: segment)
                guard !isSeen[own] else { return true }
                isSeen[own] = true
                source = own
            }
            defer { place += 1 }
            guard page.contains(place) else { return place < page.upperBound }
            let own = source ?? self.source(of: segment)
            if var row = row(segment, own) {
                if query.isGrouped { row.found = perSource[own] }
                row.value = value(segment, own, query, known)
                rows.append(row)
            }
            return true
        }
        return (segments, with, count, rows)
    }

    /// Calls back with every segment in a query's order until the answer is false; those without the number come last.
    private func forEachInOrder(_ query: SegmentQuery, _ known: Known, _ body: (Int) -> Bool) {
        guard let sort = query.sort else {
            for segment in 0..<count { guard body(segment) else { return } }
            return
        }
        if let name = SegmentNumbers.name(sort), let order = known.numbers?.orders[name] {
            let (some, none) = (order.segments[..<order.count], order.segments[order.count...])
            if query.isDescending {
                for segment in some.reversed() { guard body(Int(segment)) else { return } }
            } else {
                for segment in some { guard body(Int(segment)) else { return } }
            }
            for segment in none { guard body(Int(segment)) else { return } }
            return
        }
        let values = known.measures[sort] ?? [Double](repeating: .nan, count: sources.count)
        let sign: Double = query.isDescending ? -1 : 1
        let keys = values.map { $0.isNaN ? Double.infinity : sign * $0 }
        for source in keys.indices.sorted(by: { (keys[$0], $0) < (keys[$1], $1) }) {
            for segment in first[source]..<first[source + 1] { guard body(segment) else { return } }
        }
    }

    private func value(_ segment: Int, _ source: Int, _ query: SegmentQuery, _ known: Known) -> Double {
        guard let sort = query.sort else { return .nan }
        if let name = SegmentNumbers.name(sort) {
            return known.numbers?.columns[name].map { Double($0[segment]) } ?? .nan
        }
        return known.measures[sort]?[source] ?? .nan
    }

    /// The source of a segment.
    private func source(of segment: Int) -> Int {
        var (low, high) = (0, sources.count)
        while low + 1 < high {
            let middle = (low + high) / 2
            if first[middle] <= segment { low = middle } else { high = middle }
        }
        return low
    }

    private func row(_ segment: Int, _ source: Int) -> Row? {
        var offset = segment - first[source]
        for run in runs[source] {
            if offset < run.count {
                return Row(
                    source: source, segment: run.first + offset, split: run.split, number: run.number + offset
                )
            }
            offset -= run.count
        }
        return nil
    }

    // MARK: Counts

    /// How many segments each choice of a facet would find, all other filters as they are.
    struct Counts: Sendable {
        /// By split, in the order of `Split.allCases`.
        var splits = [Int](repeating: 0, count: Split.allCases.count)
        var kinds: [SegmentKind: Int] = [:]
        /// By label, in the order of `Values.names`.
        var labels: [String: [Int]] = [:]
        /// By code of a problem.
        var problems: [String: Int] = [:]
        /// By tag, in the order of `SegmentTags.names`.
        var tags: [Int] = []
        /// By number of segments, in its bins.
        var numbers: [String: [Int]] = [:]
    }

    /// Counts the choices of all facets.
    func counts(_ query: SegmentQuery, _ known: Known) -> Counts {
        var counts = Counts()
        let names = labels.keys.sorted()
        let values = names.compactMap { labels[$0] }
        var perLabel = values.map { [Int](repeating: 0, count: $0.names.count) }
        let problems = known.problems.sorted { $0.key < $1.key }
        var perProblem = [Int](repeating: 0, count: problems.count)
        counts.tags = [Int](repeating: 0, count: known.tags.names.count)
        let bins = (known.numbers?.bins ?? [:]).sorted { $0.key < $1.key }
        var perBin = bins.map { _ in [Int](repeating: 0, count: SegmentNumbers.binCount) }
        forEach(query, known) { segment, source, out in
            if out == nil || out == .split { counts.splits[Int(splits[segment])] += 1 }
            if out == nil || out == .kind { counts.kinds[sources[source].segmentKind, default: 0] += 1 }
            for index in names.indices where out == nil || out == .label(names[index]) {
                for value in values[index].of(source) { perLabel[index][value] += 1 }
            }
            for index in problems.indices where out == nil || out == .problem {
                if problems[index].value[source] { perProblem[index] += 1 }
            }
            if out == nil || out == .tag {
                for tag in known.tags.of(segment, source: source) { counts.tags[tag] += 1 }
            }
            for index in bins.indices where out == nil || out == .number(bins[index].key) {
                let bin = bins[index].value[segment]
                if bin != SegmentNumbers.noBin { perBin[index][Int(bin)] += 1 }
            }
        }
        counts.labels = Dictionary(uniqueKeysWithValues: zip(names, perLabel))
        counts.problems = Dictionary(uniqueKeysWithValues: zip(problems.map(\.key), perProblem))
        counts.numbers = Dictionary(uniqueKeysWithValues: zip(bins.map(\.key), perBin))
        return counts
    }

    private func contains(_ needle: [UInt8], _ index: Int) -> Bool {
        words.withUnsafeBytes { words in
            let line = UnsafeRawBufferPointer(rebasing: words[wordsOffset[index]..<wordsOffset[index + 1]])
            var rest = line
            while rest.count >= needle.count, let base = rest.baseAddress,
                let found = memchr(base, Int32(needle[0]), rest.count - needle.count + 1)
            {
                if memcmp(found, needle, needle.count) == 0 { return true }
                rest = UnsafeRawBufferPointer(
                    rebasing: rest[(UnsafeRawPointer(found) - base + 1)...])
            }
            return false
        }
    }
}
