public import SoundFiles

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// How often and how fast Griffin-Lim iterates.
public struct GriffinLimParameters: Sendable, Hashable {
    /// The number of iterations.
    public var iterations: Int
    /// 0 is the plain method of Griffin and Lim; 0.99 the fast one of Perraudin et al.; above 1 it may diverge.
    public var momentum: Double

    /// The defaults are librosa's.
    public init(iterations: Int = 32, momentum: Double = 0.99) {
        self.iterations = iterations
        self.momentum = momentum
    }
}

/// The phase that an inversion starts from.
public enum InitialPhase: Sendable, Hashable {
    /// Uniform random phases, a function of the seed, the bin and the frame alone.
    case random(seed: UInt64)
    /// 0 everywhere; `librosa.griffinlim(init=None)`.
    case zero
    /// The phase of these numbers, [bin, frame], such as the transform of a content recording; 0 where a number is 0.
    case given(ComplexSpectrogram)
}

/// Makes a signal from the magnitudes of its short-time Fourier transform: `librosa.griffinlim`.
///
/// Each iteration takes the signal nearest to the present spectrogram C (`STFT.inverse`), transforms it, and gives the
/// wanted magnitudes the phase of C − m/(1 + m)·C′, where C′ is the transform of the iteration before and m the momentum.
/// That is librosa's form, and torchaudio's, of the fast method. A frame is transformed, changed and transformed back in one
/// pass, so that memory traffic is one spectrogram an iteration.
///
/// Sources: D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform", IEEE Trans. ASSP 32(2),
/// 1984, equations 6 and 7; N. Perraudin, P. Balazs and P. Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013,
/// algorithm 2.
///
/// An object reuses its plans and buffers from call to call; each thread needs its own. Results depend on only the
/// arguments. Memory: some 26 bytes a bin and frame.
public final class GriffinLim {
    /// The transform whose magnitudes are inverted.
    public let stft: STFTParameters
    /// How often and how fast.
    public let parameters: GriffinLimParameters
    let transform: FrameTransform
    private var work: Work?

    /// The buffers of one number of frames and one length.
    private final class Work {
        let grid: FrameGrid
        /// By frame, in pairs.
        let magnitudes: FloatBuffer
        /// By frame, in pairs: the spectrogram to start from, then that of the iteration before.
        let spectra: FloatBuffer
        let scales: FloatBuffer
        var signal: FloatBuffer
        var next: FloatBuffer

        init(_ grid: FrameGrid, _ transform: FrameTransform) {
            self.grid = grid
            magnitudes = FloatBuffer(count: grid.frames * transform.magnitudeStride)
            spectra = FloatBuffer(count: grid.frames * transform.spectrumStride)
            scales = grid.inverseWindowSums(transform.window.pointer)
            signal = FloatBuffer(count: grid.bufferLength)
            next = FloatBuffer(count: grid.bufferLength)
        }
    }

    /// Plans the transforms.
    ///
    /// - Throws: `audio.bad-parameters`; `audio.not-invertible` if window and hop do not cover every sample.
    public init(
        _ stft: STFTParameters, _ parameters: GriffinLimParameters = GriffinLimParameters()
    ) throws(AudioOutputError) {
        try stft.check()
        try stft.checkInvertible()
        guard parameters.iterations >= 0, parameters.momentum >= 0, parameters.momentum.isFinite else {
            throw AudioOutputError(
                .badParameters, "want at least 0 iterations and a momentum of at least 0, got \(parameters)")
        }
        self.stft = stft
        self.parameters = parameters
        transform = FrameTransform(stft)
    }

