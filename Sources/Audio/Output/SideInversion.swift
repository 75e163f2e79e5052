public import SoundFiles

/// Gives a converted mono signal the stereo image of its content.
///
/// With mid M = (L + R)/2 and side S = (L − R)/2 of the content and the converted mid Y, in each bin of each frame, the
/// converted side is S·Y·M* / (|M|² + ε|S|²), which is S·Y/M where the mid is not far below the side. So the side has the
/// content's side's part of the mid, |S|/|M|, and turns with the mid's phase: what is heard at one place between the
/// loudspeakers in the content (S = r·M with a real r) is heard there in the result. With ε = 1/1024 no bin of the side
/// exceeds 16 times that of the mid, also where the content has a side alone: a network that sees the mid has nothing to
/// say there.
///
/// Memory does not grow with the signal. An object reuses its buffers; each thread needs its own.
public final class SideInversion {
    private let stft: STFT
    private static let blockFrames = 512
    private static let floor: Float = 1.0 / 1024

    /// Plans the transforms.
    ///
    /// - Parameter stft: The transform in whose bins the signals are compared.
    /// - Throws: `audio.bad-parameters`, `audio.not-invertible`.
    public init(_ stft: STFTParameters) throws(AudioOutputError) {
        // The signal's ends are of no interest here, so zeros stand beyond them.
        let parameters = STFTParameters(
            nFFT: stft.nFFT, hopLength: stft.hopLength, winLength: stft.winLength, window: stft.window)
        self.stft = try STFT(parameters)
        try parameters.checkInvertible()
    }

    /// Gives samples of a signal by their range.
    public typealias Source = (Range<Int>) throws -> [Float]

    /// Makes the converted side.
    ///
    /// - Parameters:
    ///   - length: The samples of all signals.
    ///   - mid: The content's mid.
    ///   - side: The content's side.
    ///   - converted: The converted mid.
    ///   - sink: Takes the converted side in order, `length` samples in all.
    /// - Throws: Whatever the closures throw.
    public func invert(
        length: Int, mid: Source, side: Source, converted: Source, sink: ([Float]) throws -> Void
    ) throws {
        let parameters = stft.parameters
        let (hop, frames) = (parameters.hopLength, parameters.frameCount(length: length))
        var start = 0
        while start < length {
            let end = min(length, start + Self.blockFrames * hop)
            // All frames that cover these samples; frame t covers t·hop..<t·hop + nFFT of the padded signal.
            let before = start + parameters.lead - parameters.nFFT
            let first = before < 0 ? 0 : before / hop + 1
            let last = min(frames, (end - 1 + parameters.lead) / hop + 1)
            let range = min(first, last)..<last
            let spectrum = try masked(
                stft.forward(frames: range, length: length, samples: mid),
                stft.forward(frames: range, length: length, samples: side),
                stft.forward(frames: range, length: length, samples: converted))
            try sink(stft.inverse(spectrum, frames: range, length: length, samples: start..<end))
            start = end
        }
    }

    private func masked(
        _ mid: ComplexSpectrogram, _ side: ComplexSpectrogram, _ converted: ComplexSpectrogram
    ) -> ComplexSpectrogram {
        var result = side
        for i in side.real.indices {
            let (a, b) = (mid.real[i], mid.imaginary[i])
            let (c, d) = (side.real[i], side.imaginary[i])
            let (e, f) = (converted.real[i], converted.imaginary[i])
            let energy = a * a + b * b + Self.floor * (c * c + d * d)
            let scale = energy > .leastNormalMagnitude ? 1 / energy : 0
            // Y·M*
            let (turnReal, turnImaginary) = ((e * a + f * b) * scale, (f * a - e * b) * scale)
            result.real[i] = c * turnReal - d * turnImaginary
            result.imaginary[i] = c * turnImaginary + d * turnReal
        }
        return result
    }
}
