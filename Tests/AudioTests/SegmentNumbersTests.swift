import Foundation
import Tensors
import TestSupport
import Testing

@testable import Audio

/// The numbers of segments against librosa's, for the parameter sets of tools/oracles/audio_golden.py.
@Suite struct SegmentNumbersTests {
    /// The numbers of a file's segments at its own rate.
    static func numbers(
        _ samples: [Float], _ parameters: AudioParameters, _ scratch: Scratch, hop: Int? = nil
    ) throws -> [SegmentNumbers] {
        var parameters = parameters
        parameters.segment.hop = hop ?? parameters.segment.hop
        let path = try scratch.wave("\(UUID().uuidString).wav", rate: parameters.sampleRate, [samples])
        let facts = try extractAll(path, parameters).0
        let numbers = facts.segments.compactMap(\.numbers)
        #expect(numbers.count == facts.segments.count)
        return numbers
    }

    /// Eleven segments, the last one padded, and one shorter than half a frame of most sets.
    @Test(arguments: FeatureTests.cases) func equalLibrosa(_ test: FeatureTests.Case) throws {
        let file = try golden("audio_numbers")
        let scratch = try Scratch()
        let input: [Float] = try file.tensor("input").elements
        let found =
            try Self.numbers(input, test.parameters, scratch)
            + Self.numbers(Array(input[..<300]), test.parameters, scratch)
        #expect(found.count == 12)
        let spectra = found.compactMap(\.spectrum)
        let parameters = test.parameters
        let bin = Float(parameters.sampleRate) / Float(parameters.stft.nFFT)
        func compare(
            _ name: String, _ values: [Float], absolute: Float = 0, relative: Float = 0
        ) throws {
            let expected: [Float] = try file.tensor("\(test.name).\(name)").elements
            try #require(values.count == expected.count)
            for (segment, (value, want)) in zip(values, expected).enumerated() {
                let limit = absolute + relative * abs(want)
                #expect(abs(value - want) <= limit, "\(name) of segment \(segment): \(value), not \(want)")
            }
        }
        // Single precision against librosa's double: 1e-6 in practice.
        try compare("loudness", found.map(\.loudness), absolute: 1e-4)
        try compare("silence", found.map(\.silence), absolute: 1e-6)
        try compare("zero_crossings", found.map(\.zeroCrossings), absolute: 1e-6)
        try compare("centroid", spectra.map(\.centroid), relative: 1e-5)
        try compare("flux", spectra.map(\.flux), relative: 1e-5)
        // Rounding may move 85 % of a frame across a border of bins: one bin in one of the fewest frames, two.
        try compare("rolloff", spectra.map(\.rolloff), absolute: bin / 2)
        let exact = try zip(spectra.map(\.rolloff), file.tensor("\(test.name).rolloff").elements)
            .count { (value: Float, want: Float) in abs(value - want) <= 1e-5 * want }
        #expect(exact >= 11)
    }

    /// Digital silence gives finite numbers, whole and padded.
    @Test func silenceIsFinite() throws {
        let scratch = try Scratch()
        for samples in [[Float](repeating: 0, count: 5000), [0], [-0.0, 1e-12]] {
            for numbers in try Self.numbers(samples, ExtractorTests.parameters(), scratch) {
                #expect(numbers.loudness == -100 && numbers.silence == 1 && numbers.zeroCrossings == 0)
                #expect(numbers.spectrum.map { $0.centroid < 4000 && $0.rolloff < 4000 } == true)
                #expect(numbers.spectrum.map { $0.flux >= 0 && $0.flux < 1e-9 } == true)
            }
        }
        let zeros = try Self.numbers([0, 0], ExtractorTests.parameters(), scratch)
        #expect(zeros[0].spectrum == SegmentNumbers.Spectrum(centroid: 0, rolloff: 0, flux: 0))
    }

