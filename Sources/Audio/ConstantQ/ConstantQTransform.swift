#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The magnitudes of a constant-Q transform of one segment at a time: `librosa.cqt`, in memory that is set aside once.
///
/// Octave by octave (Schörkhuber and Klapuri, "Constant-Q transform toolbox for music processing", SMC 2010): frames
/// without a window are transformed, and each filter is a product with a few numbers of their spectrum. Then the signal is
/// halved by libsoxr, and the same frames hold the octave below. Frames are centred on multiples of the hop; beyond the
/// signal are zeros.
final class ConstantQTransform {
    /// The filters of one octave and what their frames are transformed with.
    fileprivate struct Octave {
        let plan: ConstantQPlan.Octave
        let filters: [Filter]
        /// The numbers of a frame's spectrum that the filters take.
        let bins: Range<Int>
        let weights: FloatBuffer
        /// cos and sin of 2πk/n for each of these numbers k.
        let cosines: FloatBuffer
        let sines: FloatBuffer
        let fourier: FourierTransform
    }

    /// Real parts of the weights from `offset` on, then imaginary parts.
    fileprivate struct Filter {
        /// Of the spectrum.
        let bins: Range<Int>
        let offset: Int
    }

    private let plan: ConstantQPlan
    private let octaves: [Octave]
    /// Zeros before the signal, so that the instant of the first frame is a multiple of the hop.
    private let lead: Int
    /// The frame of the first column.
    private let first: Int
    /// The signal with its lead; nothing without one.
    private let led: FloatBuffer
    /// The signal at the rates of the octaves, in turn.
    private let halves: [FloatBuffer]
    /// The spectra of eight frames, number by number: eight real parts, then eight imaginary parts.
    private let spectra: FloatBuffer

    /// - Parameters:
    ///   - parameters: Without faults.
    ///   - sampleRate: In Hz.
    ///   - hop: From one frame to the next, in samples.
    ///   - start: The sample on which the first frame is centred.
    ///   - most: The longest signal, in samples.
    init(_ parameters: CQTParameters, sampleRate: Int, hop: Int, start: Int, most: Int) {
        let plan = ConstantQPlan(parameters, sampleRate: sampleRate, hop: hop)
        self.plan = plan
        first = (start + hop - 1) / hop
        let lead = first * hop - start
        self.lead = lead
        led = FloatBuffer(count: lead > 0 ? lead + most : 0)
        octaves = plan.octaves.map { Octave(parameters, $0, sampleRate: sampleRate) }
        let rates = plan.factor > 1 ? [plan.factor, 2 * plan.factor] : [2, 4]
        halves = rates.map { FloatBuffer(count: (lead + most + $0 - 1) / $0) }
        spectra = FloatBuffer(count: 16 * (octaves.map(\.bins.count).max() ?? 0))
    }

    /// Computes the magnitudes of a signal.
    ///
    /// - Parameters:
    ///   - samples: The signal.
    ///   - count: At most as many as were announced.
    ///   - frames: How many columns.
    ///   - magnitudes: [bins, frames].
    /// - Throws: `audio.resampling` if the library fails.
    func compute(
        _ samples: UnsafePointer<Float>, count: Int, frames: Int, into magnitudes: UnsafeMutablePointer<Float>
    ) throws {
        var signal = UnsafeBufferPointer(start: samples, count: count)
        if lead > 0 {
            (led.pointer + lead).update(from: samples, count: count)
            signal = UnsafeBufferPointer(start: led.pointer, count: lead + count)
        }
        var next = 0
        func divide(by factor: Int) throws {
            let buffer = halves[next]
            next = 1 - next
            signal = try Self.divide(signal, by: factor, into: buffer)
        }
        if plan.factor > 1 { try divide(by: plan.factor) }
        for octave in octaves {
            if octave.plan.halves { try divide(by: 2) }
            for column in stride(from: 0, to: frames, by: 8) {
                let count = min(8, frames - column)
                transform(signal, octave, frame: first + column, count: count)
                for (bin, filter) in zip(octave.plan.bins, octave.filters) {
                    let values = apply(filter, of: octave)
                    let place = magnitudes + bin * frames + column
                    if count == 8 {
                        place.eight = values
                    } else {
                        for i in 0..<count { place[i] = values[i] }
                    }
                }
            }
        }
    }

