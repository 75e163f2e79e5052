public import Dataset
public import Files
import Loading
import Manifest

/// Something wrong or odd in a dataset, with the sources that it concerns and what to do.
public struct Problem: Sendable {
    /// A stable name, such as `duplicates.across-splits`.
    public let code: String
    /// What was found.
    public let message: String
    /// What to do.
    public let help: String
    /// The paths that it concerns, or groups of them; each with what was measured there.
    public let sources: [String]
    /// The paths alone, some more than once; empty where it concerns no sources of their own.
    public var paths: [String] = []
    /// The pairs, where it is about pairs, the most alike first.
    public var pairs: [DuplicatePair] = []

    /// The problem as an object.
    public var json: JSONValue {
        [
            "code": .string(code), "message": .string(message), "help": .string(help),
            "sources": .array(sources.map { .string($0) }),
        ]
    }

    /// Everything that is wrong or odd, worst first; empty if nothing is.
    ///
    /// The advice never names a setting that the manifest already has.
    ///
    /// - Throws: `build.interrupted`.
    static func found(
        in snapshot: Snapshot, _ manifest: Manifest, _ findings: SourceFindings, _ quarantined: [Quarantined],
        pairs: [DuplicatePair]
    ) throws(BuildError) -> [Problem] {
        var problems: [Problem] = []
        problems += leaks(snapshot.sources, pairs, manifest.splits)
        problems += strays(snapshot, manifest.splits)
        if !quarantined.isEmpty {
            problems.append(
                Problem(
                    code: "sources.quarantined",
                    message: "\(count(quarantined.count, "source")) could not be used",
                    help: "repair or remove them", sources: quarantined.map(\.line)))
        }
        problems += duplicates(snapshot.sources, pairs)
        problems += labels(snapshot, manifest.splits)
        problems += try findings.problems()
        return problems
    }

    private static func duplicates(_ sources: [Snapshot.Source], _ pairs: [DuplicatePair]) -> [Problem] {
        var problems: [Problem] = []
        let groups = Dictionary(grouping: sources, by: \.sha256).values.filter { $0.count > 1 }
        let copies = groups.map { $0.map(\.path).joined(separator: " = ") }.sorted()
        if !copies.isEmpty {
            problems.append(
                Problem(
                    code: "duplicates.bytes",
                    message:
                        "\(count(copies.count, "file")) appear\(copies.count == 1 ? "s" : "") more than once",
                    help: "remove the copies, or set `dedupe: true` to keep the first by path",
                    sources: copies, paths: groups.flatMap { $0.map(\.path) }))
        }
        let contradicting = groups.filter { Set($0.map(\.labels)).count > 1 }
        let clashing = contradicting.map { group in
            group.map { "\($0.path) \(describe($0.labels))" }.sorted().joined(separator: " = ")
        }.sorted()
        if !clashing.isEmpty {
            problems.append(
                Problem(
                    code: "labels.contradict",
                    message:
                        "\(count(clashing.count, "file")) appear\(clashing.count == 1 ? "s" : "") under different labels",
                    help: "keep the copy with the right label",
                    sources: clashing, paths: contradicting.flatMap { $0.map(\.path) }))
        }
        let within = pairs.filter {
            sources[$0.first].split == sources[$0.second].split
                && sources[$0.first].piece != sources[$0.second].piece
        }.sorted { $0.share > $1.share }
        if !within.isEmpty {
            problems.append(
                Problem(
                    code: "duplicates.near",
                    message:
                        "\(count(within.count, "pair")) of sources in one split share passages but are different pieces",
                    help:
                        "give the versions of a work one `piece`, or set `splits: {near_duplicates: together}`",
                    sources: within.map { name($0, sources) }, paths: paths(within, sources), pairs: within))
        }
        return problems
    }

    /// What brings each value of a label into every split.
    private static func stratifying(_ name: String, _ dealing: Manifest.Splits) -> String {
        if case .column(let column) = dealing.division {
            return "correct the table's column '\(column)', or add sources"
        }
        if dealing.unit == .label(name) {
            return "`by: \(name)` keeps each value in one split; nothing to do"
        }
        return switch dealing.stratify {
        case name: "add sources with these values: each needs a piece for every split"
        case let other?: "set `stratify: \(name)` instead of `stratify: \(other)`, or add sources"
        case nil: "set `splits: {method: exact, stratify: \(name)}`, or add sources"
        }
    }

    private static func describe(_ labels: [String: String]) -> String {
        "(" + described(labels) + ")"
    }

    // MARK: Labels

    private static func labels(_ snapshot: Snapshot, _ dealing: Manifest.Splits) -> [Problem] {
        var problems: [Problem] = []
        for (name, vocabulary) in snapshot.vocabularies.sorted(by: { $0.key < $1.key }) {
            var segments: [String: Int] = [:]
            var splits: [String: Set<Split>] = [:]
            for source in snapshot.sources where source.segments > 0 {
                for value in source.labels[name].map({ LabelText.values($0) }) ?? [] {
                    segments[value, default: 0] += source.segments
                    splits[value, default: []].formUnion(source.split.map { [$0] } ?? Split.allCases)
                }
            }
            let sorted = segments.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            // A label with a value for nearly every source, such as a title, has no balance.
            guard sorted.count > 1, vocabulary.count * 4 <= snapshot.sources.count else { continue }
            if let most = sorted.first, let least = sorted.last, most.value >= 3 * least.value {
                problems.append(
                    Problem(
                        code: "labels.imbalance",
                        message:
                            "label '\(name)': \(most.key) has \(count(most.value, "segment")), \(least.key) \(grouped(least.value))",
                        help: "weight or resample classes in training, and report balanced accuracy too",
                        sources: sorted.map { "\($0.key): \(count($0.value, "segment"))" }))
            }
            let present = Split.allCases.filter { snapshot.segmentCount($0) > 0 }
            let absent = sorted.compactMap { value, _ -> String? in
                let missing = present.filter { !(splits[value] ?? []).contains($0) }
                return missing.isEmpty
                    ? nil : "\(value): none in \(missing.map(\.rawValue).joined(separator: ", "))"
            }
            if !absent.isEmpty {
                problems.append(
                    Problem(
                        code: "labels.absent",
                        message:
                            "label '\(name)': \(count(absent.count, "value")) \(absent.count == 1 ? "is" : "are") missing from a split",
                        help: stratifying(name, dealing),
                        sources: absent))
            }
        }
        return problems
    }
}
