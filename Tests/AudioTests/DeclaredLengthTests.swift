import Foundation
import Testing

@testable import Audio
@testable import SoundFiles

/// What containers claim of their length, and what is there.
@Suite struct DeclaredLengthTests {
    static let parameters = AudioParameters(
        sampleRate: 8000, resampler: .fastest, segment: SegmentParameters(samples: 1000),
        features: [.waveform])

    static func read(_ name: String, _ bytes: [UInt8]) throws -> String {
        let scratch = try Scratch()
        let path = try scratch.file(name, bytes)
        do {
            let facts = try extractAll(path, parameters).0
            return ([String(facts.frames)] + facts.warnings.map(\.code)).joined(separator: " ")
        } catch let error as AudioError {
            return "refused \(error.code.rawValue)"
        }
    }

    static let samples: [Int16] = {
        var noise = Noise(seed: 2)
        return (0..<4000).map { _ in Int16(noise.next() * 9000) }
    }()
    static var little: [UInt8] { samples.flatMap(littleEndian) }
    static var big: [UInt8] { samples.flatMap { littleEndian($0.byteSwapped) } }
    static func big32(_ value: Int) -> [UInt8] { littleEndian(UInt32(value).byteSwapped) }
    static func big64(_ value: Int) -> [UInt8] { littleEndian(Int64(value).byteSwapped) }
    static var waveFormat: [UInt8] {
        littleEndian(UInt16(1)) + littleEndian(UInt16(1)) + littleEndian(UInt32(8000))
            + littleEndian(UInt32(16000)) + littleEndian(UInt16(2)) + littleEndian(UInt16(16))
    }

    static func wave(size: UInt32, riff: UInt32, _ data: [UInt8], after: [UInt8] = []) -> [UInt8] {
        Array("RIFF".utf8) + littleEndian(riff) + Array("WAVEfmt ".utf8) + littleEndian(UInt32(16))
            + waveFormat
            + Array("data".utf8) + littleEndian(size) + data + after
    }

    /// Each container with 4,000 frames of 16 bits, by its name.
    static let containers: [String: [UInt8]] = {
        let data = little
        let size = data.count
        let tail: [UInt8] = [0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0x00, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A]
        var files = ["wav": wave(size: UInt32(size), riff: UInt32(size + 36), data)]
        files["rf64"] =
            Array("RF64".utf8) + littleEndian(UInt32.max) + Array("WAVEds64".utf8) + littleEndian(UInt32(28))
            + littleEndian(UInt64(size + 72)) + littleEndian(UInt64(size)) + littleEndian(UInt64(4000))
            + littleEndian(UInt32(0)) + Array("fmt ".utf8) + littleEndian(UInt32(16)) + waveFormat
            + Array("data".utf8) + littleEndian(UInt32.max) + data
        files["w64"] =
            Array("riff".utf8) + [0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6, 0x28, 0xDB, 0x04, 0xC1, 0x00, 0x00]
            + littleEndian(UInt64(size + 104)) + Array("wave".utf8) + tail + Array("fmt ".utf8) + tail
            + littleEndian(UInt64(40)) + waveFormat + Array("data".utf8) + tail
            + littleEndian(UInt64(size + 24)) + data
        // 8000 Hz as an extended float: 2^12 · 1.953125.
        let common =
            Array("COMM".utf8) + big32(18) + [0, 1] + big32(4000) + [
                0, 16, 0x40, 0x0B, 0xFA, 0, 0, 0, 0, 0, 0, 0,
            ]
        files["aiff"] =
            Array("FORM".utf8) + big32(size + 46) + Array("AIFF".utf8) + common + Array("SSND".utf8)
            + big32(size + 8) + big32(0) + big32(0) + big
        files["au"] =
            Array(".snd".utf8) + big32(24) + big32(size) + big32(3) + big32(8000) + big32(1) + big
        let text =
            "NIST_1A\n   1024\nchannel_count -i 1\nsample_rate -i 8000\nsample_count -i 4000\nsample_n_bytes -i 2\n"
            + "sample_byte_format -s2 01\nsample_sig_bits -i 16\nsample_coding -s3 pcm\nend_head\n"
        files["nist"] = Array(text.utf8) + Array(repeating: 0x20, count: 1024 - text.utf8.count) + data
        let block = size + 12
        files["voc"] =
            Array("Creative Voice File\u{1A}".utf8) + [26, 0, 0x14, 0x01, 0x1F, 0x11] + [9]
            + [UInt8(block & 255), UInt8(block >> 8 & 255), UInt8(block >> 16)] + littleEndian(UInt32(8000))
            + [16, 1, 4, 0, 0, 0, 0, 0] + data + [0]
        files["caf"] =
            Array("caff".utf8) + [0, 1, 0, 0] + Array("desc".utf8) + big64(32)
            + littleEndian(8000.0.bitPattern.byteSwapped) + Array("lpcm".utf8) + big32(0) + big32(2)
            + big32(1)
            + big32(1) + big32(16) + Array("data".utf8) + big64(size + 4) + big32(0) + big
        files["avr"] =
            Array("2BIT".utf8) + Array(repeating: 0, count: 8) + [0, 0, 0, 16, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]
            + big32(8000) + big32(4000) + Array(repeating: 0, count: 98) + big
        files["sds"] = sds
        return files
    }()

