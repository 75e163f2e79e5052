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
        in snapshot: Snapshot, _ records: [SourceRecord], _ numbers: [[Double]], _ manifest: Manifest,
        frequencies: [Double]?, pairs: [DuplicatePair]
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
        problems += labels(snapshot, records)
        problems += audio(records, manifest, frequencies)
        problems += midi(records)
        problems += outliers(records, numbers)
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

    private static func labels(_ snapshot: Snapshot, _ records: [SourceRecord]) -> [Problem] {
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
            guard sorted.count > 1, vocabulary.count * 4 <= records.count else { continue }
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

    // MARK: Sources

    private static func audio(
        _ records: [SourceRecord], _ manifest: Manifest, _ frequencies: [Double]?
    ) -> [Problem] {
        let audio = records.filter { $0.source.kind == .audio }
        var problems: [Problem] = []
        func add(_ code: String, _ message: String, _ help: String, _ test: (SourceRecord) -> String?) {
            let found = audio.compactMap { record in test(record).map { "\(record.source.path): \($0)" } }
            guard !found.isEmpty else { return }
            problems.append(
                Problem(
                    code: code,
                    message: "\(count(found.count, "source")) \(found.count == 1 ? "is" : "are") \(message)",
                    help: help, sources: found))
        }
        add("audio.silent", "silent", "remove them: silence teaches a network nothing but silence") {
            $0.facts["silent"]?.bool == true ? "under −70 dBFS" : nil
        }
        add("audio.clipped", "clipped", "find a better copy; no gain brings back what was cut off") {
            guard let clipped = $0.facts["clipped"]?.integer, clipped > 0 else { return nil }
            return count(clipped, "sample")
        }
        let wanted = manifest.audio?.sampleRate ?? 0
        add(
            "audio.narrow-band", "of a narrower band than the dataset's",
            "lower `audio.sample_rate`, or find better copies"
        ) {
            if let rate = $0.facts["rate"]?.integer, rate < wanted { return "sampled at \(grouped(rate)) Hz" }
            if let top = $0.bandwidth(frequencies), top < Double(wanted) / 8 {
                return "nothing above \(grouped(Int(top))) Hz"
            }
            return nil
        }
        add(
            "audio.over-full-scale", "over full scale with the gain applied",
            "set `audio: {peak: -1}` if they are to be listened to"
        ) {
            guard let peak = $0.facts["true_peak"]?.double, let gain = $0.source.gainDB, peak + gain > 0
            else { return nil }
            return "\(format(peak + gain, 1)) dBTP"
        }
        let short = manifest.audio?.samples ?? 0
        add(
            "audio.short", "shorter than one segment",
            "lower `audio.segment.samples`, or remove them: most of the segment is padding"
        ) {
            guard let samples = $0.facts["samples"]?.integer, samples < short else { return nil }
            return "\(format(Double(samples) / Double(max(wanted, 1)), 2)) s"
        }
        return problems
    }

    private static func midi(_ records: [SourceRecord]) -> [Problem] {
        var problems: [Problem] = []
        func add(_ code: String, _ message: String, _ help: String, _ test: (SourceRecord) -> String?) {
            let found = records.filter { $0.source.kind == .midi }
                .compactMap { record in test(record).map { "\(record.source.path): \($0)" } }
            guard !found.isEmpty else { return }
            problems.append(
                Problem(
                    code: code, message: "\(count(found.count, "source")) \(message)", help: help,
                    sources: found))
        }
        add("midi.no-notes", "without notes", "remove them") {
            $0.facts["notes"]?.integer == 0 ? "no notes" : nil
        }
        add(
            "midi.tempo-odd", "with a tempo under 20 or over 300 beats a minute",
            "look at them: the beat is not the music's, so a grid of beats does not fit; use `grid: {steps_per_second: …}`"
        ) {
            guard let bpm = $0.score?.meanTempo, bpm < 20 || bpm > 300 else { return nil }
            return "\(format(bpm, 0)) beats a minute"
        }
        add("midi.flat-velocity", "with one velocity throughout", "leave them out where velocity is learned")
        {
            guard let score = $0.score, score.velocities.reduce(0, +) >= 50 else { return nil }
            let used = score.velocities.indices.filter { score.velocities[$0] > 0 }
            return used.count == 1 ? "all \(used[0])" : nil
        }
        return problems
    }

    /// Sources whose numbers lie far from all others': beyond the quartiles by three times their distance (Tukey's
    /// far-out fence).
    private static func outliers(_ records: [SourceRecord], _ numbers: [[Double]]) -> [Problem] {
        var found: [String] = []
        let pitched = records.indices.filter { records[$0].score?.pitches.contains { $0 > 0 } == true }
        for (place, measure) in (MIDITally.measures + [("seconds", "seconds")]).enumerated()
        where measure.name != "empty_bar_rate" {
            let values = pitched.compactMap { index -> (path: String, value: Double)? in
                let value = measure.name == "seconds" ? records[index].seconds : numbers[index][place]
                return value.isFinite ? (records[index].source.path, value) : nil
            }
            guard values.count >= 20 else { continue }
            var spread = Distribution()
            for value in values { spread.add(value.value) }
            let quartiles = spread.quantiles([0.25, 0.75])
            let reach = 3 * (quartiles[1] - quartiles[0])
            guard reach > 0 else { continue }
            for (path, value) in values where value < quartiles[0] - reach || value > quartiles[1] + reach {
                found.append(
                    "\(path): \(measure.title) \(format(value, 2)), most have \(format(quartiles[0], 2)) to \(format(quartiles[1], 2))"
                )
            }
        }
        guard !found.isEmpty else { return [] }
        return [
            Problem(
                code: "midi.outliers", message: "\(count(found.count, "number")) far from all other sources'",
                help: "look at these sources: some are damaged, some of another kind, some just unusual",
                sources: found)
        ]
    }
}
