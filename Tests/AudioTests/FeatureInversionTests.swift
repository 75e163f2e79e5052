import Foundation
import Tensors
import TestSupport
import Testing

@testable import Audio
@testable import SoundFiles

/// From features back to magnitudes.
@Suite struct FeatureInversionTests {
    static let mels: [String: (rate: Int, nFFT: Int, mel: MelParameters)] = [
        "a": (22050, 512, MelParameters(bands: 40)),
        "b": (
            16000, 512, MelParameters(bands: 32, fMin: 50, fMax: 7600, scale: .htk, norm: .none, power: 1)
        ),
        "c": (44100, 512, MelParameters(bands: 128)),
        "d": (44100, 2048, MelParameters()),
    ]

    /// The mel spectrum of magnitudes, in double precision, [band, frame].
    static func mel(_ magnitudes: [Float], _ rate: Int, _ nFFT: Int, _ mel: MelParameters) -> [Double] {
        let bank = FilterBank.mel(mel, sampleRate: rate, nFFT: nFFT)
        let frames = magnitudes.count / (nFFT / 2 + 1)
        var result = [Double](repeating: 0, count: mel.bands * frames)
        for band in 0..<mel.bands {
            let (start, weights) = bank.row(band)
            for (offset, weight) in weights.enumerated() {
                for frame in 0..<frames {
                    let value = Double(magnitudes[(start + offset) * frames + frame])
                    result[band * frames + frame] += Double(weight) * (mel.power == 2 ? value * value : value)
                }
            }
        }
        return result
    }

    /// The mel spectrum of the result is the one nearest to what was wanted, which the active-set method of scipy finds
    /// exactly; the distance left is not above librosa's.
    @Test(arguments: ["a", "b", "c", "d"], ["signal", "noise"])
    func melIsTheNearest(name: String, kind: String) throws {
        let (rate, nFFT, mel) = try #require(Self.mels[name])
        let file = try golden("audio_output_mel")
        let wanted: [Float] = try file.tensor("\(name).\(kind).mel").elements
        let fit: [Float] = try file.tensor("\(name).\(kind).fit").elements
        let magnitudes = try MelInversion(mel, sampleRate: rate, nFFT: nFFT).magnitudes(mel: wanted)
        #expect(magnitudes.allSatisfy { $0 >= 0 && $0.isFinite })
        let found = Self.mel(magnitudes, rate, nFFT, mel)
        // Rounding of magnitudes to single precision.
        #expect(largestDifference(found.map(Float.init), fit) < 1e-6)

        func distance(_ mel: [Double]) -> Double {
            zip(mel, wanted).reduce(0) { $0 + ($1.0 - Double($1.1)) * ($1.0 - Double($1.1)) }.squareRoot()
        }
        let librosa: [Float] = try file.tensor("\(name).\(kind).librosa").elements
        let theirs = distance(Self.mel(librosa, rate, nFFT, mel))
        let whole = distance([Double](repeating: 0, count: wanted.count))
        #expect(distance(found) <= theirs + 1e-7 * whole)
    }

    /// Where the filters are independent and the spectrum is smooth, librosa's start is the solution of both.
    @Test func equalsLibrosaWhereTheProblemIsEasy() throws {
        let mel = MelParameters(bands: 40)
        let bank = FilterBank.mel(mel, sampleRate: 22050, nFFT: 512)
        // A combination of the filters themselves with positive weights has no negative numbers to clip.
        var expected = [Float](repeating: 0, count: 257)
        for band in 0..<40 {
            let (start, weights) = bank.row(band)
            for (offset, weight) in weights.enumerated() {
                expected[start + offset] += weight * (2 + Float(Double.cosine(Double(band))))
            }
        }
        let inversion = try MelInversion(mel, sampleRate: 22050, nFFT: 512)
        let powers = Self.mel(expected.map { $0.squareRoot() }, 22050, 512, mel)
        let found = try inversion.magnitudes(mel: powers.map(Float.init)).map { $0 * $0 }
        // The filters' products are near singular where a filter is narrower than a bin: condition some 1e2.
        #expect(largestDifference(found, expected) < 1e-4)
    }