    /// A padded segment has the numbers of its samples alone: what follows them in the buffer does not count.
    @Test(arguments: [1, 99, 100, 101, 1499, 2999, 3000]) func paddingDoesNotCount(_ length: Int) throws {
        let scratch = try Scratch()
        let signal = ExtractorTests.music(length, seed: 3)
        let padded = try Self.numbers(signal, ExtractorTests.parameters(samples: 3000), scratch)
        let wider = try Self.numbers(signal, ExtractorTests.parameters(samples: 4100), scratch)
        #expect(padded == wider)
        // What an earlier segment left does not count either.
        let second = try Self.numbers(
            ExtractorTests.music(3000, seed: 4, amplitude: 3) + signal,
            ExtractorTests.parameters(samples: 3000), scratch)
        #expect(second.count == 2 && second[1] == padded[0])
    }

    /// Loudness follows gain by its decibels, flux by its factor, the others not at all.
    @Test func numbersFollowGain() throws {
        let scratch = try Scratch()
        let signal = ExtractorTests.music(9000, seed: 5)
        let plain = try Self.numbers(signal, ExtractorTests.parameters(), scratch)
        let louder = try Self.numbers(signal.map { $0 * 2 }, ExtractorTests.parameters(), scratch)
        for (a, b) in zip(plain, louder) {
            #expect(abs(b.loudness - a.loudness - 6.0206) < 1e-4)
            let (p, q) = (try #require(a.spectrum), try #require(b.spectrum))
            #expect(abs(q.flux / p.flux - 2) < 1e-6)
            #expect(abs(q.centroid / p.centroid - 1) < 1e-6 && q.rolloff == p.rolloff)
            #expect(a.zeroCrossings == b.zeroCrossings && a.silence == b.silence)
        }
    }

    /// The same numbers whatever features are stored; without a spectral one, those of the samples.
    @Test func featuresMakeNoDifference() throws {
        let scratch = try Scratch()
        let signal = ExtractorTests.music(7000, seed: 6)
        var parameters = ExtractorTests.parameters()
        let all = try Self.numbers(signal, parameters, scratch)
        for feature in ExtractorTests.features {
            parameters.features = [feature]
            let found = try Self.numbers(signal, parameters, scratch)
            if feature == .waveform {
                #expect(found.allSatisfy { $0.spectrum == nil })
                #expect(found.map(\.loudness) == all.map(\.loudness))
                #expect(found.map(\.silence) == all.map(\.silence))
                #expect(found.map(\.zeroCrossings) == all.map(\.zeroCrossings))
            } else {
                #expect(found == all)
            }
        }
    }

    /// Frames are those that librosa gives for the true length alone, for hops below, at and above a frame's length.
    @Test(arguments: [1, 7, 50, 64, 65, 130], [true, false]) func framesAreCounted(_ hop: Int, _ center: Bool)
    {
        var parameters = ExtractorTests.parameters(samples: 300)
        parameters.stft = STFTParameters(nFFT: 64, hopLength: hop, center: center)
        var meter = SampleMeter(parameters)
        var noise = Noise(seed: UInt64(hop))
        let samples = noise.array(300)
        for length in 1...300 {
            let frames = meter.frames(ofLength: length)
            #expect(
                frames
                    == min(parameters.frameCount, center ? 1 + length / hop : 1 + max(0, length - 64) / hop))
            // By the definition, frame by frame and sample by sample.
            let start = center ? 32 : 0
            var rate = 0.0
            for frame in 0..<frames {
                let range = max(0, frame * hop - start)..<max(0, min(length, frame * hop - start + 64))
                let crossings = range.dropFirst().count { (samples[$0] < 0) != (samples[$0 - 1] < 0) }
                rate += Double(crossings) / Double(range.count)
            }
            let found = samples.withUnsafeBufferPointer { buffer in
                buffer.baseAddress.map { meter.measure($0, length: length) }
            }
            #expect(abs(Double(found?.zeroCrossings ?? .nan) - rate / Double(frames)) < 1e-6)
        }
    }
}
