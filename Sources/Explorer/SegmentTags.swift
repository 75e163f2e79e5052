import Dataset
import Files
import Insight
import Loading

/// The tags in use, and which segments have them: their own, and those of their source.
struct SegmentTags: Sendable {
    /// Each tag once, by name.
    let names: [String]
    /// By source, the places in `names` of its tags.
    private let ofSources: [Int: [Int]]
    /// By index of a segment in `SegmentLibrary`, the places of its own tags.
    private let ofSegments: [Int: [Int]]
    /// By source, whether it or a segment of it has a tag; empty if there are no tags.
    private let isTagged: [Bool]

    init() { (names, ofSources, ofSegments, isTagged) = ([], [:], [:], []) }

    /// Finds the segments that annotations are about.
    ///
    /// - Parameters:
    ///   - annotations: the tags.
    ///   - sources: those of the snapshot.
    ///   - first: the index of each source's first segment.
    ///   - starts: the start of each segment of a source, in the order of its segments.
    init(
        _ annotations: Annotations, _ sources: [Snapshot.Source], first: [Int],
        starts: (_ source: Int) throws -> [Int]
    ) rethrows {
        names = annotations.tags.map(\.tag)
        let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($0.element, $0.offset) })
        let paths = Set(annotations.all.keys.map { Annotation.Subject(path: $0.path) })
        var numbers: [Annotation.Subject: Int] = [:]
        for (number, source) in sources.enumerated() where source.segments > 0 {
            let subject = Annotation.Subject(path: source.path)
            if paths.contains(subject) { numbers[subject] = number }
        }
        var (ofSources, ofSegments): ([Int: [Int]], [Int: [Int]]) = ([:], [:])
        var known: [Int: [Int]] = [:]
        for (subject, annotation) in annotations.all where !annotation.tags.isEmpty {
            guard let source = numbers[.init(path: subject.path)] else { continue }
            let tags = annotation.tags.compactMap { places[$0] }
            guard let start = subject.start else {
                ofSources[source] = tags
                continue
            }
            let all = try known[source] ?? starts(source)
            known[source] = all
            // Several timelines of one file may have segments that begin alike.
            for (number, own) in all.enumerated() where own == start {
                ofSegments[first[source] + number] = tags
            }
        }
        (self.ofSources, self.ofSegments) = (ofSources, ofSegments)
        isTagged = sources.indices.map { ofSources[$0] != nil || known[$0] != nil }
    }

    /// The places in `names` of a segment's tags and its source's.
    func of(_ segment: Int, source: Int) -> Set<Int> {
        guard !isTagged.isEmpty, isTagged[source] else { return [] }
        return Set(ofSources[source] ?? []).union(ofSegments[segment] ?? [])
    }
}
