#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

#if arch(x86_64)
    import _Builtin_intrinsics.intel.sse
#endif

/// The complex spectrum of one windowed real frame, and the way back.
///
/// A frame of n samples is transformed as m = n/2 complex numbers, as in `Transform`. Its spectrum X is held in pairs:
/// P[k] = X[k] and Q[k] = X*[m − k] for k from 0 to m/2, which come out of the transform together and return to it
/// together. Four pairs are one group of 16 floats: the real parts of P, the imaginary parts of P, then those of Q. The
/// last group is filled up with pairs that repeat earlier ones.
final class FrameTransform {
    let nFFT: Int
    /// Pairs of one spectrum, a multiple of 4.
    let pairCount: Int
    /// Floats of one spectrum in pairs.
    var spectrumStride: Int { 4 * pairCount }
    /// Floats of one frame's magnitudes: of four P, then of four Q.
    var magnitudeStride: Int { 2 * pairCount }

    /// [nFFT], zeros after it.
    let window: FloatBuffer
    private let half: Int
    /// The window divided by what a transform there and back multiplies by.
    private let synthesisWindow: FloatBuffer
    private let forward: FourierTransform
    private let inverse: FourierTransform
    /// cos and sin of 2πk/n for each pair.
    private let cosines: FloatBuffer
    private let sines: FloatBuffer

    init(_ parameters: STFTParameters) {
        nFFT = parameters.nFFT
        half = nFFT / 2
        pairCount = (half / 2 + 4) / 4 * 4
        let shape = Transform.window(parameters)
        let padding = [Float](repeating: 0, count: 8)
        window = FloatBuffer(shape + padding)
        let scale = 1 / Float(nFFT)
        synthesisWindow = FloatBuffer(shape.map { $0 * scale } + padding)
        forward = FourierTransform(length: half)
        inverse = FourierTransform(length: half, .inverse)
        let angles = (0..<pairCount).map { 2 * Double.pi * Double($0) / Double(parameters.nFFT) }
        cosines = FloatBuffer(angles.map { Float(cos($0)) })
        sines = FloatBuffer(angles.map { Float(sin($0)) })
    }

    // MARK: Frames

    /// Windows and transforms the `nFFT` samples from here; seven more must be readable.
    @inline(__always)
    private func transform(_ samples: UnsafePointer<Float>) {
        let frame = forward.input
        let window = UnsafePointer(window.pointer)
        for i in stride(from: 0, to: nFFT, by: 8) {
            (frame + i).eight = (samples + i).eight * (window + i).eight
        }
        forward.execute()
        // The transform is periodic; pair 0 reads one number past its end.
        let output = forward.output
        output[2 * half] = output[0]
        output[2 * half + 1] = output[1]
    }

    /// Transforms back and adds the windowed frame to the `nFFT` samples from here; seven more are left unchanged.
    @inline(__always)
    private func overlapAdd(_ samples: UnsafeMutablePointer<Float>) {
        inverse.execute()
        let frame = UnsafePointer(inverse.output)
        let window = UnsafePointer(synthesisWindow.pointer)
        for i in stride(from: 0, to: nFFT, by: 8) {
            (samples + i).eight = (samples + i).eight + (frame + i).eight * (window + i).eight
        }
    }

    /// Writes twice the spectrum of the `nFFT` samples from here, in pairs.
    func analyze(_ samples: UnsafePointer<Float>, into spectrum: UnsafeMutablePointer<Float>) {
        transform(samples)
        for k in stride(from: 0, to: pairCount, by: 4) { Pairs(transformed: self, k).store(spectrum + 4 * k) }
    }

    /// Adds the windowed frame of a spectrum in pairs to the samples from here.
    func synthesize(_ spectrum: UnsafePointer<Float>, addingTo samples: UnsafeMutablePointer<Float>) {
        for k in stride(from: 0, to: pairCount, by: 4) { restore(Pairs(spectrum + 4 * k), k) }
        overlapAdd(samples)
    }

