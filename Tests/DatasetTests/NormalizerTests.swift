import Audio
import Foundation
import Tensors
import Testing

@testable import Dataset
@testable import Manifest

/// y = c(gᵈ · x / σ) / (σ_row + ε) against the formula in double precision.
struct NormalizerTests {
    private func apply(
        _ values: [Float], _ feature: FeatureParameters, _ manifest: Manifest.Audio.Normalize, gain: Double,
        _ statistics: FeatureStatistics?
    ) -> [Float] {
        var values = values
        values.withUnsafeMutableBufferPointer {
            Normalizer(manifest: manifest, feature: feature).apply($0, gain: gain, statistics)
        }
        return values
    }

    private let values: [Float] = (0..<40).map { Float($0 * $0) * 0.01 }

    @Test(arguments: [1, 2]) func paper004(power: Int) {
        var manifest = Manifest.Audio.Normalize()
        manifest.epsilon = 0.001
        let statistics = FeatureStatistics(sigma: 2.5, sigmaBand: [0.5, 0.25, 0, 2])
        let result = apply(values, .mel(MelParameters(bands: 4, power: power)), manifest, gain: 3, statistics)
        for (index, value) in result.enumerated() {
            let x = Double(values[index]) * pow(3, Double(power)) / 2.5
            let expected = log10(1 + x) / (statistics.sigmaBand[index / 10] + 0.001)
            // Single precision, two roundings of the logarithm.
            #expect(abs(Double(value) - expected) <= 1e-5 * max(1, expected))
        }
    }

    @Test func nothingIsDividedByZero() {
        let statistics = FeatureStatistics(sigma: 0, sigmaBand: [0, 0, 0, 0])
        let result = apply(
            values, .mel(MelParameters(bands: 4)), Manifest.Audio.Normalize(), gain: 1, statistics)
        for (value, x) in zip(result, values) { #expect(abs(Double(value) - log10(1 + Double(x))) < 1e-5) }
    }

    /// Gained audio's features are the features with the gain: of a power, in decibels, a constant is added.
    @Test func decibelsFollowTheGain() {
        var manifest = Manifest.Audio.Normalize()
        manifest.compress = .log
        manifest.per = .none
        manifest.decibels.topDB = nil
        let feature = FeatureParameters.mel(MelParameters(bands: 4))
        let plain = apply(values.map { $0 + 1 }, feature, manifest, gain: 1, nil)
        let louder = apply(values.map { $0 + 1 }, feature, manifest, gain: 10, nil)
        for (a, b) in zip(plain, louder) { #expect(abs(b - a - 20) < 1e-4) }
    }

    @Test func onlySpectraAreConcerned() {
        #expect(
            Normalizer.concerns(.mel(MelParameters()))
                && Normalizer.concerns(.spectrogram(SpectrogramParameters())))
        #expect(
            !Normalizer.concerns(.waveform) && !Normalizer.concerns(.chroma)
                && !Normalizer.concerns(.mfcc(MFCCParameters())))
    }

    /// What is normalised and then brought back is what it was, for each compression, power and kind of statistics.
    @Test(arguments: Manifest.Audio.Compress.allCases, [1, 2]) func returns(
        compress: Manifest.Audio.Compress, power: Int
    ) {
        var manifest = Manifest.Audio.Normalize()
        manifest.compress = compress
        manifest.epsilon = 0.001
        manifest.decibels.topDB = nil
        let feature = FeatureParameters.mel(MelParameters(bands: 4, power: power))
        let kinds = [
            nil, FeatureStatistics(sigma: 2.5, sigmaBand: [0.5, 0.25, 0, 2]),
            FeatureStatistics(sigma: 0, sigmaBand: [0, 0, 0, 0]),
        ]
        for statistics in kinds {
            for reference in [DecibelParameters.Reference.value(1), .value(0.25), .maximum] {
                manifest.decibels.reference = reference
                let normalized = apply(values, feature, manifest, gain: 3, statistics)
                let scale = Normalizer.scale(feature, gain: 3, sigma: statistics?.sigma ?? 1)
                let denormalizer = Denormalizer(Normalizer(manifest: manifest, feature: feature), statistics)
                let found = denormalizer.linear(
                    normalized, gain: 3, maximum: scale * Double(values.max() ?? 0))
                #expect(denormalizer.power == power)
                // A rounding of up to 60 dB by 6e-8 is one of 1e-6 of the value; silence is at the floor, not 0.
                for (found, value) in zip(found, values) {
                    #expect(abs(found - value) <= 1e-5 * value + (value == 0 ? 1e-5 : 0))
                }
            }
        }
    }

    @Test func statisticsFileHoldsWhatItWasGiven() throws {
        let values = [
            "": ["mel": FeatureStatistics(sigma: 2, sigmaBand: [1, 2])],
            "jazz/blues": ["mel": FeatureStatistics(sigma: 3, sigmaBand: [4, 5])],
        ]
        let file = try StatisticsFile(decoding: .init(bytes: StatisticsFile(values).encode()))
        #expect(file.values == values)
    }
}
