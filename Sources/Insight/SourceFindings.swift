import Build
import Dataset
import Describing
import Loading
import Manifest

/// Problems of single sources, gathered from one after the other.
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
    private var found: [[(line: String, path: String)]]
    /// The paths of MIDI sources that hold pitches.
    private var paths: [String] = []
    /// The numbers of those sources, by measure.
    private var numbers: [[Double]]

    /// The sources of which nothing is recorded in this cache.
    private var unrecorded = 0

    /// The numbers that are searched for outliers.
    private static let measures = MIDITally.measures + [("seconds", "seconds")]

    init(_ manifest: Manifest, frequencies: [Double]?) {
        rules = Self.audio(manifest, frequencies) + Self.midi(manifest)
        found = rules.map { _ in [] }
        numbers = Self.measures.map { _ in [] }
    }

    /// Looks at a source.
    mutating func add(_ source: MeasuredSource) {
        let (record, path) = (source.record, source.record.source.path)
        if record.facts == .null { unrecorded += 1 }
        for (index, rule) in rules.enumerated() where rule.kind == record.source.kind {
            if let measured = rule.test(source) { found[index].append(("\(path): \(measured)", path)) }
        }
        guard record.score?.pitches.contains(where: { $0 > 0 }) == true else { return }
        paths.append(path)
        for (measure, number) in source.numbers.enumerated() { numbers[measure].append(number) }
        numbers[Self.measures.count - 1].append(source.seconds)
    }

    /// What was found.
    var problems: [Problem] {
        let single = zip(rules, found).filter { !$1.isEmpty }.map { rule, found in
            Problem(
                code: rule.code, message: rule.message(found.count), help: rule.help,
                sources: found.map(\.line), paths: found.map(\.path))
        }
        return missing + single + outliers
    }

    /// What a pulled dataset lacks: everything that is counted from records is too small.
    private var missing: [Problem] {
        guard unrecorded > 0 else { return [] }
        return [
            Problem(
                code: "records.missing",
                message:
                    "what the build measured of \(count(unrecorded, "source")) is not in this cache: no time, notes or levels",
                help:
                    "a pulled dataset has segments only; see the statistics where it was built, or build it here",
                sources: [])
        ]
    }

    private static func audio(_ manifest: Manifest, _ frequencies: [Double]?) -> [Rule] {
        func rule(
            _ code: String, _ message: String, _ help: String, _ test: @escaping (MeasuredSource) -> String?
        ) -> Rule {
            Rule(
                code: code, kind: .audio,
                message: { "\(count($0, "source")) \($0 == 1 ? "is" : "are") \(message)" },
                help: help,
                test: test)
        }
        let wanted = manifest.audio?.sampleRate ?? 0
        let short = manifest.audio?.samples ?? 0
        return [
            rule("audio.silent", "silent", "remove them") {
                $0.record.facts["silent"]?.bool == true ? "under −70 dBFS" : nil
            },
            rule("audio.clipped", "clipped", "find better copies; no gain restores clipped peaks") {
                guard let clipped = $0.record.facts["clipped"]?.integer, clipped > 0 else { return nil }
                return count(clipped, "sample")
            },
            rule(
                "audio.narrow-band", "narrower in bandwidth than the dataset",
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
                manifest.audio?.peakCeiling == nil
                    ? "set `audio: {peak: -1}` if the audio will be played"
                    : "lower `audio.peak` if the audio will be played"
            ) {
                guard let peak = $0.record.facts["true_peak"]?.double, let gain = $0.record.source.gainDB,
                    peak + gain > 0
                else { return nil }
                return "\(format(peak + gain, 1)) dBTP"
            },
            rule(
                "audio.short", "shorter than one segment",
                "lower `audio.segment.samples`, or remove them: their segments are mostly padding"
            ) {
                guard let samples = $0.record.facts["samples"]?.integer, samples < short else { return nil }
                return "\(format(Double(samples) / Double(max(wanted, 1)), 2)) s"
            },
        ]
    }

    private static func midi(_ manifest: Manifest) -> [Rule] {
        func rule(
            _ code: String, _ message: String, _ help: String, _ test: @escaping (MeasuredSource) -> String?
        ) -> Rule {
            Rule(
                code: code, kind: .midi, message: { "\(count($0, "source")) \(message)" }, help: help,
                test: test)
        }
        /// A grid of seconds is right whatever the tempo says.
        var countsSeconds = false
        if case .stepsPerSecond = manifest.midi?.grid { countsSeconds = true }
        return [
            rule("midi.no-notes", "without notes", "remove them") {
                $0.record.facts["notes"]?.integer == 0 ? "no notes" : nil
            },
            rule(
                "midi.tempo-odd", "with a tempo under 20 or over 300 BPM",
                "their beats are probably not the music's; check them, or use `grid: {steps_per_second: …}`"
            ) {
                guard !countsSeconds, let bpm = $0.record.score?.meanTempo, bpm < 20 || bpm > 300 else {
                    return nil
                }
                return "\(format(bpm, 0)) BPM"
            },
            rule(
                "midi.flat-velocity", "with a constant velocity",
                "leave them out of datasets for learning velocity"
            ) {
                guard let velocities = $0.record.score?.velocities, velocities.reduce(0, +) >= 50,
                    let used = velocities.firstIndex(where: { $0 > 0 }),
                    velocities.lastIndex(where: { $0 > 0 }) == used
                else { return nil }
                return "all \(used)"
            },
        ]
    }

    /// Sources whose numbers are far from all others': beyond the quartiles by three times their distance (Tukey's
    /// far-out fence).
    private var outliers: [Problem] {
        var found: [String] = []
        var outlying: Set<String> = []
        for (measure, all) in zip(Self.measures, numbers) where measure.name != "empty_bar_rate" {
            let values = zip(paths, all).filter { $1.isFinite }
            guard values.count >= 20 else { continue }
            var spread = Distribution()
            for value in values { spread.add(value.1) }
            let quartiles = spread.quantiles([0.25, 0.75])
            let reach = 3 * (quartiles[1] - quartiles[0])
            guard reach > 0 else { continue }
            for (path, value) in values where value < quartiles[0] - reach || value > quartiles[1] + reach {
                outlying.insert(path)
                let numbers = figures([value] + quartiles)
                found.append(
                    "\(path): \(measure.title) \(numbers[0]), most have \(numbers[1]) to \(numbers[2])")
            }
        }
        guard !found.isEmpty else { return [] }
        return [
            Problem(
                code: "midi.outliers",
                message:
                    "\(count(outlying.count, "source")) with outliers (\(count(found.count, "value")))",
                help: "check these sources: some may be damaged or of another kind, some are just unusual",
                sources: found, paths: outlying.sorted())
        ]
    }
}
