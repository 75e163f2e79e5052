import SoundFiles
import Tensors
import Testing

@testable import Audio

/// `librosa.cqt`'s arrays, whole, and the definition's, for the cases of tools/oracles/cqt_golden.py.
@Suite struct ConstantQTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var sampleRate = 22050
        var stft = STFTParameters()
        var cqt = CQTParameters()
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "a"),
        Case(
            name: "b", sampleRate: 44100, stft: STFTParameters(center: false),
            cqt: CQTParameters(sparsity: 0)),
        Case(
            name: "c", sampleRate: 44100, stft: STFTParameters(hopLength: 441),
            cqt: CQTParameters(bins: 48, fMin: 110, sparsity: 0)),
        Case(
            name: "d", sampleRate: 16000, stft: STFTParameters(hopLength: 136, padEnd: 500),
            cqt: CQTParameters(
                bins: 100, binsPerOctave: 24, fMin: 70, tuning: 0.3, filterScale: 0.5, sparsity: 0.05,
                window: .hamming, scale: false)),
        Case(
            name: "e", sampleRate: 48000, stft: STFTParameters(nFFT: 3000, hopLength: 1024, center: false),
            cqt: CQTParameters(bins: 30, fMin: 80, scale: false)),
        Case(
            name: "f", sampleRate: 8000, stft: STFTParameters(hopLength: 64),
            cqt: CQTParameters(bins: 79, fMin: 40, sparsity: 0)),
        Case(name: "g", stft: STFTParameters(hopLength: 64)),
        Case(
            name: "h", stft: STFTParameters(hopLength: 100), cqt: CQTParameters(bins: 1, fMin: 440)),
    ]

    private func magnitudes(_ test: Case) throws -> (input: [Float], found: [Float]) {
        let input: [Float] = try golden("audio_cqt").tensor("\(test.name).input").elements
        let parameters = AudioParameters(
            sampleRate: test.sampleRate, stft: test.stft, features: [.cqt(test.cqt)])
        return (input, try #require(try parameters.features(of: input)["cqt"]))
    }

    @Test(arguments: cases) func equalsLibrosa(_ test: Case) throws {
        let (input, found) = try magnitudes(test)
        let expected: Tensor<Float> = try golden("audio_cqt").tensor("\(test.name).cqt")
        let parameters = AudioParameters(
            sampleRate: test.sampleRate, segment: SegmentParameters(samples: input.count), stft: test.stft,
            features: [.cqt(test.cqt)])
        #expect(parameters.features[0].finalShape(in: parameters) == expected.shape)
        let difference = largestDifference(found, expected.elements)
        print(test.name, difference)
        // Two implementations of single precision, each with an error of about 1e-6.
        #expect(difference < 1e-5)
    }

    /// Inner products in double precision and in time. What is left is librosa's: it takes half of the spectrum and
    /// resamples with 20 bits.
    @Test(arguments: ["b", "c"]) func isTheDefinition(_ name: String) throws {
        let test = try #require(Self.cases.first { $0.name == name })
        let expected: [Float] = try golden("audio_cqt").tensor("\(name).definition").elements
        print(name, largestDifference(try magnitudes(test).found, expected))
        #expect(largestDifference(try magnitudes(test).found, expected) < 3e-4)
    }
}
