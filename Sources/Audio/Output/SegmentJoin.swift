public import SoundFiles

/// Joins the magnitudes of a piece's segments, each transformed by itself, to those of the piece as a whole.
///
/// Frames of neighbouring segments that lie on the same samples are cross-faded. Frames that saw a segment's end, and so
/// padding instead of the neighbour's samples, are used only where no segment has a better one: there the squares of all are
/// summed, since each saw a part of the energy. `PieceInversion` takes the result.
public struct SegmentJoin: Sendable {
    /// The transform of segments and piece.
    public let stft: STFTParameters
    /// How the piece falls into segments.
    public let segment: SegmentParameters
    /// The samples of the piece, less those at the end that no segment has: what `PieceInversion` takes.
    public let length: Int
    /// The frames of the piece.
    public let frames: Int
    /// The segments of the piece.
    public let segments: Int
    /// The frames of one segment.
    public let segmentFrames: Int

    private let hopFrames: Int
    /// The frames of a segment that see its own samples alone.
    private let clean: Range<Int>

    /// Plans the join.
    ///
    /// - Parameters:
    ///   - stft: The transform of segments and piece.
    ///   - segment: How the piece falls into segments.
    ///   - length: The samples of the piece.
    /// - Throws: `audio.bad-parameters` if segments do not begin on frames of the piece, or leave frames that none has.
    public init(
        _ stft: STFTParameters, _ segment: SegmentParameters, length: Int
    ) throws(AudioOutputError) {
        try stft.check()
        guard segment.samples >= 1, segment.hop >= 1, segment.hop % stft.hopLength == 0 else {
            throw AudioOutputError(
                .badParameters,
                "segments begin every \(segment.hop) samples, want a multiple of the transform's hop, \(stft.hopLength)"
            )
        }
        (self.stft, self.segment) = (stft, segment)
        hopFrames = segment.hop / stft.hopLength
        segmentFrames = stft.frameCount(length: segment.samples)
        let count =
            segment.dropLast
            ? (length < segment.samples ? 0 : 1 + (length - segment.samples) / segment.hop)
            : (length + segment.hop - 1) / segment.hop
        segments = count
        self.length = count == 0 ? 0 : min(length, (count - 1) * segment.hop + segment.samples)
        frames = count == 0 ? 0 : stft.frameCount(length: self.length)
        let first = (stft.lead + stft.hopLength - 1) / stft.hopLength
        let reach = segment.samples + stft.lead - stft.nFFT
        clean = first..<max(first, reach < 0 ? 0 : reach / stft.hopLength + 1)
        guard count < 2 || hopFrames <= segmentFrames else {
            throw AudioOutputError(
                .badParameters,
                "segments of \(segmentFrames) frames every \(hopFrames) leave frames of the piece that none has; "
                    + "want overlapping segments")
        }
    }

    /// The magnitudes of some frames of the piece.
    ///
    /// - Parameters:
    ///   - range: Which frames.
    ///   - magnitudes: Gives a segment's magnitudes, [bin, frame]; each is asked for once a call.
    /// - Returns: [bin, frame in the range].
    public func magnitudes(
        of range: Range<Int>, magnitudes: (Int) throws -> [Float]
    ) rethrows -> [Float] {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= frames, "frames \(range) are not among \(frames)")
        let (bins, width) = (stft.binCount, range.count)
        var result = [Float](repeating: 0, count: bins * width)
        if range.isEmpty { return result }
        // For each frame the sum of weights; negative where squares are summed.
        let totals = range.map { frame in
            let sum = holders(of: frame).reduce(Float(0)) { $0 + weight(of: $1, frame) }
            return sum > 0 ? sum : -1
        }
        let first = max(0, (range.lowerBound - segmentFrames + hopFrames) / hopFrames)
        let last = min(segments - 1, (range.upperBound - 1) / hopFrames)
        for index in first..<max(first, last + 1) {
            let values = try magnitudes(index)
            precondition(
                values.count == bins * segmentFrames,
                "segment \(index) has \(values.count) magnitudes, want \(bins) × \(segmentFrames)")
            let start = index * hopFrames
            for frame in range.clamped(to: start..<(start + segmentFrames)) {
                let (place, column) = (frame - start, frame - range.lowerBound)
                let total = totals[column]
                let share = total > 0 ? weight(of: index, frame) / total : 0
                if total > 0, share == 0 { continue }
                for bin in 0..<bins {
                    let value = values[bin * segmentFrames + place]
                    result[bin * width + column] += total > 0 ? share * value : value * value
                }
            }
        }
        for (column, total) in totals.enumerated() where total < 0 {
            for bin in 0..<bins {
                result[bin * width + column] = result[bin * width + column].squareRoot()
            }
        }
        return result
    }

    /// The segments that have a frame.
    private func holders(of frame: Int) -> Range<Int> {
        let first = max(0, (frame - segmentFrames + hopFrames) / hopFrames)
        let last = min(segments - 1, frame / hopFrames)
        return first..<max(first, last + 1)
    }

    /// What a segment's frame counts beside others: it rises from one end of the clean frames and falls to the other.
    private func weight(of segment: Int, _ frame: Int) -> Float {
        let place = frame - segment * hopFrames
        // Before the piece and after it there is nothing that a frame could have missed.
        let lower = segment == 0 ? Int.min / 2 : clean.lowerBound
        let upper = segment == segments - 1 ? Int.max / 2 : clean.upperBound
        guard place >= lower, place < upper else { return 0 }
        let overlap = max(1, clean.count - hopFrames)
        return Float(min(place - lower + 1, upper - place, overlap))
    }
}
