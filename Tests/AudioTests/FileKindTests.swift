import Foundation
import Testing

@testable import Audio
@testable import SoundFiles

@Suite struct FileKindTests {
    /// Why a file is refused; with ffmpeg or without.
    static func refusal(_ bytes: [UInt8], _ name: String = "a.wav") throws -> String {
        let scratch = try Scratch()
        do {
            _ = try SoundFile(path: scratch.file(name, bytes))
            return "opened"
        } catch let error as AudioError {
            return String(error.message.prefix { $0 != "," })
        } catch let error as AudioAccessError {
            return error.message
        }
    }

    static let sound = MPEGFrames().frames(200)

    static let foreign: [String: [UInt8]] = {
        func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + Array(repeating: 0, count: 600) }
        // A tar header: the name, the size in octal, and the sum of its bytes.
        var tar = Array("song.mp3".utf8) + Array(repeating: 0, count: 504)
        tar.replaceSubrange(124..<135, with: Array("00000100000".utf8))
        let sum = tar.reduce(0) { $0 + Int($1) } + 8 * 0x20
        let digits = String(sum, radix: 8)
        tar.replaceSubrange(
            148..<154, with: Array((String(repeating: "0", count: 6 - digits.count) + digits).utf8))
        return [
            "Git LFS": Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n".utf8),
            "gzip": padded([0x1F, 0x8B, 8, 0]),
            "web page": Array("\n<!DOCTYPE html>\n<html><body>404</body></html>".utf8),
            "text file": Array("Das Stück fehlt noch, später mehr.\n".utf8),
            "tar": tar + sound,
            "zip": [0x50, 0x4B, 3, 4] + Array(repeating: 0, count: 26) + Array("song.mp3".utf8) + sound,
            "QuickTime": [0, 0, 0, 8] + Array("wide".utf8) + [0, 0, 0, 0] + Array("mdat".utf8) + sound,
            "MPEG-4": [0, 0, 0, 24] + Array("ftypM4A ".utf8) + padded([]),
            "Matroska": [0x1A, 0x45, 0xDF, 0xA3] + Array(repeating: 7, count: 40) + sound,
            "AAC": Array(
                (0..<9).map { _ in [0xFF, 0xF1, 0x50, 0x80, 0x02, 0x1F, 0xFC] + Array(repeating: 0, count: 9)
                }.joined()),
            "WavPack": padded(Array("wvpk".utf8)),
            "Windows Media": padded([0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11]),
        ]
    }()

    @Test(arguments: foreign.keys.sorted()) func whatIsNoAudioIsNamed(_ name: String) throws {
        let bytes = try #require(Self.foreign[name])
        let message = try Self.refusal(bytes)
        #expect(message.contains(name), "\(message)")
        // The name does not matter, and a tag before it hides nothing.
        #expect(try Self.refusal(bytes, "a.mp3") == message)
        #expect(try Self.refusal(id3Tag(Array(repeating: 0, count: 30)) + bytes).contains(name))
    }

    @Test func aTagBeforeAnotherFormatIsPassedOver() throws {
        let scratch = try Scratch()
        let tag = id3Tag(Array(repeating: 0, count: 777))
        let flac = FLACTests.Writer(claimed: 2560)
        let wave = waveBytes(rate: 8000, [ExtractorTests.music(2560, seed: 1)])
        for bytes in [flac.stream(flac.frames(0..<10)), wave] {
            let alone = try extractAll(scratch.file("a", bytes), DeclaredLengthTests.parameters)
            let tagged = try extractAll(scratch.file("b", tag + bytes), DeclaredLengthTests.parameters)
            #expect(alone.0 == tagged.0 && alone.1 == tagged.1 && alone.0.frames == 2560)
        }
    }

    /// Opening a pipe would wait for a writer.
    @Test(.timeLimit(.minutes(1))) func onlyRegularFilesAreOpened() throws {
        let scratch = try Scratch()
        let path = scratch.url.appending(path: "pipe").path
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: AudioAccessError.self) { try SoundFile(path: path) }
    }

    // MARK: - ffmpeg

    /// An AVI file of 16-bit PCM, two channels at 8 kHz.
    static func avi(_ planes: [[Int16]]) -> [UInt8] {
        func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
            Array(name.utf8) + littleEndian(UInt32(body.count)) + body
        }
        func numbers(_ values: [UInt32]) -> [UInt8] { values.flatMap { littleEndian($0) } }
        let count = UInt32(planes[0].count)
        let header = numbers([0, 32000, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
        let stream =
            Array("auds".utf8) + numbers([0, 0, 0, 0, 4, 32000, 0, count, 0, .max, 4, 0, 0])
        let format =
            littleEndian(UInt16(1)) + littleEndian(UInt16(2)) + numbers([8000, 32000])
            + littleEndian(UInt16(4))
            + littleEndian(UInt16(16))
        let list =
            Array("strl".utf8) + chunk("strh", stream) + chunk("strf", format)
        let data = planes[0].indices.flatMap { i in planes.flatMap { littleEndian($0[i]) } }
        let body =
            chunk("LIST", Array("hdrl".utf8) + chunk("avih", header) + chunk("LIST", list))
            + chunk("LIST", Array("movi".utf8) + chunk("00wb", data))
        return chunk("RIFF", Array("AVI ".utf8) + body)
    }

    @Test(.enabled(if: FFmpegDecoder.program != nil, "no ffmpeg on the PATH"))
    func theSoundOfAVideoComesThroughFFmpeg() throws {
        let planes = [DeclaredLengthTests.samples, DeclaredLengthTests.samples.map { $0 / 3 }]
        let scratch = try Scratch()
        let path = try scratch.file("a.avi", Self.avi(planes))
        let (facts, values) = try extractAll(path, DeclaredLengthTests.parameters)
        #expect(facts.frames == 4000 && facts.channels == 2 && facts.nativeSampleRate == 8000)
        #expect(facts.warnings.isEmpty, "\(facts.warnings)")
        #expect(
            facts.format == "AVI file" && facts.encoding.hasPrefix("by ffmpeg, Lavf"), "\(facts.encoding)")
        let mixed = planes[0].indices.map { (Float(planes[0][$0]) + Float(planes[1][$0])) / 65536 }
        #expect(values["waveform"]?[0] == Array(mixed.prefix(1000)))
        // From anywhere, though the program only goes forward.
        let reader = try WaveView(path: path, frames: nil).reader(from: 44 + 4 * 1234)
        let bytes = reader.next()
        #expect(Array(bytes.prefix(4)) == littleEndian(planes[0][1234]) + littleEndian(planes[1][1234]))
    }

    @Test func withoutFFmpegTheFileIsOutOfReach() throws {
        let scratch = try Scratch()
        let path = try scratch.file("a.avi", Self.avi([[1], [2]]))
        #expect {
            try FFmpegDecoder(path: path, kind: "an AVI file", demuxer: "avi", program: nil)
        } throws: { error in
            (error as? AudioAccessError)?.message.contains("install ffmpeg") == true
        }
    }
}
