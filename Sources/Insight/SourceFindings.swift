import Build
import Dataset

/// What is wrong or odd with single sources, gathered from one after the other.
struct SourceFindings {
    /// Something that a source may have wrong.
    private struct Rule {
        let code: String
        let kind: SegmentKind
        /// What so many sources are, or have.
        let message: (Int) -> String
        let help: String
        /// What was measured in a source that has it; nil for all others.
        let test: (MeasuredSource) -> String?
    }

    private let rules: [Rule]
    /// For each rule, the sources that it found.
    private var found: [[String]]
    /// The paths of MIDI sources that hold pitches.
    private var paths: [String] = []
    /// The numbers of those sources, by measure.
    private var numbers: [[Double]]

    /// The numbers of which outliers are told.
    private static let measures = MIDITally.measures + [("seconds", "seconds")]

    init(_ manifest: Manifest, frequencies: [Double]?) {
        rules = Self.audio(manifest, frequencies) + Self.midi
        found = rules.map { _ in [] }
        numbers = Self.measures.map { _ in [] }
    }

    /// Looks at a source.
    mutating func add(_ source: MeasuredSource) {
        let (record, path) = (source.record, source.record.source.path)
        for (index, rule) in rules.enumerated() where rule.kind == record.source.kind {
            if let measured = rule.test(source) { found[index].append("\(path): \(measured)") }
        }
        guard record.score?.pitches.contains(where: { $0 > 0 }) == true else { return }
        paths.append(path)
        for (measure, number) in source.numbers.enumerated() { numbers[measure].append(number) }
        numbers[Self.measures.count - 1].append(source.seconds)
    }

    /// What was found.
    var problems: [Problem] {
        let single = zip(rules, found).filter { !$1.isEmpty }.map { rule, found in
            Problem(code: rule.code, message: rule.message(found.count), help: rule.help, sources: found)
        }
        return single + outliers
    }

    private static func audio(_ manifest: Manifest, _ frequencies: [Double]?) -> [Rule] {
        func rule(
            _ code: String, _ message: String, _ help: String, _ test: @escaping (MeasuredSource) -> String?
        ) -> Rule {
            Rule(
                code: code, kind: .audio,
                message: { "\(Problem.count($0, "source")) \($0 == 1 ? "is" : "are") \(message)" },
                help: help,
                test: test)
        }
        let wanted = manifest.audio?.sampleRate ?? 0
        let short = manifest.audio?.samples ?? 0
        return [
            rule("audio.silent", "silent", "remove them: silence teaches a network nothing but silence") {
                $0.record.facts["silent"]?.bool == true ? "under −70 dBFS" : nil
            },
            rule("audio.clipped", "clipped", "find a better copy; no gain brings back what was cut off") {
                guard let clipped = $0.record.facts["clipped"]?.integer, clipped > 0 else { return nil }
                return Problem.count(clipped, "sample")
            },
            rule(
                "audio.narrow-band", "of a narrower band than the dataset's",
                "lower `audio.sample_rate`, or find better copies"
            ) {
                if let rate = $0.record.facts["rate"]?.integer, rate < wanted {
                    return "sampled at \(grouped(rate)) Hz"
                }
                if let top = $0.record.bandwidth(frequencies), top < Double(wanted) / 8 {
                    return "nothing above \(grouped(Int(top))) Hz"
                }
                return nil
            },
            rule(
                "audio.over-full-scale", "over full scale with the gain applied",
                "set `audio: {peak: -1}` if they are to be listened to"
            ) {
                guard let peak = $0.record.facts["true_peak"]?.double, let gain = $0.record.source.gainDB,
                    peak + gain > 0
                else { return nil }
                return "\(format(peak + gain, 1)) dBTP"
            },
            rule(
                "audio.short", "shorter than one segment",
                "lower `audio.segment.samples`, or remove them: most of the segment is padding"
            ) {
                guard let samples = $0.record.facts["samples"]?.integer, samples < short else { return nil }
                return "\(format(Double(samples) / Double(max(wanted, 1)), 2)) s"
            },
        ]
    }

    private static var midi: [Rule] {
        func rule(
            _ code: String, _ message: String, _ help: String, _ test: @escaping (MeasuredSource) -> String?
        ) -> Rule {
            Rule(
                code: code, kind: .midi, message: { "\(Problem.count($0, "source")) \(message)" }, help: help,
                test: test)
        }
        return [
            rule("midi.no-notes", "without notes", "remove them") {
                $0.record.facts["notes"]?.integer == 0 ? "no notes" : nil
            },
            rule(
                "midi.tempo-odd", "with a tempo under 20 or over 300 beats a minute",
                "look at them: the beat is not the music's, so a grid of beats does not fit; use `grid: {steps_per_second: …}`"
            ) {
                guard let bpm = $0.record.score?.meanTempo, bpm < 20 || bpm > 300 else { return nil }
                return "\(format(bpm, 0)) beats a minute"
            },
            rule(
                "midi.flat-velocity", "with one velocity throughout",
                "leave them out where velocity is learned"
            ) {
                guard let velocities = $0.record.score?.velocities, velocities.reduce(0, +) >= 50,
                    let used = velocities.firstIndex(where: { $0 > 0 }),
                    velocities.lastIndex(where: { $0 > 0 }) == used
                else { return nil }
                return "all \(used)"
            },
        ]
    }

    /// Sources whose numbers lie far from all others': beyond the quartiles by three times their distance (Tukey's
    /// far-out fence).
    private var outliers: [Problem] {
        var found: [String] = []
        for (measure, all) in zip(Self.measures, numbers) where measure.name != "empty_bar_rate" {
            let values = zip(paths, all).filter { $1.isFinite }
            guard values.count >= 20 else { continue }
            var spread = Distribution()
            for value in values { spread.add(value.1) }
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
                code: "midi.outliers",
                message: "\(Problem.count(found.count, "number")) far from all other sources'",
                help: "look at these sources: some are damaged, some of another kind, some just unusual",
                sources: found)
        ]
    }
}
