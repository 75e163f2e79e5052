import Tensors
import TestSupport
import Testing

@testable import Audio
@testable import SoundFiles

/// librosa's signals, whole, for the cases of tools/oracles/audio_output_golden.py.
@Suite struct GriffinLimTests {
    static let transforms: [String: STFTParameters] = [
        "a": STFTParameters(nFFT: 512, hopLength: 128),
        "b": STFTParameters(nFFT: 512, hopLength: 100, winLength: 400, window: .hamming, padMode: .reflect),
        "c": STFTParameters(nFFT: 602, hopLength: 150, winLength: 501),
        "d": STFTParameters(nFFT: 256, hopLength: 64, window: .hamming, center: false),
        "e": STFTParameters(nFFT: 256, hopLength: 96, winLength: 200),
    ]

    static func transform(_ name: String) throws -> STFTParameters { try #require(transforms[name]) }

    /// From the same phases, after as many iterations.
    ///
    /// librosa in single precision is 3e-7 from librosa in double after one iteration, up to 7e-6 after 32 plain ones and
    /// up to 4e-4 after 32 fast ones, since iterations magnify rounding errors (the file's metadata). The limits are some
    /// times that.
    @Test(arguments: ["a", "b", "d"], [0.0, 0.99])
    func equalsLibrosa(name: String, momentum: Double) throws {
        let file = try golden("audio_output_griffin_lim")
        let parameters = try Self.transform(name)
        let phases = ComplexSpectrogram(
            bins: parameters.binCount, real: try file.tensor("\(name).real").elements,
            imaginary: try file.tensor("\(name).imaginary").elements)
        let magnitudes: [Float] = try file.tensor("\(name).magnitudes").elements
        for iterations in [1, 32] {
            let expected: [Float] = try file.tensor("\(name).\(momentum == 0 ? 0 : 99).\(iterations)")
                .elements
            let inversion = try GriffinLim(
                parameters, GriffinLimParameters(iterations: iterations, momentum: momentum))
            let found = try inversion.invert(magnitudes: magnitudes, initialPhase: .given(phases))
            let limit: Float = iterations == 1 ? 1e-6 : momentum == 0 ? 1e-4 : 1e-3
            #expect(largestDifference(found, expected) < limit, "\(iterations) iterations")
            // What is left in the buffers changes nothing.
            #expect(try inversion.invert(magnitudes: magnitudes, initialPhase: .given(phases)) == found)
        }
    }

    /// librosa's own function without initial phases.
    @Test(arguments: ["a", "b", "d"]) func equalsLibrosaFromZero(name: String) throws {
        let file = try golden("audio_output_griffin_lim")
        let inversion = try GriffinLim(try Self.transform(name))
        let found = try inversion.invert(
            magnitudes: try file.tensor("\(name).magnitudes").elements, initialPhase: .zero)
        let difference = largestDifference(found, try file.tensor("\(name).zero").elements)
        // From equal phases many numbers nearly cancel, which magnifies rounding a little more.
        #expect(difference < 3e-3)
    }

    /// Random phases depend on the seed alone; the fast method ends nearer to the magnitudes than the plain one, and that
    /// nearer than its start.
    @Test func convergesFromRandomPhases() throws {
        let parameters = STFTParameters(nFFT: 512, hopLength: 128)
        let stft = try STFT(parameters)
        let samples = (0..<6144).map { i in
            (1...6).reduce(Float(0)) { $0 + 0.1 * Float(Double.cosine(0.031 * Double($1 * i))) }
        }
        let magnitudes = try stft.forward(samples).magnitudes
        func error(_ iterations: Int, _ momentum: Double, seed: UInt64 = 1) throws -> Double {
            let inversion = try GriffinLim(
                parameters, GriffinLimParameters(iterations: iterations, momentum: momentum))
            return try stft.spectralConvergence(
                of: inversion.invert(magnitudes: magnitudes, initialPhase: .random(seed: seed)),
                to: magnitudes)
        }
        let (start, plain, fast) = (try error(0, 0), try error(60, 0), try error(60, 0.99))
        #expect(start > -6)
        #expect(plain < start - 8)
        #expect(fast < plain - 3)
        #expect(try error(3, 0.99) == error(3, 0.99))
        #expect(try error(3, 0.99) != error(3, 0.99, seed: 2))
    }

    /// The phases of the signal itself give the signal at once, and it stays.
    @Test func keepsAConsistentSpectrogram() throws {
        var noise = Noise(seed: 4)
        let samples = noise.array(5000)
        let parameters = STFTParameters(nFFT: 512, hopLength: 128, padEnd: 512)
        let spectrogram = try STFT(parameters).forward(samples)
        let found = try GriffinLim(parameters).invert(
            magnitudes: spectrogram.magnitudes, initialPhase: .given(spectrogram), length: 5000)
        #expect(largestDifference(found, samples) < 1e-4)
    }

    /// Random phases are uniform and of length 1.
    @Test func randomPhasesAreUniform() {
        let count = 40_001
        var (real, imaginary) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
        real.withUnsafeMutableBufferPointer { real in
            imaginary.withUnsafeMutableBufferPointer { imaginary in
                guard let real = real.baseAddress, let imaginary = imaginary.baseAddress else { return }
                RandomPhase.fill(real, imaginary, seed: 7, first: 0, count)
                RandomPhase.fill(real + 100, imaginary + 100, seed: 7, first: 100, 9)
            }
        }
        #expect(zip(real, imaginary).allSatisfy { abs($0 * $0 + $1 * $1 - 1) < 1e-5 })
        // Eight sectors, 5000 expected in each; five standard deviations are 330.
        var sectors = [Int](repeating: 0, count: 8)
        for (x, y) in zip(real, imaginary) {
            sectors[(x > 0 ? 4 : 0) + (y > 0 ? 2 : 0) + (abs(x) > abs(y) ? 1 : 0)] += 1
        }
        #expect(sectors.allSatisfy { abs($0 - 5000) < 330 })
    }

    /// Silence stays silent, and no frame gives nothing.
    @Test func silence() throws {
        let inversion = try GriffinLim(STFTParameters(nFFT: 64, hopLength: 16))
        let found = try inversion.invert(magnitudes: [Float](repeating: 0, count: 33 * 10))
        #expect(found == [Float](repeating: 0, count: 9 * 16))
        #expect(try inversion.invert(magnitudes: [], length: 3) == [0, 0, 0])
    }

    @Test func refusesWhatItCannotInvert() throws {
        func code(_ body: () throws -> Void) -> AudioOutputError.Code? {
            do { try body() } catch { return (error as? AudioOutputError)?.code }
            return nil
        }
        var parameters = STFTParameters(nFFT: 64, hopLength: 64)
        #expect(code { _ = try GriffinLim(parameters) } == .notInvertible)
        parameters = STFTParameters(nFFT: 64, hopLength: 33, winLength: 32, window: .hamming)
        #expect(code { _ = try GriffinLim(parameters) } == .notInvertible)
        parameters.hopLength = 32
        #expect(code { _ = try GriffinLim(parameters) } == nil)
        parameters.nFFT = 63
        #expect(code { _ = try GriffinLim(parameters) } == .badParameters)
        parameters.nFFT = 64
        #expect(
            code { _ = try GriffinLim(parameters, GriffinLimParameters(momentum: -1)) } == .badParameters)
        for value in [Float.nan, .infinity, -1] {
            var magnitudes = [Float](repeating: 1, count: 33 * 5)
            magnitudes[7] = value
            #expect(code { _ = try GriffinLim(parameters).invert(magnitudes: magnitudes) } == .badValue)
        }
        parameters.padMode = .reflect
        #expect(
            code {
                _ = try GriffinLim(parameters).invert(
                    magnitudes: [Float](repeating: 1, count: 33 * 2), length: 32)
            } == .tooShort)
    }
}
