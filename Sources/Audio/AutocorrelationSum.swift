#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The autocorrelations Σ x[i]·x[i + lag] of many rows of one length, added up.
///
/// By way of their power spectra (Wiener and Khinchin), which are added up in their stead and transformed back once. Used by one
/// thread at a time.
public final class AutocorrelationSum {
    private let length: Int
    private let lags: Int
    private let transform: Transform
    private let row: FloatBuffer
    private let power: FloatBuffer
    private var powers: [Double]

    /// Of nothing yet.
    ///
    /// - Parameters:
    ///   - length: the samples of a row, at least 1.
    ///   - lags: how many lags are wanted, from 0; at most `length`.
    public init(length: Int, lags: Int) {
        precondition(length > 0 && lags > 0 && lags <= length, "\(lags) lags of \(length) samples")
        self.length = length
        self.lags = lags
        // So many zeros follow that no wanted lag wraps around; FFTW likes multiples of 64.
        let count = (length + lags - 1 + 63) / 64 * 64
        transform = Transform(unwindowed: count)
        row = FloatBuffer([Float](repeating: 0, count: count))
        power = FloatBuffer(count: count / 2 + 1)
        powers = [Double](repeating: 0, count: count / 2 + 1)
    }

    /// Adds a row, whose samples lie `stride` apart.
    public func add(_ samples: UnsafePointer<Float>, stride: Int = 1) {
        for index in 0..<length { row.pointer[index] = samples[index * stride] }
        transform.power(of: row.pointer, into: power.pointer)
        for bin in powers.indices { powers[bin] += Double(power.pointer[bin]) }
    }

    /// The sums by lag.
    public var sums: [Double] {
        let count = transform.nFFT
        let cosines = (0..<count).map { cos(2 * .pi * Double($0) / Double(count)) }
        return (0..<lags).map { lag in
            // The spectrum of a real row is even: all but the first and the last bin count twice.
            var sum = powers[0] + powers[count / 2] * cosines[count / 2 * lag % count]
            for bin in 1..<count / 2 { sum += 2 * powers[bin] * cosines[bin * lag % count] }
            return sum / Double(count)
        }
    }
}
