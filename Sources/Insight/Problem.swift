public import Build
import Dataset

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

    /// The problem as an object.
    public var json: JSONValue {
        [
            "code": .string(code), "message": .string(message), "help": .string(help),
            "sources": .array(sources.map { .string($0) }),
        ]
    }

    /// Everything that is wrong or odd, worst first; nothing when there is nothing to say.
    static func found(
        in snapshot: Snapshot, _ findings: SourceFindings, pairs: [DuplicatePair]
    ) -> [Problem] {
        var problems: [Problem] = []
        problems += leaks(snapshot.sources, pairs)
        problems += strays(snapshot)
        if !snapshot.quarantine.isEmpty {
            problems.append(
                Problem(
                    code: "sources.quarantined",
                    message: "\(count(snapshot.quarantine.count, "source")) could not be used",
                    help: "mend or remove them; `reprise build` prints each reason",
                    sources: snapshot.quarantine.map { "\($0.path): \($0.code)" }))
        }
        problems += duplicates(snapshot.sources, pairs)
        problems += labels(snapshot)
        problems += findings.problems
        return problems
    }

    static func count(_ count: Int, _ noun: String) -> String {
        "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
    }

    private static func duplicates(_ sources: [Snapshot.Source], _ pairs: [DuplicatePair]) -> [Problem] {
        var problems: [Problem] = []
        let copies = Dictionary(grouping: sources, by: \.sha256).values.filter { $0.count > 1 }
            .map { $0.map(\.path).joined(separator: " = ") }.sorted()
        if !copies.isEmpty {
            problems.append(
                Problem(
                    code: "duplicates.bytes",
                    message:
                        "\(count(copies.count, "file")) stand\(copies.count == 1 ? "s" : "") here more than once",
                    help: "remove the copies, or set `dedupe: true` to keep the first by path",
                    sources: copies))
        }
        let clashing = Dictionary(grouping: sources, by: \.sha256).values.filter {
            Set($0.map(\.labels)).count > 1
        }
        .map { group in
            group.map { "\($0.path) \(describe($0.labels))" }.sorted().joined(separator: " = ")
        }.sorted()
        if !clashing.isEmpty {
            problems.append(
                Problem(
                    code: "labels.contradict",
                    message:
                        "\(count(clashing.count, "file")) stand\(clashing.count == 1 ? "s" : "") here under different labels",
                    help: "decide for one; a copy under a wrong label teaches the wrong thing",
                    sources: clashing))
        }
        let within = pairs.filter {
            sources[$0.first].split == sources[$0.second].split
                && sources[$0.first].piece != sources[$0.second].piece
        }
        if !within.isEmpty {
            problems.append(
                Problem(
                    code: "duplicates.near",
                    message:
                        "\(count(within.count, "pair")) of sources in one split share passages but count as different pieces",
                    help:
                        "give the versions of a work one `piece`, or set `splits: {near_duplicates: together}`",
                    sources: within.sorted { $0.share > $1.share }.map { name($0, sources) }))
        }
        return problems
    }

    private static func describe(_ labels: [String: String]) -> String {
        "(" + labels.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ") + ")"
    }

    // MARK: Labels

    private static func labels(_ snapshot: Snapshot) -> [Problem] {
        var problems: [Problem] = []
        for (name, vocabulary) in snapshot.vocabularies.sorted(by: { $0.key < $1.key }) {
            var segments: [String: Int] = [:]
            var splits: [String: Set<Split>] = [:]
            for source in snapshot.sources where source.segments > 0 {
                guard let value = source.labels[name] else { continue }
                segments[value, default: 0] += source.segments
                splits[value, default: []].formUnion(source.split.map { [$0] } ?? Split.allCases)
            }
            let sorted = segments.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            // A label with a value for nearly every source, such as a title, has no balance.
            guard sorted.count > 1, vocabulary.count * 4 <= snapshot.sources.count else { continue }
            if let most = sorted.first, let least = sorted.last, most.value >= 3 * least.value {
                problems.append(
                    Problem(
                        code: "labels.imbalance",
                        message:
                            "label '\(name)': \(most.key) has \(grouped(most.value)) segments, \(least.key) \(grouped(least.value))",
                        help: "weigh or resample in training, and report balanced accuracy beside accuracy",
                        sources: sorted.map { "\($0.key): \(grouped($0.value)) segments" }))
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
                            "label '\(name)': \(count(absent.count, "value")) \(absent.count == 1 ? "is" : "are") not in every split",
                        help: "set `splits: {method: exact, stratify: \(name)}`, or add sources",
                        sources: absent))
            }
        }
        return problems
    }
}
