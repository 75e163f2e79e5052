import Dataset
import Describing
import Files
import Loading
import Manifest

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

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
    /// What labels are compared by.
    private var labels = LabelNeighbours()
    /// How fast each MIDI source with a tempo is.
    private var speeds: [(path: String, labels: [String: String], speed: Speed)] = []
    /// A grid of seconds is right whatever the tempo says.
    private let countsSeconds: Bool

    /// The numbers that are searched for outliers.
    private static let measures = MIDITally.measures + [("seconds", "seconds")]

    init(_ manifest: Manifest, frequencies: [Double]?) {
        var countsSeconds = false
        if case .stepsPerSecond = manifest.midi?.grid { countsSeconds = true }
        self.countsSeconds = countsSeconds
        rules = Self.audio(manifest, frequencies) + Self.midi(countsSeconds: countsSeconds)
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
        labels.add(source)
        if !countsSeconds, let speed = Speed(source) { speeds.append((path, record.source.labels, speed)) }
        guard record.score?.pitches.contains(where: { $0 > 0 }) == true else { return }
        paths.append(path)
        for (measure, number) in source.numbers.enumerated() { numbers[measure].append(number) }
        numbers[Self.measures.count - 1].append(source.seconds)
    }

    /// What was found.
    ///
    /// - Throws: `build.interrupted`.
    func problems() throws(BuildError) -> [Problem] {
        let single = zip(rules, found).filter { !$1.isEmpty }.map { rule, found in
            Problem(
                code: rule.code, message: rule.message(found.count), help: rule.help,
                sources: found.map(\.line), paths: found.map(\.path))
        }
        return missing + single + unusualSpeeds + (try labels.problems()) + outliers
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

    private static func midi(countsSeconds: Bool) -> [Rule] {
        func rule(
            _ code: String, _ message: String, _ help: String, _ test: @escaping (MeasuredSource) -> String?
        ) -> Rule {
            Rule(
                code: code, kind: .midi, message: { "\(count($0, "source")) \(message)" }, help: help,
                test: test)
        }
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
                "midi.drums-as-melody", "with a melodic part that sounds like drums",
                "move the part to channel 10 if it is drums, or exclude them: its keys are taken for pitches"
            ) {
                guard let score = $0.record.score, score.drumLike > 0 else { return nil }
                return "\(grouped(score.drumLike)) of \(count(score.pitches.reduce(0, +), "note"))"
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

    // MARK: Speed

    /// What a wrong tempo changes, as powers of 2: BPM, notes/s, and how many of its notes fill a second.
    struct Speed {
        let values: [Double]

        init(_ values: [Double]) { self.values = values }

        init?(_ source: MeasuredSource) {
            guard let score = source.record.score, let tempo = score.meanTempo, source.seconds > 0 else {
                return nil
            }
            let lengths = score.lengths.counts
            let notes = lengths.reduce(0, +)
            guard notes >= 16 else { return nil }
            // Bins begin at half powers of 2; the first holds what is below 2^-5 beats.
            let beats =
                lengths.enumerated().reduce(0.0) {
                    $0 + Double($1.element) * (Double($1.offset) - 11) / 2
                } / Double(notes)
            values = [log2(tempo), log2(Double(notes) / source.seconds), log2(tempo / 60) - beats]
        }

        var text: String {
            let numbers = values.map { exp2($0) }
            return "\(format(numbers[0], 0)) BPM, \(figures([numbers[1]])[0]) notes/s of "
                + "\(figures([1 / numbers[2]])[0]) s"
        }
    }

    /// How many standard deviations a source must be faster or slower than the medians, on average over the three.
    static let farSpeed = 3.0
    /// How many sources a value of a label must have for medians of its own.
    static let leastOfValue = 20

    /// The medians of some sources' speeds, and the spread around them.
    private struct UsualSpeed {
        var middle: [Double] = []
        var spread: [Double] = []

        init(_ speeds: some Sequence<Speed>) {
            let speeds = Array(speeds)
            for number in 0..<3 {
                var values = Distribution()
                for speed in speeds { values.add(speed.values[number]) }
                let quartiles = values.quantiles([0.25, 0.5, 0.75])
                middle.append(quartiles[1])
                // The quartiles of a normal distribution are 1.349 standard deviations apart. They coincide where half
                // of the sources have one tempo, so the spread is at least a tenth of a power of 2.
                spread.append(max((quartiles[2] - quartiles[0]) / 1.349, 0.1))
            }
        }

        func distance(of speed: Speed) -> Double {
            abs(
                zip(speed.values, zip(middle, spread)).reduce(0.0) { $0 + ($1.0 - $1.1.0) / $1.1.1 } / 3)
        }
    }

    /// Sources that are much faster or slower than most, or than most with the same value of a label.
    ///
    /// Their tempo may be wrong.
    private var unusualSpeeds: [Problem] {
        guard speeds.count >= 20 else { return [] }
        let all = UsualSpeed(speeds.map(\.speed))
        var groups: [String: [String: [Int]]] = [:]
        for (index, source) in speeds.enumerated() {
            for (label, text) in source.labels {
                for value in LabelText.values(text) {
                    groups[label, default: [:]][value, default: []].append(index)
                }
            }
        }
        var usual = speeds.map { _ in [(of: "", speed: all)] }
        for (_, values) in groups.sorted(by: { $0.key < $1.key }) {
            for (value, members) in values.sorted(by: { $0.key < $1.key })
            where (Self.leastOfValue..<speeds.count).contains(members.count) {
                let own = UsualSpeed(members.lazy.map { speeds[$0].speed })
                for index in members { usual[index].append((" of '\(value)'", own)) }
            }
        }
        let far = zip(speeds, usual).compactMap {
            source, usual -> (far: Double, path: String, line: String)? in
            let distances = usual.map { ($0.of, $0.speed, far: $0.speed.distance(of: source.speed)) }
            guard let (of, most, far) = distances.max(by: { $0.far < $1.far }), far > Self.farSpeed else {
                return nil
            }
            let medians = Speed(most.middle).text
            return (far, source.path, "\(source.path): \(source.speed.text); the medians\(of) are \(medians)")
        }.sorted { ($1.far, $0.path) < ($0.far, $1.path) }
        guard !far.isEmpty else { return [] }
        return [
            Problem(
                code: "midi.speed",
                message: "\(count(far.count, "source")) much faster or slower than most",
                help: "play them: if the tempo is wrong, correct it, or use another source",
                sources: far.map(\.line), paths: far.map(\.path))
        ]
    }

    /// Sources whose numbers are far from all others': beyond the quartiles by three times their distance (Tukey's
    /// far-out fence).
    private var outliers: [Problem] {
        var found: [(line: String, path: String)] = []
        for (measure, all) in zip(Self.measures, numbers) where measure.name != "empty_bar_rate" {
            let values = zip(paths, all).filter { $1.isFinite }
            guard values.count >= 20 else { continue }
            var spread = Distribution()
            for value in values { spread.add(value.1) }
            let quartiles = spread.quantiles([0.25, 0.75])
            let reach = 3 * (quartiles[1] - quartiles[0])
            guard reach > 0 else { continue }
            for (path, value) in values where value < quartiles[0] - reach || value > quartiles[1] + reach {
                let numbers = figures([value] + quartiles)
                let line = "\(path): \(measure.title) \(numbers[0]), most have \(numbers[1]) to \(numbers[2])"
                found.append((line, path))
            }
        }
        guard !found.isEmpty else { return [] }
        return [
            Problem(
                code: "midi.outliers",
                message:
                    "\(count(Set(found.map(\.path)).count, "source")) with outliers (\(count(found.count, "value")))",
                help: "check these sources: some may be damaged or of another kind, some are just unusual",
                sources: found.map(\.line), paths: found.map(\.path))
        ]
    }
}
