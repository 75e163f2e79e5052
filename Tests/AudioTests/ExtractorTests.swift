import Foundation
import Testing

@testable import Audio
@testable import SoundFiles

@Suite struct ExtractorTests {
    static let features: [FeatureParameters] = [
        .mel(MelParameters(bands: 24)), .spectrogram(SpectrogramParameters(power: 1)),
        .mfcc(MFCCParameters(coefficients: 12, mel: MelParameters(bands: 30))), .chroma, .waveform,
    ]

    static func parameters(rate: Int = 8000, samples: Int = 3000, resampler: Resampler = .fastest)
        -> AudioParameters
    {
        AudioParameters(
            sampleRate: rate, resampler: resampler, segment: SegmentParameters(samples: samples),
            stft: STFTParameters(nFFT: 256, hopLength: 100), features: features)
    }

    static func music(_ count: Int, seed: UInt64, amplitude: Float = 1) -> [Float] {
        var noise = Noise(seed: seed)
        return (0..<count).map { amplitude * (0.3 * Float(sin(Double($0) * 0.11)) + 0.05 * noise.next()) }
    }

    /// The features of each segment are those of its samples alone: the stream leaves no trace.
    @Test func segmentsAreIndependent() throws {
        let scratch = try Scratch()
        let signal = Self.music(9000, seed: 1)
        var parameters = Self.parameters()
        parameters.segment.hop = 1700
        let (facts, values) = try extractAll(try scratch.wave("a.wav", rate: 8000, [signal]), parameters)
        #expect(facts.segments.count == 6)
        #expect(facts.samples == 9000)
        for (index, segment) in facts.segments.enumerated() {
            #expect(segment.start == index * 1700)
            #expect(segment.length == min(3000, 9000 - segment.start))
            var alone = Array(signal[segment.start..<(segment.start + segment.length)])
            alone += Array(repeating: 0, count: 3000 - segment.length)
            for (name, array) in analyze(alone, parameters) {
                #expect(values[name]?[index] == array, "\(name)")
            }
        }
    }