    /// The signal at a lower rate, ⌈n / factor⌉ samples, the same in level.
    private static func divide(
        _ signal: UnsafeBufferPointer<Float>, by factor: Int, into buffer: FloatBuffer
    ) throws -> UnsafeBufferPointer<Float> {
        let converter = try SampleRateConverter(from: factor, to: 1, quality: .soxrHQ)
        var count = 0
        func take(_ samples: UnsafePointer<Float>, _ added: Int) {
            (buffer.pointer + count).update(from: samples, count: added)
            count += added
        }
        if let base = signal.baseAddress {
            for start in stride(from: 0, to: signal.count, by: 4096) {
                try converter.process(base + start, count: min(4096, signal.count - start), take)
            }
        }
        try converter.finish(take)
        return UnsafeBufferPointer(start: buffer.pointer, count: count)
    }

    /// Transforms up to eight frames, and writes twice the numbers of their spectra that the filters take to `spectra`.
    ///
    /// Z is the transform of x[2j] + i·x[2j+1], as in `Transform`; the factor of two is in the weights.
    private func transform(
        _ signal: UnsafeBufferPointer<Float>, _ octave: Octave, frame: Int, count: Int
    ) {
        let n = octave.plan.nFFT
        let (input, z) = (octave.fourier.input, octave.fourier.output)
        let (cosines, sines) = (octave.cosines.pointer, octave.sines.pointer)
        for number in 0..<count {
            let start = (frame + number) * octave.plan.hop - n / 2
            let inside = min(max(0, -start), n)..<max(min(n, signal.count - start), min(max(0, -start), n))
            if inside.count < n { input.update(repeating: 0, count: n) }
            if let base = signal.baseAddress {
                (input + inside.lowerBound).update(
                    from: base + start + inside.lowerBound, count: inside.count)
            }
            octave.fourier.execute()
            // The transform is periodic.
            (z[n], z[n + 1]) = (z[0], z[1])
            var place = spectra.pointer + number
            for (row, k) in octave.bins.enumerated() {
                let (a, b, c, d) = (z[2 * k], z[2 * k + 1], z[n - 2 * k], z[n - 2 * k + 1])
                let (or, oi) = (b + d, c - a)
                place[0] = a + c + cosines[row] * or + sines[row] * oi
                place[8] = b - d + cosines[row] * oi - sines[row] * or
                place += 16
            }
        }
    }

    /// The magnitudes of one filter over the eight frames in `spectra`.
    @inline(__always)
    private func apply(_ filter: Filter, of octave: Octave) -> SIMD8<Float> {
        var (real, imaginary) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
        let count = filter.bins.count
        let weights = octave.weights.pointer + filter.offset
        let spectra = spectra.pointer + 16 * (filter.bins.lowerBound - octave.bins.lowerBound)
        for k in 0..<count {
            let (x, y) = ((spectra + 16 * k).eight, (spectra + 16 * k + 8).eight)
            let (a, b) = (weights[k], weights[count + k])
            real += x * a - y * b
            imaginary += x * b + y * a
        }
        return (real * real + imaginary * imaginary).roots
    }
}

extension ConstantQTransform.Octave {
    init(_ parameters: CQTParameters, _ plan: ConstantQPlan.Octave, sampleRate: Int) {
        self.plan = plan
        let frequencies = parameters.frequencies
        var (filters, weights) = ([ConstantQTransform.Filter](), [Float]())
        for bin in plan.bins {
            let frequency = frequencies[bin]
            let (real, imaginary) = parameters.spectrum(
                at: frequency, sampleRate: plan.sampleRate, nFFT: plan.nFFT)
            let isKept = { (k: Int) in real[k] != 0 || imaginary[k] != 0 }
            let kept =
                (real.indices.first(where: isKept) ?? 0)..<((real.indices.last(where: isKept) ?? -1) + 1)
            // The sum of a frame's samples with a filter is the mean of the spectra's product.
            let length = parameters.length(at: frequency, sampleRate: Double(sampleRate))
            let weight = (parameters.scale ? length.squareRoot() : length) / Double(2 * plan.nFFT)
            filters.append(ConstantQTransform.Filter(bins: kept, offset: weights.count))
            weights += real[kept].map { Float($0 * weight) } + imaginary[kept].map { Float($0 * weight) }
        }
        self.filters = filters
        self.weights = FloatBuffer(weights)
        bins = (filters.map(\.bins.lowerBound).min() ?? 0)..<(filters.map(\.bins.upperBound).max() ?? 0)
        let angles = bins.map { 2 * Double.pi * Double($0) / Double(plan.nFFT) }
        cosines = FloatBuffer(angles.map { Float(cos($0)) })
        sines = FloatBuffer(angles.map { Float(sin($0)) })
        fourier = FourierTransform(length: plan.nFFT / 2)
    }
}
