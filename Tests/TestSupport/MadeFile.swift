/// The bytes of small music files.
public enum MadeFile {
    /// A MIDI file of format 0 with 96 ticks a quarter.
    ///
    /// - Parameter track: its events with their delta times, but for the end of the track.
    /// - Returns: the file.
    public static func midi(track: [UInt8]) -> [UInt8] {
        let track = track + [0, 0xFF, 0x2F, 0]
        return Array("MThd".utf8) + [0, 0, 0, 6, 0, 0, 0, 1, 0, 96] + Array("MTrk".utf8)
            + little(UInt32(track.count)).reversed() + track
    }

    /// A MIDI file of format 0 with 96 ticks a quarter.
    ///
    /// - Parameter events: in any order; those of one tick stay in theirs. No two are 16,384 ticks apart.
    /// - Returns: the file.
    public static func midi(events: [(tick: Int, bytes: [UInt8])]) -> [UInt8] {
        var track: [UInt8] = []
        var now = 0
        let sorted = events.enumerated().sorted {
            ($0.element.tick, $0.offset) < ($1.element.tick, $1.offset)
        }
        for (_, event) in sorted {
            let delta = event.tick - now
            now = event.tick
            track += (delta >= 128 ? [UInt8(delta >> 7) | 0x80] : []) + [UInt8(delta & 127)] + event.bytes
        }
        return midi(track: track)
    }

    /// A WAV file of 16 bits.
    ///
    /// - Parameters:
    ///   - samples: of all channels in turn.
    ///   - rate: in Hz.
    ///   - channels: how many.
    /// - Returns: the file.
    public static func wave(_ samples: [Int16], rate: Int, channels: Int = 1) -> [UInt8] {
        let data = samples.flatMap { little($0) }
        let frame = 2 * channels
        return Array("RIFF".utf8) + little(UInt32(36 + data.count)) + Array("WAVEfmt ".utf8)
            + little(UInt32(16)) + little(UInt16(1)) + little(UInt16(channels)) + little(UInt32(rate))
            + little(UInt32(rate * frame)) + little(UInt16(frame)) + little(UInt16(16)) + Array("data".utf8)
            + little(UInt32(data.count)) + data
    }

    private static func little(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}
