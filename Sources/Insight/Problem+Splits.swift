import Dataset
import Files
import Loading
import Manifest

/// What makes figures on held-out music too good.
extension Problem {
    private static func percent(_ share: Double) -> String { "\(format(share * 100, 0)) %" }

    static func name(_ pair: DuplicatePair, _ sources: [Snapshot.Source]) -> String {
        let (a, b) = (sources[pair.first], sources[pair.second])
        let share = percent(pair.share) + (pair.isTransposed ? " in another key" : "")
        return
            "\(a.path) (\(a.split?.rawValue ?? "split by segment")) ~ \(b.path) (\(b.split?.rawValue ?? "split by segment")): \(share)"
    }

    static func paths(_ pairs: [DuplicatePair], _ sources: [Snapshot.Source]) -> [String] {
        pairs.flatMap { [sources[$0.first].path, sources[$0.second].path] }
    }

    static func leaks(
        _ sources: [Snapshot.Source], _ pairs: [DuplicatePair], _ dealing: Manifest.Splits
    ) -> [Problem] {
        let across = pairs.filter { sources[$0.first].split != sources[$0.second].split }
            .sorted { $0.share > $1.share }
        var problems: [Problem] = []
        if !across.isEmpty {
            problems.append(
                Problem(
                    code: "duplicates.across-splits",
                    message: "\(count(across.count, "pair")) of sources in different splits share passages: "
                        + "the test split is partly training data",
                    help: separating(dealing),
                    sources: across.map { name($0, sources) }, paths: paths(across, sources), pairs: across))
        }
        // Equal bytes are in one split by construction, unless the unit is a segment.
        if sources.contains(where: { $0.split == nil && $0.segments > 1 }) {
            problems.append(
                Problem(
                    code: "splits.by-segment",
                    message:
                        "segments of one piece are in different splits, so results on held-out data are too good",
                    help: "use `by: piece`; keep `by: segment` only to reproduce a paper", sources: []))
        }
        return problems
    }

    /// What keeps versions of a work out of different splits.
    private static func separating(_ dealing: Manifest.Splits) -> String {
        if case .column(let column) = dealing.division {
            return "correct the table's column '\(column)': versions of a work belong in one split"
        }
        if dealing.unit == .segment { return "use `by: piece`" }
        return dealing.nearDuplicates == .together
            ? "give the versions of a work one `piece`"
            : "set `splits: {near_duplicates: together}`, or give the versions of a work one `piece`"
    }

    /// Sources that are in another split than all others of their composer, album, work or the like.
    ///
    /// A label that splits keep to (nine in ten of its values with several sources are in one split) should be kept
    /// by all: a stray is in the wrong split, or has a wrong label. Labels that splits do not keep to are left out.
    static func strays(_ snapshot: Snapshot, _ dealing: Manifest.Splits) -> [Problem] {
        snapshot.vocabularies.keys.sorted().compactMap { label in
            var groups: [String: [Snapshot.Source]] = [:]
            for source in snapshot.sources where source.split != nil && source.segments > 0 {
                for value in source.labels[label].map({ LabelText.values($0) }) ?? [] {
                    groups[value, default: []].append(source)
                }
            }
            let several = groups.filter { $0.value.count > 1 }
            let cut = several.filter { Set($0.value.map(\.split)).count > 1 }
            let splits = Set(several.values.flatMap { $0.map(\.split) })
            guard several.count >= 10, splits.count > 1, !cut.isEmpty, cut.count * 10 <= several.count else {
                return nil
            }
            let lines = cut.sorted { $0.key < $1.key }.flatMap { value, sources -> [(String, path: String)] in
                let counts = Dictionary(grouping: sources, by: \.split).mapValues(\.count)
                let home = counts.max {
                    ($0.value, $1.key?.rawValue ?? "") < ($1.value, $0.key?.rawValue ?? "")
                }
                return sources.filter { $0.split != home?.key }.map { source in
                    (
                        "\(source.path): \(value), in \(source.split?.rawValue ?? ""); others in \(home?.key?.rawValue ?? "")",
                        source.path
                    )
                }
            }
            return Problem(
                code: "splits.strays",
                message: "label '\(label)': \(count(cut.count, "value")) of \(grouped(several.count)) "
                    + "\(cut.count == 1 ? "is" : "are") in several splits, the others in one",
                help: keeping(label, dealing),
                sources: lines.map(\.0), paths: lines.map(\.path))
        }
    }

    private static func keeping(_ label: String, _ dealing: Manifest.Splits) -> String {
        if case .column(let column) = dealing.division {
            return "correct the label, or the table's column '\(column)'"
        }
        return dealing.unit == .label(label)
            ? "correct the label" : "correct the label, or set `splits: {by: \(label)}`"
    }
}