    /// Negative bands and silence are as near as can be, zero; a NaN is an error.
    @Test func oddMels() throws {
        let inversion = try MelInversion(MelParameters(bands: 40), sampleRate: 22050, nFFT: 512)
        var mel = [Float](repeating: -1, count: 40)
        #expect(try inversion.magnitudes(mel: mel) == [Float](repeating: 0, count: 257))
        mel[20] = 1
        let found = try inversion.magnitudes(mel: mel)
        #expect(found.contains { $0 > 0 } && found.allSatisfy { $0.isFinite })
        mel[3] = .nan
        let error = #expect(throws: AudioOutputError.self) { _ = try inversion.magnitudes(mel: mel) }
        #expect(error?.code == .badValue)
    }

    static let cepstra: [String: (parameters: MFCCParameters, reference: Double)] = [
        "a": (MFCCParameters(coefficients: 13, mel: MelParameters(bands: 40)), 1),
        "b": (MFCCParameters(coefficients: 20, mel: MelParameters(bands: 32), lifter: 22), 2.5),
        "c": (MFCCParameters(coefficients: 40, mel: MelParameters(bands: 40)), 1),
    ]

    /// librosa's mel spectrograms: 1e-5 of each number, since a rounding of 100 dB by 6e-8 is 1.4e-6 of the power.
    @Test(arguments: ["a", "b", "c"]) func mfccEqualsLibrosa(name: String) throws {
        let (parameters, reference) = try #require(Self.cepstra[name])
        let file = try golden("audio_output_mfcc")
        let found = CepstrumInversion(parameters).mel(
            coefficients: try file.tensor("\(name).mfcc").elements, reference: reference)
        let expected: [Float] = try file.tensor("\(name).mel").elements
        #expect(found.count == expected.count)
        for (found, expected) in zip(found, expected) { #expect(abs(found - expected) <= 1e-5 * expected) }
    }

    /// With all coefficients nothing is lost.
    @Test func cepstrumReturns() {
        for lifter in [0.0, 22] {
            let parameters = MFCCParameters(
                coefficients: 24, mel: MelParameters(bands: 24), decibels: DecibelParameters(topDB: nil),
                lifter: lifter)
            var noise = Noise(seed: 5)
            let mel = noise.array(24 * 9).map { abs($0) + 1e-3 }
            var decibels = mel
            var coefficients = mel
            decibels.withUnsafeMutableBufferPointer { decibels in
                coefficients.withUnsafeMutableBufferPointer {
                    Cepstrum(parameters).compute(mel: decibels, into: $0)
                }
            }
            let found = CepstrumInversion(parameters).mel(coefficients: coefficients)
            #expect(zip(found, mel).allSatisfy { abs($0 - $1) < 2e-5 * $1 })
        }
    }

    /// Powers of ten against the C library's in double precision, and undone by the logarithm.
    @Test func powersOfTen() {
        var values = (-1200...1200).map { Float($0) * 0.03 } + [1e-7, 1e-4, 0.3010, 0.3011, 37.9]
        let exponents = values
        values.withUnsafeMutableBufferPointer { FeatureMath.fromDecibels($0, power: 2) }
        for (value, exponent) in zip(values, exponents) {
            let expected = pow(10, Double(exponent * 0.1))
            #expect(abs(Double(value) - expected) < 5e-7 * expected, "\(exponent) dB")
        }
        var small = exponents.filter { $0 >= 0 && $0 < 30 }
        let wanted = small
        small.withUnsafeMutableBufferPointer { FeatureMath.powerOfTenMinusOne($0, scale: 0.25) }
        small.withUnsafeMutableBufferPointer { FeatureMath.log10OnePlus($0, scale: 4) }
        // An error of 2e-7 of the power is one of 1e-7 of its decimal logarithm.
        #expect(
            zip(small, wanted).allSatisfy { abs($0 - $1) <= 5e-7 * max($1, 0.1) || abs($0 - $1) <= 5e-7 * $1 }
        )
        var ends: [Float] = [-1, 0, -400, 39]
        ends.withUnsafeMutableBufferPointer { FeatureMath.powerOfTenMinusOne($0, scale: 1) }
        #expect(ends == [0, 0, 0, .infinity])
        ends = [-4000, 400]
        ends.withUnsafeMutableBufferPointer { FeatureMath.fromDecibels($0, power: 2) }
        #expect(ends == [0, .infinity])
    }

    @Test func rowsAreMultiplied() {
        var values: [Float] = [1, 2, 3, 4, 5, 6]
        values.withUnsafeMutableBufferPointer { FeatureMath.multiplyRows($0, by: [2, 0.5]) }
        #expect(values == [2, 4, 6, 2, 2.5, 3])
    }
}
