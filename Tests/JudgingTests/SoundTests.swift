import Audio
import TestSupport
import Testing

@testable import Judging

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Against librosa, over whole arrays: what is computed in float32 within 1e-4 of the array's maximum.
struct SoundTests {
    private static let limit = 1e-4

    private static func sound(_ name: String) throws -> Sound {
        Sound(samples: try SoundGolden().values("\(name).input"), sampleRate: Sound.standardRate)
    }

    // MARK: Content

    @Test(arguments: ["a", "b"])
    func chromaIsLibrosas(_ name: String) throws {
        let chroma = try Chromagram(of: Self.sound(name))
        #expect(try SoundGolden().deviation(chroma.values, "\(name).chroma") <= Self.limit)
    }

    @Test func chromaSimilarityIsTheMeanCosine() throws {
        let (golden, a, b) = (
            try SoundGolden(), try Chromagram(of: Self.sound("a")), try Chromagram(of: Self.sound("b"))
        )
        let found = [a.similarity(to: b), a.similarity(to: b, window: 1, step: 1)]
        #expect(try golden.deviation(found.map { $0 ?? .nan }, "similarity.chroma") <= Self.limit)
        #expect(a.similarity(to: b) == b.similarity(to: a))
        #expect(abs((a.similarity(to: a) ?? .nan) - 1) < 1e-12)
        let silence = Chromagram(values: [Float](repeating: 0, count: 12 * a.frames))
        #expect(silence.similarity(to: silence) == nil)
        #expect(a.similarity(to: silence) == 0)
    }

    @Test(arguments: ["a", "b"])
    func onsetStrengthIsLibrosas(_ name: String) throws {
        let (golden, sound) = (try SoundGolden(), try Self.sound(name))
        let mean = try OnsetEnvelope(of: sound)
        #expect(try golden.deviation(mean.values, "\(name).onset.mean") <= Self.limit)
        let median = try OnsetEnvelope(of: sound, by: .median)
        #expect(try golden.deviation(median.values, "\(name).onset.median") <= Self.limit)
        #expect(try mean.onsets() == golden.numbers("\(name).onsets"))
        #expect(mean.onsets().count >= 8)
    }

    @Test func onsetSimilarityIsTheCorrelation() throws {
        let (a, b) = (try OnsetEnvelope(of: Self.sound("a")), try OnsetEnvelope(of: Self.sound("b")))
        let found = try #require(a.similarity(to: b))
        #expect(try SoundGolden().deviation([found], "similarity.onset") <= Self.limit)
        #expect(abs((a.similarity(to: a) ?? .nan) - 1) < 1e-12)
        #expect(a.similarity(to: OnsetEnvelope(values: [])) == nil)
    }

    /// A plateau counts once with the waiting, twice without; a peak below the threshold never.
    @Test func peaksStandOut() {
        let values: [Float] = [0, 1, 1, 0, 0.2, 0, 0, 0.9, 0]
        func peaks(wait: Int) -> [Int] {
            PeakPicking(
                maximumBefore: 1, maximumAfter: 1, meanBefore: 2, meanAfter: 3, threshold: 0.2, wait: wait
            ).peaks(of: values)
        }
        #expect(peaks(wait: 0) == [1, 2, 7])
        #expect(peaks(wait: 1) == [1, 7])
        #expect(peaks(wait: 6) == [1])
    }

    // MARK: Beats

    /// From librosa's own envelopes, so that every frame of every beat must be the same.
    @Test(arguments: [
        "a.onset.median", "b.onset.median", "e0.envelope", "e1.envelope", "e2.envelope", "e3.envelope",
    ])
    func beatsAreLibrosas(_ name: String) throws {
        let golden = try SoundGolden()
        let envelope = OnsetEnvelope(values: try golden.values(name))
        let prefix = name.prefix { $0 != "." }
        let strengths = Tempogram(of: envelope.values.map { Double($0) }).strengths
        #expect(try golden.deviation(strengths, "\(prefix).tempogram") <= 1e-5)
        let beats = Beats(of: envelope)
        #expect(try golden.deviation([beats.tempo], "\(prefix).tempo") <= 1e-6)
        #expect(try beats.frames == golden.numbers("\(prefix).beats"))
        #expect(beats.frames.count > 3)
        let given = Beats(of: envelope, tempo: 100)
        #expect(try given.frames == golden.numbers("\(prefix).beats100"))
        #expect(given.tempo == 100)
    }

