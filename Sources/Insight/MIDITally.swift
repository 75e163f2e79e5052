import Dataset
public import Describing
public import Files

/// What MIDI sources hold, added up; drums are left out unless said.
public struct MIDITally: Sendable {
    /// Sources.
    public var sources = 0
    /// [128]: notes of each pitch.
    public var pitches = [Int](repeating: 0, count: 128)
    /// [128]: notes of each velocity.
    public var velocities = [Int](repeating: 0, count: 128)
    /// [129]: notes of each program; 128 is drums.
    public var programs = [Int](repeating: 0, count: 129)
    /// [129]: sources that use each program.
    public var programSources = [Int](repeating: 0, count: 129)
    /// Note lengths in beats.
    public var lengths = LogHistogram()
    /// How long the sustain pedal is held, in seconds.
    public var pedals = LogHistogram()
    /// Beats in which k pitches sound at the same time, by k.
    public var polyphony: [Double] = []
    /// Seconds at each tempo in whole BPM.
    public var tempi: [Int: Double] = [:]
    /// Beats in each time signature.
    public var timeSignatures: [String: Double] = [:]
    /// Beats in each key signature.
    public var keys: [String: Double] = [:]
    /// The slowest and the fastest tempo in BPM that any source has.
    public var bpm: ClosedRange<Double>?
    /// Bars, drums heard too.
    public var bars = 0
    /// Bars in which nothing sounds.
    public var emptyBars = 0
    /// Steps of all segments.
    public var steps = 0
    /// Steps of them in which nothing sounds.
    public var emptySteps = 0
    /// By name, how numbers are spread over sources; `MIDITally.measures` says what each is.
    public var spreads: [String: Distribution] {
        Dictionary(uniqueKeysWithValues: zip(Self.measures.map(\.name), measured))
    }
    /// The spreads in the order of `measures`; empty before the first source with a score.
    private var measured: [Distribution] = []

    /// The names of `spreads`, in the order in which people look at them, with what each says.
    public static let measures: [(name: String, title: String)] = [
        ("notes_per_second", "notes/s"), ("polyphony", "polyphony"),
        ("polyphony_rate", "time with over 2 pitches, share"), ("pitch_entropy", "pitch entropy, bits"),
        ("pitch_class_entropy", "pitch class entropy, bits"), ("scale_consistency", "scale consistency"),
        ("groove_consistency", "groove consistency"), ("empty_bar_rate", "empty bars, share"),
        ("velocity", "velocity"), ("tempo", "tempo, BPM"),
    ]

    /// The notes of each of the 16 General MIDI families, then of drums.
    public var families: [Int] {
        var families = [Int](repeating: 0, count: 17)
        for (program, count) in programs.enumerated() { families[program / 8] += count }
        return families
    }

    /// Counts a source.
    mutating func add(_ source: MeasuredSource) {
        sources += 1
        steps += source.steps.all
        emptySteps += source.steps.empty
        if let own = source.bpm {
            bpm =
                min(own.lowerBound, bpm?.lowerBound ?? .infinity)...max(own.upperBound, bpm?.upperBound ?? 0)
        }
        guard let score = source.record.score else { return }
        Self.add(score.pitches, to: &pitches)
        Self.add(score.velocities, to: &velocities)
        for program in score.programs.indices where score.programs[program] > 0 {
            programs[program] += score.programs[program]
            programSources[program] += 1
        }
        lengths.merge(score.lengths)
        pedals.merge(score.pedals)
        while polyphony.count < score.polyphony.count { polyphony.append(0) }
        for (count, beats) in score.polyphony.enumerated() { polyphony[count] += beats }
        tempi.merge(score.tempi, uniquingKeysWith: +)
        timeSignatures.merge(score.timeSignatures, uniquingKeysWith: +)
        keys.merge(score.keys, uniquingKeysWith: +)
        bars += score.bars
        emptyBars += score.emptyBars
        if measured.isEmpty { measured = Self.measures.map { _ in Distribution() } }
        for (measure, number) in source.numbers.enumerated() { measured[measure].add(number) }
    }

    private static func add(_ counts: [Int], to sums: inout [Int]) {
        sums.withUnsafeMutableBufferPointer { sums in
            counts.withUnsafeBufferPointer { counts in
                for index in sums.indices { sums[index] &+= counts[index] }
            }
        }
    }

    /// The numbers of one source, in the order of `measures`; NaN for what it does not have.
    static func numbers(_ record: SourceRecord) -> [Double] {
        guard let score = record.score else { return [] }
        let notes = (record.facts["notes"]?.double ?? 0) - (record.facts["drums"]?.double ?? 0)
        let seconds = record.facts["seconds"]?.double ?? 0
        let numbers = [
            seconds > 0 ? notes / seconds : nil, score.meanPolyphony, score.polyphonyRate, score.pitchEntropy,
            score.pitchClassEntropy, score.scaleConsistency, score.groove, score.emptyBarRate,
            score.meanVelocity, score.meanTempo,
        ]
        return numbers.map { $0 ?? .nan }
    }

    /// The tally as an object.
    public var json: JSONValue {
        func list(_ counts: [Int]) -> JSONValue { .array(counts.map { JSONValue($0) }) }
        func numbers(_ values: [String: Double]) -> JSONValue { .object(values.mapValues { .number($0) }) }
        func histogram(_ histogram: LogHistogram) -> JSONValue {
            [
                "edges": .array(LogHistogram.edges.map { .number($0) }), "counts": list(histogram.counts),
            ]
        }
        let classes = (0..<12).map { first in
            stride(from: first, to: 128, by: 12).reduce(0) { $0 + pitches[$1] }
        }
        func share(_ part: Int, _ whole: Int) -> JSONValue {
            whole > 0 ? .number(Double(part) / Double(whole)) : .null
        }
        let range = pitches.firstIndex { $0 > 0 }.flatMap { first in
            pitches.lastIndex { $0 > 0 }.map { [JSONValue(first), JSONValue($0)] as JSONValue }
        }
        return [
            "sources": JSONValue(sources), "pitches": range ?? .null,
            "bpm": bpm.map { [.number($0.lowerBound), .number($0.upperBound)] } ?? .null,
            "programs": .object(
                Dictionary(
                    uniqueKeysWithValues: programSources.enumerated().filter { $0.element > 0 }.map {
                        ("\($0.offset)", JSONValue($0.element))
                    })),
            "program_notes": list(programs), "family_notes": list(families),
            "pitch_histogram": list(pitches), "pitch_class_histogram": list(classes),
            "velocity_histogram": list(velocities), "note_lengths": histogram(lengths),
            "pedal_lengths": histogram(pedals), "polyphony_beats": .array(polyphony.map { .number($0) }),
            "tempo_seconds": numbers(
                Dictionary(uniqueKeysWithValues: tempi.map { (String($0.key), $0.value) })),
            "metre_beats": numbers(timeSignatures), "key_beats": numbers(keys),
            "pitch_entropy": entropy(pitches).map { .number($0) } ?? .null,
            "pitch_class_entropy": entropy(classes).map { .number($0) } ?? .null,
            "bars": JSONValue(bars), "empty_bar_rate": share(emptyBars, bars),
            "steps": JSONValue(steps), "empty_step_rate": share(emptySteps, steps),
            "by_source": .object(spreads.mapValues(\.json)),
        ]
    }
}
