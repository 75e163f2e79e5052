public import SoundFiles

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The complex short-time Fourier transform of a whole signal and its inverse: `librosa.stft` and `librosa.istft`.
///
/// An object reuses its plans and buffers from call to call; each thread needs its own. Results depend on only the
/// arguments.
public final class STFT {
    /// What is computed; `padEnd` zeros follow the signal and are removed by the inverse.
    public let parameters: STFTParameters
    private let transform: FrameTransform
    private let spectrum: FloatBuffer

    /// Plans the transforms.
    ///
    /// - Throws: `audio.bad-parameters`.
    public init(_ parameters: STFTParameters) throws(AudioOutputError) {
        try parameters.check()
        self.parameters = parameters
        transform = FrameTransform(parameters)
        spectrum = FloatBuffer(count: transform.spectrumStride)
    }

    /// X[k, t] = Σ w[j]·x[t·hop + j]·e^(−2πijk/nFFT), where x is the padded signal.
    ///
    /// - Parameter samples: The signal.
    /// - Returns: [bin, frame].
    /// - Throws: `audio.too-short` for a signal of nFFT/2 samples or fewer that is to be mirrored at its ends.
    public func forward(_ samples: [Float]) throws(AudioOutputError) -> ComplexSpectrogram {
        let frames = parameters.frameCount(length: samples.count)
        let grid = FrameGrid(parameters, frames: frames, length: samples.count)
        try grid.checkLength()
        return transform(samples, on: grid)
    }

    /// Some frames of a long signal, of which no more is read than they cover.
    ///
    /// - Parameters:
    ///   - frames: Which frames, of those that the whole signal has.
    ///   - length: The samples of the whole signal.
    ///   - samples: Gives samples of the signal by their range.
    /// - Returns: [bin, frame], the same numbers as those of `forward` for the whole signal.
    /// - Throws: What `samples` throws.
    public func forward(
        frames: Range<Int>, length: Int, samples: (Range<Int>) throws -> [Float]
    ) throws -> ComplexSpectrogram {
        precondition(
            frames.lowerBound >= 0 && frames.upperBound <= parameters.frameCount(length: length),
            "frames \(frames) are not among \(parameters.frameCount(length: length))")
        let grid = FrameGrid(parameters, range: frames, length: length)
        let offset = frames.lowerBound * parameters.hopLength - parameters.lead
        let range = (grid.signal.lowerBound + offset)..<(grid.signal.upperBound + offset)
        let found = try samples(range)
        precondition(found.count == range.count, "want \(range.count) samples, got \(found.count)")
        return transform(found, on: grid)
    }

    private func transform(_ samples: [Float], on grid: FrameGrid) -> ComplexSpectrogram {
        let frames = grid.frames
        let buffer = FloatBuffer(count: grid.bufferLength)
        (buffer.pointer + grid.signal.lowerBound).update(from: samples, count: samples.count)
        grid.pad(buffer.pointer)
        var result = ComplexSpectrogram(bins: parameters.binCount, frames: frames)
        result.real.withUnsafeMutableBufferPointer { real in
            result.imaginary.withUnsafeMutableBufferPointer { imaginary in
                guard let real = real.baseAddress, let imaginary = imaginary.baseAddress else { return }
                for frame in 0..<frames {
                    transform.analyze(buffer.pointer + frame * parameters.hopLength, into: spectrum.pointer)
                    transform.unpair(
                        spectrum.pointer, scale: 0.5, real: real + frame, imaginary: imaginary + frame,
                        stride: frames)
                }
            }
        }
        return result
    }