    /// Features of a louder file are the gained features of the file: the promise that pack rests on.
    @Test(arguments: [Float(0.5), 1.7]) func featuresFollowGain(_ gain: Float) throws {
        let scratch = try Scratch()
        var parameters = Self.parameters(rate: 6000)
        parameters.bandpass = Bandpass(low: 100, high: 2500, order: 2)
        let plain = try extractAll(
            try scratch.wave("a.wav", rate: 8000, [Self.music(9000, seed: 2)]), parameters)
        let louder = try extractAll(
            try scratch.wave("b.wav", rate: 8000, [Self.music(9000, seed: 2).map { $0 * gain }]), parameters)
        let change = 20 * log10(Double(gain))
        #expect(abs(try #require(louder.0.rms) - (try #require(plain.0.rms)) - change) < 1e-4)
        #expect(
            abs(
                try #require(louder.0.integratedLoudness) - (try #require(plain.0.integratedLoudness))
                    - change)
                < 1e-4)
        for feature in parameters.features {
            for (a, b) in zip(try #require(plain.1[feature.name]), try #require(louder.1[feature.name])) {
                let gained = FeatureMathTests.mapped(a) {
                    FeatureMath.scale($0, gain: Double(gain), degree: feature.gainDegree)
                }
                // A power of two changes no digit; else single precision rounds here and there.
                #expect(gain == 0.5 ? gained == b : largestDifference(gained, b) < 2e-6, "\(feature.name)")
            }
        }
    }

    @Test(arguments: Resampler.allCases) func threadsMakeNoDifference(_ resampler: Resampler) async throws {
        let scratch = try Scratch()
        let path = try scratch.wave(
            "a.wav", rate: 11025, [Self.music(4200, seed: 4), Self.music(4200, seed: 5)])
        let parameters = Self.parameters(resampler: resampler)
        let first = try extractAll(path, parameters)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let again = try extractAll(path, parameters)
                    return again.0 == first.0 && again.1 == first.1
                }
            }
            for try await isEqual in group { #expect(isEqual) }
        }
    }

    /// An extractor that has read another file, or failed on one, is as good as new.
    @Test func extractorsAreReusable() throws {
        let scratch = try Scratch()
        let path = try scratch.wave("a.wav", rate: 8000, [Self.music(4000, seed: 6)])
        let long = try scratch.wave("b.wav", rate: 8000, [Self.music(7777, seed: 7)])
        let bad = try scratch.wave("c.wav", rate: 8000, [Self.music(5000, seed: 8) + [.nan]])
        let extractor = FeatureExtractor(Self.parameters())
        func all(_ path: String) throws -> [[Float]] {
            var values: [[Float]] = []
            _ = try extractor.extract(path: path) { values.append(Array($2)) }
            return values
        }
        let first = try all(path)
        _ = try all(long)
        #expect(throws: AudioError.self) { try all(bad) }
        #expect(try all(path) == first)
    }

    @Test func downmixIsTheMeanWithoutLFE() throws {
        let scratch = try Scratch()
        let planes = (0..<6).map { channel in [Float](repeating: Float(1 << channel) / 64, count: 3000) }
        let (_, values) = try extractAll(try scratch.wave("six.wav", rate: 8000, planes), Self.parameters())
        // L R C, not LFE, Ls Rs.
        #expect(values["waveform"]?[0] == Array(repeating: Float(1 + 2 + 4 + 16 + 32) / 64 / 5, count: 3000))
    }

    @Test func factsAreMeasured() throws {
        let scratch = try Scratch()
        let sine = (0..<16000).map { Float(0.5 * sin(2 * .pi * 1000 * Double($0) / 8000 + 0.3)) }
        let (facts, _) = try extractAll(
            try scratch.wave("a.wav", rate: 8000, [sine, sine]), Self.parameters())
        #expect(facts.format.contains("WAV") && facts.encoding == "32 bit float")
        #expect(facts.nativeSampleRate == 8000 && facts.channels == 2 && facts.frames == 16000)
        #expect(abs(try #require(facts.rms) + 9.0309) < 1e-3)
        #expect(abs(try #require(facts.integratedLoudness) + 6.02) < 0.1)
        #expect(!facts.isSilent && facts.warnings.isEmpty && facts.clippedSamples == 0)
    }

    /// The file is decoded in blocks of 4096 frames; a crest between two of them counts like any other.
    @Test func truePeakCrossesBlocks() throws {
        let scratch = try Scratch()
        var planes = (1...2).map { Self.music(9000, seed: UInt64($0), amplitude: 0.2) }
        for (place, value) in [
            (4093, -0.8), (4094, 0.1), (4095, 0.9), (4096, 0.9), (4097, 0.1), (4098, -0.8),
        ] {
            planes[1][place] = Float(value)
        }
        let (facts, _) = try extractAll(try scratch.wave("a.wav", rate: 8000, planes), Self.parameters())
        let reference = try #require(ReferenceMeter(planes, rate: 8000))
        #expect(reference.truePeak > 0.95)
        #expect(abs(try #require(facts.truePeak) - 20 * log10(reference.truePeak)) < 1e-9)
        #expect(abs(try #require(facts.integratedLoudness) - reference.integrated) < 1e-6)
    }

    @Test func dropLastKeepsWholeSegmentsOnly() throws {
        let scratch = try Scratch()
        var parameters = Self.parameters()
        parameters.segment.dropLast = true
        for (count, segments) in [(2999, 0), (3000, 1), (5999, 1), (6000, 2)] {
            let path = try scratch.wave("\(count).wav", rate: 8000, [Self.music(count, seed: 1)])
            #expect(try extractAll(path, parameters).0.segments.count == segments)
        }
    }
}

@Suite struct FaultTests {
    static func code(_ path: String, _ parameters: AudioParameters = ExtractorTests.parameters()) -> String {
        do {
            return try extractAll(path, parameters).0.warnings.map(\.code).joined(separator: " ")
        } catch let error as AudioError {
            return "refused " + error.code.rawValue
        } catch {
            return "access"
        }
    }

