public import Statistics

/// How alike the harmonies of two pieces are, column by column: Cífka's measure of content.
///
/// Each pitch class of each sample holds the number of notes that sound; velocities do not count, drums are left out. A
/// moving average over `window` samples is taken at every `step`-th sample. The cosines of the columns are averaged
/// over the columns in which either piece sounds, so a column in which only one sounds counts 0. Source: Cífka,
/// Şimşekli and Richard, "Supervised Symbolic Music Style Translation Using Synthetic Data" (ISMIR 2019), section 5.1,
/// after Lu and Su (ISMIR 2018).
public struct ChromaSimilarity: Hashable, Sendable {
    /// Samples per beat.
    public var samplesPerBeat: Int
    /// The length of the moving average in samples.
    public var window: Int
    /// The samples from one column to the next.
    public var step: Int

    /// Windows of 2 beats at every beat: 12/24/12, the setting of the paper and of Groove2Groove.
    public static let twoBeats = ChromaSimilarity(samplesPerBeat: 12, window: 24, step: 12)
    /// Windows of 4 beats without overlap: 12/48/48, the second setting of the paper's code.
    public static let fourBeats = ChromaSimilarity(samplesPerBeat: 12, window: 48, step: 48)

    /// A measure by its settings; all must be positive.
    public init(samplesPerBeat: Int, window: Int, step: Int) {
        precondition(
            samplesPerBeat > 0 && window > 0 && step > 0,
            "chroma of \(samplesPerBeat) samples per beat, window \(window), step \(step)")
        self.samplesPerBeat = samplesPerBeat
        self.window = window
        self.step = step
    }

    /// The mean cosine of the two pieces' columns, 0 to 1; nil if neither has a note that sounds at a sample.
    public func similarity(_ first: NotePiece, _ second: NotePiece) -> Double? {
        let (a, b) = (chroma(of: first), chroma(of: second))
        let count = max(a.count, b.count) / 12
        let (left, right) = (columns(of: a, samples: count), columns(of: b, samples: count))
        return Self.meanCosine((0..<left.count).lazy.map { (left[$0], right[$0]) })
    }

    /// The averaged columns of a piece: [column][12], as `similarity` compares them.
    public func columns(of piece: NotePiece) -> [[Double]] {
        let chroma = chroma(of: piece)
        return columns(of: chroma, samples: chroma.count / 12)
    }

    /// The notes that sound, [sample, 12]: from the sample of the onset to the one before that of the offset.
    private func chroma(of piece: NotePiece) -> [Int32] {
        let rate = Double(samplesPerBeat)
        var end = 0.0
        for note in piece.notes where !note.isDrum { end = max(end, note.offset) }
        let samples = gridStep(end * rate)
        var counts = [Int32](repeating: 0, count: (samples + 1) * 12)
        for note in piece.notes where !note.isDrum {
            let pitchClass = Int(note.pitch) % 12
            counts[gridStep(note.onset * rate) * 12 + pitchClass] += 1
            counts[gridStep(note.offset * rate) * 12 + pitchClass] -= 1
        }
        for index in stride(from: 12, to: counts.count, by: 1) { counts[index] += counts[index - 12] }
        return Array(counts.dropLast(12))
    }

    /// The moving average of samples, padded with silence to `samples`; the first window ends at the first sample from
    /// which windows meet the left edge.
    private func columns(of chroma: [Int32], samples: Int) -> [[Double]] {
        guard samples > 0 else { return [] }
        var sums = [Int](repeating: 0, count: (samples + 1) * 12)
        for index in 0..<samples * 12 {
            sums[index + 12] = sums[index] + (index < chroma.count ? Int(chroma[index]) : 0)
        }
        var result: [[Double]] = []
        var last = (window - 1) % step
        while last < samples + window - 1 {
            let (from, to) = (max(0, last - window + 1), min(samples, last + 1))
            result.append(
                (0..<12).map { Double(sums[to * 12 + $0] - sums[from * 12 + $0]) / Double(window) })
            last += step
        }
        return result
    }

    /// The mean cosine over the pairs in which either vector is not zero; nil without one.
    static func meanCosine(_ pairs: some Sequence<([Double], [Double])>) -> Double? {
        var (sum, count) = (0.0, 0)
        for (first, second) in pairs {
            guard let cosine = cosine(first, second) else { continue }
            sum += cosine
            count += 1
        }
        return count > 0 ? sum / Double(count) : nil
    }
}

/// The cosine of two vectors: 0 if one is zero, nil if both are.
func cosine(_ first: [Double], _ second: [Double]) -> Double? {
    precondition(first.count == second.count, "vectors of \(first.count) and \(second.count) numbers")
    var (product, left, right) = (0.0, 0.0, 0.0)
    for index in first.indices {
        product += first[index] * second[index]
        left += first[index] * first[index]
        right += second[index] * second[index]
    }
    if left == 0, right == 0 { return nil }
    if left == 0 || right == 0 { return 0 }
    return product / (left.squareRoot() * right.squareRoot())
}

extension ChromaSimilarity {
    /// Two pieces laid over each other by dynamic time warping.
    public struct Alignment: Hashable, Sendable {
        /// The mean cosine along the path, 0 to 1.
        public let similarity: Double
        /// Which column of the first piece meets which of the second.
        public let path: WarpingPath
        /// The beats from one column to the next.
        public let beatsPerColumn: Double
    }

    /// The most cells of an alignment's cost matrix; one byte each is kept.
    public static let maximumCellCount = 1 << 22

    /// How alike the harmonies are where one piece is stretched over the other.
    ///
    /// The columns are those of `similarity`; their distance is 1 − cosine, 0 where both are silent and 1 where one is.
    /// The similarity is the mean cosine over the path's pairs in which either sounds. Of pieces whose cost matrix
    /// would have more than `maximumCellCount` cells, the step and the window are doubled until it does not. A path
    /// always finds the best fit, so unrelated pieces score higher than with `similarity`.
    ///
    /// - Returns: The alignment; nil if one of the pieces has no columns or neither sounds.
    public func aligned(_ first: NotePiece, _ second: NotePiece) -> Alignment? {
        let (a, b) = (columns(of: first), columns(of: second))
        if a.count * b.count > Self.maximumCellCount {
            return ChromaSimilarity(samplesPerBeat: samplesPerBeat, window: window * 2, step: step * 2)
                .aligned(first, second)
        }
        guard let path = DynamicTimeWarping.align(a, b, metric: .cosine),
            let similarity = Self.meanCosine(path.pairs.lazy.map { (a[$0.first], b[$0.second]) })
        else { return nil }
        return Alignment(
            similarity: similarity, path: path, beatsPerColumn: Double(step) / Double(samplesPerBeat))
    }
}