    /// MIDI Sample Dump Standard: words of 16 bits in three bytes of seven, forty to a packet.
    static let sds: [UInt8] = {
        func seven(_ value: Int) -> [UInt8] { (0..<3).map { UInt8(value >> (7 * $0) & 127) } }
        var bytes: [UInt8] =
            [0xF0, 0x7E, 0, 1, 0, 0, 16] + seven(125_000) + seven(4000) + seven(0) + seven(0)
        bytes += [0x7F, 0xF7]
        for packet in 0..<100 {
            var body: [UInt8] = [0x7E, 0, 2, UInt8(packet & 127)]
            for sample in samples[(packet * 40)..<(packet * 40 + 40)] {
                let word = (Int(sample) + 32768) << 5
                body += [UInt8(word >> 14), UInt8(word >> 7 & 127), UInt8(word & 127)]
            }
            bytes += [0xF0] + body + [body.reduce(0) { $0 ^ $1 } & 127, 0xF7]
        }
        return bytes
    }()

    @Test(arguments: containers.keys.sorted())
    func whatIsMissingIsReported(_ name: String) throws {
        let whole = try #require(Self.containers[name])
        #expect(try Self.read(name, whole) == "4000")
        let cut = try Self.read(name, Array(whole.prefix(whole.count * 6 / 10)))
        let frames = try #require(Int(cut.prefix { $0 != " " }))
        #expect(cut.hasSuffix(" audio.truncated") && (2000..<2500).contains(frames), "\(cut)")
        // 600 frames are not one segment.
        let short = try Self.read(name, Array(whole.prefix(whole.count - 3400 * whole.count / 4200)))
        #expect(short == "refused audio.truncated", "\(short)")
    }

    /// Writers that cannot go back leave such sizes: the data is whole, and nothing is to be said.
    @Test(
        arguments: [
            0x7FFF_FFFF, 0x8000_0000, 0x7FFF_F000, 0x7FFF_FFDA, 0xFFFF_FFFF, 0xFFFF_FFFE, 0xFFFF_F000,
        ] as [UInt32])
    func sizesOfStreamsAreNoClaim(_ size: UInt32) throws {
        #expect(try Self.read("a.wav", Self.wave(size: size, riff: size &+ 36, Self.little)) == "4000")
        #expect(
            try Self.read("a.wav", Self.wave(size: size, riff: .max, Array(Self.little.prefix(80)))) == "40")
    }

    @Test func aSizeOfNothingIsCorrected() throws {
        #expect(
            try Self.read("a.wav", Self.wave(size: 0, riff: 36, Self.little)) == "4000 audio.wrong-length")
        #expect(try Self.read("a.wav", Self.wave(size: 0, riff: 0, Self.little)) == "4000 audio.wrong-length")
        // Chunks behind an empty one are no sound.
        let list = Array("LIST".utf8) + littleEndian(UInt32(4)) + Array("INFO".utf8)
        #expect(
            try Self.read("a.wav", Self.wave(size: 0, riff: 48, [], after: list))
                == "refused audio.no-samples")
    }

    /// libsndfile takes such a size for the truth and decodes what is not there.
    @Test func moreThanTheFileCanHoldIsNotDecoded() throws {
        var bytes = try #require(Self.containers["w64"])
        let format = 40 + 24
        // GSM 6.10: 65 bytes a block of 320 samples.
        bytes.replaceSubrange(format..<(format + 2), with: [0x31, 0])
        bytes.replaceSubrange((format + 8)..<(format + 16), with: [0x59, 6, 0, 0, 65, 0, 0, 0])
        let size = bytes.count - 8000 - 8
        for claim in [Int64.min, -2, 1 << 62] {
            bytes.replaceSubrange(size..<(size + 8), with: littleEndian(claim))
            #expect(try Self.read("a.w64", bytes) == "refused audio.malformed")
        }
        bytes.replaceSubrange(size..<(size + 8), with: littleEndian(Int64(1 << 40)))
        let found = try Self.read("a.w64", bytes)
        let frames = Int(found.prefix { $0 != " " }) ?? .max
        #expect(
            found.hasSuffix("audio.truncated") && frames <= 8000 / 65 * 320 + 4096
                || found.hasPrefix("refused"), "\(found)")
    }

    /// libsndfile prints to standard output where a packet does not begin as one.
    @Test func packetsThatAreNoneAreRefused() throws {
        for packet in [0, 1, 50, 99] {
            for byte in 0..<2 {
                var bytes = Self.sds
                bytes[21 + 127 * packet + byte] ^= 0x11
                #expect(try Self.read("a.sds", bytes) == "refused audio.malformed")
            }
        }
    }

    @Test func speakersOfAMask() {
        func places(_ mask: Int) -> [ChannelLayout.Place] {
            ChannelLayout(channels: mask.nonzeroBitCount, map: nil, mask: mask, vorbisOrder: false).places
        }
        // 2.1: left, right, LFE; 4.1: and the sides; quad with rears.
        #expect(places(0x0B) == [.main, .main, .lfe])
        #expect(places(0x60B) == [.main, .main, .lfe, .surround, .surround])
        #expect(places(0x33) == [.main, .main, .surround, .surround])
        #expect(places(0x633) == [.main, .main, .main, .main, .surround, .surround])
        // A mask of another number of channels says nothing.
        #expect(
            ChannelLayout(channels: 3, map: nil, mask: 0x33, vorbisOrder: false).places == [
                .main, .main, .main,
            ])
    }
}