    @Test func notFiniteIsRefusedWithItsPlace() throws {
        let scratch = try Scratch()
        var plane = [Float](repeating: 0.1, count: 9000)
        plane[7001] = .infinity
        let path = try scratch.wave("a.wav", rate: 8000, [Array(repeating: 0, count: 9000), plane])
        #expect {
            try extractAll(path, ExtractorTests.parameters())
        } throws: { error in
            (error as? AudioError)?.code == .notFinite && (error as? AudioError)?.frame == 7001
        }
    }

    @Test func truncationIsAWarningIfOneSegmentIsWhole() throws {
        let scratch = try Scratch()
        let bytes = waveBytes(rate: 8000, [ExtractorTests.music(6000, seed: 1)])
        #expect(Self.code(try scratch.file("whole.wav", bytes)) == "")
        #expect(
            Self.code(try scratch.file("warn.wav", Array(bytes[..<(44 + 4 * 3000)]))) == "audio.truncated")
        #expect(
            Self.code(try scratch.file("refuse.wav", Array(bytes[..<(44 + 4 * 2999)])))
                == "refused audio.truncated")
        #expect(Self.code(try scratch.file("none.wav", Array(bytes[..<44]))) == "refused audio.truncated")
    }

    @Test func silenceIsKeptWithAWarning() throws {
        let scratch = try Scratch()
        let zeros = [Float](repeating: 0, count: 4000)
        let (facts, values) = try extractAll(
            try scratch.wave("z.wav", rate: 8000, [zeros]), ExtractorTests.parameters())
        #expect(
            facts.isSilent && facts.rms == nil && facts.integratedLoudness == nil && facts.truePeak == nil)
        #expect(facts.warnings.map(\.code) == ["audio.silent"])
        #expect(values["chroma"]?[0].allSatisfy { $0 == 0 } == true)
        let quiet = zeros.map { _ in Float(3.0e-4) }
        #expect(Self.code(try scratch.wave("q.wav", rate: 8000, [quiet])) == "audio.silent")
        #expect(Self.code(try scratch.wave("l.wav", rate: 8000, [quiet.map { $0 * 1.1 }])) == "")
        let music = ExtractorTests.music(4000, seed: 1)
        let cancelling = try scratch.wave("c.wav", rate: 8000, [music, music.map { -$0 }])
        let warnings = try extractAll(cancelling, ExtractorTests.parameters()).0.warnings
        #expect(warnings.first?.message.contains("cancel") == true)
    }

    @Test func whatIsNoAudioIsRefused() throws {
        let scratch = try Scratch()
        #expect(Self.code(try scratch.file("empty.wav", [])) == "refused audio.unknown-format")
        #expect(
            Self.code(try scratch.file("text.wav", Array("no audio at all\n".utf8)))
                == "refused audio.unknown-format")
        let header = waveBytes(rate: 8000, [[]])
        #expect(Self.code(try scratch.file("header.wav", header)) == "refused audio.no-samples")
        #expect(Self.code(try scratch.wave("r.wav", rate: 4_000_000, [[0, 1]])) == "refused audio.bad-rate")
        #expect(Self.code(try scratch.wave("s.wav", rate: 7, [[0, 1]])) == "refused audio.bad-rate")
        let many = [[Float]](repeating: [0.1, 0.1], count: 65)
        #expect(Self.code(try scratch.wave("c.wav", rate: 8000, many)) == "refused audio.bad-channels")
    }

    /// What says nothing of the bytes must not look as if it did.
    @Test func outOfReachIsAnotherError() throws {
        let scratch = try Scratch()
        #expect(throws: AudioAccessError.self) {
            try extractAll(scratch.url.appending(path: "nowhere.wav").path, ExtractorTests.parameters())
        }
        #expect(throws: AudioAccessError.self) {
            try extractAll(scratch.url.path, ExtractorTests.parameters())
        }
    }

    @Test func namesDoNotMatter() throws {
        let scratch = try Scratch()
        let bytes = waveBytes(rate: 8000, [ExtractorTests.music(4000, seed: 1)])
        #expect(Self.code(try scratch.file("a.mp3", bytes)) == "")
        #expect(Self.code(try scratch.file("a", bytes)) == "")
    }

    /// Cut anywhere, with any byte turned: a value or a typed error, never a trap.
    @Test func damageNeverTraps() throws {
        let scratch = try Scratch()
        let whole = waveBytes(rate: 8000, [ExtractorTests.music(300, seed: 1)])
        var parameters = ExtractorTests.parameters(samples: 256)
        parameters.features = [.waveform]
        var noise = Noise(seed: 9)
        for round in 0..<150 {
            var bytes = Array(whole[..<(round < 60 ? round : whole.count)])
            if round >= 60 {
                for _ in 0..<3 {
                    bytes[Int((noise.next() + 1) * 31)] = UInt8(truncatingIfNeeded: Int(noise.next() * 300))
                }
            }
            #expect(Self.code(try scratch.file("\(round).wav", bytes), parameters) != "access")
        }
    }

    @Test func parametersAreChecked() {
        #expect(AudioParameters().faults.isEmpty)
        func keys(_ change: (inout AudioParameters) -> Void) -> [String] {
            var parameters = AudioParameters()
            change(&parameters)
            return parameters.faults.map(\.key)
        }
        #expect(keys { $0.sampleRate = 0 }.first == "sample_rate")
        #expect(keys { $0.stft.nFFT = 1023 }.contains("stft.n_fft"))
        #expect(keys { $0.stft.winLength = 4096 } == ["stft.win_length"])
        #expect(keys { $0.segment.samples = 0 }.contains("segment.samples"))
        #expect(keys { $0.segment.hop = 0 } == ["segment.hop"])
        #expect(keys { $0.bandpass = Bandpass(low: 500, high: 23000, order: 1) } == ["bandpass"])
        #expect(keys { $0.features = [.chroma, .chroma] } == ["features"])
        #expect(keys { $0.features = [.mel(MelParameters(fMax: 30000))] } == ["features.mel.fmax"])
        #expect(
            keys {
                $0.segment.samples = 1000
                $0.stft.padMode = .reflect
            } == ["stft.pad_mode"])
    }
}
