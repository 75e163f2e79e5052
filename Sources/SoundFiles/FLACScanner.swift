#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What the metadata and the frame headers of a FLAC file say, found without decoding (RFC 9639).
struct FLACScanner {
    /// A property of the stream, as STREAMINFO or a frame has it.
    struct Properties: Equatable {
        var sampleRate: Int
        var channels: Int
        var bits: Int
    }

    let start: Int
    private(set) var properties = Properties(sampleRate: 0, channels: 0, bits: 0)
    /// The samples that STREAMINFO claims; 0 if it leaves them open.
    private(set) var claimedSamples = 0
    /// The samples up to the end of the last frame that was found.
    private(set) var foundSamples = 0
    /// The first frame whose properties are not STREAMINFO's, and its first sample.
    private(set) var change: (found: Properties, sample: Int)?
    /// Whether another FLAC file follows in the same file.
    private(set) var isChained = false
    /// The speakers of the channels, a bit each, from the tag WAVEFORMATEXTENSIBLE_CHANNEL_MASK.
    private(set) var channelMask: Int?

    /// STREAMINFO's four bits before the number of samples share their byte with it.
    private var totalOffset: Int { start + 8 + 13 }

    /// `nil` if no FLAC stream begins here.
    init?(_ file: FileBytes, start: Int) throws {
        self.start = start
        guard try file.holds("fLaC", at: start) else { return nil }
        var offset = start + 4
        for _ in 0..<1024 {
            guard let head = try file.number(at: offset, bytes: 4, bigEndian: true) else { return nil }
            let size = head & 0xFF_FFFF
            switch head >> 24 & 0x7F {
            case 0:
                guard let word = try file.number(at: offset + 14, bytes: 8, bigEndian: true) else {
                    return nil
                }
                let bits = UInt64(bitPattern: Int64(word))
                properties = Properties(
                    sampleRate: Int(bits >> 44), channels: Int(bits >> 41 & 7) + 1,
                    bits: Int(bits >> 36 & 31) + 1)
                claimedSamples = Int(bits & 0xF_FFFF_FFFF)
            case 4: channelMask = try Self.mask(file, from: offset + 4, to: offset + 4 + size)
            default: break
            }
            offset += 4 + size
            if head >> 31 & 1 == 1 { break }
        }
        guard properties.sampleRate > 0 else { return nil }
        try scanFrames(file, from: offset)
    }

    /// The correction that makes the length unknown, so that libsndfile reads on to the last frame.
    func openLength(_ file: FileBytes) throws -> SndfileDecoder.Patch? {
        guard let first = try file.number(at: totalOffset, bytes: 1) else { return nil }
        return SndfileDecoder.Patch(offset: totalOffset, bytes: [UInt8(first & 0xF0), 0, 0, 0, 0])
    }

    // MARK: - Metadata

    /// The channel mask in a block of Vorbis comments: little-endian lengths, `NAME=value`.
    private static func mask(_ file: FileBytes, from start: Int, to end: Int) throws -> Int? {
        guard let vendor = try file.number(at: start, bytes: 4) else { return nil }
        var offset = start + 4 + vendor
        guard let count = try file.number(at: offset, bytes: 4) else { return nil }
        offset += 4
        for _ in 0..<min(count, 4096) where offset < end {
            guard let length = try file.number(at: offset, bytes: 4) else { return nil }
            let text = String(decoding: try file.bytes(at: offset + 4, count: min(length, 64)), as: UTF8.self)
            let parts = text.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[0].uppercased() == "WAVEFORMATEXTENSIBLE_CHANNEL_MASK" {
                let digits = parts[1].lowercased()
                return digits.hasPrefix("0x") ? Int(digits.dropFirst(2), radix: 16) : Int(digits)
            }
            offset += 4 + length
        }
        return nil
    }

    // MARK: - Frames

    private struct Frame {
        let properties: Properties
        /// The frame's number, or its first sample's in streams of changing block sizes.
        let number: Int
        let isVariable: Bool
        let samples: Int
    }

