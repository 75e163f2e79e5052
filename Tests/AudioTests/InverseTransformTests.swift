import Tensors
import TestSupport
import Testing

@testable import Audio
@testable import SoundFiles

/// The complex transform and its inverse.
@Suite struct InverseTransformTests {
    /// A signal goes there and back unchanged, whatever the window, hop, centring and padding.
    @Test(arguments: [2, 4, 6, 10, 16, 30, 64, 602], [1, 3, 4])
    func signalReturns(nFFT: Int, parts: Int) throws {
        var noise = Noise(seed: UInt64(nFFT * 10 + parts))
        for window in STFTParameters.Window.allCases {
            for padMode in STFTParameters.PadMode.allCases {
                for winLength in Set([nFFT, max(2, nFFT - 1), max(2, nFFT * 2 / 3)]) {
                    let hop = max(1, winLength / (parts + 1))
                    let parameters = STFTParameters(
                        nFFT: nFFT, hopLength: hop, winLength: winLength, window: window, padMode: padMode,
                        padEnd: nFFT)
                    let stft = try STFT(parameters)
                    for length in [nFFT, 3 * nFFT + 1] {
                        let samples = noise.array(length)
                        let found = try stft.inverse(stft.forward(samples), length: length)
                        // Rounding of two transforms, divided by the smallest sum of squared windows.
                        #expect(largestDifference(found, samples) < 2e-5, "\(parameters), \(length)")
                    }
                }
            }
        }
    }

    /// librosa's transforms, whole; single precision against double gives 3e-7 of the maximum.
    @Test(arguments: ["a", "b", "c", "d", "e"]) func forwardEqualsLibrosa(name: String) throws {
        let file = try golden("audio_output_stft")
        let stft = try STFT(GriffinLimTests.transform(name))
        let found = try stft.forward(try file.tensor("input").elements)
        let real: Tensor<Float> = try file.tensor("\(name).real")
        let imaginary: Tensor<Float> = try file.tensor("\(name).imaginary")
        #expect([found.bins, found.frames] == real.shape)
        #expect(largestDifference(found.real, real.elements) < 1e-6)
        #expect(largestDifference(found.imaginary, imaginary.elements) < 1e-6)
        let magnitudes = zip(real.elements, imaginary.elements).map { ($0 * $0 + $1 * $1).squareRoot() }
        #expect(largestDifference(found.magnitudes, magnitudes) < 1e-6)
    }

    /// librosa's inverse of numbers that are no signal's transform; also shorter and longer than the frames reach.
    @Test(arguments: ["a", "b", "c", "d", "e"]) func inverseEqualsLibrosa(name: String) throws {
        let file = try golden("audio_output_stft")
        let parameters = try GriffinLimTests.transform(name)
        let length = ["b": 3000, "c": 2900, "e": 3500][name]
        let changed = ComplexSpectrogram(
            bins: parameters.binCount, real: try file.tensor("\(name).changed.real").elements,
            imaginary: try file.tensor("\(name).changed.imaginary").elements)
        let found = try STFT(parameters).inverse(changed, length: length)
        #expect(largestDifference(found, try file.tensor("\(name).inverse").elements) < 1e-6)
    }

    @Test func refusesWhatItCannotInvert() throws {
        let stft = try STFT(STFTParameters(nFFT: 64, hopLength: 64))
        let spectrogram = try stft.forward([Float](repeating: 1, count: 640))
        let error = #expect(throws: AudioOutputError.self) { _ = try stft.inverse(spectrogram) }
        #expect(error?.code == .notInvertible)
    }

    /// Frames do not see each other: silence beside a loud frame stays exactly nothing.
    @Test func framesAreIndependent() throws {
        let stft = try STFT(STFTParameters(nFFT: 64, hopLength: 64, center: false))
        let found = try stft.forward([Float](repeating: 1, count: 64) + [Float](repeating: 0, count: 64))
        for bin in 0..<33 { #expect(found.real[2 * bin + 1] == 0 && found.imaginary[2 * bin + 1] == 0) }
    }
}