    /// One frame of an iteration of fast Griffin-Lim, in librosa's form.
    ///
    /// C is the spectrum of the samples; the spectrum of the magnitudes, with the phase of C − a·C′, where C′ is that of
    /// the iteration before, is added to the other samples. Where |C − a·C′| is below 1e-19 there is no phase, and the
    /// number falls to zero with it.
    ///
    /// - Parameters:
    ///   - samples: The present signal, from the frame's first sample.
    ///   - previous: C′ in pairs, twice; C takes its place. `nil` for a = 0.
    ///   - weight: a = momentum / (1 + momentum).
    ///   - magnitudes: In pairs.
    ///   - sum: The next signal, from the frame's first sample.
    func iterate(
        _ samples: UnsafePointer<Float>, previous: UnsafeMutablePointer<Float>?, weight: Float,
        magnitudes: UnsafePointer<Float>, addingTo sum: UnsafeMutablePointer<Float>
    ) {
        transform(samples)
        if let previous {
            for k in stride(from: 0, to: pairCount, by: 4) {
                let found = Pairs(transformed: self, k)
                let place = previous + 4 * k
                var pairs = Pairs(place)
                found.store(place)
                pairs.subtract(from: found, weight)
                pairs.take(magnitudes + 2 * k)
                restore(pairs, k)
            }
        } else {
            for k in stride(from: 0, to: pairCount, by: 4) {
                var pairs = Pairs(transformed: self, k)
                pairs.take(magnitudes + 2 * k)
                restore(pairs, k)
            }
        }
        overlapAdd(sum)
    }

    /// Multiplies a spectrum in pairs by magnitudes in pairs.
    func multiply(_ spectrum: UnsafeMutablePointer<Float>, by magnitudes: UnsafePointer<Float>) {
        for k in stride(from: 0, to: pairCount, by: 4) {
            let place = spectrum + 4 * k
            let (p, q) = ((magnitudes + 2 * k).four, (magnitudes + 2 * k + 4).four)
            place.four = place.four * p
            (place + 4).four = (place + 4).four * p
            (place + 8).four = (place + 8).four * q
            (place + 12).four = (place + 12).four * q
        }
    }

    /// Four pairs.
    private struct Pairs {
        var pr, pi, qr, qi: SIMD4<Float>

        @inline(__always)
        init(_ place: UnsafePointer<Float>) {
            pr = place.four
            pi = (place + 4).four
            qr = (place + 8).four
            qi = (place + 12).four
        }

        @inline(__always)
        init(_ place: UnsafeMutablePointer<Float>) { self.init(UnsafePointer(place)) }

        /// Twice X from Z, the transform of x[2j] + i·x[2j+1].
        ///
        /// With E = Z[k] + Z*[m−k] and O = (Z[k] − Z*[m−k])/i, 2P = E + e^(−2πik/n)·O and 2Q = E − e^(−2πik/n)·O.
        @inline(__always)
        init(transformed frame: FrameTransform, _ k: Int) {
            let z = frame.forward.output
            let low = (z + 2 * k).eight
            let high = (z + 2 * (frame.half - k - 3)).eight
            let (a, b) = (low.evenHalf, low.oddHalf)
            let (c, d) = (high.evenHalf.backwards, high.oddHalf.backwards)
            let (cosine, sine) = ((frame.cosines.pointer + k).four, (frame.sines.pointer + k).four)
            let (er, ei) = (a + c, b - d)
            let (or, oi) = (b + d, c - a)
            let tr = cosine * or + sine * oi
            let ti = cosine * oi - sine * or
            pr = er + tr
            pi = ei + ti
            qr = er - tr
            qi = ei - ti
        }

        @inline(__always)
        func store(_ place: UnsafeMutablePointer<Float>) {
            place.four = pr
            (place + 4).four = pi
            (place + 8).four = qr
            (place + 12).four = qi
        }

        /// x → other − weight · x.
        @inline(__always)
        mutating func subtract(from other: Pairs, _ weight: Float) {
            let weight = SIMD4<Float>(repeating: weight)
            pr = other.pr - weight * pr
            pi = other.pi - weight * pi
            qr = other.qr - weight * qr
            qi = other.qi - weight * qi
        }

