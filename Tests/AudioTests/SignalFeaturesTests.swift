import SoundFiles
import Tensors
import TestSupport
import Testing

@testable import Audio

/// Features and conversions of signals that lie in memory.
struct SignalFeaturesTests {
    /// A whole signal is one segment: to the last bit what an extraction gives of its file.
    @Test(arguments: [STFTParameters.PadMode.constant, .reflect])
    func aSignalIsASegment(_ padding: STFTParameters.PadMode) throws {
        var noise = Noise(seed: 3)
        let samples = noise.array(5000, amplitude: 0.5)
        let scratch = try Scratch()
        let path = try scratch.wave("a.wav", rate: 8000, [samples])
        let parameters = AudioParameters(
            sampleRate: 8000, segment: SegmentParameters(samples: samples.count),
            stft: STFTParameters(nFFT: 512, hopLength: 128, padMode: padding),
            features: [
                .mel(MelParameters(bands: 20)), .chroma, .spectrogram(SpectrogramParameters()), .waveform,
            ])
        let (_, expected) = try extractAll(path, parameters)
        let found = try parameters.features(of: samples)
        #expect(Set(found.keys) == ["mel", "chroma", "spectrogram", "waveform"])
        for (name, values) in found { #expect(values == expected[name]?[0], "\(name)") }
        #expect(found["waveform"] == samples)
    }

    @Test func signalsThatCannotBeTransformedAreRefused() {
        func code(_ count: Int, _ stft: STFTParameters) -> AudioOutputError.Code? {
            #expect(throws: AudioOutputError.self) {
                try AudioParameters(stft: stft).features(of: [Float](repeating: 0, count: count))
            }?.code
        }
        #expect(code(0, STFTParameters()) == .badParameters)
        #expect(code(1024, STFTParameters(padMode: .reflect)) == .badParameters)
        #expect(code(5000, STFTParameters(nFFT: 511)) == .badParameters)
    }

    /// In one call: librosa's samples.
    @Test(arguments: [(48000, 44100), (22050, 44100), (44100, 22050), (44100, 48000)])
    func aSignalIsConvertedAsLibrosaDoes(_ from: Int, _ to: Int) throws {
        let file = try golden("audio_resample")
        let input: [Float] = try file.tensor("\(from)-\(to).input").elements
        let expected: [Float] = try file.tensor("\(from)-\(to).librosa").elements
        #expect(largestDifference(try Resampler.soxrHQ.convert(input, from: from, to: to), expected) < 1e-6)
    }

    @Test func ratesTooFarApartAreRefused() throws {
        var noise = Noise(seed: 5)
        let samples = noise.array(1000)
        #expect(try Resampler.soxrHQ.convert(samples, from: 8000, to: 8000) == samples)
        #expect(try Resampler.best.convert(samples, from: 8000, to: 12_000).count == 1500)
        #expect(throws: AudioError.self) { try Resampler.soxrHQ.convert(samples, from: 8, to: 8000) }
    }
}
