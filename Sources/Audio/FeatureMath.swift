#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What is done to extracted features once a gain and statistics are known: pure functions on arrays, in place.
///
/// The gain comes first (`scale`), then what is not linear.
public enum FeatureMath {
    /// x → gain^degree · x.
    ///
    /// - Parameters:
    ///   - values: The extracted feature.
    ///   - gain: An amplitude factor; 1 is 0 dB.
    ///   - degree: `FeatureParameters.gainDegree`.
    public static func scale(_ values: UnsafeMutableBufferPointer<Float>, gain: Double, degree: Int) {
        if degree == 0 || gain == 1 { return }
        let factor = Float(degree == 1 ? gain : gain * gain)
        transform(values) { $0 * factor }
    }

    /// x → √x, such as powers to amplitudes.
    ///
    /// - Parameter values: At least 0.
    public static func squareRoots(_ values: UnsafeMutableBufferPointer<Float>) {
        transform(values) { $0.roots }
    }

    /// x → log10(1 + scale · x), for x of at least 0, exact for small x too.
    ///
    /// With scale 1/σ this is the compression of Sanders, "Twin mel autoencoders" (paper 004).
    public static func log10OnePlus(_ values: UnsafeMutableBufferPointer<Float>, scale: Float) {
        transform(values) { logOnePlus($0 * scale) * log10e }
    }

    /// x → log10(max(amin, x)).
    ///
    /// - Parameters:
    ///   - values: Powers or magnitudes.
    ///   - amin: The floor, at least the smallest normal number.
    public static func log10(_ values: UnsafeMutableBufferPointer<Float>, amin: Float) {
        precondition(amin >= .leastNormalMagnitude, "want amin of at least 1.2e-38, got \(amin)")
        let floor = SIMD8<Float>(repeating: amin)
        transform(values) { naturalLog($0.replacing(with: floor, where: $0 .< floor)) * log10e }
    }

    /// `librosa.power_to_db` of one segment, or `amplitude_to_db` where values are magnitudes.
    ///
    /// For magnitudes the parameters' `amin` and reference are magnitudes, as in librosa.
    ///
    /// - Parameters:
    ///   - values: The powers or magnitudes of one segment.
    ///   - power: 2 if the values are powers, 1 if they are magnitudes.
    ///   - parameters: Floor, range and reference.
    public static func decibels(
        _ values: UnsafeMutableBufferPointer<Float>, power: Int, _ parameters: DecibelParameters
    ) {
        let amin = max(parameters.amin, power == 2 ? 1.2e-38 : 1.1e-19)
        let reference: Double
        switch parameters.reference {
        case .value(let value): reference = abs(value)
        case .maximum: reference = Double(greatest(values))
        }
        let perDecade = power == 2 ? 10.0 : 20.0
        log10(values, amin: Float(amin))
        let factor = Float(perDecade)
        let offset = Float(perDecade * decimalLog(max(amin, reference)))
        transform(values) { $0 * factor - offset }
        if let topDB = parameters.topDB {
            let floor = SIMD8<Float>(repeating: greatest(values) - Float(topDB))
            transform(values) { $0.replacing(with: floor, where: $0 .< floor) }
        }
    }

    /// Divides each row by its divisor.
    ///
    /// - Parameters:
    ///   - values: Rows of equal length, one after the other.
    ///   - divisors: One a row.
    public static func divideRows(_ values: UnsafeMutableBufferPointer<Float>, by divisors: [Float]) {
        precondition(
            !divisors.isEmpty && values.count % divisors.count == 0,
            "\(values.count) values do not fall into \(divisors.count) rows")
        let length = values.count / divisors.count
        for (row, divisor) in divisors.enumerated() {
            let factor = 1 / divisor
            transform(.init(rebasing: values[(row * length)..<((row + 1) * length)])) { $0 * factor }
        }
    }

    /// The greatest of the values; 0 of none.
    private static func greatest(_ values: UnsafeMutableBufferPointer<Float>) -> Float {
        guard let base = values.baseAddress, values.count >= 8 else { return values.max() ?? 0 }
        var greatest = base.eight
        for i in stride(from: 8, through: values.count - 8, by: 8) {
            let eight = (base + i).eight
            greatest.replace(with: eight, where: eight .> greatest)
        }
        // The last eight, of which some were seen.
        let last = (base + values.count - 8).eight
        greatest.replace(with: last, where: last .> greatest)
        return greatest.greatest
    }

    /// Applies `body` to all values, eight at a time; the last few are padded with ones.
    @inline(__always)
    static func transform(
        _ values: UnsafeMutableBufferPointer<Float>, _ body: (SIMD8<Float>) -> SIMD8<Float>
    ) {
        guard let base = values.baseAddress else { return }
        var i = 0
        while i + 8 <= values.count {
            (base + i).eight = body((base + i).eight)
            i += 8
        }
        if i < values.count {
            var last = SIMD8<Float>(repeating: 1)
            for j in i..<values.count { last[j - i] = base[j] }
            last = body(last)
            for j in i..<values.count { base[j] = last[j - i] }
        }
    }

    private static let log10e: Float = 0.4342944819032518

    /// ln x for normal x above 0, to about 2e-7 of the result.
    ///
    /// x = m · 2^e with m around 1; ln m = 2 artanh s, s = (m − 1)/(m + 1), whose series in s² ≤ 0.0295 ends at s⁹.
    @inline(__always)
    static func naturalLog(_ x: SIMD8<Float>) -> SIMD8<Float> {
        // 0x3F3504F3 is the square root of 1/2: m runs from there to the root of 2.
        let bits = SIMD8<Int32>(truncatingIfNeeded: x.bitPattern) &- 0x3F35_04F3
        let exponent = bits &>> 23
        let mantissa = (bits & 0x007F_FFFF) &+ 0x3F35_04F3
        let m = SIMD8<Float>(bitPattern: SIMD8<UInt32>(truncatingIfNeeded: mantissa))
        let s = (m - 1) / (m + 1)
        let z = s * s
        let (third, fifth, seventh, ninth): (Float, Float, Float, Float) = (1 / 3, 1 / 5, 1 / 7, 1 / 9)
        let upper: SIMD8<Float> = (z * ninth + seventh) * z + fifth
        let series: SIMD8<Float> = upper * z + third
        let twice = s + s
        let logOfMantissa: SIMD8<Float> = twice + twice * (z * series)
        let logOfTwo: Float = 0.6931471805599453
        return SIMD8<Float>(exponent) * logOfTwo + logOfMantissa
    }

    /// ln(1 + x) for x of at least 0, to about 2e-7 of the result.
    @inline(__always)
    static func logOnePlus(_ x: SIMD8<Float>) -> SIMD8<Float> {
        // What 1 + x rounds away comes back through the derivative of the logarithm.
        let sum = 1 + x
        let lost = x - (sum - 1)
        return naturalLog(sum) + lost / sum
    }
}

/// The C library's, whose name `FeatureMath.log10` hides.
private func decimalLog(_ x: Double) -> Double { log10(x) }