        /// Gives the numbers these magnitudes, and leaves their phases.
        @inline(__always)
        mutating func take(_ magnitudes: UnsafePointer<Float>) {
            let tiny = SIMD4<Float>(repeating: .leastNormalMagnitude)
            let p = magnitudes.four / (pr * pr + pi * pi + tiny).roots
            let q = (magnitudes + 4).four / (qr * qr + qi * qi + tiny).roots
            pr *= p
            pi *= p
            qr *= q
            qi *= q
        }
    }

    /// Twice Z from X: with E = P + Q and O = e^(2πik/n)·(P − Q), 2Z[k] = E + iO and 2Z[m−k] = E* + iO*.
    @inline(__always)
    private func restore(_ pairs: Pairs, _ k: Int) {
        let (cosine, sine) = ((cosines.pointer + k).four, (sines.pointer + k).four)
        let (er, ei) = (pairs.pr + pairs.qr, pairs.pi + pairs.qi)
        let (dr, di) = (pairs.pr - pairs.qr, pairs.pi - pairs.qi)
        let or = cosine * dr - sine * di
        let oi = cosine * di + sine * dr
        let z = inverse.input
        (z + 2 * k).eight = SIMD8(interleaving: er - oi, ei + or)
        (z + 2 * (half - k - 3)).eight = SIMD8(interleaving: (er + oi).backwards, (or - ei).backwards)
    }

    // MARK: Rows

    /// Lays the bins of one frame, `stride` floats apart, in pairs.
    ///
    /// The spectrum of a real frame is real in its first and last bin; what is there else is left out.
    func pair(
        real: UnsafePointer<Float>, imaginary: UnsafePointer<Float>, stride: Int,
        into spectrum: UnsafeMutablePointer<Float>
    ) {
        for k in 0..<pairCount {
            let place = spectrum + (k / 4 * 16 + k % 4)
            let isInside = k <= half
            place[0] = isInside ? real[k * stride] : 0
            place[4] = isInside && k > 0 && k < half ? imaginary[k * stride] : 0
            place[8] = isInside ? real[(half - k) * stride] : 0
            place[12] = isInside && k > 0 && k < half ? -imaginary[(half - k) * stride] : 0
        }
    }

    /// Lays the magnitudes of one frame, `stride` floats apart, in pairs.
    func pair(
        magnitudes: UnsafePointer<Float>, stride: Int, into paired: UnsafeMutablePointer<Float>
    ) {
        for k in 0..<pairCount {
            let place = paired + (k / 4 * 8 + k % 4)
            place[0] = k <= half ? magnitudes[k * stride] : 0
            place[4] = k <= half ? magnitudes[(half - k) * stride] : 0
        }
    }

    /// Lays a spectrum in pairs out by bins, `stride` floats apart, times `scale`.
    func unpair(
        _ spectrum: UnsafePointer<Float>, scale: Float, real: UnsafeMutablePointer<Float>,
        imaginary: UnsafeMutablePointer<Float>, stride: Int
    ) {
        for k in 0...half / 2 {
            let place = spectrum + (k / 4 * 16 + k % 4)
            real[k * stride] = place[0] * scale
            imaginary[k * stride] = place[4] * scale
            real[(half - k) * stride] = place[8] * scale
            imaginary[(half - k) * stride] = k == 0 ? 0 : -place[12] * scale
        }
    }
}

extension SIMD8<Float> {
    /// a[0], b[0], a[1], b[1] and so forth.
    @inline(__always)
    fileprivate init(interleaving a: SIMD4<Float>, _ b: SIMD4<Float>) {
        self.init(a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3])
    }
}

extension SIMD4<Float> {
    /// The square roots; see `SIMD8.roots`.
    @inline(__always) fileprivate var roots: SIMD4<Float> {
        #if arch(x86_64)
            _mm_sqrt_ps(self)
        #else
            squareRoot()
        #endif
    }
}
