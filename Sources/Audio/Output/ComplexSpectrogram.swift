/// A short-time Fourier transform: complex numbers, [bin, frame].
public struct ComplexSpectrogram: Sendable, Hashable {
    /// The number of frequency bins, nFFT/2 + 1.
    public let bins: Int
    /// The number of frames.
    public let frames: Int
    /// The real parts, [bin, frame].
    public var real: [Float]
    /// The imaginary parts, [bin, frame].
    public var imaginary: [Float]

    /// Zeros.
    public init(bins: Int, frames: Int) {
        precondition(bins >= 2 && frames >= 0, "want at least 2 bins and 0 frames, got \(bins) and \(frames)")
        self.bins = bins
        self.frames = frames
        real = [Float](repeating: 0, count: bins * frames)
        imaginary = real
    }

    /// The given parts.
    ///
    /// - Parameters:
    ///   - bins: nFFT/2 + 1.
    ///   - real: [bin, frame].
    ///   - imaginary: [bin, frame].
    public init(bins: Int, real: [Float], imaginary: [Float]) {
        precondition(
            bins >= 2 && real.count % bins == 0 && real.count == imaginary.count,
            "want equal parts of \(bins) bins, got \(real.count) and \(imaginary.count) numbers")
        self.bins = bins
        frames = real.count / bins
        self.real = real
        self.imaginary = imaginary
    }

    /// The absolute values, [bin, frame].
    public var magnitudes: [Float] {
        var values = real
        values.withUnsafeMutableBufferPointer { values in
            imaginary.withUnsafeBufferPointer { imaginary in
                guard let values = values.baseAddress, let imaginary = imaginary.baseAddress else { return }
                let count = real.count
                for i in stride(from: 0, through: count - 8, by: 8) {
                    let (a, b) = ((values + i).eight, (imaginary + i).eight)
                    (values + i).eight = (a * a + b * b).roots
                }
                for i in (count / 8 * 8)..<count {
                    values[i] = (values[i] * values[i] + imaginary[i] * imaginary[i]).squareRoot()
                }
            }
        }
        return values
    }
}