    /// Follows the frames by their numbers: a header counts if it continues the numbering, or if only damage lies between.
    private mutating func scanFrames(_ file: FileBytes, from start: Int) throws {
        var next = 0
        var blockSize = 0
        var last: Frame?
        var offset = start
        while let place = try file.firstPlace(of: 0xFF, from: offset, to: file.count) {
            offset = place + 1
            guard let frame = try frame(file, at: place) else { continue }
            let jumps = frame.number != next
            if let last {
                guard frame.isVariable == last.isVariable, frame.number >= next,
                    !jumps || frame.properties == properties
                else { continue }
            } else {
                guard place == start || frame.properties == properties else { continue }
                blockSize = frame.samples
            }
            if change == nil, frame.properties != properties {
                change = (frame.properties, frame.isVariable ? frame.number : frame.number * blockSize)
            }
            last = frame
            next = frame.isVariable ? frame.number + frame.samples : frame.number + 1
            foundSamples =
                frame.isVariable ? frame.number + frame.samples : frame.number * blockSize + frame.samples
            // Nine bytes at least: the header and a subframe of one value.
            offset = place + 9
        }
        isChained = try hasSecondStream(file, from: start)
    }

    private func hasSecondStream(_ file: FileBytes, from start: Int) throws -> Bool {
        var offset = start
        while let place = try file.firstPlace(of: 0x66, from: offset, to: file.count) {
            // `fLaC`, then STREAMINFO of 34 bytes.
            if try file.holds("fLaC", at: place),
                try file.number(at: place + 4, bytes: 4, bigEndian: true).map({ $0 & 0x7FFF_FFFF }) == 34
            {
                return true
            }
            offset = place + 1
        }
        return false
    }

    /// A frame's header (RFC 9639, 9.1); `nil` unless its check sum is right.
    private func frame(_ file: FileBytes, at offset: Int) throws -> Frame? {
        let bytes = try file.view(at: offset, count: 16)
        guard bytes.count >= 6, bytes[0] == 0xFF, bytes[1] & 0xFE == 0xF8, bytes[3] & 1 == 0 else {
            return nil
        }
        let sizeCode = Int(bytes[2] >> 4)
        let rateCode = Int(bytes[2] & 15)
        let channelCode = Int(bytes[3] >> 4)
        let bitCode = Int(bytes[3] >> 1 & 7)
        guard sizeCode > 0, rateCode < 15, channelCode < 11, bitCode != 3 else { return nil }
        // The number is coded as UTF-8 codes a character, up to seven bytes.
        let ones = (~bytes[4]).leadingZeroBitCount
        guard ones != 1, ones < 8 else { return nil }
        var number = ones == 0 ? Int(bytes[4]) : Int(bytes[4]) & (0x7F >> ones)
        var place = 5
        for _ in 1..<max(1, ones) {
            guard place < bytes.count, bytes[place] & 0xC0 == 0x80 else { return nil }
            number = number << 6 | Int(bytes[place] & 0x3F)
            place += 1
        }
        func value(_ count: Int) -> Int? {
            guard place + count <= bytes.count else { return nil }
            defer { place += count }
            return bytes[place..<(place + count)].reduce(0) { $0 << 8 | Int($1) }
        }
        let samples: Int?
        switch sizeCode {
        case 1: samples = 192
        case 2...5: samples = 144 << sizeCode
        case 6: samples = value(1).map { $0 + 1 }
        case 7: samples = value(2).map { $0 + 1 }
        default: samples = 1 << sizeCode
        }
        let rates = [
            0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000,
        ]
        let rate: Int?
        switch rateCode {
        case 0: rate = properties.sampleRate
        case 12: rate = value(1).map { $0 * 1000 }
        case 13: rate = value(2)
        case 14: rate = value(2).map { $0 * 10 }
        default: rate = rates[rateCode]
        }
        guard let samples, let rate, place < bytes.count, Self.checksum(bytes[..<place]) == bytes[place]
        else {
            return nil
        }
        let bits = [properties.bits, 8, 12, 0, 16, 20, 24, 32][bitCode]
        return Frame(
            properties: Properties(
                sampleRate: rate, channels: channelCode < 8 ? channelCode + 1 : 2, bits: bits),
            number: number, isVariable: bytes[1] & 1 == 1, samples: samples)
    }

    /// CRC-8 with the polynomial x⁸ + x² + x + 1.
    private static func checksum(_ bytes: Slice<UnsafeRawBufferPointer>) -> UInt8 {
        var sum: UInt8 = 0
        for byte in bytes {
            sum ^= byte
            for _ in 0..<8 { sum = sum & 0x80 != 0 ? sum << 1 ^ 7 : sum << 1 }
        }
        return sum
    }
}
