import Foundation
import Testing

@testable import Audio
@testable import SoundFiles

/// WAV and FLAC files.
@Suite struct SoundFileWriterTests {
    static let formats = SoundFileFormat.Container.allCases.flatMap { container in
        SoundFileFormat.Encoding.allCases.map { SoundFileFormat(container, $0) }
    }.filter { $0.container == .wav || $0.encoding != .float32 }

    /// All samples of a file, interleaved.
    static func read(_ path: String) throws -> (file: SoundFile, samples: [Float]) {
        let file = try SoundFile(path: path)
        var samples = [Float](repeating: 0, count: 1 << 18)
        var count = 0
        try samples.withUnsafeMutableBufferPointer { samples in
            guard let base = samples.baseAddress else { return }
            while true {
                let frames = try file.read(into: base + count, count: 1000)
                if frames == 0 { break }
                count += frames * file.channels
            }
        }
        return (file, Array(samples[..<count]))
    }

    static func code(_ body: () throws -> Void) -> AudioOutputError.Code? {
        do { try body() } catch { return (error as? AudioOutputError)?.code }
        return nil
    }

    func names(_ scratch: Scratch) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: scratch.url.path).sorted()
    }

    /// What is read is what was written, to half a step of the encoding; writing that again changes nothing.
    @Test(arguments: formats, [1, 2, 6]) func samplesReturn(format: SoundFileFormat, channels: Int) throws {
        let scratch = try Scratch()
        var noise = Noise(seed: 3)
        let planes = (0..<channels).map { _ in noise.array(10_001, amplitude: 0.99) }
        func write(_ name: String, _ parts: [[[Float]]]) throws -> String {
            let path = scratch.url.appending(path: name).path
            let writer = try SoundFileWriter(
                path: path, format: format, sampleRate: 44100, channels: channels)
            for part in parts { try writer.write(part) }
            let summary = try writer.finish()
            #expect(summary.frames == 10_001 && summary.clippedSamples == 0)
            return path
        }
        let path = try write("whole", [planes])
        let (file, samples) = try Self.read(path)
        #expect(file.sampleRate == 44100 && file.channels == channels && file.declaredFrames == 10_001)
        let step: Float = format.encoding == .pcm16 ? 0x1p-15 : format.encoding == .pcm24 ? 0x1p-23 : 0
        for (i, sample) in samples.enumerated() {
            #expect(abs(sample - planes[i % channels][i / channels]) <= step / 2)
        }
        let bytes = try Data(contentsOf: URL(filePath: path))
        // In blocks; and from what was read.
        let parts = [0..<1, 1..<4097, 4097..<10_001].map { range in planes.map { Array($0[range]) } }
        #expect(try Data(contentsOf: URL(filePath: write("parts", parts))) == bytes)
        let again = (0..<channels).map { channel in
            stride(from: channel, to: samples.count, by: channels).map { samples[$0] }
        }
        #expect(try Data(contentsOf: URL(filePath: write("again", [again]))) == bytes)
        #expect(try names(scratch) == ["again", "parts", "whole"])
    }

    /// Interleaved samples with a gain, as planes with it.
    @Test func interleavedAndGain() throws {
        let scratch = try Scratch()
        var noise = Noise(seed: 8)
        let planes = [noise.array(5000), noise.array(5000)]
        let interleaved = (0..<10_000).map { planes[$0 % 2][$0 / 2] }
        let paths = ["a", "b"].map { scratch.url.appending(path: $0).path }
        let writers = try paths.map {
            try SoundFileWriter(
                path: $0, format: SoundFileFormat(.wav, .pcm16), sampleRate: 8000, channels: 2)
        }
        try writers[0].write(planes, gain: 0.5)
        try interleaved.withUnsafeBufferPointer { try writers[1].write(interleaved: $0, gain: 0.5) }
        for writer in writers { try writer.finish() }
        let bytes = try paths.map { try Data(contentsOf: URL(filePath: $0)) }
        #expect(bytes[0] == bytes[1])
        let (_, samples) = try Self.read(paths[0])
        #expect(zip(samples, interleaved).allSatisfy { abs($0 - $1 / 2) <= 0x1p-16 })
    }

    /// Integers are rounded to the nearest, ties to even; what does not fit is clipped and counted; floats do not clip.
    @Test func clippingIsCounted() throws {
        let scratch = try Scratch()
        let step: Float = 0x1p-15
        let samples = [0, 0.5 * step, 1.5 * step, -0.5 * step, 1 - step, 1, 1.5, -1, -1 - 0.4 * step, -2]
        let path = scratch.url.appending(path: "a.wav").path
        for encoding in [SoundFileFormat.Encoding.pcm16, .float32] {
            let writer = try SoundFileWriter(
                path: path, format: SoundFileFormat(.wav, encoding), sampleRate: 44100, channels: 1)
            try writer.write([samples])
            let summary = try writer.finish()
            #expect(summary.peak == 2)
            let read = try Self.read(path).samples
            if encoding == .pcm16 {
                #expect(summary.clippedSamples == 3)
                #expect(read == [0, 0, 2 * step, 0, 1 - step, 1 - step, 1 - step, -1, -1, -1])
            } else {
                #expect(summary.clippedSamples == 0 && read == samples)
            }
        }
    }

    /// A writer that does not finish leaves the folder as it was.
    @Test func nothingPartialRemains() throws {
        let scratch = try Scratch()
        let path = try scratch.file("a.flac", [1, 2, 3])
        func writer() throws -> SoundFileWriter {
            try SoundFileWriter(
                path: path, format: SoundFileFormat(.flac, .pcm24), sampleRate: 44100, channels: 1)
        }
        do {
            let writer = try writer()
            try writer.write([[Float](repeating: 0.1, count: 100_000)])
            #expect(try names(scratch).count == 2)
        }
        #expect(try names(scratch) == ["a.flac"])
        let failing = try writer()
        #expect(Self.code { try failing.write([[0, 0, .nan]]) } == .badValue)
        #expect(try names(scratch) == ["a.flac"])
        #expect(Self.code { try failing.write([[0]]) } == .writeFailed)
        #expect(Self.code { try failing.finish() } == .writeFailed)
        #expect(try Data(contentsOf: URL(filePath: path)) == Data([1, 2, 3]))
        // libsndfile writes nothing at all for FLAC without samples.
        #expect(Self.code { try writer().finish() } == .tooShort)
        #expect(try names(scratch) == ["a.flac"])
    }

    /// Errors name the path and the system's reason; nothing remains.
    @Test func errorsSayWhere() throws {
        let scratch = try Scratch()
        let format = SoundFileFormat(.wav, .pcm16)
        let missing = scratch.url.appending(path: "none/a.wav").path
        var error = #expect(throws: AudioOutputError.self) {
            _ = try SoundFileWriter(path: missing, format: format, sampleRate: 44100, channels: 1)
        }
        #expect(error?.code == .writeFailed && error?.number == ENOENT)
        #expect(error?.path?.contains("none/") == true)
        let folder = scratch.url.appending(path: "folder").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let writer = try SoundFileWriter(path: folder, format: format, sampleRate: 44100, channels: 1)
        try writer.write([[0.5]])
        error = #expect(throws: AudioOutputError.self) { try writer.finish() }
        #expect(error?.number == EISDIR && error?.path == folder)
        #expect(try names(scratch) == ["folder"])
        for (format, rate, channels) in [
            (SoundFileFormat(.flac, .float32), 44100, 1), (SoundFileFormat(.flac, .pcm16), 44100, 9),
            (format, 0, 1), (format, 44100, 0), (SoundFileFormat(.flac, .pcm16), 700_000, 1),
        ] {
            #expect(
                Self.code {
                    _ = try SoundFileWriter(
                        path: scratch.url.appending(path: "a").path, format: format, sampleRate: rate,
                        channels: channels)
                } == .unsupportedEncoding)
        }
        #expect(try names(scratch) == ["folder"])
    }

    #if os(Linux)
        /// A full disk: the process may write files of 64 KiB only.
        @Test func fullDisk() async {
            await #expect(processExitsWith: .success) {
                let scratch = try Scratch()
                signal(SIGXFSZ, SIG_IGN)
                var limit = rlimit(rlim_cur: 1 << 16, rlim_max: 1 << 16)
                setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                for format in SoundFileWriterTests.formats {
                    var noise = Noise(seed: 1)
                    let path = scratch.url.appending(path: "a").path
                    var found: AudioOutputError?
                    do {
                        let writer = try SoundFileWriter(
                            path: path, format: format, sampleRate: 44100, channels: 1)
                        for _ in 0..<20 { try writer.write([noise.array(10_000)]) }
                        try writer.finish()
                    } catch { found = error as? AudioOutputError }
                    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.url.path)
                    guard found?.code == .writeFailed, found?.path == path, names.isEmpty else {
                        print("\(format): \(String(describing: found)), \(names)")
                        exit(1)
                    }
                }
            }
        }
    #endif

    /// Levels measured in blocks are those of the extractor, and the gain brings one signal to another's loudness.
    @Test func levelsAndGain() throws {
        let scratch = try Scratch()
        var noise = Noise(seed: 2)
        let planes = [noise.array(100_000, amplitude: 0.2), noise.array(100_000, amplitude: 0.3)]
        let path = try scratch.wave("a.wav", rate: 44100, planes)
        let facts = try FeatureExtractor(
            AudioParameters(segment: SegmentParameters(samples: 4096), features: [.waveform])
        ).extract(path: path) { _, _, _ in }
        let meter = LevelMeter(channels: 2, sampleRate: 44100)
        try meter.add(planes.map { Array($0[..<33_333]) })
        try meter.add(planes.map { Array($0[33_333...]) })
        let levels = meter.levels
        #expect(levels.integratedLoudness == facts.levels.integratedLoudness)
        #expect(levels.truePeak == facts.levels.truePeak)
        #expect(abs((levels.rms ?? 0) - (facts.levels.rms ?? 1)) < 1e-4)

        let quiet = LevelMeter(channels: 2, sampleRate: 44100)
        try quiet.add(planes.map { $0.map { $0 / 4 } })
        let gain = quiet.levels.gain(toMatch: levels)
        #expect(abs(gain.amplitude - 4) < 1e-3 && !gain.isLimited)
        #expect(quiet.levels.gain(toMatch: levels, ceiling: -20).isLimited)
        // Too short for a loudness: the root mean square decides.
        let short = LevelMeter(channels: 2, sampleRate: 44100)
        try short.add(planes.map { $0[..<4000].map { $0 / 2 } })
        #expect(abs(short.levels.gain(toMatch: levels).amplitude - 2) < 0.1)
        let silence = LevelMeter(channels: 2, sampleRate: 44100)
        try silence.add([[Float](repeating: 0, count: 50_000), [Float](repeating: 0, count: 50_000)])
        #expect(silence.levels.gain(toMatch: levels).decibels == 0)
        #expect(levels.gain(toMatch: silence.levels).decibels == 0)
    }

    /// A result that is far softer than its content is raised to it, from any level but that of rounding.
    @Test(arguments: [1e-2, 1e-4, 3e-5])
    func softSignalsAreRaised(factor: Float) throws {
        var noise = Noise(seed: 3)
        let samples = noise.array(100_000, amplitude: 0.2)
        func levels(_ factor: Float) throws -> AudioLevels {
            try AudioLevels(of: samples.map { $0 * factor }, sampleRate: 44100)
        }
        let (content, soft) = try (levels(1), levels(factor))
        let gain = soft.gain(toMatch: content)
        #expect(abs(gain.amplitude * Double(factor) - 1) < 1e-3 && !gain.isLimited)
        // With a ceiling the peak is there, and no higher.
        let limited = soft.gain(toMatch: content, ceiling: -20)
        let peak = try #require(soft.truePeak)
        #expect(limited.isLimited && abs(limited.decibels + peak + 20) < 1e-9)
        #expect(try levels(1e-7).gain(toMatch: content).decibels == 0)
        #expect(try levels(0).gain(toMatch: content).decibels == 0)
        #expect(try content.gain(toMatch: levels(0)).decibels == 0)
    }
}
