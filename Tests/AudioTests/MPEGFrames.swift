/// MPEG audio frames made by hand, so that tests know their number without an encoder.
struct MPEGFrames {
    /// 1, 2 or 3 (MPEG 2.5).
    var version = 1
    var layer = 3
    /// 0 to 2: 44.1, 48, 32 kHz, or their half and quarter.
    var rateIndex = 0
    var channels = 2
    /// 1 to 14; frames of changing ones make a variable bit rate.
    var bitIndex = 9
    /// Makes frames of noise of this seed instead of silence (version 1, mono).
    var noise: UInt64?

    static let bitRates = [
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ]

    var samples: Int { layer == 3 && version > 1 ? 576 : 1152 }
    var sampleRate: Int { [44100, 48000, 32000][rateIndex] >> (version - 1) }

    var length: Int {
        let rates =
            layer == 2 && version == 1
            ? [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384]
            : Self.bitRates[version == 1 ? 0 : 1]
        return samples / 8 * rates[bitIndex - 1] * 1000 / sampleRate
    }

    var header: [UInt8] {
        let versionBits = [3, 2, 0][version - 1]
        return [
            0xFF, UInt8(0xE1 | versionBits << 3 | (4 - layer) << 1), UInt8(bitIndex << 4 | rateIndex << 2),
            channels == 1 ? 0xC0 : 0,
        ]
    }

    /// One frame: a header and zeros are silence.
    var frame: [UInt8] { header + Array(repeating: 0, count: length - 4) }

    /// Frames one after the other.
    func frames(_ count: Int) -> [UInt8] {
        guard var generator = noise.map(Noise.init(seed:)) else {
            return Array((0..<count).map { _ in frame }.joined())
        }
        return Array((0..<count).map { _ in noisy(&generator) }.joined())
    }

    /// A frame of noise: values of 0 and 1 in the low lines, by random bits (ISO 11172-3, 2.4.1.7).
    private func noisy(_ generator: inout Noise) -> [UInt8] {
        var bits: [Bool] = []
        func put(_ value: Int, _ count: Int) {
            for i in (0..<count).reversed() { bits.append(value >> i & 1 == 1) }
        }
        put(0, 9 + 5 + 4)
        for _ in 0..<2 {
            put(600, 12)  // bits of the granule
            put(60, 9)  // pairs of values
            put(165, 8)  // gain
            put(0, 4 + 1)
            put(1, 5)
            put(1, 5)
            put(1, 5)
            put(7, 4)
            put(7, 3)
            put(0, 3)
        }
        while bits.count < (length - 4) * 8 { bits.append(generator.next() > 0) }
        return header
            + (0..<(length - 4)).map { byte in
                bits[(8 * byte)..<(8 * byte + 8)].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
            }
    }

    /// The frame that LAME writes before the others.
    func information(frames: Int?, delay: Int, padding: Int) -> [UInt8] {
        var bytes = frame
        var place = 4 + (version == 1 ? (channels == 2 ? 32 : 17) : (channels == 2 ? 17 : 9))
        func put(_ values: [UInt8]) {
            bytes.replaceSubrange(place..<(place + values.count), with: values)
            place += values.count
        }
        put(Array("Info".utf8) + [0, 0, 0, frames == nil ? 0 : 1])
        if let frames {
            put([
                UInt8(frames >> 24 & 255), UInt8(frames >> 16 & 255), UInt8(frames >> 8 & 255),
                UInt8(frames & 255),
            ])
        }
        put(Array("LAME3.100".utf8) + Array(repeating: 0, count: 12))
        put([UInt8(delay >> 4), UInt8((delay & 15) << 4 | padding >> 8), UInt8(padding & 255)])
        return bytes
    }
}

/// An ID3v2.3 tag.
func id3Tag(_ body: [UInt8]) -> [UInt8] {
    Array("ID3".utf8) + [3, 0, 0] + (0..<4).reversed().map { UInt8(body.count >> (7 * $0) & 127) } + body
}