    /// Makes the signal.
    ///
    /// - Parameters:
    ///   - magnitudes: [bin, frame], linear amplitudes of at least 0.
    ///   - initialPhase: Where to start; the fast method from random phases is librosa's default.
    ///   - length: The number of samples; `nil` for all that the frames cover, less `padEnd`.
    /// - Returns: The signal.
    /// - Throws: `audio.bad-value` for a magnitude that is negative or not finite; `audio.too-short` if a signal of nFFT/2
    ///   samples or fewer is to be mirrored at its ends.
    public func invert(
        magnitudes: [Float], initialPhase: InitialPhase = .random(seed: 0), length: Int? = nil
    ) throws(AudioOutputError) -> [Float] {
        let frames = magnitudes.count / stft.binCount
        precondition(
            magnitudes.count == frames * stft.binCount,
            "\(magnitudes.count) magnitudes do not fall into \(stft.binCount) bins")
        let grid = FrameGrid(stft, frames: frames, length: length)
        try grid.checkLength()
        if frames == 0 { return [Float](repeating: 0, count: grid.signal.count) }
        let signal = try invert(magnitudes, initialPhase, on: grid)
        return Array(UnsafeBufferPointer(start: signal + grid.signal.lowerBound, count: grid.signal.count))
    }

    /// Samples that the signal continues: they hold up to `fixed`, and fade into it from there to `end`.
    struct Continuation {
        let samples: UnsafePointer<Float>
        let fixed: Int
        let end: Int
    }

    /// Makes the signal of some frames.
    ///
    /// - Parameters:
    ///   - magnitudes: [bin, frame].
    ///   - initialPhase: Where to start.
    ///   - grid: Where the frames lie.
    ///   - firstFrame: The number of the first frame in the piece, which decides random phases.
    ///   - continuation: What the signal begins with; it is put in its place in each iteration, so that the phases of all
    ///     frames follow it.
    /// - Returns: The grid's buffer, lent until the next call.
    /// - Throws: `audio.bad-value`.
    func invert(
        _ magnitudes: [Float], _ initialPhase: InitialPhase, on grid: FrameGrid, firstFrame: Int = 0,
        continuing continuation: Continuation? = nil
    ) throws(AudioOutputError) -> UnsafePointer<Float> {
        let frames = grid.frames
        try Self.check(magnitudes, frames: frames)
        let work = work(for: grid)
        magnitudes.withUnsafeBufferPointer { magnitudes in
            guard let magnitudes = magnitudes.baseAddress else { return }
            for frame in 0..<frames {
                transform.pair(
                    magnitudes: magnitudes + frame, stride: frames,
                    into: work.magnitudes.pointer + frame * transform.magnitudeStride)
            }
        }
        start(work, initialPhase, firstFrame: firstFrame)
        iterate(work, continuation)
        return UnsafePointer(work.signal.pointer)
    }

    static func check(_ magnitudes: [Float], frames: Int) throws(AudioOutputError) {
        // Comparisons with NaN are false, so that it fails too.
        guard let place = magnitudes.firstIndex(where: { !($0 >= 0 && $0 < .infinity) }) else { return }
        throw AudioOutputError(
            .badValue,
            "the magnitude of bin \(place / frames), frame \(place % frames) is \(magnitudes[place]), "
                + "want a finite number of at least 0")
    }

    private func work(for grid: FrameGrid) -> Work {
        if let work, work.grid == grid { return work }
        let made = Work(grid, transform)
        work = made
        return made
    }

    /// Puts the spectrogram to start from in its place.
    private func start(_ work: Work, _ phase: InitialPhase, firstFrame: Int) {
        let phasors = FloatBuffer(count: 2 * stft.binCount + 16)
        let (real, imaginary) = (phasors.pointer, phasors.pointer + stft.binCount + 8)
        defer { withExtendedLifetime(phasors) {} }
        if case .given(let given) = phase {
            precondition(
                given.bins == stft.binCount && given.frames == work.grid.frames,
                "want phases of \(stft.binCount) bins and \(work.grid.frames) frames, "
                    + "got \(given.bins) and \(given.frames)")
        }
        for frame in 0..<work.grid.frames {
            switch phase {
            case .zero:
                real.update(repeating: 1, count: stft.binCount)
            case .random(let seed):
                RandomPhase.fill(
                    real, imaginary, seed: seed, first: (firstFrame + frame) * stft.binCount, stft.binCount)
            case .given(let given):
                for bin in 0..<stft.binCount {
                    let (x, y) = (
                        given.real[bin * given.frames + frame], given.imaginary[bin * given.frames + frame]
                    )
                    let length = hypot(x, y)
                    real[bin] = length > 0 ? x / length : 1
                    imaginary[bin] = length > 0 ? y / length : 0
                }
            }
            let spectrum = work.spectra.pointer + frame * transform.spectrumStride
            transform.pair(real: real, imaginary: imaginary, stride: 1, into: spectrum)
            transform.multiply(
                spectrum, by: work.magnitudes.pointer + frame * transform.magnitudeStride)
        }
    }

