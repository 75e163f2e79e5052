import SoundFiles
import Tensors
import TestSupport
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
        // Two implementations of single precision, each with an error of about 1e-6.
        #expect(difference < 1e-5)
    }

    /// Inner products in double precision and in time.
    ///
    /// What is left is librosa's: it takes half of the spectrum and
    /// resamples with 20 bits.
    @Test(arguments: ["b", "c"]) func isTheDefinition(_ name: String) throws {
        let test = try #require(Self.cases.first { $0.name == name })
        let expected: [Float] = try golden("audio_cqt").tensor("\(name).definition").elements
        #expect(largestDifference(try magnitudes(test).found, expected) < 3e-4)
    }

    /// The matrix of `librosa.pseudo_cqt`, whose product with magnitudes the script has checked.
    @Test(arguments: [("p", CQTParameters()), ("q", CQTParameters(sparsity: 0, scale: false))])
    func filtersForMagnitudesEqualLibrosas(_ name: String, _ cqt: CQTParameters) throws {
        var cqt = cqt
        (cqt.bins, cqt.fMin) = (20, 440)
        let expected: Tensor<Float> = try golden("audio_cqt").tensor("\(name).filters")
        let found = try cqt.magnitudeFilters(sampleRate: 22050, nFFT: 1024)
        #expect(expected.shape == [20, 513])
        // librosa's are of single precision.
        #expect(largestDifference(found, expected.elements) < 1e-6)
    }

    @Test func filtersForMagnitudesNeedALongTransform() throws {
        let cqt = CQTParameters(bins: 20, fMin: 440)
        let longest = Int(cqt.longestFilter(sampleRate: 22050))
        #expect(longest == 869)
        _ = try cqt.magnitudeFilters(sampleRate: 22050, nFFT: longest + 1)
        for (rate, nFFT) in [(22050, longest - 1), (22050, longest + 2), (2000, 4096)] {
            let error = #expect(throws: AudioOutputError.self) {
                try cqt.magnitudeFilters(sampleRate: rate, nFFT: nFFT)
            }
            #expect(error?.code == .badParameters)
        }
    }

    /// Column t is the instant of column t of the other features, whether or not frames are centred.
    @Test(arguments: [true, false], [512, 441, 1024]) func columnsAreThoseOfTheSpectrogram(
        center: Bool, hop: Int
    ) throws {
        let parameters = AudioParameters(
            sampleRate: 22050, stft: STFTParameters(hopLength: hop, center: center),
            features: [.spectrogram(SpectrogramParameters()), .cqt(CQTParameters())])
        var samples = [Float](repeating: 0, count: 30_000)
        let column = 12
        samples[column * hop + (center ? 0 : 1024)] = 1
        let found = try parameters.features(of: samples)
        let spectrogram = try #require(found["spectrogram"])
        let cqt = try #require(found["cqt"])
        let frames = spectrogram.count / 1025
        #expect(cqt.count == 84 * frames)
        func greatest(_ values: ArraySlice<Float>) -> Int? {
            values.max().flatMap { values.firstIndex(of: $0) }.map { $0 - values.startIndex }
        }
        #expect(greatest(spectrogram[500 * frames..<501 * frames]) == column)
        for bin in [30, 60, 83] { #expect(greatest(cqt[bin * frames..<(bin + 1) * frames]) == column) }
    }

    /// It follows gain with degree 1, to the last bit where the gain is a power of two; silence is 0.
    @Test func followsGain() throws {
        let parameters = AudioParameters(sampleRate: 16_000, features: [.cqt(CQTParameters(bins: 60))])
        #expect(parameters.features[0].gainDegree == 1)
        var noise = Noise(seed: 11)
        let samples = noise.array(9000, amplitude: 0.25)
        let found = try #require(try parameters.features(of: samples)["cqt"])
        #expect(try parameters.features(of: samples.map { 4 * $0 })["cqt"] == found.map { 4 * $0 })
        let silence = try parameters.features(of: [Float](repeating: 0, count: 9000))["cqt"]
        #expect(silence == [Float](repeating: 0, count: found.count))
    }

    /// Each segment of a file is computed from its own samples, whatever the same object computed before.
    @Test func segmentsAreIndependent() throws {
        var noise = Noise(seed: 12)
        let samples = noise.array(20_000, amplitude: 0.5)
        let scratch = try Scratch()
        let path = try scratch.wave("a.wav", rate: 22_050, [samples])
        var parameters = AudioParameters(
            sampleRate: 22_050, segment: SegmentParameters(samples: 8000, hop: 6000),
            stft: STFTParameters(hopLength: 256, center: false), features: [.cqt(CQTParameters())])
        let (_, values) = try extractAll(path, parameters)
        #expect(values["cqt"]?.count == 4)
        for (index, found) in try #require(values["cqt"]).enumerated() {
            let end = min(index * 6000 + 8000, samples.count)
            let zeros = [Float](repeating: 0, count: index * 6000 + 8000 - end)
            parameters.segment = SegmentParameters()
            #expect(try parameters.features(of: samples[index * 6000..<end] + zeros)["cqt"] == found)
        }
    }

    @Test func faultsNameTheKeyAndTheLimit() {
        func fault(_ cqt: CQTParameters, rate: Int = 22_050) -> String {
            AudioParameters(sampleRate: rate, features: [.cqt(cqt)]).faults.map { "\($0.key): \($0.message)" }
                .joined(separator: "\n")
        }
        #expect(fault(CQTParameters()) == "")
        #expect(fault(CQTParameters(bins: 101)) == "")
        #expect(
            fault(CQTParameters(bins: 102))
                == "features.cqt.bins: want at most 101, as the next is not below half the sample rate "
                + "(11025.0 Hz), got 102")
        #expect(fault(CQTParameters(fMin: 11_000)).hasPrefix("features.cqt.fmin: want a filter below half"))
        #expect(fault(CQTParameters(fMin: 1e-300)).hasPrefix("features.cqt.fmin: want filters of at most"))
        #expect(fault(CQTParameters(bins: 0, sparsity: 1)).contains("features.cqt.sparsity"))
        #expect(fault(CQTParameters(filterScale: 0.1)).contains("features.cqt.filter_scale"))
        #expect(fault(CQTParameters(binsPerOctave: 97)).contains("features.cqt.bins_per_octave"))
    }

    /// The shortest filters that can be asked for still have a shape: no trap, no NaN.
    @Test func theShortestFiltersWork() throws {
        let cqt = CQTParameters(bins: 12, binsPerOctave: 1, fMin: 0.5, filterScale: 0.25)
        let most = cqt.mostBins(sampleRate: 8000)
        var shortest = cqt
        shortest.bins = most
        var noise = Noise(seed: 13)
        let parameters = AudioParameters(
            sampleRate: 8000, stft: STFTParameters(nFFT: 64, hopLength: 8), features: [.cqt(shortest)])
        let found = try parameters.features(of: noise.array(500))["cqt"]
        #expect(found?.allSatisfy { $0.isFinite } == true)
        #expect(found?.contains { $0 > 0 } == true)
    }

    @Test func frequenciesAreNotes() {
        let notes = CQTParameters().frequencies
        #expect(abs(notes[45] - 440) < 1e-9 && abs(notes[83] - 3951.066) < 1e-3)
        let tuned = CQTParameters(binsPerOctave: 36, tuning: 0.5).frequencies
        #expect(abs(tuned[0] / CQTParameters.c1 - 1.0096735) < 1e-6)
        #expect(CQTParameters().binsLonger(than: 10_000, sampleRate: 22_050) == 3)
        #expect(CQTParameters().binsLonger(than: 20_000, sampleRate: 22_050) == 0)
    }
}
