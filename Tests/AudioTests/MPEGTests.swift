import Foundation
import Testing

@testable import Audio
@testable import SoundFiles

@Suite struct MPEGTests {
    static let parameters = AudioParameters(
        sampleRate: 44100, resampler: .fastest, segment: SegmentParameters(samples: 20000),
        features: [.waveform])

    /// What came of a file: its frames, then the codes of its warnings but for silence.
    static func read(_ bytes: [UInt8]) throws -> String {
        let scratch = try Scratch()
        let path = try scratch.file("a.mp3", bytes)
        do {
            let facts = try extractAll(path, parameters).0
            return ([String(facts.frames)] + facts.warnings.map(\.code).filter { $0 != "audio.silent" })
                .joined(separator: " ")
        } catch let error as AudioError {
            return "refused \(error.code.rawValue)" + (error.frame.map { " at \($0)" } ?? "")
        }
    }

    /// A length guessed from the first frames' bit rate would be a tenth of it.
    @Test func everyFrameOfAVariableBitRateIsRead() throws {
        let loud = MPEGFrames(bitIndex: 14).frames(5)
        for (low, count) in [(1, 200), (5, 77), (9, 50)] {
            #expect(
                try Self.read(loud + MPEGFrames(bitIndex: low).frames(count)) == String((count + 5) * 1152))
        }
        let falling = (1...14).reversed().flatMap { MPEGFrames(bitIndex: $0).frames(3) }
        #expect(try Self.read(falling) == String(42 * 1152))
    }

    @Test(arguments: [(1, 3, 1152), (2, 3, 576), (3, 3, 576), (1, 2, 1152)])
    func versionsAndLayers(_ version: Int, _ layer: Int, _ samples: Int) throws {
        for rateIndex in 0..<3 {
            for channels in 1...2 {
                let frames = MPEGFrames(
                    version: version, layer: layer, rateIndex: rateIndex, channels: channels)
                #expect(try Self.read(frames.frames(60)) == String(60 * samples))
            }
        }
    }

    /// The encoder's delay and padding are left out as libmpg123 and ffmpeg do it: with the decoder's own 529 samples.
    @Test func delayAndPaddingAreLeftOut() throws {
        let frames = MPEGFrames()
        let information = frames.information(frames: 40, delay: 576, padding: 1000)
        #expect(try Self.read(information + frames.frames(40)) == String(40 * 1152 - 1576))
        // With more frames than declared the place of the padding is unknown.
        #expect(try Self.read(information + frames.frames(41)) == String(41 * 1152 - 576 - 529))
        // Without the number of frames, or without LAME's part, nothing is left out.
        let open = frames.information(frames: nil, delay: 576, padding: 1000)
        #expect(try Self.read(open + frames.frames(40)) == String(40 * 1152))
    }

    @Test func joinedFilesAreReadWhole() throws {
        let frames = MPEGFrames()
        let first = frames.information(frames: 30, delay: 576, padding: 1200) + frames.frames(30)
        let second = frames.information(frames: 50, delay: 1105, padding: 700) + frames.frames(50)
        let both = 30 * 1152 - 1776 + 50 * 1152 - 1805
        #expect(try Self.read(first + second) == "\(both) audio.chained")
        #expect(
            try Self.read(first + id3Tag(Array(repeating: 0xFF, count: 999)) + second)
                == "\(both) audio.chained")
        #expect(try Self.read(frames.frames(30) + frames.frames(20)) == String(50 * 1152))
    }

    @Test func channelsMayChange() throws {
        let mono = MPEGFrames(channels: 1)
        let stereo = MPEGFrames()
        #expect(try Self.read(mono.frames(30) + stereo.frames(20)) == "\(50 * 1152) audio.channels-change")
        #expect(try Self.read(stereo.frames(30) + mono.frames(20)) == "\(50 * 1152) audio.channels-change")
        // Joint stereo is stereo.
        let joint = stereo.frames(20).enumerated().map { $0.offset % stereo.length == 3 ? 0x60 : $0.element }
        #expect(try Self.read(stereo.frames(30) + joint) == String(50 * 1152))
    }

    @Test func aMonoPartIsTheSameOnBothSides() throws {
        let scratch = try Scratch()
        let noise = MPEGFrames(channels: 1, noise: 3).frames(30)
        let alone = try extractAll(try scratch.file("a.mp3", noise), Self.parameters)
        let joined = try extractAll(
            try scratch.file("b.mp3", noise + MPEGFrames().frames(20)), Self.parameters)
        #expect(joined.0.channels == 2 && (alone.0.rms ?? -200) > -70)
        #expect(joined.1["waveform"]?[0] == alone.1["waveform"]?[0])
    }

    @Test func aChangeOfRateIsRefusedWithItsPlace() throws {
        let bytes = MPEGFrames().frames(30) + MPEGFrames(rateIndex: 1).frames(20)
        #expect(try Self.read(bytes) == "refused audio.rate-changes at \(30 * 1152)")
        // A few bytes that look like a header of another rate are no change.
        var damaged = MPEGFrames().frames(30)
        damaged[10 * MPEGFrames().length + 2] ^= 0x04
        #expect(try Self.read(damaged) == "\(29 * 1152) audio.junk")
    }

    @Test func whatIsMissingIsReported() throws {
        let frames = MPEGFrames()
        let information = frames.information(frames: 100, delay: 576, padding: 1000)
        #expect(
            try Self.read(information + frames.frames(60)) == "\(60 * 1152 - 1105) audio.truncated")
        #expect(
            try Self.read(information + frames.frames(10)) == "refused audio.truncated at \(10 * 1152 - 1105)"
        )
        #expect(try Self.read(Array(frames.frames(60).dropLast(9))) == "\(59 * 1152) audio.truncated")
        #expect(try Self.read(information) == "refused audio.malformed")
    }

    @Test func tagsAreNoJunk() throws {
        let frames = MPEGFrames()
        let sound = frames.frames(40)
        // A picture in a tag may hold whatever looks like frames.
        let tag = id3Tag(Array("APIC".utf8) + MPEGFrames(rateIndex: 2, bitIndex: 3).frames(300))
        let id3v1 = Array("TAG".utf8) + Array(repeating: 0x20, count: 125)
        let count = [UInt8](littleEndian(UInt32(2000)))
        let item = littleEndian(UInt32(3)) + littleEndian(UInt32(0)) + Array("Title\0abc".utf8)
        let size = littleEndian(UInt32(item.count + 32)) + littleEndian(UInt32(1))
        func ape(_ flags: UInt32) -> [UInt8] {
            Array("APETAGEX".utf8) + count + size + littleEndian(flags) + Array(repeating: 0, count: 8)
        }
        let apeTag = ape(0xA000_0000) + item + ape(0x8000_0000)
        let lyrics = Array("LYRICSBEGININD0000200000025LYRICS200".utf8).replacingLast(15, "000021LYRICS200")
        for bytes in [
            tag + sound, tag + tag + sound, sound + id3v1, sound + apeTag, sound + apeTag + id3v1,
            sound + lyrics + id3v1, tag + sound + apeTag + id3v1,
        ] { #expect(try Self.read(bytes) == String(40 * 1152)) }
    }

    @Test func junkIsReportedAndBounded() throws {
        let sound = MPEGFrames().frames(40)
        var noise = Noise(seed: 5)
        let junk = (0..<3000).map { _ in UInt8((noise.next() + 1) * 127) }
        #expect(try Self.read(junk + sound) == "\(40 * 1152) audio.junk")
        #expect(try Self.read(sound + junk + sound) == "\(80 * 1152) audio.junk")
        #expect(try Self.read(sound + junk) == "\(40 * 1152) audio.junk")
        let far = (0..<22).flatMap { _ in junk }
        #expect(try Self.read(far + sound) == "refused audio.unknown-format")
        // A container's way: something between any two frames.
        let scattered = (0..<40).flatMap { _ in MPEGFrames().frames(4) + junk.prefix(20) }
        #expect(try Self.read(scattered) == "refused audio.malformed")
    }

    @Test func framesInAWaveFile() throws {
        let sound = MPEGFrames(channels: 1).frames(40)
        var bytes = Array("RIFF".utf8) + littleEndian(UInt32(sound.count + 50)) + Array("WAVEfmt ".utf8)
        bytes += littleEndian(UInt32(30)) + littleEndian(UInt16(0x55)) + littleEndian(UInt16(1))
        bytes += littleEndian(UInt32(44100)) + littleEndian(UInt32(16000)) + littleEndian(UInt16(1))
        bytes += Array(repeating: 0, count: 16) + Array("data".utf8) + littleEndian(UInt32(sound.count))
        #expect(try Self.read(bytes + sound) == String(40 * 1152))
    }

    @Test func freeFormat() throws {
        // 500 bytes a frame, the bit rate left open.
        var frame =
            MPEGFrames().frame.prefix(500) + Array(repeating: 0, count: max(0, 500 - MPEGFrames().length))
        frame[2] &= 0x0F
        #expect(try Self.read(Array((0..<40).map { _ in frame }.joined())) == String(40 * 1152))
    }

    /// From anywhere, the samples are those of reading from the beginning.
    @Test func seekingGivesTheSameSamples() throws {
        let scratch = try Scratch()
        let noisy = MPEGFrames(channels: 1, noise: 7)
        let information = noisy.information(frames: 60, delay: 576, padding: 900)
        let stream = information + noisy.frames(60)
        let path = try scratch.file("a.mp3", stream + stream)
        func samples(from start: Int, count: Int) throws -> [Float] {
            let file = try SoundFile(path: path)
            if start > 0 { #expect(try file.seek(to: start)) }
            var values = [Float](repeating: 0, count: count)
            let got = try values.withUnsafeMutableBufferPointer { buffer in
                try buffer.baseAddress.map { try file.read(into: $0, count: count) } ?? 0
            }
            return Array(values.prefix(got))
        }
        let total = 2 * (60 * 1152 - 1476)
        let whole = try samples(from: 0, count: total + 1)
        #expect(whole.count == total && whole.contains { abs($0) > 0.001 })
        for start in [
            1, 1151, 5000, 30001, 33333, 40000, total / 2 - 1, total / 2, total / 2 + 20000, total - 3,
        ] {
            #expect(try samples(from: start, count: 3000) == Array(whole[start...].prefix(3000)), "\(start)")
        }
    }

    /// Damage anywhere gives a value or a typed error, and never more frames than the bytes can hold.
    @Test func damageNeverTraps() throws {
        let frames = MPEGFrames(channels: 1, bitIndex: 5, noise: 1)
        let whole =
            id3Tag(Array(repeating: 0, count: 50)) + frames.information(frames: 20, delay: 5, padding: 5)
            + frames.frames(20)
        let scratch = try Scratch()
        var noise = Noise(seed: 11)
        for round in 0..<150 {
            var bytes = Array(whole[..<(round < 50 ? round * whole.count / 50 : whole.count)])
            if round >= 50 {
                for _ in 0..<(round % 7 + 1) {
                    bytes[min(bytes.count - 1, Int((noise.next() + 1) / 2 * Float(bytes.count)))] =
                        UInt8(truncatingIfNeeded: Int(noise.next() * 300))
                }
            }
            let path = try scratch.file("\(round).mp3", bytes)
            do {
                #expect(try extractAll(path, Self.parameters).0.frames <= 40 * 1152)
            } catch {
                #expect(error is AudioError, "\(error)")
            }
        }
    }
}

extension [UInt8] {
    /// The bytes with the last ones replaced.
    fileprivate func replacingLast(_ count: Int, _ text: String) -> [UInt8] {
        dropLast(count) + Array(text.utf8)
    }
}
