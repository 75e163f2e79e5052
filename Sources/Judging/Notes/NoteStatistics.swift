#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a piece is like in numbers: `muspy.metrics`, densities, and means of its notes.
///
/// Drums count in `drumCount`, `emptyBeatRate`, `grooveConsistency` and the length alone, as in MusPy. Numbers are nil
/// where they are not defined; MusPy has NaN there. Source: Dong et al., "MusPy: A Toolkit for Symbolic Music
/// Generation" (ISMIR 2020), `muspy.metrics` 0.5.0.
public struct NoteStatistics: Hashable, Sendable {
    /// The notes without drums.
    public private(set) var noteCount = 0
    /// The drum notes.
    public private(set) var drumCount = 0
    /// Different pitches.
    public private(set) var pitchCount = 0
    /// Different pitch classes.
    public private(set) var pitchClassCount = 0
    /// Highest pitch less lowest, in semitones.
    public private(set) var pitchRange: Int?
    /// Entropy of the pitches' histogram, in bits.
    public private(set) var pitchEntropy: Double?
    /// Entropy of the pitch classes' histogram, in bits, at most log2 12.
    public private(set) var pitchClassEntropy: Double?
    /// The mean number of different pitches that sound, over the time in which any does.
    public private(set) var polyphony: Double?
    /// The share of the piece's length in which more than two different pitches sound.
    public private(set) var polyphonyRate: Double?
    /// The largest share of notes that lie in one major or natural minor scale.
    public private(set) var scaleConsistency: Double?
    /// 1 − the mean share of positions in which neighbouring bars differ in onsets; nil for fewer than two bars.
    ///
    /// The positions are 24 per beat, the nearest. All bars have the length of the first. The bar that holds the end
    /// counts, also if the end is its first position.
    public private(set) var grooveConsistency: Double?
    /// The share of beats in which no note or drum sounds; the beat in which a note ends counts as one in which it
    /// sounds.
    public private(set) var emptyBeatRate: Double?
    /// Notes per beat of the piece's length.
    public private(set) var notesPerBeat: Double?
    /// Notes per second of the piece's length.
    public private(set) var notesPerSecond: Double?
    /// The mean velocity.
    public private(set) var velocityMean: Double?
    /// The standard deviation of the velocities, over n.
    public private(set) var velocityStd: Double?
    /// The mean length of a note in beats.
    public private(set) var durationMean: Double?
    /// The standard deviation of the lengths in beats, over n.
    public private(set) var durationStd: Double?
    /// The mean distance of one onset to the next later one, in beats.
    public private(set) var onsetIntervalMean: Double?
    /// The standard deviation of these distances in beats, over n.
    public private(set) var onsetIntervalStd: Double?

    /// The positions per beat of `grooveConsistency`, MusPy's default resolution.
    public static let positionsPerBeat = 24

    /// Measures a piece.
    public init(_ piece: NotePiece) {
        let notes = piece.notes.filter { !$0.isDrum }
        noteCount = notes.count
        drumCount = piece.notes.count - notes.count
        if piece.length > 0 {
            emptyBeatRate = Self.emptyBeatRate(piece)
            grooveConsistency = Self.grooveConsistency(piece)
            notesPerBeat = Double(notes.count) / piece.length
        }
        if piece.lengthSeconds > 0 { notesPerSecond = Double(notes.count) / piece.lengthSeconds }
        countPitches(notes)
        measurePolyphony(notes, length: piece.length)
        (velocityMean, velocityStd) = Self.moments(notes.map { Double($0.velocity) })
        (durationMean, durationStd) = Self.moments(notes.map(\.duration))
        (onsetIntervalMean, onsetIntervalStd) = Self.moments(
            zip(notes.dropFirst(), notes).map { $0.onset - $1.onset }.filter { $0 > 0 })
    }

    private mutating func countPitches(_ notes: [NotePiece.Note]) {
        var pitches = [Int](repeating: 0, count: 128)
        var classes = [Int](repeating: 0, count: 12)
        for note in notes {
            pitches[Int(note.pitch)] += 1
            classes[Int(note.pitch) % 12] += 1
        }
        pitchCount = pitches.count { $0 > 0 }
        pitchClassCount = classes.count { $0 > 0 }
        guard let lowest = pitches.firstIndex(where: { $0 > 0 }),
            let highest = pitches.lastIndex(where: { $0 > 0 })
        else { return }
        pitchRange = highest - lowest
        pitchEntropy = Self.entropy(pitches)
        pitchClassEntropy = Self.entropy(classes)
        let scales = [[0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10]]
        let most = scales.flatMap { scale in
            (0..<12).map { root in scale.reduce(0) { $0 + classes[($1 + root) % 12] } }
        }.max()
        scaleConsistency = most.map { Double($0) / Double(notes.count) }
    }

    /// The bits of a histogram.
    private static func entropy(_ counts: [Int]) -> Double {
        let total = Double(counts.reduce(0, +))
        return counts.reduce(0) { sum, count in
            guard count > 0 else { return sum }
            let share = Double(count) / total
            return sum - share * log2(share)
        }
    }

