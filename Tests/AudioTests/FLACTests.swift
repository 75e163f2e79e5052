import Foundation
import Testing

@Suite struct FLACTests {
    /// FLAC made by hand: verbatim samples of 16 bits, 256 to a block (RFC 9639).
    struct Writer {
        var rate = 8000
        var channels = 1
        /// What STREAMINFO claims.
        var claimed = 0
        var comments: [String] = []

        func stream(_ frames: [[UInt8]]) -> [UInt8] {
            let packed = UInt64(rate) << 44 | UInt64(channels - 1) << 41 | 15 << 36 | UInt64(claimed)
            let info: [UInt8] =
                [1, 0, 1, 0, 0, 0, 0, 0, 0, 0] + littleEndian(packed.byteSwapped)
                + Array(repeating: 0, count: 16)
            let text =
                littleEndian(UInt32(0)) + littleEndian(UInt32(comments.count))
                + comments.flatMap { littleEndian(UInt32($0.utf8.count)) + Array($0.utf8) }
            return Array("fLaC".utf8) + [0, 0, 0, 34] + info + [0x84, 0, 0, UInt8(text.count)] + text
                + frames.joined()
        }

        /// One block of all channels.
        func frame(_ number: Int, rateCode: UInt8 = 0, value: (Int, Int) -> Int16) -> [UInt8] {
            var bytes: [UInt8] = [
                0xFF, 0xF8, 0x80 | rateCode, UInt8(channels - 1) << 4 | 0x08, UInt8(number),
            ]
            bytes.append(Self.sum(bytes, polynomial: 0x07, bits: 8).0)
            for channel in 0..<channels {
                bytes.append(0x02)
                for index in 0..<256 { bytes += littleEndian(value(channel, index).byteSwapped) }
            }
            let check = Self.sum(bytes, polynomial: 0x8005, bits: 16).1
            return bytes + [UInt8(check >> 8), UInt8(check & 255)]
        }

        private static func sum(_ bytes: [UInt8], polynomial: UInt32, bits: UInt32) -> (UInt8, UInt16) {
            var sum: UInt32 = 0
            for byte in bytes {
                sum ^= UInt32(byte) << (bits - 8)
                for _ in 0..<8 { sum = sum >> (bits - 1) & 1 == 1 ? sum << 1 ^ polynomial : sum << 1 }
                sum &= 1 << bits - 1
            }
            return (UInt8(sum & 255), UInt16(sum & 0xFFFF))
        }

        func frames(_ range: Range<Int>, rateCode: UInt8 = 0) -> [[UInt8]] {
            range.map { number in
                frame(number, rateCode: rateCode) { channel, index in
                    Int16((index * 37 + number * 11 + channel * 5) % 4001 - 2000) * 4
                }
            }
        }
    }

    @Test func everyFrameIsReadWhateverTheHeaderClaims() throws {
        var writer = Writer()
        for (claimed, expected) in [
            (5120, "5120"), (0, "5120"), (256, "5120 audio.wrong-length"), (5119, "5120 audio.wrong-length"),
            (6000, "5120 audio.truncated"),
        ] {
            writer.claimed = claimed
            #expect(
                try DeclaredLengthTests.read("a.flac", writer.stream(writer.frames(0..<20))) == expected,
                "\(claimed)")
        }
    }

    @Test func aChangeOfRateIsRefused() throws {
        for claimed in [0, 5120] {
            let writer = Writer(claimed: claimed)
            // Code 5 is 16 kHz, 4 is STREAMINFO's 8 kHz.
            let same = writer.stream(writer.frames(0..<10) + writer.frames(10..<20, rateCode: 4))
            #expect(try DeclaredLengthTests.read("a.flac", same) == "5120")
            let change = writer.stream(writer.frames(0..<10) + writer.frames(10..<20, rateCode: 5))
            #expect(try DeclaredLengthTests.read("a.flac", change) == "refused audio.rate-changes")
        }
    }

    @Test func aSecondFileIsReported() throws {
        let writer = Writer(claimed: 2560)
        let bytes = writer.stream(writer.frames(0..<10))
        #expect(try DeclaredLengthTests.read("a.flac", bytes + bytes) == "2560 audio.chained")
    }

    @Test func theMaskTellsTheLowFrequencyEffects() throws {
        // Left, right, LFE: without the mask the third is the centre.
        for (comments, mixed) in [
            (["WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x000B"], Float(100 + 200) / 2),
            (["TITLE=x", "waveformatextensible_channel_mask=0xb"], Float(100 + 200) / 2),
            ([], Float(100 + 200 + 3000) / 3),
        ] {
            let writer = Writer(channels: 3, claimed: 2560, comments: comments)
            let frames = (0..<10).map { writer.frame($0) { channel, _ in [100, 200, 3000][channel] } }
            let scratch = try Scratch()
            let path = try scratch.file("a.flac", writer.stream(frames))
            let values = try extractAll(path, DeclaredLengthTests.parameters).1["waveform"]?[0]
            #expect(abs((values?[500] ?? 0) - mixed / 32768) < 1e-7, "\(comments)")
        }
    }
}
