/// What the notes of a style do, as one normalised histogram: Cífka's and Groove2Groove's measures of style.
///
/// Two profiles are compared by their cosine. A style's profile is that of all its pieces together, or the mean of the
/// profiles of its pieces. Sources: Cífka, Şimşekli and Richard, "Supervised Symbolic Music Style Translation Using
/// Synthetic Data" (ISMIR 2019), section 5.2; the same, "Groove2Groove" (TASLP 2020), section V.
public struct StyleProfile: Hashable, Sendable {
    /// What is counted.
    ///
    /// All time bins are 1/6 beat.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// [41 intervals, 24 time bins]: ordered pairs of notes, 0 ≤ Δonset < 4 beats, intervals −20 to 20.
        ///
        /// The interval is the later note's pitch less the earlier's. Two notes that begin together are counted both
        /// ways.
        case intervals4 = "intervals_4"
        /// [41 intervals, 12 time bins]: likewise for 0 ≤ Δonset < 2 beats.
        case intervals2 = "intervals_2"
        /// [24 time bins]: where in the bar notes begin, modulo 4 beats.
        case onsets
        /// [24 time bins, 12 time bins]: where in the bar notes begin, and how long they last; over 2 beats left out.
        case onsetDurations = "onset_durations"
        /// [24 time bins, 8 velocity bins]: where in the bar notes begin, and their velocity in bins of 16.
        case onsetVelocities = "onset_velocities"
        /// [24 time bins, 128 pitches]: where in the bar notes begin, and their pitch.
        case onsetPitches = "onset_pitches"
    }

    /// What is counted.
    public let kind: Kind
    /// The shares of all counts, row by row in the shape that `kind` names; the sum is 1.
    public let values: [Double]

    /// The profile of pieces together: every counted event weighs the same, so long pieces weigh more.
    ///
    /// Time O(n log n) in the notes of a piece, however dense it is. nil if nothing is counted.
    ///
    /// - Parameters:
    ///   - pieces: The pieces; one for a piece's own profile.
    ///   - kind: What is counted.
    ///   - drums: Whether to count drums alone; else they are left out.
    public init?(_ pieces: [NotePiece], kind: Kind = .intervals4, drums: Bool = false) {
        var counts = [Int](repeating: 0, count: kind.size)
        for piece in pieces {
            let notes = piece.notes.filter { $0.isDrum == drums }
            switch kind {
            case .intervals4, .intervals2: kind.addIntervals(notes, to: &counts)
            default: kind.addOnsets(notes, barLines: piece.barLines, to: &counts)
            }
        }
        self.init(kind: kind, weights: counts.map(Double.init))
    }

    /// The mean of profiles, in which every piece weighs the same.
    ///
    /// All must be of one kind; nil if there are none.
    public init?(meanOf profiles: [StyleProfile]) {
        guard let kind = profiles.first?.kind else { return nil }
        var sums = [Double](repeating: 0, count: kind.size)
        for profile in profiles {
            precondition(profile.kind == kind, "profiles of \(kind) and of \(profile.kind)")
            for index in sums.indices { sums[index] += profile.values[index] }
        }
        self.init(kind: kind, weights: sums)
    }

    private init?(kind: Kind, weights: [Double]) {
        let total = weights.reduce(0, +)
        guard total > 0 else { return nil }
        self.kind = kind
        values = weights.map { $0 / total }
    }

    /// The cosine to another profile of the same kind, 0 to 1.
    public func cosine(to other: StyleProfile) -> Double {
        precondition(kind == other.kind, "profiles of \(kind) and of \(other.kind)")
        return Judging.cosine(values, other.values) ?? 0
    }
}

extension StyleProfile.Kind {
    /// The largest interval in each direction.
    static let largestInterval = 20
    private static let binsPerBeat = 6
    private static let barBins = 24
    private static let durationBins = 12
    private static let velocityBins = 8

    /// The time bins of the pairs' distances.
    private var distanceBins: Int { (self == .intervals2 ? 2 : 4) * Self.binsPerBeat }

    /// The numbers of the histogram.
    var size: Int {
        switch self {
        case .intervals4, .intervals2: (2 * Self.largestInterval + 1) * distanceBins
        case .onsets: Self.barBins
        case .onsetDurations: Self.barBins * Self.durationBins
        case .onsetVelocities: Self.barBins * Self.velocityBins
        case .onsetPitches: Self.barBins * 128
        }
    }

    /// Counts pairs, with one window of later notes per time bin: each window keeps how many notes of each pitch it
    /// holds.
    func addIntervals(_ notes: [NotePiece.Note], to histogram: inout [Int]) {
        let (bins, reach) = (distanceBins, Self.largestInterval)
        let (width, intervals) = (128 + 2 * reach, 2 * reach + 1)
        let onsets = notes.map { $0.onset * Double(Self.binsPerBeat) }
        let pitches = notes.map { Int($0.pitch) }
        // The first note that is at least so many bins after the current one; window b lies between two of them.
        var edges = [Int](repeating: 0, count: bins + 1)
        var windows = [UInt32](repeating: 0, count: bins * width)
        var sums = [UInt32](repeating: 0, count: bins * intervals)
        // A note adds at most as much as there are notes: so many can be added before 32 bits overflow.
        let share = max(1, Int(UInt32.max) / max(1, notes.count))
        for first in stride(from: 0, to: notes.count, by: share) {
            windows.withUnsafeMutableBufferPointer { windows in
                sums.withUnsafeMutableBufferPointer { sums in
                    for index in first..<min(first + share, notes.count) {
                        for edge in 0...bins {
                            let bound = onsets[index] + Double(edge) - gridTolerance
                            while edges[edge] < notes.count, onsets[edges[edge]] < bound {
                                let place = pitches[edges[edge]] + reach
                                if edge < bins { windows[edge * width + place] &-= 1 }
                                if edge > 0 { windows[(edge - 1) * width + place] &+= 1 }
                                edges[edge] += 1
                            }
                        }
                        for bin in 0..<bins where edges[bin + 1] > edges[bin] {
                            let (from, to) = (bin * width + pitches[index], bin * intervals)
                            for interval in 0..<intervals { sums[to + interval] &+= windows[from + interval] }
                        }
                    }
                }
            }
            for bin in 0..<bins {
                for interval in 0..<intervals {
                    histogram[interval * bins + bin] += Int(sums[bin * intervals + interval])
                    sums[bin * intervals + interval] = 0
                }
            }
        }
        // Each note has met itself.
        histogram[reach * bins] -= notes.count
    }

    func addOnsets(_ notes: [NotePiece.Note], barLines: [Double], to histogram: inout [Int]) {
        var bar = 0
        for note in notes {
            while bar + 1 < barLines.count, note.onset >= barLines[bar + 1] - gridTolerance { bar += 1 }
            let start = bar < barLines.count ? barLines[bar] : 0
            let onset = gridStep((note.onset - start) * Double(Self.binsPerBeat)) % Self.barBins
            switch self {
            case .onsets: histogram[onset] += 1
            case .onsetDurations:
                let duration = note.duration * Double(Self.binsPerBeat)
                // As numpy's histograms, the last bin takes its upper edge in.
                guard duration <= Double(Self.durationBins) + gridTolerance else { continue }
                let bin = min(gridStep(duration), Self.durationBins - 1)
                histogram[onset * Self.durationBins + bin] += 1
            case .onsetVelocities: histogram[onset * Self.velocityBins + Int(note.velocity) / 16] += 1
            case .onsetPitches: histogram[onset * 128 + Int(note.pitch)] += 1
            case .intervals4, .intervals2: break
            }
        }
    }
}
