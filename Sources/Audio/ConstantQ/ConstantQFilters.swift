public import SoundFiles

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension CQTParameters {
    /// The spectrum of the filter at a frequency, as `librosa.filters.wavelet` and a transform give it.
    ///
    /// The filter is w[j] · e^(iω(j + s)) / Σ w over a whole number of samples n, with s = ⌊−L/2⌋, in the middle of nFFT
    /// samples. Up to a constant phase its spectrum is a sum of three Dirichlet kernels, D(θ) = sin(nθ/2) / sin(θ/2):
    ///
    /// B[k] = e^(iφ) · (a·D(θ) + b/2 · (e^(−iπ/n)·D(θ + 2π/n) + e^(iπ/n)·D(θ − 2π/n))) / Σ w
    ///
    /// with θ = ω − 2πk/nFFT, φ = θ(n − 1)/2 − 2πk·⌊(nFFT − n)/2⌋/nFFT, and the window a − b·cos.
    ///
    /// - Parameters:
    ///   - frequency: In Hz.
    ///   - sampleRate: In Hz.
    ///   - nFFT: At least as long as the filter.
    /// - Returns: For k from 0 to nFFT/2, with the smallest numbers set to 0 as `sparsity` asks.
    func spectrum(
        at frequency: Double, sampleRate: Double, nFFT: Int
    ) -> (real: [Double], imaginary: [Double]) {
        let half = length(at: frequency, sampleRate: sampleRate) / 2
        let count = Int(half.rounded(.down)) - Int((-half).rounded(.down))
        precondition(count >= 2 && count <= nFFT, "a filter of \(count) samples, want 2 to \(nFFT)")
        let n = Double(count)
        let (a, b) = window.coefficients
        let norm = a * n
        let omega = 2 * .pi * frequency / sampleRate
        let lead = Double((nFFT - count) / 2)
        let (cosine, sine) = (cos(.pi / n), sin(.pi / n))
        func kernel(_ theta: Double) -> Double {
            let divisor = sin(theta / 2)
            return abs(divisor) > 1e-9
                ? sin(n * theta / 2) / divisor : n * cos(n * theta / 2) / cos(theta / 2)
        }
        var real = [Double](repeating: 0, count: nFFT / 2 + 1)
        var imaginary = real
        for k in 0...nFFT / 2 {
            let place = 2 * .pi * Double(k) / Double(nFFT)
            let theta = omega - place
            let (above, below) = (kernel(theta + 2 * .pi / n), kernel(theta - 2 * .pi / n))
            let x = (a * kernel(theta) + b / 2 * cosine * (above + below)) / norm
            let y = b / 2 * sine * (below - above) / norm
            let phase = theta * (n - 1) / 2 - place * lead
            real[k] = x * cos(phase) - y * sin(phase)
            imaginary[k] = x * sin(phase) + y * cos(phase)
        }
        sparsify(&real, &imaginary)
        return (real, imaginary)
    }

    /// `librosa.util.sparsify_rows`: keeps numbers from that magnitude on at which the sum of all smaller ones, and of
    /// itself, reaches `sparsity` of the whole.
    private func sparsify(_ real: inout [Double], _ imaginary: inout [Double]) {
        let magnitudes = zip(real, imaginary).map { ($0 * $0 + $1 * $1).squareRoot() }
        let ordered = magnitudes.sorted()
        let whole = ordered.reduce(0, +)
        var sum = 0.0
        let threshold =
            ordered.first { magnitude in
                sum += magnitude / whole
                return sum >= sparsity
            } ?? 0
        for k in magnitudes.indices where magnitudes[k] < threshold { (real[k], imaginary[k]) = (0, 0) }
    }

    /// A filter bank for magnitudes of a short-time Fourier transform: the matrix of `librosa.pseudo_cqt`.
    ///
    /// Its product with |X|, where X is transformed with a Hann window, is a constant-Q transform without phases. The
    /// transform must be as long as the longest filter, so that neighbouring low notes have bins of their own.
    ///
    /// - Parameters:
    ///   - sampleRate: The rate of the samples in Hz.
    ///   - nFFT: The length of the transform; even, at least `longestFilter(sampleRate:)`.
    /// - Returns: [bins, nFFT/2 + 1]: |B[k]| · L/nFFT, divided by √nFFT, or, if `scale` is false, multiplied by √(L/nFFT).
    /// - Throws: `audio.bad-parameters` for parameters with faults, or a transform that is too short.
    public func magnitudeFilters(sampleRate: Int, nFFT: Int) throws(AudioOutputError) -> [Float] {
        if let fault = faults(sampleRate: sampleRate).first {
            throw AudioOutputError(.badParameters, "\(fault.key): \(fault.message)")
        }
        let longest = longestFilter(sampleRate: sampleRate)
        guard nFFT % 2 == 0, Double(nFFT) >= longest else {
            throw AudioOutputError(
                .badParameters, "nFFT: want an even number of at least \(longest), got \(nFFT)")
        }
        return frequencies.flatMap { frequency in
            let length = length(at: frequency, sampleRate: Double(sampleRate))
            let part = length / Double(nFFT)
            let weight = part * (scale ? 1 / Double(nFFT) : part).squareRoot()
            let (real, imaginary) = spectrum(at: frequency, sampleRate: Double(sampleRate), nFFT: nFFT)
            return zip(real, imaginary).map { Float(weight * ($0 * $0 + $1 * $1).squareRoot()) }
        }
    }
}
