import Build
import Files
public import Loading
public import Manifest

/// What a change would do to the splits: leaving sources out, or giving them another piece, label or split.
///
/// The dataset's rule deals the sources twice, as they are and as they would be. Pieces are those of the snapshot:
/// where several strings or near-duplicates made one piece, leaving out one of its sources may divide it, which is not
/// seen here.
public struct SplitChange: Sendable {
    /// What is to be changed.
    public enum Edit: Hashable, Sendable {
        /// The sources are left out.
        case exclude
        /// The sources, and all others of their pieces, become one piece of this name.
        case piece(String)
        /// The sources get this value of a label.
        case label(name: String, value: String)
        /// The table puts the sources, and all others of their pieces, into this split.
        case split(Split)
    }

    /// Sources whose segments would be in another split.
    public struct Move: Hashable, Sendable {
        /// The split they are in.
        public let from: Split
        /// The split they would be in; nil: in none.
        public let to: Split?
        /// How many sources have segments that move.
        public let sources: Int
        /// How many segments move.
        public let segments: Int
    }

    /// The sources that the edit concerns, by their numbers, ascending: those given, and the other halves of their
    /// pairs, or, for a piece or a split, all sources of their pieces.
    public let edited: [Int]
    /// What moves, by split.
    public let moves: [Move]
    /// The warnings that a build would add.
    public let warnings: [String]

    /// Deals twice.
    ///
    /// - Parameters:
    ///   - edit: what is to be changed.
    ///   - numbers: the sources to change, by their places in `sources`.
    ///   - sources: the snapshot's.
    ///   - rule: the manifest's `splits`.
    /// - Throws: `SplitAssignment.Failure` if the train split would be empty.
    public init(
        _ edit: Edit, of numbers: [Int], among sources: [Snapshot.Source], by rule: Manifest.Splits
    ) throws(SplitAssignment.Failure) {
        let edited = Self.edited(edit, numbers, sources)
        self.edited = edited.sorted()
        let before = sources.indices.map { Part($0, sources[$0]) }
        var after = before
        for number in edited {
            switch edit {
            case .exclude: break
            case .piece(let name): after[number].piece = Digest(of: name.utf8)
            case .label(let name, let value): after[number].description.labels[name] = value
            case .split(let split): after[number].description.split = split.rawValue
            }
        }
        if edit == .exclude { after.removeAll { edited.contains($0.number) } }
        let old = try Self.dealt(before, rule)
        let new = try Self.dealt(after, rule)
        let known = Set(old.warnings)
        warnings = new.warnings.filter { !known.contains($0) }
        var moved: [Way: (sources: Int, segments: Int)] = [:]
        for number in sources.indices where sources[number].segments > 0 {
            let (splits, next) = (old.splits[number] ?? [], new.splits[number] ?? [])
            var own: [Way: Int] = [:]
            for (segment, from) in splits.enumerated() {
                let to = next.indices.contains(segment) ? next[segment] : nil
                if from != to { own[Way(from: from, to: to), default: 0] += 1 }
            }
            for (way, count) in own {
                moved[way, default: (0, 0)].sources += 1
                moved[way, default: (0, 0)].segments += count
            }
        }
        moves = Split.allCases.flatMap { from in
            (Split.allCases + [nil]).compactMap { to in
                moved[Way(from: from, to: to)].map {
                    Move(from: from, to: to, sources: $0.sources, segments: $0.segments)
                }
            }
        }
    }

    /// From which split a segment moves to which; nil: to none.
    private struct Way: Hashable {
        let from: Split
        let to: Split?
    }

    /// A source as the rule sees it.
    private struct Part {
        let number: Int
        let sha256: Digest
        let segments: Int
        var piece: Digest
        var description: EntryList.Description

        init(_ number: Int, _ source: Snapshot.Source) {
            self.number = number
            sha256 = source.sha256
            segments = source.segments
            piece = Digest(hex: source.piece) ?? source.sha256
            description = EntryList.Description(labels: source.labels, split: source.split?.rawValue)
        }
    }

    private static func edited(_ edit: Edit, _ numbers: [Int], _ sources: [Snapshot.Source]) -> Set<Int> {
        switch edit {
        case .piece, .split:
            let pieces = Set(numbers.map { sources[$0].piece })
            return Set(sources.indices.filter { pieces.contains(sources[$0].piece) })
        case .exclude, .label:
            let others = Set(numbers.compactMap { sources[$0].pair?.path })
            return Set(numbers).union(
                others.isEmpty ? [] : sources.indices.filter { others.contains(sources[$0].path) })
        }
    }

    /// By the source's number, the split of each of its segments.
    private static func dealt(
        _ parts: [Part], _ rule: Manifest.Splits
    ) throws(SplitAssignment.Failure) -> (splits: [Int: [Split]], warnings: [String]) {
        var splits: [Int: [Split]] = [:]
        let warnings: [Diagnostic]
        if rule.unit == .segment {
            let dealt = try SplitAssignment.dealt(parts.map { ($0.sha256, $0.segments) }, by: rule)
            warnings = dealt.warnings
            for (part, runs) in zip(parts, dealt.segments) {
                var own = [Split](repeating: .train, count: part.segments)
                for (split, ranges) in runs {
                    for range in ranges { for segment in range { own[segment] = split } }
                }
                splits[part.number] = own
            }
        } else {
            let assignment = try SplitAssignment(parts.map { ($0.piece, $0.description) }, by: rule)
            warnings = assignment.warnings
            for (part, split) in zip(parts, assignment.splits) {
                splits[part.number] = Array(repeating: split, count: part.segments)
            }
        }
        return (splits, warnings.map(\.message))
    }
}
