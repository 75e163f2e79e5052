#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The power spectrum of one windowed real frame.
///
/// The frame of n samples is transformed as n/2 complex numbers and then unravelled, which takes half the time of
/// FFTW's own real transforms here.
final class Transform {
    let nFFT: Int
    var binCount: Int { nFFT / 2 + 1 }

    private let window: FloatBuffer
    private let fourier: FourierTransform
    /// cos and sin of 2πk/n for k up to n/4.
    private let cosines: FloatBuffer
    private let sines: FloatBuffer

    init(_ parameters: STFTParameters) {
        nFFT = parameters.nFFT
        window = FloatBuffer(Self.window(parameters))
        fourier = FourierTransform(length: parameters.nFFT / 2)
        let angles = (0...nFFT / 4).map { 2 * Double.pi * Double($0) / Double(parameters.nFFT) }
        cosines = FloatBuffer(angles.map { Float(cos($0)) })
        sines = FloatBuffer(angles.map { Float(sin($0)) })
    }

    /// The window in the middle of a frame, zeros beside it.
    static func window(_ parameters: STFTParameters) -> [Float] {
        var frame = [Float](repeating: 0, count: parameters.nFFT)
        let start = (parameters.nFFT - parameters.winLength) / 2
        let (constant, cosine) = parameters.window.coefficients
        for i in 0..<parameters.winLength {
            let wave = cos(2 * Double.pi * Double(i) / Double(parameters.winLength))
            frame[start + i] = Float(constant - cosine * wave)
        }
        return frame
    }

    /// Writes |X[k]|² of the `nFFT` samples from here, for k from 0 to nFFT/2.
    func power(of samples: UnsafePointer<Float>, into power: UnsafeMutablePointer<Float>) {
        let frame = fourier.input
        var i = 0
        while i + 8 <= nFFT {
            (frame + i).eight = (samples + i).eight * (window.pointer + i).eight
            i += 8
        }
        while i < nFFT {
            frame[i] = samples[i] * window.pointer[i]
            i += 1
        }
        fourier.execute()
        unravel(into: power)
    }

    /// From Z, the transform of x[2j] + i·x[2j+1], to the powers of X, the transform of x.
    ///
    /// With m = n/2, E = (Z[k] + Z*[m−k])/2 and O = (Z[k] − Z*[m−k])/2i are the transforms of the even and the odd samples;
    /// X[k] = E + e^(−2πik/n)·O and X*[m−k] = E − e^(−2πik/n)·O.
    private func unravel(into power: UnsafeMutablePointer<Float>) {
        let m = nFFT / 2
        let z = fourier.output
        power[0] = (z[0] + z[1]) * (z[0] + z[1])
        power[m] = (z[0] - z[1]) * (z[0] - z[1])
        var k = 1
        // Four pairs at a time, while the lower and the upper four do not meet.
        while 2 * (k + 3) < m {
            let low = (z + 2 * k).eight
            let high = (z + 2 * (m - k - 3)).eight
            let (a, b) = (low.evenHalf, low.oddHalf)
            let (c, d) = (high.evenHalf.backwards, high.oddHalf.backwards)
            let (cosine, sine) = ((cosines.pointer + k).four, (sines.pointer + k).four)
            let (er, ei) = (a + c, b - d)
            let (or, oi) = (b + d, c - a)
            let tr = cosine * or + sine * oi
            let ti = cosine * oi - sine * or
            let (pr, pi) = (er + tr, ei + ti)
            let (qr, qi) = (er - tr, ei - ti)
            (power + k).four = (pr * pr + pi * pi) * 0.25
            (power + m - k - 3).four = ((qr * qr + qi * qi) * 0.25).backwards
            k += 4
        }
        while 2 * k <= m {
            let (a, b, c, d) = (z[2 * k], z[2 * k + 1], z[2 * (m - k)], z[2 * (m - k) + 1])
            let (cosine, sine) = (cosines.pointer[k], sines.pointer[k])
            let (er, ei) = (a + c, b - d)
            let (or, oi) = (b + d, c - a)
            let tr = cosine * or + sine * oi
            let ti = cosine * oi - sine * or
            power[k] = ((er + tr) * (er + tr) + (ei + ti) * (ei + ti)) * 0.25
            power[m - k] = ((er - tr) * (er - tr) + (ei - ti) * (ei - ti)) * 0.25
            k += 1
        }
    }
}

extension SIMD4<Float> {
    @inline(__always) var backwards: SIMD4<Float> { SIMD4(self[3], self[2], self[1], self[0]) }
}
