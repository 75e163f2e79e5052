public import SoundFiles

/// Finds the magnitudes whose mel spectrogram is nearest to a given one: `librosa.feature.inverse.mel_to_stft`.
///
/// For each frame this is the non-negative least-squares problem min ‖Ax − b‖, x ≥ 0, with the filterbank A and the mel
/// spectrum b. It has many solutions where filters are wider than bins; of them, the one of least energy is found, which
/// spreads each band's energy smoothly over its bins.
///
/// Method: min ½‖Ax − b‖² + ε/2·‖x‖² over x ≥ 0, with ε down to 1e-10 of the filters' energy, has the dual condition
/// A·max(0, Aᵀu) + εu = b, x = max(0, Aᵀu), in as many unknowns as there are bands. It is piecewise linear and is solved by
/// Newton's method with a line search (Hintermüller, Ito and Kunisch 2002, semismooth Newton). A mel filter overlaps its two
/// neighbours only, so that each step solves a tridiagonal system: a frame costs some tens of microseconds, where librosa's
/// L-BFGS-B works on all bins at once. The first iterate is librosa's start, the pseudo-inverse without its negative numbers.
///
/// An object reuses its buffers from call to call; each thread needs its own.
public final class MelInversion {
    /// The mel spectrogram that is inverted.
    public let mel: MelParameters
    /// The number of frequency bins of the result, nFFT/2 + 1.
    public let binCount: Int

    private let bands: Int
    /// Bins that lie in the same two bands, `band` and the next.
    private struct Group {
        let band: Int
        let bins: Range<Int>
        /// Its first place in the arrays below, in which each group is filled up with zeros to a multiple of 4.
        let start: Int
        /// Its places by fours.
        let quads: Int
    }
    private let groups: [Group]
    /// Each bin's weights in its two bands, by place.
    private let lowerWeights: DoubleBuffer
    private let upperWeights: DoubleBuffer
    /// The solution, by place.
    private let solution: DoubleBuffer
    /// The greatest energy of a filter.
    private let energy: Double
    /// ε: smaller and smaller, each from the solution of the one before.
    private var regularization = 0.0

    // One frame under way, by band; there is one more band, whose dual stays 0.
    private let target: DoubleBuffer
    private var dual: DoubleBuffer
    private var trial: DoubleBuffer
    private let residual: DoubleBuffer
    private let step: DoubleBuffer
    private let diagonal: DoubleBuffer
    private let offDiagonal: DoubleBuffer

    /// Parts of the filters' energy.
    ///
    /// Most frames are solved with the last at once; the others lead there from further away.
    private static let regularizations = [1e-2, 1e-4, 1e-6, 1e-8, 1e-10]
    private static let mostSteps = 100
    private static let mostDirectSteps = 12
    /// What a residual may be, as a part of the greatest number of the frame.
    private static let tolerance = 1e-8

    /// Prepares the filterbank.
    ///
    /// - Parameters:
    ///   - mel: The mel spectrogram's parameters; with `power` 2 the mel sums powers, and the result is their square root.
    ///   - sampleRate: In Hz.
    ///   - nFFT: The transform's length.
    /// - Throws: `audio.bad-parameters`.
    public init(_ mel: MelParameters, sampleRate: Int, nFFT: Int) throws(AudioOutputError) {
        var parameters = AudioParameters(sampleRate: sampleRate, features: [.mel(mel)])
        parameters.stft = STFTParameters(nFFT: nFFT)
        parameters.segment.samples = max(1, nFFT)
        if let fault = parameters.faults.first {
            throw AudioOutputError(.badParameters, "\(fault.key): \(fault.message)")
        }
        self.mel = mel
        bands = mel.bands
        binCount = nFFT / 2 + 1
        let bank = FilterBank.mel(mel, sampleRate: sampleRate, nFFT: nFFT)
        var bins = [(band: Int?, lower: Double, upper: Double)](repeating: (nil, 0, 0), count: nFFT / 2 + 1)
        for band in 0..<mel.bands {
            let (start, weights) = bank.row(band)
            for (offset, weight) in weights.enumerated() where weight != 0 {
                let bin = start + offset
                if let first = bins[bin].band {
                    precondition(first == band - 1, "mel filters \(first) and \(band) overlap")
                    bins[bin].upper = Double(weight)
                } else {
                    bins[bin] = (band, Double(weight), 0)
                }
            }
        }
        var (groups, lower, upper) = ([Group](), [Double](), [Double]())
        var first = 0
        while first < bins.count {
            let end = bins[first...].firstIndex { $0.band != bins[first].band } ?? bins.count
            if let band = bins[first].band {
                let quads = (end - first + 3) / 4
                groups.append(Group(band: band, bins: first..<end, start: lower.count, quads: quads))
                let padding = [Double](repeating: 0, count: 4 * quads - (end - first))
                lower += bins[first..<end].map(\.lower) + padding
                upper += bins[first..<end].map(\.upper) + padding
            }
            first = end
        }
        self.groups = groups
        lowerWeights = DoubleBuffer(lower)
        upperWeights = DoubleBuffer(upper)
        solution = DoubleBuffer(count: lower.count)
        func perBand() -> DoubleBuffer { DoubleBuffer(count: mel.bands + 1) }
        (target, dual, trial, residual) = (perBand(), perBand(), perBand(), perBand())
        (step, diagonal, offDiagonal) = (perBand(), perBand(), perBand())
        var energies = [Double](repeating: 0, count: mel.bands + 1)
        for bin in bins {
            guard let band = bin.band else { continue }
            energies[band] += bin.lower * bin.lower
            energies[band + 1] += bin.upper * bin.upper
        }
        energy = energies.max() ?? 1
    }

