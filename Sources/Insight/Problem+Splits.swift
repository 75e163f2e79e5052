import Dataset

/// What makes figures on held-out music too good.
extension Problem {
    private static func percent(_ share: Double) -> String { "\(format(share * 100, 0)) %" }

    static func name(_ pair: DuplicatePair, _ sources: [Snapshot.Source]) -> String {
        let (a, b) = (sources[pair.first], sources[pair.second])
        let share = percent(pair.share) + (pair.isTransposed ? " in another key" : "")
        return
            "\(a.path) (\(a.split?.rawValue ?? "dealt by segment")) ~ \(b.path) (\(b.split?.rawValue ?? "dealt by segment")): \(share)"
    }

    static func leaks(_ sources: [Snapshot.Source], _ pairs: [DuplicatePair]) -> [Problem] {
        let across = pairs.filter { sources[$0.first].split != sources[$0.second].split }
        var problems: [Problem] = []
        if !across.isEmpty {
            problems.append(
                Problem(
                    code: "duplicates.across-splits",
                    message: "\(count(across.count, "pair")) of sources in different splits share passages: "
                        + "what is tested on was partly trained on",
                    help:
                        "set `splits: {near_duplicates: together}`, or give the versions of a work one `piece`",
                    sources: across.sorted { $0.share > $1.share }.map { name($0, sources) }))
        }
        // Equal bytes stand in one split by construction, unless single segments were dealt.
        if sources.contains(where: { $0.split == nil && $0.segments > 1 }) {
            problems.append(
                Problem(
                    code: "splits.by-segment",
                    message:
                        "segments of one piece stand in different splits, so that held-out figures are too good",
                    help: "use `by: piece`; keep `by: segment` for measuring a paper again", sources: []))
        }
        return problems
    }

    /// Sources that stand in another split than all others of their composer, album, work or the like.
    ///
    /// A label that splits keep to (nine in ten of its values with several sources stand in one split alone) should be kept
    /// to by all: what strays was put into a wrong split, or has a wrong label. Labels that splits cut through tell nothing.
    static func strays(_ snapshot: Snapshot) -> [Problem] {
        snapshot.vocabularies.keys.sorted().compactMap { label in
            var groups: [String: [Snapshot.Source]] = [:]
            for source in snapshot.sources where source.split != nil && source.segments > 0 {
                if let value = source.labels[label] { groups[value, default: []].append(source) }
            }
            let several = groups.filter { $0.value.count > 1 }
            let cut = several.filter { Set($0.value.map(\.split)).count > 1 }
            let splits = Set(several.values.flatMap { $0.map(\.split) })
            guard several.count >= 10, splits.count > 1, !cut.isEmpty, cut.count * 10 <= several.count else {
                return nil
            }
            let lines = cut.sorted { $0.key < $1.key }.flatMap { value, sources in
                let counts = Dictionary(grouping: sources, by: \.split).mapValues(\.count)
                let home = counts.max {
                    ($0.value, $1.key?.rawValue ?? "") < ($1.value, $0.key?.rawValue ?? "")
                }
                return sources.filter { $0.split != home?.key }.map { source in
                    "\(source.path): \(value), in \(source.split?.rawValue ?? ""); others in \(home?.key?.rawValue ?? "")"
                }
            }
            return Problem(
                code: "splits.strays",
                message: "label '\(label)' stays in one split, but for \(count(cut.count, "value")) of "
                    + grouped(several.count),
                help: "correct the table's split or the label; or set `splits: {by: \(label)}`",
                sources: lines)
        }
    }
}
