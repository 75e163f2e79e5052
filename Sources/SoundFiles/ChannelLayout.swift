internal import CSndfile

/// What each channel of a file is for: its part in the downmix and its weight in loudness.
public struct ChannelLayout: Equatable, Sendable {
    /// A channel's place.
    public enum Place: Equatable, Sendable {
        /// In front, above, or behind: weight 1.
        case main
        /// Between 60 and 120 degrees to the side: weight 1.41 (BS.1770-4, table 3).
        case surround
        /// Low-frequency effects: in neither downmix nor loudness.
        case lfe
    }

    /// Each channel's, in the order of the file.
    public let places: [Place]

    /// By the file's own channel map (libsndfile's numbers) or mask (WAVE's bits), else by the usual layout of that many
    /// channels.
    init(channels: Int, map: [Int32]?, mask: Int?, vorbisOrder: Bool) {
        if channels > 2, let map {
            places = Self.places(map: map)
        } else if channels > 2, let mask, mask > 0, mask.nonzeroBitCount == channels {
            places = Self.places(mask: mask)
        } else {
            places = Self.usual(channels, vorbisOrder: vorbisOrder)
        }
    }

    /// The usual layout of that many channels.
    public init(channels: Int) { places = Self.usual(channels, vorbisOrder: false) }

    /// WAVE order (FLAC too): L R C LFE, then the surrounds; Vorbis order (Opus too): LFE last.
    private static func usual(_ channels: Int, vorbisOrder: Bool) -> [Place] {
        switch channels {
        case 4: [.main, .main, .surround, .surround]
        case 5: [.main, .main, .main, .surround, .surround]
        case 6:
            vorbisOrder
                ? [.main, .main, .main, .surround, .surround, .lfe]
                : [.main, .main, .main, .lfe, .surround, .surround]
        case 7:
            vorbisOrder
                ? [.main, .main, .main, .surround, .surround, .main, .lfe]
                : [.main, .main, .main, .lfe, .main, .surround, .surround]
        case 8:
            vorbisOrder
                ? [.main, .main, .main, .surround, .surround, .main, .main, .lfe]
                : [.main, .main, .main, .lfe, .main, .main, .surround, .surround]
        default: Array(repeating: .main, count: channels)
        }
    }

    private static func places(map: [Int32]) -> [Place] {
        let sides = [SF_CHANNEL_MAP_SIDE_LEFT, SF_CHANNEL_MAP_SIDE_RIGHT].map { Int32($0) }
        let rears = [SF_CHANNEL_MAP_REAR_LEFT, SF_CHANNEL_MAP_REAR_RIGHT].map { Int32($0) }
        // With side channels there, the rear ones are at 135 degrees, else at 110.
        let hasSides = map.contains { sides.contains($0) }
        return map.map { channel in
            if channel == Int32(SF_CHANNEL_MAP_LFE) { return .lfe }
            if sides.contains(channel) || (!hasSides && rears.contains(channel)) { return .surround }
            return .main
        }
    }

    /// By the bits of `dwChannelMask` (WAVEFORMATEXTENSIBLE), the channels in their order: 3 is low-frequency effects, 4
    /// and 5 the rear ones, 9 and 10 those at the sides.
    private static func places(mask: Int) -> [Place] {
        let bits = (0..<Int.bitWidth - 1).filter { mask >> $0 & 1 == 1 }
        let hasSides = bits.contains { [9, 10].contains($0) }
        return bits.map { bit in
            bit == 3
                ? .lfe : [9, 10].contains(bit) || (!hasSides && [4, 5].contains(bit)) ? .surround : .main
        }
    }
}