    /// Finds the magnitudes.
    ///
    /// - Parameter values: The linear mel spectrogram, [band, frame]; negative numbers are allowed.
    /// - Returns: Linear amplitudes of at least 0, [bin, frame].
    /// - Throws: `audio.bad-value` for a number that is not finite.
    public func magnitudes(mel values: [Float]) throws(AudioOutputError) -> [Float] {
        let frames = values.count / bands
        precondition(values.count == frames * bands, "\(values.count) values do not fall into \(bands) bands")
        if let place = values.firstIndex(where: { !$0.isFinite }) {
            throw AudioOutputError(
                .badValue,
                "band \(place / frames), frame \(place % frames) of the mel spectrogram is \(values[place])")
        }
        var result = [Float](repeating: 0, count: binCount * frames)
        let (target, solution) = (target.pointer, solution.pointer)
        for frame in 0..<frames {
            var scale = 0.0
            for band in 0..<bands {
                target[band] = Double(values[band * frames + frame])
                scale = max(scale, target[band])
            }
            // Without a positive number the nearest spectrum is 0.
            if scale == 0 { continue }
            for band in 0..<bands { target[band] /= scale }
            solve()
            for group in groups {
                for (offset, bin) in group.bins.enumerated() {
                    let value = solution[group.start + offset] * scale
                    result[bin * frames + frame] = Float(mel.power == 2 ? value.squareRoot() : value)
                }
            }
        }
        return result
    }

    /// From `target` to `solution`.
    private func solve() {
        if solve(Self.regularizations.suffix(1), steps: Self.mostDirectSteps) { return }
        _ = solve(Self.regularizations[...], steps: Self.mostSteps)
    }

    /// - Returns: Whether the last of the problems was solved, but for rounding.
    private func solve(_ parts: ArraySlice<Double>, steps: Int) -> Bool {
        // Unconstrained at first: all bins count.
        regularization = energy * (parts.first ?? 1)
        dual.pointer.update(repeating: 0, count: bands + 1)
        _ = evaluate(dual.pointer, keepsAll: true)
        findStep()
        dual.pointer.update(from: step.pointer, count: bands + 1)
        for part in parts {
            regularization = energy * part
            var objective = evaluate(dual.pointer)
            for _ in 0..<steps {
                guard let found = improve(objective) else { break }
                objective = found
            }
        }
        _ = evaluate(dual.pointer)
        return greatestResidual() < 100 * Self.tolerance
    }

    /// One step of Newton's method from `dual`.
    ///
    /// - Returns: The objective there; `nil` if `dual` is solved, or no step is better.
    private func improve(_ objective: Double) -> Double? {
        let error = greatestResidual()
        if error < Self.tolerance { return nil }
        findStep()
        let (residual, step) = (residual.pointer, step.pointer)
        var slope = 0.0
        for band in 0..<bands { slope += residual[band] * step[band] }
        var length = 1.0
        while length > 1e-6 {
            for band in 0..<bands { trial.pointer[band] = dual.pointer[band] + length * step[band] }
            let found = evaluate(trial.pointer)
            if found <= objective + 1e-4 * length * slope || greatestResidual() < 0.5 * error {
                swap(&dual, &trial)
                return found
            }
            length /= 2
        }
        return nil
    }

