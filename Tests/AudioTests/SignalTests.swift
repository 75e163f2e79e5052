import Foundation
import Tensors
import TestSupport
import Testing

@testable import Audio
@testable import SoundFiles

extension Double {
    static func cosine(_ x: Double) -> Double { cos(x) }
}

@Suite struct BandpassTests {
    @Test(arguments: [
        ("order1", Bandpass(low: 125, high: 10000, order: 1)),
        ("order2", Bandpass(low: 300, high: 3400, order: 2)),
        ("order3", Bandpass(low: 60, high: 9000, order: 3)),
        ("order5", Bandpass(low: 800, high: 1200, order: 5)),
    ]) func equalsSciPy(_ name: String, _ band: Bandpass) throws {
        let file = try golden("audio_bandpass")
        let input: [Float] = try file.tensor("input").elements
        let expected: [Float] = try file.tensor(name).elements
        // However the stream falls into blocks.
        for block in [1, 7, 512, 4000] {
            var filter = ButterworthFilter(band, sampleRate: 22050)
            var samples = input
            samples.withUnsafeMutableBufferPointer { samples in
                guard let base = samples.baseAddress else { return }
                for start in stride(from: 0, to: samples.count, by: block) {
                    filter.apply(base + start, count: min(block, samples.count - start))
                }
            }
            #expect(largestDifference(samples, expected) < 1e-6)
        }
    }
}

@Suite struct ResamplingTests {
    static func convert(
        _ samples: [Float], _ from: Int, _ to: Int, _ quality: Resampler, block: Int = 4096
    ) throws -> [Float] {
        let converter = try SampleRateConverter(from: from, to: to, quality: quality)
        var output: [Float] = []
        func take(_ values: UnsafePointer<Float>, _ count: Int) {
            output += Array(UnsafeBufferPointer(start: values, count: count))
        }
        try samples.withUnsafeBufferPointer { samples in
            guard let base = samples.baseAddress else { return }
            for start in stride(from: 0, to: samples.count, by: block) {
                try converter.process(base + start, count: min(block, samples.count - start), take)
            }
        }
        try converter.finish(take)
        return output
    }

    @Test(arguments: [(48000, 44100), (22050, 44100), (44100, 22050), (44100, 48000)])
    func equalsSoxrVHQ(_ from: Int, _ to: Int) throws {
        let file = try golden("audio_resample")
        let input: [Float] = try file.tensor("\(from)-\(to).input").elements
        let expected: [Float] = try file.tensor("\(from)-\(to).output").elements
        for (quality, limit) in [(Resampler.best, -80.0), (.soxrHQ, -80)] {
            let found = try Self.convert(input, from, to, quality)
            let (noise, signal) = zip(found, expected).reduce((0.0, 0.0)) { sums, pair in
                (sums.0 + Double((pair.0 - pair.1) * (pair.0 - pair.1)), sums.1 + Double(pair.1 * pair.1))
            }
            #expect(abs(found.count - expected.count) <= 1)
            #expect(10 * log10(noise / signal) < limit, "\(quality)")
        }
    }

    /// librosa's default resampler, and the default here, sample by sample up to the end, however it falls into blocks.
    @Test(arguments: [(48000, 44100), (22050, 44100), (44100, 22050), (44100, 48000)])
    func soxrHQEqualsLibrosa(_ from: Int, _ to: Int) throws {
        let file = try golden("audio_resample")
        let input: [Float] = try file.tensor("\(from)-\(to).input").elements
        let expected: [Float] = try file.tensor("\(from)-\(to).librosa").elements
        #expect(AudioParameters().resampler == .soxrHQ)
        for block in [4096, 333, input.count] {
            let found = try Self.convert(input, from, to, .soxrHQ, block: block)
            // 1e-6 of the greatest sample: both are libsoxr in single precision.
            #expect(largestDifference(found, expected) < 1e-6, "blocks of \(block)")
        }
    }

    @Test(arguments: Resampler.allCases) func lengthsAreExact(_ quality: Resampler) throws {
        var noise = Noise(seed: 5)
        let rates = [
            (48000, 44100), (44100, 48000), (8000, 44100), (96000, 44100), (44100, 44100), (11025, 16000),
        ]
        for (from, to) in rates {
            for count in [1, 2, 5, 63, 700, 3000] {
                let input = noise.array(count)
                let whole = try Self.convert(input, from, to, quality)
                #expect(whole.count == (count * to + from - 1) / from, "\(count) from \(from) to \(to)")
                if count == 3000 {
                    for block in [1000, 257] {
                        #expect(try Self.convert(input, from, to, quality, block: block) == whole)
                    }
                }
            }
        }
    }

    /// The end is the signal's own, not lost in the converter's delay.
    @Test(arguments: Resampler.allCases) func theTailIsThere(_ quality: Resampler) throws {
        let found = try Self.convert(Array(repeating: 0.5, count: 2000), 48000, 44100, quality)
        let middle = found[500..<1300]
        #expect(middle.allSatisfy { abs($0 - 0.5) < 1e-3 })
        #expect(found.dropLast().suffix(20).allSatisfy { $0 > 0.2 })
    }

    @Test func refusesRatesTooFarApart() {
        #expect(throws: AudioError.self) { try SampleRateConverter(from: 100, to: 44100, quality: .best) }
        #expect(throws: AudioError.self) {
            try SampleRateConverter(from: 768_000, to: 2000, quality: .soxrHQ)
        }
    }
}

@Suite struct SegmenterTests {
    /// Every way in which a short signal can fall into segments, against the rule itself.
    @Test func followsTheRule() {
        for length in 0...9 {
            for samples in 1...4 {
                for hop in 1...6 {
                    for dropLast in [false, true] {
                        for block in [1, 2, 5, 9] { check(length, samples, hop, dropLast, block) }
                    }
                }
            }
        }
    }

    func check(_ length: Int, _ samples: Int, _ hop: Int, _ dropLast: Bool, _ block: Int) {
        let signal = (0..<length).map { Float($0 + 1) }
        var expected: [[Float]] = []
        for start in stride(from: 0, to: length, by: hop) where !dropLast || start + samples <= length {
            let part = signal[start..<min(start + samples, length)]
            expected.append(
                [Float(start), Float(part.count)] + part + Array(repeating: 0, count: samples - part.count))
        }
        let buffer = FloatBuffer(count: samples)
        var segmenter = Segmenter(
            SegmentParameters(samples: samples, hop: hop, dropLast: dropLast), buffer: buffer.pointer)
        var found: [[Float]] = []
        func take(_ index: Int, _ segment: AudioFacts.Segment) {
            let values = Array(UnsafeBufferPointer(start: buffer.pointer, count: samples))
            found.append([Float(segment.start), Float(segment.length)] + values)
        }
        for start in stride(from: 0, to: length, by: block) {
            let part = Array(signal[start..<min(start + block, length)])
            segmenter.append(part, count: part.count, take)
        }
        segmenter.finish(take)
        #expect(found == expected, "length \(length), samples \(samples), hop \(hop), drop \(dropLast)")
    }
}
