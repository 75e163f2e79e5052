internal import Tensors
internal import Torch

/// The notes that begin in rolls, each with numbers that describe what is around it.
///
/// Nothing farther than 128 steps from a note's first step counts, so that a piece can be seen through windows. Notes are in
/// the order of cells: by segment, step and key.
struct VelocityNotes {
    /// How many steps before and behind a note are seen.
    static let reach = 128
    /// The steps of four beats of 8, which are told apart by number.
    static let places = 32
    /// The numbers that describe a note.
    static let featureCount =
        15 + 2 * SegmentNotes.neighbours * 5 + SegmentNotes.windows.count * 9 + SegmentNotes.balances.count
        + SegmentNotes.phases

    /// `[notes, 111]` row by row: counts, distances in steps or semitones, shares and means.
    private(set) var features: [Double] = []
    /// Where each note is in rolls `[N, steps, columns]`, row by row.
    private(set) var cells: [Int64] = []
    /// The first step of each, modulo 32.
    private(set) var steps: [Int64] = []
    /// The column of each.
    private(set) var keys: [Int64] = []

    var count: Int { cells.count }

    /// Describes the notes of rolls `[N, steps, columns]` of 0 and 1; the last two columns are sustain and soft pedal.
    ///
    /// - Throws: `TorchError`.
    init(sounding: TorchTensor, onsets: TorchTensor) throws {
        let (segments, length, columns) = (sounding.shape[0], sounding.shape[1], sounding.shape[2])
        let struck = try onsets.to(.f32).contiguous().elements(as: Float.self).map { $0 > 0.5 }
        let down = try sounding.to(.f32).contiguous().elements(as: Float.self).map { $0 > 0.5 }
        for segment in 0..<segments {
            let first = segment * length * columns
            let range = first..<first + length * columns
            let notes = SegmentNotes(
                struck: Array(struck[range]), down: Array(down[range]), length: length, columns: columns)
            for (number, chord) in notes.chords.enumerated() {
                let around = notes.surroundings(of: number)
                for place in chord.keys.indices {
                    cells.append(Int64(first + chord.step * columns + chord.keys[place]))
                    steps.append(Int64(chord.step % Self.places))
                    keys.append(Int64(chord.keys[place]))
                    notes.describe(place, of: chord, around, in: &features)
                }
            }
        }
    }

    /// The features as the network takes them, `[notes, 111]`: the sign times ln(1 + |x|), so that far is not much more
    /// than near.
    ///
    /// - Throws: `TorchError`.
    func tensor(like other: TorchTensor) throws -> TorchTensor {
        let values = try TorchTensor(features, shape: [count, Self.featureCount])
        return try (values.sign() * values.abs().log1p()).to(other.type).to(other.device)
    }
}

/// The notes of one segment, by the steps at which they begin.
struct SegmentNotes {
    /// The keys that are struck at a step, from low to high, and how long each is held.
    struct Chord {
        let step: Int
        let keys: [Int]
        let lengths: [Int]
    }

    static let neighbours = 3
    /// How far windows reach, before and behind.
    static let windows = [4, 8, 16, 32, 64, 128]
    /// Windows whose notes before and behind are compared.
    static let balances = [4, 8, 16, 32]
    /// The steps of a beat, over which the notes of the widest window are counted.
    static let phases = 8

    let chords: [Chord]
    private let length: Int
    private let keyCount: Int
    /// What is summed over windows.
    ///
    /// Notes, steps with notes, keys held, sustain, soft pedal, pitches, their squares,
    /// lengths; then notes by their step in the beat: sums of all steps before each, `[length + 1, 16]`.
    private let sums: [Double]
    private static let sumCount = 8 + phases
    /// For each note the steps since its key was last struck, and until it is struck again; 0 where that is out of reach.
    private let since, until: [[Int]]

    init(struck: [Bool], down: [Bool], length: Int, columns: Int) {
        let keyCount = columns - 2
        let reach = VelocityNotes.reach
        // From the end: how long what is held at each step will be, up to the reach.
        var held = [Int](repeating: 0, count: length * keyCount)
        var stays = [Int](repeating: 0, count: keyCount)
        for step in stride(from: length - 1, through: 0, by: -1) {
            for key in 0..<keyCount {
                let cell = step * columns + key
                held[step * keyCount + key] = min(stays[key] + 1, reach)
                stays[key] = down[cell] && !struck[cell] ? stays[key] + 1 : 0
            }
        }
        var chords: [Chord] = []
        var sums = [Double](repeating: 0, count: (length + 1) * Self.sumCount)
        for step in 0..<length {
            let row = step * columns
            let keys = (0..<keyCount).filter { struck[row + $0] }
            let lengths = keys.map { held[step * keyCount + $0] }
            if !keys.isEmpty { chords.append(Chord(step: step, keys: keys, lengths: lengths)) }
            let values: [Int] =
                [
                    keys.count, keys.isEmpty ? 0 : 1, (0..<keyCount).count { down[row + $0] },
                    down[row + keyCount] ? 1 : 0, down[row + keyCount + 1] ? 1 : 0,
                    keys.reduce(0, +), keys.reduce(0) { $0 + $1 * $1 }, lengths.reduce(0, +),
                ] + (0..<Self.phases).map { $0 == step % Self.phases ? keys.count : 0 }
            for (place, value) in values.enumerated() {
                let index = step * Self.sumCount + place
                sums[index + Self.sumCount] = sums[index] + Double(value)
            }
        }
        (self.chords, self.length, self.keyCount, self.sums) = (chords, length, keyCount, sums)
        since = Self.gaps(chords, keyCount)
        // What is the last strike backwards is the next one forwards.
        until = Self.gaps(
            chords.reversed().map { Chord(step: -$0.step, keys: $0.keys, lengths: []) }, keyCount
        ).reversed()
    }