    private func greatestResidual() -> Double {
        var greatest = 0.0
        for band in 0..<bands { greatest = max(greatest, abs(residual.pointer[band])) }
        return greatest
    }

    /// The objective ½‖max(0, Aᵀu)‖² + ε/2·‖u‖² − b·u.
    ///
    /// Sets `solution` to x = max(0, Aᵀu), `residual` to the gradient Ax + εu − b, and the diagonals to those of
    /// A·D·Aᵀ + εI, where D keeps the bins that are above 0, or all.
    private func evaluate(_ u: UnsafePointer<Double>, keepsAll: Bool = false) -> Double {
        let (residual, diagonal, offDiagonal) = (residual.pointer, diagonal.pointer, offDiagonal.pointer)
        var objective = 0.0
        for band in 0..<bands {
            residual[band] = regularization * u[band] - target.pointer[band]
            diagonal[band] = regularization
            offDiagonal[band] = 0
            objective += u[band] * (0.5 * regularization * u[band] - target.pointer[band])
        }
        var energy = SIMD4<Double>.zero
        for group in groups {
            let (lowerDual, upperDual) = (u[group.band], u[group.band + 1])
            var (lowerSum, upperSum) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
            var (lowerSquares, upperSquares, products) = (lowerSum, lowerSum, lowerSum)
            for quad in 0..<group.quads {
                let place = group.start + 4 * quad
                var (lower, upper) = (lowerWeights.four(place), upperWeights.four(place))
                var x = lower * lowerDual + upper * upperDual
                x.replace(with: 0, where: x .< 0)
                solution.setFour(place, x)
                energy += x * x
                lowerSum += lower * x
                upperSum += upper * x
                if !keepsAll {
                    let isZero = x .== 0
                    lower.replace(with: 0, where: isZero)
                    upper.replace(with: 0, where: isZero)
                }
                lowerSquares += lower * lower
                upperSquares += upper * upper
                products += lower * upper
            }
            residual[group.band] += lowerSum.sum()
            residual[group.band + 1] += upperSum.sum()
            diagonal[group.band] += lowerSquares.sum()
            diagonal[group.band + 1] += upperSquares.sum()
            offDiagonal[group.band] += products.sum()
        }
        return objective + 0.5 * energy.sum()
    }

    /// Solves (A·D·Aᵀ + εI)·step = −residual; the diagonal is used up.
    private func findStep() {
        let (residual, step) = (residual.pointer, step.pointer)
        let (diagonal, offDiagonal) = (diagonal.pointer, offDiagonal.pointer)
        // LDLᵀ of a positive definite tridiagonal matrix.
        step[0] = -residual[0]
        for band in 1..<max(1, bands) {
            let ratio = offDiagonal[band - 1] / diagonal[band - 1]
            diagonal[band] -= ratio * offDiagonal[band - 1]
            step[band] = -residual[band] - ratio * step[band - 1]
        }
        step[bands - 1] /= diagonal[bands - 1]
        for band in (0..<(bands - 1)).reversed() {
            step[band] = (step[band] - offDiagonal[band] * step[band + 1]) / diagonal[band]
        }
        step[bands] = 0
    }
}

/// Doubles at a fixed place, zero at first.
private final class DoubleBuffer {
    let pointer: UnsafeMutablePointer<Double>

    init(count: Int) {
        pointer = .allocate(capacity: max(count, 1))
        pointer.initialize(repeating: 0, count: max(count, 1))
    }

    convenience init(_ values: [Double]) {
        self.init(count: values.count)
        pointer.update(from: values, count: values.count)
    }

    deinit { pointer.deallocate() }

    /// Four doubles from a place.
    @inline(__always)
    func four(_ place: Int) -> SIMD4<Double> {
        UnsafeRawPointer(pointer + place).loadUnaligned(as: SIMD4<Double>.self)
    }

    @inline(__always)
    func setFour(_ place: Int, _ values: SIMD4<Double>) {
        UnsafeMutableRawPointer(pointer + place).storeBytes(of: values, as: SIMD4<Double>.self)
    }
}
