import TestSupport

/// Files that are the same at every run.
struct Music {
    private var random: SplitMix

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    private mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

    /// Chords, drums, pedals and a wheel over some bars at two tempi; 96 ticks a quarter.
    mutating func midi() -> [UInt8] {
        var events: [(tick: Int, bytes: [UInt8])] = [
            (0, [0xFF, 0x51, 3, 0x07, 0xA1, 0x20]), (96 * 11, [0xFF, 0x51, 3, 0x05, 0x16, 0x15]),
            (0, [0xFF, 0x58, 4, 3, 2, 24, 8]),
        ]
        for channel in [0, 1, 9] as [UInt8] { events.append((0, [0xC0 | channel, UInt8(below(128))])) }
        for _ in 0..<150 {
            let channel = [0, 1, 1, 9][below(4)] as UInt8
            let (pitch, velocity) = (UInt8(24 + below(80)), UInt8(1 + below(127)))
            let start = below(96 * 4 * 9)
            events.append((start, [0x90 | channel, pitch, velocity]))
            events.append((start + 12 + below(300), [0x80 | channel, pitch, 0]))
        }
        for _ in 0..<40 {
            events.append((below(96 * 4 * 9), [0xB0, [1, 64, 66, 67][below(4)], UInt8(below(128))]))
        }
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
        track += [0, 0xFF, 0x2F, 0]
        let length = withUnsafeBytes(of: UInt32(track.count).bigEndian) { Array($0) }
        return Array("MThd".utf8) + [0, 0, 0, 6, 0, 0, 0, 1, 0, 96] + Array("MTrk".utf8) + length + track
    }

    /// Noise that swells, 16 bits, 8 kHz.
    mutating func wave(seconds: Double, level: Int) -> [UInt8] {
        func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
        let count = Int(seconds * 8000)
        var samples: [UInt8] = []
        for index in 0..<count {
            samples += bytes(Int16((below(2 * level) - level) * (index % 3000) / 3000))
        }
        return Array("RIFF".utf8) + bytes(UInt32(36 + samples.count)) + Array("WAVEfmt ".utf8)
            + bytes(UInt32(16)) + bytes(UInt16(1)) + bytes(UInt16(1)) + bytes(UInt32(8_000))
            + bytes(UInt32(16_000)) + bytes(UInt16(2)) + bytes(UInt16(16)) + Array("data".utf8)
            + bytes(UInt32(samples.count)) + samples
    }
}
