/// The four bytes that begin each frame of MPEG audio (ISO 11172-3, 2.4.1.3; ISO 13818-3 for the low rates; the
/// rates below 16 kHz are MPEG 2.5, which is no standard but common).
struct MPEGHeader: Equatable {
    /// 1 (32 to 48 kHz), 2 (half of that) or 3 (a quarter: MPEG 2.5).
    let version: Int
    /// 1 to 3.
    let layer: Int
    /// In Hz.
    let sampleRate: Int
    /// 1 or 2.
    let channels: Int
    /// Samples of each channel: 384, 576 or 1152.
    let samples: Int
    /// The frame's length in bytes with these four; `nil` in the free format, which does not say.
    let byteCount: Int?
    /// The bytes that this frame has beyond those of the bit rate.
    let padding: Int
    /// What all frames of a stream share: version, layer and rate.
    let stream: Int
    /// Whether a check sum of two bytes follows.
    let hasChecksum: Bool

    private static let rates = [44100, 48000, 32000]
    /// In kbit/s, by layer, for version 1, then for the others.
    private static let bitRates = [
        [
            [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
            [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
            [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        ],
        [
            [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
            [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
            [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        ],
    ]

    /// `nil` if the word (big-endian) begins no frame.
    init?(_ word: Int) {
        let versionBits = word >> 19 & 3
        let layerBits = word >> 17 & 3
        let bitIndex = word >> 12 & 15
        let rateIndex = word >> 10 & 3
        guard word >> 21 & 0x7FF == 0x7FF, versionBits != 1, layerBits != 0, bitIndex != 15, rateIndex != 3
        else {
            return nil
        }
        version = versionBits == 3 ? 1 : versionBits == 2 ? 2 : 3
        layer = 4 - layerBits
        sampleRate = Self.rates[rateIndex] >> (version - 1)
        channels = word >> 6 & 3 == 3 ? 1 : 2
        samples = layer == 1 ? 384 : layer == 3 && version > 1 ? 576 : 1152
        padding = (word >> 9 & 1) * (layer == 1 ? 4 : 1)
        stream = versionBits << 4 | layerBits << 2 | rateIndex
        hasChecksum = word >> 16 & 1 == 0
        if bitIndex == 0 {
            byteCount = nil
        } else {
            let bits = Self.bitRates[version == 1 ? 0 : 1][layer - 1][bitIndex - 1] * 1000
            let slots = samples / (layer == 1 ? 32 : 8) * bits / sampleRate
            byteCount = (layer == 1 ? slots * 4 : slots) + padding
        }
    }

    /// Where an encoder's information begins in a first frame: behind the header and side information of zeros.
    var informationOffset: Int {
        4 + (version == 1 ? (channels == 2 ? 32 : 17) : (channels == 2 ? 17 : 9))
    }
}
