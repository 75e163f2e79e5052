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
    private let fourier: FourierTransform
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
        // So many zeros follow that no wanted lag wraps around. FFTW, planning by estimate, is at its best with 2ᵏ and 5·2ᵏ.
        var count = 64
        while count < length + lags - 1 { count = count.isMultiple(of: 5) ? count / 5 * 8 : count / 4 * 5 }
        fourier = FourierTransform(length: count)
        powers = [Double](repeating: 0, count: count)
    }

    /// Adds rows: sample i of row j lies at `samples[j * rowStride + i * stride]`.
    ///
    /// Two rows at a time, one as the real and one as the imaginary part: |Z[k]|² + |Z[−k]|² is twice the sum of their power spectra,
    /// and what is looked for is even in k.
    public func add(_ samples: UnsafePointer<Float>, rows: Int, rowStride: Int, stride: Int) {
        let pairs = fourier.input
        for row in Swift.stride(from: 0, to: rows, by: 2) {
            var first = samples + row * rowStride
            if row + 1 < rows {
                var second = first + rowStride
                for index in 0..<length {
                    (pairs[2 * index], pairs[2 * index + 1]) = (first.pointee, second.pointee)
                    first += stride
                    second += stride
                }
            } else {
                for index in 0..<length {
                    (pairs[2 * index], pairs[2 * index + 1]) = (first.pointee, 0)
                    first += stride
                }
            }
            fourier.execute()
            addPowers()
        }
    }

    private func addPowers() {
        let z = fourier.output
        powers.withUnsafeMutableBufferPointer { powers in
            // Their number is a multiple of 4.
            for k in Swift.stride(from: 0, to: powers.count, by: 4) {
                let four = (z + 2 * k).eight
                let (re, im) = (four.evenHalf, four.oddHalf)
                let power = SIMD4<Double>(re * re + im * im)
                for i in 0..<4 { powers[k + i] += power[i] }
            }
        }
    }

    /// The sums by lag.
    public var sums: [Double] {
        let count = powers.count
        let cosines = (0..<count).map { cos(2 * .pi * Double($0) / Double(count)) }
        return (0..<lags).map { lag in
            var sum = 0.0
            for bin in 0..<count { sum += powers[bin] * cosines[bin * lag % count] }
            return sum / Double(count)
        }
    }
}
