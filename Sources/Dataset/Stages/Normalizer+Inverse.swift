import Audio
import Manifest

extension Normalizer {
    /// The inverse of `apply`, in place; one segment, row by row.
    ///
    /// x = c⁻¹(y · (σ_row + ε)) · σ / gᵈ. What decibels lost under `amin` and `top_db` does not return. Under
    /// `log10_1p`, negative numbers, which no spectrum gives, count as 0.
    ///
    /// - Parameters:
    ///   - values: The normalised feature, [row, frame].
    ///   - gain: The amplitude factor that the feature was extracted with less; 1 leaves the loudness of the shards.
    ///   - statistics: Those that it was normalised by; `nil` if by none.
    ///   - maximum: What 0 dB stood for where the manifest's `ref` is `max`.
    func invert(
        _ values: UnsafeMutableBufferPointer<Float>, gain: Double, _ statistics: FeatureStatistics?,
        maximum: Double = 1
    ) {
        if let statistics {
            let factors = statistics.sigmaBand.map { band in
                let divisor = band + manifest.epsilon
                return divisor == 0 ? 1 : Float(divisor)
            }
            FeatureMath.multiplyRows(values, by: factors)
        }
        let scale = 1 / Self.scale(feature, gain: gain, sigma: statistics?.sigma ?? 1)
        switch manifest.compress {
        case .log10Plus1: FeatureMath.powerOfTenMinusOne(values, scale: Float(scale))
        case .log:
            let reference =
                switch manifest.decibels.reference {
                case .value(let value): value
                case .maximum: maximum
                }
            FeatureMath.fromDecibels(values, power: feature.gainDegree, reference: reference * scale)
        case .none: FeatureMath.scale(values, gain: scale, degree: 1)
        }
    }
}