    /// Passes over the ends of each pitch's stretches of sound.
    private mutating func measurePolyphony(_ notes: [NotePiece.Note], length: Double) {
        var end = [Double](repeating: -1, count: 128)
        var start = end
        var changes: [(beat: Double, by: Int)] = []
        func close(_ pitch: Int) {
            guard end[pitch] > start[pitch] else { return }
            changes.append((start[pitch], 1))
            changes.append((end[pitch], -1))
        }
        for note in notes {
            let pitch = Int(note.pitch)
            if note.onset > end[pitch] {
                close(pitch)
                (start[pitch], end[pitch]) = (note.onset, note.offset)
            } else {
                end[pitch] = max(end[pitch], note.offset)
            }
        }
        for pitch in 0..<128 { close(pitch) }
        changes.sort { $0.beat < $1.beat }
        var (sounding, beat) = (0, 0.0)
        var (any, many, sum) = (0.0, 0.0, 0.0)
        for change in changes {
            let passed = change.beat - beat
            if sounding > 0 { any += passed }
            if sounding > 2 { many += passed }
            sum += Double(sounding) * passed
            sounding += change.by
            beat = change.beat
        }
        polyphony = any > 0 ? sum / any : nil
        polyphonyRate = length > 0 ? many / length : nil
    }

    private static func emptyBeatRate(_ piece: NotePiece) -> Double {
        let count = gridStep(piece.length) + 1
        var changes = [Int](repeating: 0, count: count + 1)
        for note in piece.notes {
            changes[gridStep(note.onset)] += 1
            changes[gridStep(note.offset) + 1] -= 1
        }
        var (sounding, empty) = (0, 0)
        for change in changes.dropLast() {
            sounding += change
            if sounding == 0 { empty += 1 }
        }
        return Double(empty) / Double(count)
    }

    private static func grooveConsistency(_ piece: NotePiece) -> Double? {
        guard piece.barLines.count > 1 else { return nil }
        func position(_ beat: Double) -> Int { gridStep(beat * Double(positionsPerBeat) + 0.5) }
        let length = max(1, position(piece.barLines[1] - piece.barLines[0]))
        let bars = position(piece.length) / length + 1
        guard bars > 1 else { return nil }
        let onsets = Set(piece.notes.map { position($0.onset) })
        // Each onset differs from the bar before unless that has it, and from the bar after unless that has it.
        var differences = 0
        for onset in onsets {
            if onset >= length, !onsets.contains(onset - length) { differences += 1 }
            if onset + length < bars * length, !onsets.contains(onset + length) { differences += 1 }
        }
        return 1 - Double(differences) / Double(length * (bars - 1))
    }

    private static func moments(_ values: [Double]) -> (Double?, Double?) {
        guard !values.isEmpty else { return (nil, nil) }
        let mean = values.reduce(0, +) / Double(values.count)
        let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        return (mean, square.squareRoot())
    }
}

extension NoteStatistics {
    /// Every number by its name in reports, in a fixed order.
    public var named: [(name: String, value: Double?)] {
        [
            ("notes", Double(noteCount)), ("drums", Double(drumCount)), ("pitches", Double(pitchCount)),
            ("pitch_classes", Double(pitchClassCount)), ("pitch_range", pitchRange.map(Double.init)),
            ("pitch_entropy", pitchEntropy), ("pitch_class_entropy", pitchClassEntropy),
            ("polyphony", polyphony), ("polyphony_rate", polyphonyRate),
            ("scale_consistency", scaleConsistency), ("groove_consistency", grooveConsistency),
            ("empty_beat_rate", emptyBeatRate), ("notes_per_beat", notesPerBeat),
            ("notes_per_second", notesPerSecond), ("velocity_mean", velocityMean),
            ("velocity_std", velocityStd), ("duration_mean", durationMean), ("duration_std", durationStd),
            ("onset_interval_mean", onsetIntervalMean), ("onset_interval_std", onsetIntervalStd),
        ]
    }

    /// The share of a piece's notes, drums left out, whose pitch is outside a range; nil without notes.
    public static func shareOutside(_ range: ClosedRange<UInt8>, of piece: NotePiece) -> Double? {
        let notes = piece.notes.filter { !$0.isDrum }
        guard !notes.isEmpty else { return nil }
        return Double(notes.count { !range.contains($0.pitch) }) / Double(notes.count)
    }

    /// This piece's notes per beat over the mean of a style's pieces; 1 is the style's own density.
    ///
    /// - Returns: nil if the piece or the style has no length, or the style no notes.
    public func densityRatio(to style: [NoteStatistics]) -> Double? {
        let densities = style.compactMap(\.notesPerBeat)
        let sum = densities.reduce(0, +)
        guard let notesPerBeat, sum > 0 else { return nil }
        return notesPerBeat * Double(densities.count) / sum
    }
}