    /// The signal whose transform is nearest to a spectrogram in the least-squares sense.
    ///
    /// x[i] = Σ w·xₜ / Σ w², over the inverse transforms xₜ of the frames at sample i (Griffin and Lim 1984, equation 6).
    /// Samples under no frame are 0. Without centring, samples near the ends lie under the foot of one window alone: there,
    /// rounding errors are divided by small numbers, as in librosa.
    ///
    /// - Parameters:
    ///   - spectrogram: [bin, frame]; imaginary parts of the first and the last bin are ignored.
    ///   - length: The number of samples to return; `nil` for all that the frames cover, less `padEnd`.
    /// - Returns: The signal.
    /// - Throws: `audio.not-invertible` if window and hop do not cover every sample; `audio.too-short` as in `forward`.
    public func inverse(
        _ spectrogram: ComplexSpectrogram, length: Int? = nil
    ) throws(AudioOutputError) -> [Float] {
        precondition(
            spectrogram.bins == parameters.binCount,
            "want \(parameters.binCount) bins, got \(spectrogram.bins)")
        try parameters.checkInvertible()
        let grid = FrameGrid(parameters, frames: spectrogram.frames, length: length)
        let sum = overlapAdded(spectrogram, on: grid)
        let scales = grid.inverseWindowSums(transform.window.pointer)
        for i in grid.signal { sum.pointer[i] *= scales.pointer[i] }
        return Array(
            UnsafeBufferPointer(start: sum.pointer + grid.signal.lowerBound, count: grid.signal.count))
    }

    /// Some samples of a long signal, from the frames that cover them.
    ///
    /// - Parameters:
    ///   - spectrogram: [bin, frame in the range].
    ///   - frames: Which frames of the whole signal's: all that cover the samples.
    ///   - length: The samples of the whole signal.
    ///   - samples: Which samples to return.
    /// - Returns: The same numbers as those of `inverse` for the whole spectrogram, but for rounding.
    func inverse(
        _ spectrogram: ComplexSpectrogram, frames: Range<Int>, length: Int, samples: Range<Int>
    ) -> [Float] {
        let grid = FrameGrid(parameters, range: frames, length: length)
        let sum = overlapAdded(spectrogram, on: grid)
        let scales = grid.inverseWindowSums(transform.window.pointer)
        let offset = parameters.lead - frames.lowerBound * parameters.hopLength
        return samples.map { sum.pointer[$0 + offset] * scales.pointer[$0 + offset] }
    }

    /// The sum of the frames' inverse transforms.
    private func overlapAdded(_ spectrogram: ComplexSpectrogram, on grid: FrameGrid) -> FloatBuffer {
        let frames = spectrogram.frames
        let sum = FloatBuffer(count: grid.bufferLength)
        spectrogram.real.withUnsafeBufferPointer { real in
            spectrogram.imaginary.withUnsafeBufferPointer { imaginary in
                guard let real = real.baseAddress, let imaginary = imaginary.baseAddress else { return }
                for frame in 0..<frames {
                    transform.pair(
                        real: real + frame, imaginary: imaginary + frame, stride: frames,
                        into: spectrum.pointer)
                    transform.synthesize(
                        spectrum.pointer, addingTo: sum.pointer + frame * parameters.hopLength)
                }
            }
        }
        return sum
    }

    /// How far a signal's magnitudes are from wanted ones: 20·log10(‖|X| − S‖ / ‖S‖), in dB.
    ///
    /// - Parameters:
    ///   - samples: The signal.
    ///   - magnitudes: S, [bin, frame]; the signal must have as many frames.
    /// - Returns: The lower, the nearer; −∞ if they are equal.
    /// - Throws: As `forward`.
    public func spectralConvergence(
        of samples: [Float], to magnitudes: [Float]
    ) throws(AudioOutputError) -> Double {
        let found = try forward(samples).magnitudes
        precondition(
            found.count == magnitudes.count,
            "the signal has \(found.count) magnitudes, want \(magnitudes.count)")
        var (error, whole) = (0.0, 0.0)
        for (found, wanted) in zip(found, magnitudes) {
            error += Double(found - wanted) * Double(found - wanted)
            whole += Double(wanted) * Double(wanted)
        }
        return 10 * log10(error / whole)
    }
}