    @Test func aPulseIsItsBeats() throws {
        // Every 20 frames: 129.2 BPM.
        let pulse = (0..<588).map { Float($0 % 20 == 7 ? 1 : 0) }
        let beats = Beats(of: OnsetEnvelope(values: pulse))
        #expect(abs(beats.tempo - 60 * OnsetEnvelope.frameRate / 20) < 1e-9)
        #expect(beats.frames.count > 27 && beats.frames.allSatisfy { $0 % 20 == 7 })
        #expect(Beats(of: OnsetEnvelope(values: [0, 0, 0])).frames.isEmpty)
    }

    // MARK: Style and quality

    /// Both resamplers are soxr's, so the mel of 16 kHz is compared too.
    @Test func melImageIsLibrosas() throws {
        let golden = try SoundGolden()
        let image = try MelImage(of: Self.sound("a"))
        #expect(try golden.deviation(image.values, "a.mel") <= Self.limit)
        let summary = try MelSummary(of: Self.sound("a"))
        #expect(try golden.deviation(summary.features, "a.level") <= Self.limit)
        #expect(summary.features.count == 192)
    }

    @Test func theLevelCountsOnlyIfItIsToCount() throws {
        let sound = try Self.sound("a")
        let quiet = Sound(samples: sound.samples.map { $0 / 8 }, sampleRate: sound.sampleRate)
        func difference(keepsLevel: Bool) throws -> Double {
            let (a, b) = (
                try MelSummary(of: sound, keepsLevel: keepsLevel),
                try MelSummary(of: quiet, keepsLevel: keepsLevel)
            )
            return zip(a.features, b.features).reduce(0) { max($0, abs($1.0 - $1.1)) }
        }
        #expect(try difference(keepsLevel: false) < 1e-4)
        #expect(try difference(keepsLevel: true) > 0.3)
    }

    @Test func rolloffIsLibrosas() throws {
        let found = try SoundQuality.rolloffs(of: Self.sound("a"))
        #expect(try SoundGolden().deviation(found, "a.rolloff") <= Self.limit)
    }

    /// Half a second of silence in two seconds of a tone of 997 Hz that clips.
    @Test func faultsOfASoundAreFound() throws {
        let rate = 32_000
        let tone = (0..<2 * rate).map { place -> Float in
            let t = Double(place) / Double(rate)
            return t >= 1 && t < 1.5 ? 0 : Float(max(-1, min(1, 1.2 * sin(2 * .pi * 997 * t))))
        }
        let quality = try SoundQuality(of: Sound(samples: tone, sampleRate: rate))
        // Of 126 frames those from 65 to 91 lie within the half second.
        #expect(quality.silence == 27.0 / 126)
        // Of a period the share in which 1.2 sin exceeds 1, of the three quarters that sound.
        let share = 1 - 2 / Double.pi * asin(1 / 1.2)
        #expect(abs(quality.clipping - 0.75 * share) < 0.001)
        let bandwidth = try #require(quality.bandwidth)
        #expect(bandwidth > 1000 && bandwidth < 8000)
        #expect(abs((quality.truePeak ?? -100)) < 1.5)
        let silence = try SoundQuality(
            of: Sound(samples: [Float](repeating: 0, count: 4096), sampleRate: rate))
        #expect(silence.silence == 1 && silence.bandwidth == nil && silence.loudness == nil)
        #expect(silence.clipping == 0)
    }

    /// ITU-R BS.1770-4, annex 1: a sine of 997 Hz and full scale in one channel has −3.01 LUFS.
    @Test func loudnessIsTheStandards() throws {
        let sine = (0..<96_000).map { Float(sin(2 * .pi * 997 * Double($0) / 48_000)) }
        let quality = try SoundQuality(of: Sound(samples: sine, sampleRate: 48_000))
        #expect(abs((quality.loudness ?? .nan) + 3.01) < 0.02)
        #expect(quality.silence == 0)
    }

