import Build
import Dataset
import Insight
import Loading

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The sources of a dataset, held so that hundreds of thousands are filtered in milliseconds.
struct SourceLibrary: Sendable {
    private let sources: [Snapshot.Source]
    private let runs: [[SegmentTable.Run]]
    /// Paths and label values in lower case, one source after the other, each ended by a line break.
    private let words: [UInt8]
    private let wordsOffset: [Int]

    /// The numbers of each source by measure, in the order of `SourceMeasure.all`; NaN where it has none.
    typealias Measures = [String: [Double]]

    init(_ sources: [Snapshot.Source], _ table: SegmentTable) {
        self.sources = sources
        runs = table.runs
        var words: [UInt8] = []
        var offset = [0]
        for source in sources {
            words += source.path.lowercased().utf8
            for value in source.labels.values { words += [32] + LabelText.shown(value).lowercased().utf8 }
            words.append(10)
            offset.append(words.count)
        }
        self.words = words
        wordsOffset = offset
    }

    /// A row of a page.
    struct Row: Sendable {
        let source: Int
        /// Its number in the source.
        let segment: Int
        let split: Split
        /// Its number in the split.
        let number: Int
    }

    /// How many segments and sources a query finds, and one page of them.
    func find(
        _ query: SegmentQuery, _ measures: Measures?
    ) -> (segments: Int, sources: Int, rows: [Row]) {
        var found = matches(query, measures)
        if let sort = query.sort, let values = measures?[sort] {
            // Sources without the number come last either way.
            let sign: Double = query.isDescending ? -1 : 1
            let keys = found.map { values[$0].isNaN ? Double.infinity : sign * values[$0] }
            let order = found.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
            found = order.map { found[$0] }
        }
        let first = query.page * SegmentQuery.pageSize
        var (segments, with) = (0, 0)
        var rows: [Row] = []
        for source in found {
            let runs = self.runs[source].filter { query.split == nil || $0.split == query.split }
            let count = runs.reduce(0) { $0 + $1.count }
            guard count > 0 else { continue }
            with += 1
            defer { segments += count }
            guard segments + count > first, rows.count < SegmentQuery.pageSize else { continue }
            var place = segments
            for run in runs {
                let low = max(0, first - place)
                let high = min(run.count, low + SegmentQuery.pageSize - rows.count)
                for offset in low..<max(low, high) {
                    rows.append(
                        Row(
                            source: source, segment: run.first + offset, split: run.split,
                            number: run.number + offset))
                }
                place += run.count
            }
        }
        return (segments, with, rows)
    }

    private func matches(_ query: SegmentQuery, _ measures: Measures?) -> [Int] {
        let ranges = query.ranges.compactMap { name, range in measures?[name].map { ($0, range) } }
        let needles = query.text.split(separator: " ").map { Array($0.utf8) }
        return sources.indices.filter { index in
            let source = sources[index]
            if let kind = query.kind, source.segmentKind != kind { return false }
            for (name, values) in query.labels
            where values.isDisjoint(with: LabelText.values(source.labels[name])) {
                return false
            }
            for (values, range) in ranges where !range.contains(values[index]) { return false }
            return needles.allSatisfy { contains($0, index) }
        }
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
