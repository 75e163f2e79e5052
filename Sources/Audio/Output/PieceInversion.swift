public import SoundFiles

/// Makes the signal of a whole piece from its magnitudes, block by block, in memory that does not grow with the piece.
///
/// Each block of frames is inverted by Griffin-Lim, and its first frames are the last ones of the block before. In each
/// iteration the samples there are set to that block's: wholly where its frames determine them, then fading into the new
/// signal. So the phases are carried from block to block, and the piece is one signal without seams.
///
/// Where the phases begin can be random or those of a content recording of the same length, which keeps its attacks and beats
/// in their places.
public final class PieceInversion {
    /// The transform whose magnitudes are inverted.
    public let stft: STFTParameters
    /// Frames of one block.
    public let blockFrames: Int
    /// Frames that a block shares with the one before.
    public let overlapFrames: Int
    private let inversion: GriffinLim
    private let analysis: STFT

    /// Plans the transforms.
    ///
    /// - Parameters:
    ///   - stft: The transform whose magnitudes are inverted.
    ///   - parameters: How often and how fast Griffin-Lim iterates.
    ///   - blockFrames: Frames of one block, at least 4 times the overlap. Memory: some 26 bytes a bin and frame.
    ///   - overlapFrames: Frames shared by two blocks; `nil` for those of four windows.
    /// - Throws: `audio.bad-parameters`, `audio.not-invertible`.
    public init(
        _ stft: STFTParameters, _ parameters: GriffinLimParameters = GriffinLimParameters(),
        blockFrames: Int = 1024, overlapFrames: Int? = nil
    ) throws(AudioOutputError) {
        inversion = try GriffinLim(stft, parameters)
        analysis = try STFT(stft)
        self.stft = stft
        let frames = overlapFrames ?? 4 * ((stft.nFFT + stft.hopLength - 1) / stft.hopLength)
        // A new block must determine some samples wholly before the old one ceases to.
        let fewest = (stft.nFFT + stft.hopLength - 1) / stft.hopLength
        guard frames >= fewest, blockFrames >= 4 * frames else {
            throw AudioOutputError(
                .badParameters,
                "want an overlap of at least \(fewest) frames and blocks of 4 times that, got \(frames) and \(blockFrames)"
            )
        }
        self.overlapFrames = frames
        self.blockFrames = blockFrames
    }

    /// Makes the signal.
    ///
    /// - Parameters:
    ///   - length: The samples of the piece, which has `stft.frameCount(length:)` frames.
    ///   - seed: Of the random phases, which do not depend on the blocks; unused with a content.
    ///   - content: Gives samples of the content recording by their range in 0..<length; its phases are the start.
    ///   - magnitudes: Gives the magnitudes of a range of frames, [bin, frame in the range], linear amplitudes of at least 0.
    ///     The ranges follow each other and overlap.
    ///   - sink: Takes the samples in order, `length` in all; the memory is lent for the call.
    /// - Throws: `AudioOutputError`: `audio.bad-value` for a magnitude that is negative or not finite, `audio.too-short` as in
    ///   `GriffinLim`; whatever the closures throw.
    public func invert(
        length: Int, seed: UInt64 = 0, content: ((Range<Int>) throws -> [Float])? = nil,
        magnitudes: (Range<Int>) throws -> [Float], sink: (UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        let (frames, hop) = (stft.frameCount(length: length), stft.hopLength)
        try FrameGrid(stft, frames: frames, length: length).checkLength()
        let carried = FloatBuffer(count: overlapFrames * hop)
        defer { withExtendedLifetime(carried) {} }
        let fixed = stft.nFFT - hop
        // In samples of the padded signal, in which frame t begins at t·hop.
        let end = stft.lead + length
        var (first, done) = (0, stft.lead)
        while first < frames {
            let last = first + blockFrames + overlapFrames >= frames ? frames : first + blockFrames
            let range = first..<last
            let values = try magnitudes(range)
            precondition(
                values.count == range.count * stft.binCount,
                "want magnitudes of \(range.count) frames of \(stft.binCount) bins, got \(values.count)")
            let phase: InitialPhase =
                if let content {
                    .given(try analysis.forward(frames: range, length: length, samples: content))
                } else {
                    .random(seed: seed)
                }
            let signal = try inversion.invert(
                values, phase, on: FrameGrid(stft, range: range, length: length), firstFrame: first,
                continuing: first == 0
                    ? nil
                    : GriffinLim.Continuation(
                        samples: UnsafePointer(carried.pointer), fixed: fixed, end: carried.count))
            let next = last - overlapFrames
            let covered = stft.nFFT + (last - 1) * hop
            let ready = last == frames ? min(end, covered) : min(end, next * hop + fixed)
            if ready > done {
                try sink(UnsafeBufferPointer(start: signal + done - first * hop, count: ready - done))
                done = ready
            }
            if last == frames { break }
            carried.pointer.update(from: signal + (next - first) * hop, count: carried.count)
            first = next
        }
        // Samples after the last frame.
        let zeros = [Float](repeating: 0, count: min(max(0, end - done), 4096))
        while done < end {
            let count = min(zeros.count, end - done)
            try zeros.withUnsafeBufferPointer { try sink(UnsafeBufferPointer(rebasing: $0[..<count])) }
            done += count
        }
    }
}