    // MARK: The baseline

    @Test func theMatchedSpectrumIsTheRule() throws {
        let (golden, content, style) = (try SoundGolden(), try Self.sound("a"), try Self.sound("b"))
        let match = try MatchedSpectrum(content: content, style: [style])
        #expect(try golden.deviation(match.gains, "match.gains") <= Self.limit)
        let output = try match.apply(to: content)
        #expect(try golden.deviation(output.samples, "match.output") <= Self.limit)
        #expect(try match.apply(to: content) == output)
        // Its own spectrum leaves a sound as it is.
        let same = try MatchedSpectrum(content: content, style: [content]).apply(to: content)
        let error = zip(same.samples, content.samples).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(error < 1e-5)
    }

    /// A sound of several parts is the same as in one, and another rate is refused.
    @Test func aLongSoundIsFilteredWithoutSeams() throws {
        var random = SplitMix(seed: 4)
        let samples = (0..<300_000).map { _ in Float(Int(random.next() % 2000)) / 1000 - 1 }
        let long = Sound(samples: samples, sampleRate: 8000)
        let match = try MatchedSpectrum(
            content: long,
            style: [Sound(samples: Array(samples.prefix(9000)).map { $0 * $0 }, sampleRate: 8000)])
        let output = try match.apply(to: long)
        #expect(output.samples.count == samples.count)
        let stft = try STFT(STFTParameters(nFFT: 2048, hopLength: 512))
        var spectrum = try stft.forward(samples)
        for place in spectrum.real.indices {
            let gain = Float(match.gains[place / spectrum.frames])
            spectrum.real[place] *= gain
            spectrum.imaginary[place] *= gain
        }
        let whole = Sound(samples: try stft.inverse(spectrum, length: samples.count), sampleRate: 8000)
            .brought(toLevel: 20 * log10(long.rms))
        let error = zip(output.samples, whole.samples).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(error < 1e-4)
        #expect(throws: JudgingError.self) {
            try match.apply(to: Sound(samples: samples, sampleRate: 16_000))
        }
    }

    // MARK: Files

    @Test func filesAreDecodedMixedAndResampled() throws {
        let folder = try TestFolder()
        let left = (0..<9000).map { Int16(8000 * sin(Double($0) / 20)) }
        let stereo: [Int16] = left.flatMap { [$0, Int16(0)] }
        try folder.writeBytes("a.wav", MadeFile.wave(stereo, rate: 8000, channels: 2))
        let sound = try Sound(path: folder.path + "/a.wav", sampleRate: 8000)
        #expect(sound.samples == left.map { Float($0) / 65_536 })
        let fast = try Sound(path: folder.path + "/a.wav", sampleRate: 16_000)
        #expect(fast.samples.count == 18_000)
        #expect(try sound.resampled(to: 16_000) == fast)
        #expect(abs(sound.brought(toLevel: -20).rms - 0.1) < 1e-6)
    }

    @Test(arguments: [(1.0, true), (1.124, true), (1.126, false)])
    func aSoundTooLongIsRefused(_ longest: Double, _ isRefused: Bool) throws {
        let folder = try TestFolder()
        try folder.writeBytes("a.wav", MadeFile.wave([Int16](repeating: 5, count: 9000), rate: 8000))
        func read() throws -> Sound {
            try Sound(path: folder.path + "/a.wav", sampleRate: 8000, longest: longest)
        }
        guard isRefused else {
            #expect(try read().samples.count == 9000)
            return
        }
        let error = #expect(throws: JudgingError.self) { try read() }
        #expect(error?.code == .tooLong)
    }
}

extension TestFolder {
    fileprivate func writeBytes(_ name: String, _ bytes: [UInt8]) throws {
        let file = try #require(fopen(path + "/" + name, "w"))
        defer { fclose(file) }
        #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    }
}
