public import Describing
import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension ScoreDescription {
    /// [12]: notes of each pitch class, from C.
    public var pitchClasses: [Int] {
        var classes = [Int](repeating: 0, count: 12)
        for (pitch, count) in pitches.enumerated() { classes[pitch % 12] += count }
        return classes
    }

    /// The entropy of the pitches in bits; nil without notes that have pitch.
    public var pitchEntropy: Double? { entropy(pitches) }
    /// The entropy of the pitch classes in bits; nil without notes that have pitch.
    public var pitchClassEntropy: Double? { entropy(pitchClasses) }

    /// The largest share of notes that one major or natural minor scale holds; nil without notes that have pitch.
    ///
    /// MusPy's `scale_consistency`; each minor scale holds the notes of a major one, so twelve are enough.
    public var scaleConsistency: Double? {
        let classes = pitchClasses
        let total = classes.reduce(0, +)
        guard total > 0 else { return nil }
        let major = [0, 2, 4, 5, 7, 9, 11]
        let most = (0..<12).map { root in major.reduce(0) { $0 + classes[(root + $1) % 12] } }.max() ?? 0
        return Double(most) / Double(total)
    }

    /// The mean number of pitches that sound while any does; nil if none ever does.
    ///
    /// MusPy's `polyphony`.
    public var meanPolyphony: Double? {
        let sounding = polyphony.dropFirst().reduce(0, +)
        guard sounding > 0 else { return nil }
        return polyphony.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element } / sounding
    }

    /// The share of time in which more than two pitches sound; nil for no time.
    ///
    /// MusPy's `polyphony_rate`.
    public var polyphonyRate: Double? {
        let all = polyphony.reduce(0, +)
        return all > 0 ? polyphony.dropFirst(3).reduce(0, +) / all : nil
    }

    /// The share of bars in which nothing sounds; nil without bars.
    ///
    /// MusPy's `empty_measure_rate`.
    public var emptyBarRate: Double? { bars > 0 ? Double(emptyBars) / Double(bars) : nil }

    /// The mean velocity; nil without notes that have pitch.
    public var meanVelocity: Double? {
        let total = velocities.reduce(0, +)
        guard total > 0 else { return nil }
        return Double(velocities.enumerated().reduce(0) { $0 + $1.offset * $1.element }) / Double(total)
    }

    /// The tempo in BPM, as the mean over time; nil for clock time and for nothing.
    public var meanTempo: Double? {
        // In order: sums of the same numbers in another order may differ in the last bit.
        let tempi = tempi.sorted { $0.key < $1.key }
        let seconds = tempi.reduce(0) { $0 + $1.value }
        guard seconds > 0 else { return nil }
        return tempi.reduce(0) { $0 + Double($1.key) * $1.value } / seconds
    }
}

/// The entropy in bits of a histogram; nil if it is empty.
func entropy(_ counts: [Int]) -> Double? {
    let total = Double(counts.reduce(0, +))
    guard total > 0 else { return nil }
    return -counts.reduce(0.0) { sum, count in
        count == 0 ? sum : sum + Double(count) / total * log2(Double(count) / total)
    }
}
