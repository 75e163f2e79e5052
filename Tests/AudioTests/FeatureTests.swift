import Tensors
import TestSupport
import Testing

@testable import Audio

/// librosa's arrays, whole, for the parameter sets of tools/oracles/audio_golden.py.
@Suite struct FeatureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var parameters: AudioParameters
        var testDescription: String { name }
    }

    static let cases = [
        make(
            "a", 22050, STFTParameters(nFFT: 512, hopLength: 128), MelParameters(bands: 40),
            SpectrogramParameters(power: 1), 13),
        make(
            "b", 16000,
            STFTParameters(nFFT: 512, hopLength: 160, winLength: 400, window: .hamming, padMode: .reflect),
            MelParameters(bands: 32, fMin: 50, fMax: 7600, scale: .htk, norm: .none, power: 1),
            SpectrogramParameters(power: 2), 20),
        make(
            "c", 22050, STFTParameters(nFFT: 1024, hopLength: 256, center: false, padEnd: 100),
            MelParameters(bands: 64, fMin: 125, fMax: 7500, norm: .none),
            SpectrogramParameters(power: 1, dropNyquist: true), 40),
        make(
            "d", 44100, STFTParameters(padEnd: 1024), MelParameters(),
            SpectrogramParameters(power: 2, dropNyquist: true), 13),
        make(
            "e", 8000, STFTParameters(nFFT: 602, hopLength: 150, winLength: 501, padEnd: 7),
            MelParameters(bands: 24, scale: .htk), SpectrogramParameters(power: 1), 12),
    ]

    static func make(
        _ name: String, _ rate: Int, _ stft: STFTParameters, _ mel: MelParameters,
        _ spectrogram: SpectrogramParameters, _ coefficients: Int
    ) -> Case {
        var powerMel = mel
        powerMel.power = 2
        return Case(
            name: name,
            parameters: AudioParameters(
                sampleRate: rate, segment: SegmentParameters(samples: 4000), stft: stft,
                features: [
                    .mel(mel), .spectrogram(spectrogram), .chroma,
                    .mfcc(MFCCParameters(coefficients: coefficients, mel: powerMel)), .waveform,
                ]))
    }

    @Test(arguments: cases) func equalsLibrosa(_ test: Case) throws {
        let file = try golden("audio_features")
        let input: [Float] = try file.tensor("input").elements
        var found = analyze(input, test.parameters)
        #expect(found["waveform"] == input)
        var mel = try #require(found["mfcc"])
        for feature in test.parameters.features {
            guard case .mfcc(let mfcc) = feature else { continue }
            var decibels = mel
            decibels.withUnsafeMutableBufferPointer {
                FeatureMath.decibels($0, power: 2, DecibelParameters(topDB: 60, reference: .maximum))
            }
            found["db"] = decibels
            var coefficients = [Float](
                repeating: 0, count: feature.finalShape(in: test.parameters).reduce(1, *))
            mel.withUnsafeMutableBufferPointer { mel in
                coefficients.withUnsafeMutableBufferPointer { Cepstrum(mfcc).compute(mel: mel, into: $0) }
            }
            found["mfcc"] = coefficients
        }
        // 1e-4 of each array's maximum is the promise; single precision against librosa's double gives 1e-6.
        for name in ["spectrogram", "mel", "chroma", "mfcc", "db"] {
            let expected: Tensor<Float> = try file.tensor("\(test.name).\(name)")
            let difference = largestDifference(try #require(found[name]), expected.elements)
            #expect(difference < 1e-5, "\(name)")
            if let feature = test.parameters.features.first(where: { $0.name == name }) {
                #expect(feature.finalShape(in: test.parameters) == expected.shape)
            }
        }
    }

    /// librosa warns of 76 for the first; a filter narrower than the bins between it has none.
    @Test func emptyBandsAreFound() {
        let wide = MelParameters(bands: 512).emptyBands(sampleRate: 22050, nFFT: 1024)
        #expect(wide.count == 76 && wide == wide.sorted() && (wide.last ?? 512) < 512)
        #expect(MelParameters(bands: 128).emptyBands(sampleRate: 22050, nFFT: 2048) == [])
        let htk = MelParameters(bands: 128, scale: .htk).emptyBands(sampleRate: 44100, nFFT: 512)
        #expect(!htk.isEmpty && htk.allSatisfy { $0 < 64 })
    }

    /// Paper 004: 131072 samples and 1024 zeros make 259 frames of 256 bands.
    @Test func shapesAreThePapers() {
        var parameters = AudioParameters(stft: STFTParameters(padEnd: 1024))
        #expect(FeatureParameters.mel(MelParameters()).extractedShape(in: parameters) == [256, 259])
        parameters.stft.padEnd = 0
        #expect(parameters.frameCount == 257)
    }

    /// A frame must not see its neighbours: silence beside a loud frame stays exactly nothing.
    @Test func framesAreIndependent() throws {
        var samples = [Float](repeating: 0, count: 4096)
        for i in 0..<1024 { samples[i] = 1 }
        let parameters = AudioParameters(
            segment: SegmentParameters(samples: 4096),
            stft: STFTParameters(nFFT: 1024, hopLength: 1024, center: false),
            features: [.spectrogram(SpectrogramParameters(power: 2))])
        let power = try #require(analyze(samples, parameters)["spectrogram"])
        for bin in 0..<513 { #expect(power[(bin * 4 + 1)..<(bin * 4 + 4)] == [0, 0, 0]) }
        #expect(power[0] > 1e5)
    }

    /// Parseval: the power spectrum of a frame holds its energy, for any even length of transform.
    @Test(arguments: [2, 4, 6, 8, 10, 14, 30, 32, 100, 258]) func energyIsKept(nFFT: Int) throws {
        var noise = Noise(seed: UInt64(nFFT))
        let samples = noise.array(nFFT)
        let transform = Transform(STFTParameters(nFFT: nFFT, winLength: nFFT))
        var power = [Float](repeating: 0, count: nFFT / 2 + 9)
        power.withUnsafeMutableBufferPointer { power in
            if let base = power.baseAddress { transform.power(of: samples, into: base) }
        }
        let energy = (0..<nFFT).reduce(0.0) { sum, i in
            let window = 0.5 - 0.5 * Double.cosine(2 * .pi * Double(i) / Double(nFFT))
            return sum + Double(samples[i] * samples[i]) * window * window
        }
        let inner = power[1..<max(1, nFFT / 2)].reduce(0.0) { $0 + Double($1) }
        let found = (Double(power[0]) + 2 * inner + Double(power[nFFT / 2])) / Double(nFFT)
        #expect(abs(found - energy) <= 1e-5 * energy + 1e-12)
    }
}
