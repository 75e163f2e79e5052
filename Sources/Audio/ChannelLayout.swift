internal import CSndfile

/// What each channel of a file is for: its part in the downmix and its weight in loudness.
struct ChannelLayout: Equatable {
    /// A channel's place.
    enum Place: Equatable {
        /// In front, above, or behind: weight 1.
        case main
        /// Between 60 and 120 degrees to the side: weight 1.41 (BS.1770-4, table 3).
        case surround
        /// Low-frequency effects: in neither downmix nor loudness.
        case lfe
    }

    let places: [Place]

    /// By the file's own channel map, else by the usual layout of that many channels.
    init(handle: OpaquePointer, channels: Int, format: Int32) {
        var map = [Int32](repeating: 0, count: channels)
        let size = Int32(channels * MemoryLayout<Int32>.size)
        if channels > 2, sf_command(handle, Int32(SFC_GET_CHANNEL_MAP_INFO), &map, size) != 0,
            map.contains(where: { $0 > 0 })
        {
            places = Self.places(map: map)
        } else {
            let container = format & Int32(SF_FORMAT_TYPEMASK)
            places = Self.usual(channels, vorbisOrder: container == Int32(SF_FORMAT_OGG))
        }
    }

    init(channels: Int) { places = Self.usual(channels, vorbisOrder: false) }

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
        // With side channels there, the rear ones stand at 135 degrees, else at 110.
        let hasSides = map.contains { sides.contains($0) }
        return map.map { channel in
            if channel == Int32(SF_CHANNEL_MAP_LFE) { return .lfe }
            if sides.contains(channel) || (!hasSides && rears.contains(channel)) { return .surround }
            return .main
        }
    }
}