    /// The steps since the key of each note was struck before.
    private static func gaps(_ chords: [Chord], _ keyCount: Int) -> [[Int]] {
        var last = [Int?](repeating: nil, count: keyCount)
        return chords.map { chord in
            chord.keys.map { key in
                defer { last[key] = chord.step }
                let gap = last[key].map { chord.step - $0 } ?? 0
                return gap <= VelocityNotes.reach ? gap : 0
            }
        }
    }

    private func sum(_ place: Int, _ range: Range<Int>) -> Double {
        sums[range.upperBound * Self.sumCount + place] - sums[range.lowerBound * Self.sumCount + place]
    }

    /// What all notes of a chord have around them.
    struct Surroundings {
        fileprivate let number: Int
        fileprivate let keysDown, sustain, soft: Double
        /// The three chords before it and the three behind; nil where one is out of reach.
        fileprivate let neighbours: [(distance: Int, size: Int, low: Int, high: Int)?]
        fileprivate let windows: [Window]
        fileprivate let balances, phases: [Double]
    }

    /// Means over the steps of a window, and over its notes.
    fileprivate struct Window {
        let notes, chords, keysDown, sustain, soft, key, deviation, length: Double
    }

    func surroundings(of number: Int) -> Surroundings {
        let step = chords[number].step
        func clipped(_ low: Int, _ high: Int) -> Range<Int> { max(low, 0)..<min(high, length) }
        let neighbours = ([-1, -2, -3] + [1, 2, 3]).map { offset -> (Int, Int, Int, Int)? in
            let other = number + offset
            guard chords.indices.contains(other) else { return nil }
            let chord = chords[other]
            let distance = abs(chord.step - step)
            guard distance <= VelocityNotes.reach else { return nil }
            return (distance, chord.keys.count, chord.keys[0], chord.keys[chord.keys.count - 1])
        }
        let windows = Self.windows.map { reach -> Window in
            let range = clipped(step - reach, step + reach + 1)
            let (steps, notes) = (Double(range.count), sum(0, range))
            // Whole numbers up to the root, so that equal keys deviate by 0.
            let spread = max(sum(6, range) * notes - sum(5, range) * sum(5, range), 0)
            return Window(
                notes: notes / steps, chords: sum(1, range) / steps, keysDown: sum(2, range) / steps,
                sustain: sum(3, range) / steps, soft: sum(4, range) / steps,
                key: sum(5, range) / notes,
                deviation: spread.squareRoot() / notes, length: sum(7, range) / notes)
        }
        let now = step..<step + 1
        let wide = clipped(step - VelocityNotes.reach, step + VelocityNotes.reach + 1)
        return Surroundings(
            number: number, keysDown: sum(2, now), sustain: sum(3, now), soft: sum(4, now),
            neighbours: neighbours, windows: windows,
            balances: Self.balances.map {
                sum(0, clipped(step, step + $0)) - sum(0, clipped(step - $0, step))
            },
            phases: (0..<Self.phases).map { sum(8 + $0, wide) / sum(0, wide) })
    }

    /// Appends the 111 numbers of a note.
    func describe(
        _ place: Int, of chord: Chord, _ around: Surroundings, in features: inout [Double]
    ) {
        let (key, last) = (chord.keys[place], chord.keys.count - 1)
        let longest = chord.lengths.reduce(0, max)
        let (before, after) = (since[around.number][place], until[around.number][place])
        features += [
            Double(key), Double(chord.lengths[place]), Double(chord.lengths[place] - longest),
            Double(chord.keys.count), Double(place), Double(last - place),
            Double(key - chord.keys[0]), Double(chord.keys[last] - key),
            around.keysDown, around.sustain, around.soft,
            Double(before), before > 0 ? 1 : 0, Double(after), after > 0 ? 1 : 0,
        ]
        for neighbour in around.neighbours {
            features +=
                neighbour.map {
                    [Double($0.distance), Double($0.size), Double(key - $0.high), Double(key - $0.low), 1]
                } ?? [0, 0, 0, 0, 0]
        }
        for window in around.windows {
            features += [
                window.notes, window.chords, window.keysDown, window.sustain, window.soft,
                Double(key) - window.key, window.key, window.deviation, window.length,
            ]
        }
        features += around.balances + around.phases
    }
}
