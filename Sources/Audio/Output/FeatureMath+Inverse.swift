extension FeatureMath {
    /// x → scale · (10^x − 1), exact for small x too: the inverse of `log10OnePlus` with the reciprocal scale.
    ///
    /// - Parameters:
    ///   - values: Up to 38; what lies above becomes infinite. Negative numbers become 0 where `clamps` is set.
    ///   - scale: σ where `log10OnePlus` had 1/σ.
    ///   - clamps: Whether negative numbers, which no spectrum compresses to, count as 0.
    public static func powerOfTenMinusOne(
        _ values: UnsafeMutableBufferPointer<Float>, scale: Float, clamps: Bool = true
    ) {
        let floor = SIMD8<Float>(repeating: clamps ? 0 : -.infinity)
        transform(values) { x in
            let (power, fraction) = powerOfTen(x.replacing(with: floor, where: x .< floor))
            // 2ⁿ·(1 + f) − 1, without loss where n is 0.
            return (power * fraction + (power - 1)) * scale
        }
    }

    /// `librosa.db_to_power`, or `db_to_amplitude`: x → reference · 10^(x/10), or 10^(x/20).
    ///
    /// The inverse of `decibels` but for what its floor and range took away.
    ///
    /// - Parameters:
    ///   - values: In dB.
    ///   - power: 2 for powers, 1 for magnitudes.
    ///   - reference: The power or magnitude that is 0 dB.
    public static func fromDecibels(
        _ values: UnsafeMutableBufferPointer<Float>, power: Int, reference: Double = 1
    ) {
        let (perDecibel, reference) = (Float(power == 2 ? 0.1 : 0.05), Float(reference))
        transform(values) { x in
            let (power, fraction) = powerOfTen(x * perDecibel)
            return (power + power * fraction) * reference
        }
    }

    /// Multiplies each row by its factor: the inverse of `divideRows`.
    ///
    /// - Parameters:
    ///   - values: Rows of equal length, one after the other.
    ///   - factors: One a row.
    public static func multiplyRows(_ values: UnsafeMutableBufferPointer<Float>, by factors: [Float]) {
        precondition(
            !factors.isEmpty && values.count % factors.count == 0,
            "\(values.count) values do not fall into \(factors.count) rows")
        let length = values.count / factors.count
        for (row, factor) in factors.enumerated() {
            transform(.init(rebasing: values[(row * length)..<((row + 1) * length)])) { $0 * factor }
        }
    }

    /// 10^x as 2ⁿ and f, with 10^x = 2ⁿ·(1 + f) and |f| < 0.42, each to about 2e-7.
    ///
    /// x = n·lg 2 + r, with lg 2 in two parts, the first of few bits; 1 + f = e^(r·ln 10) by its series up to the seventh
    /// power. Below 8e-39 the result is 0, above 2.3e38 infinite.
    @inline(__always)
    private static func powerOfTen(_ x: SIMD8<Float>) -> (power: SIMD8<Float>, fraction: SIMD8<Float>) {
        let (low, high) = (SIMD8<Float>(repeating: -38.3), SIMD8<Float>(repeating: 38.6))
        var x = x.replacing(with: low, where: x .< low)
        // Where 2ⁿ is infinite, f must be positive.
        x.replace(with: high, where: x .> SIMD8(repeating: 38.37))
        // Adding 1.5·2²³ rounds to the nearest whole number, which then is the lower half of the bits.
        let (inverse, round): (Float, Float) = (3.321928094887362, 12_582_912)
        let rounded: SIMD8<Float> = x * inverse + round
        let n = rounded - round
        let (first, second): (Float, Float) = (0.30102539, 4.605038981e-6)
        let r: SIMD8<Float> = (x - n * first) - n * second
        let t: SIMD8<Float> = r * 2.302585092994046
        let (sixth, fifth, fourth): (Float, Float, Float) = (1 / 720, 1 / 120, 1 / 24)
        let (seventh, third): (Float, Float) = (1 / 5040, 1 / 6)
        let upper: SIMD8<Float> = ((t * seventh + sixth) * t + fifth) * t + fourth
        let series: SIMD8<Float> = (upper * t + third) * t + 0.5
        let fraction = t + t * t * series
        let bits = (rounded.bitPattern &- (round.bitPattern &- 127)) &<< 23
        return (SIMD8<Float>(bitPattern: bits), fraction)
    }
}