    private func iterate(_ work: Work, _ continuation: Continuation?) {
        let hop = stft.hopLength
        let (magnitudeStride, spectrumStride) = (transform.magnitudeStride, transform.spectrumStride)
        work.signal.pointer.update(repeating: 0, count: work.signal.count)
        for frame in 0..<work.grid.frames {
            transform.synthesize(
                work.spectra.pointer + frame * spectrumStride, addingTo: work.signal.pointer + frame * hop)
        }
        finish(work, continuation)
        let weight = Float(parameters.momentum / (1 + parameters.momentum))
        for iteration in 0..<parameters.iterations {
            work.next.pointer.update(repeating: 0, count: work.next.count)
            for frame in 0..<work.grid.frames {
                transform.iterate(
                    work.signal.pointer + frame * hop,
                    previous: weight == 0 ? nil : work.spectra.pointer + frame * spectrumStride,
                    weight: iteration == 0 ? 0 : weight,
                    magnitudes: work.magnitudes.pointer + frame * magnitudeStride,
                    addingTo: work.next.pointer + frame * hop)
            }
            swap(&work.signal, &work.next)
            finish(work, continuation)
        }
    }

    /// From a sum of frames to the signal with its padding.
    private func finish(_ work: Work, _ continuation: Continuation?) {
        let (signal, scales) = (work.signal.pointer, work.scales.pointer)
        for i in stride(from: 0, to: work.signal.count - 7, by: 8) {
            (signal + i).eight = (signal + i).eight * (scales + i).eight
        }
        if let continuation {
            signal.update(from: continuation.samples, count: continuation.fixed)
            let step = 1 / Float(continuation.end - continuation.fixed + 1)
            for i in continuation.fixed..<continuation.end {
                let weight = Float(i - continuation.fixed + 1) * step
                signal[i] = continuation.samples[i] + weight * (signal[i] - continuation.samples[i])
            }
        }
        work.grid.pad(signal)
    }
}

/// Uniform random phases by number: SplitMix64 of a counter.
enum RandomPhase {
    /// Writes the numbers of length 1 whose phases are the `first`, `first + 1`, … of a seed.
    static func fill(
        _ real: UnsafeMutablePointer<Float>, _ imaginary: UnsafeMutablePointer<Float>, seed: UInt64,
        first: Int, _ count: Int
    ) {
        for i in stride(from: 0, to: count, by: 8) {
            var turns = SIMD8<Float>.zero
            for lane in 0..<8 {
                var z = seed &+ UInt64(first + i + lane + 1) &* 0x9E37_79B9_7F4A_7C15
                z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
                z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
                turns[lane] = Float((z ^ (z >> 31)) >> 40) / Float(1 << 24) - 0.5
            }
            // Sine and cosine of half the angle, from −π/2 to π/2, by their series; then of the whole.
            let a = turns * Float.pi
            let z = a * a
            let sine = a * series(z, [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362_880, -1 / 39_916_800])
            let cosine = series(z, [1, -1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3_628_800, 1 / 479_001_600])
            let (c, s) = (cosine * cosine - sine * sine, 2 * sine * cosine)
            for lane in 0..<min(8, count - i) {
                real[i + lane] = c[lane]
                imaginary[i + lane] = s[lane]
            }
        }
    }

    @inline(__always)
    private static func series(_ z: SIMD8<Float>, _ coefficients: [Float]) -> SIMD8<Float> {
        coefficients.reversed().reduce(SIMD8<Float>.zero) { $0 * z + SIMD8(repeating: $1) }
    }
}
