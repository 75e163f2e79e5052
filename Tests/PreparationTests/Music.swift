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
        return MadeFile.midi(events: events)
    }

    /// Noise that swells, 16 bits, 8 kHz.
    mutating func wave(seconds: Double, level: Int) -> [UInt8] {
        let count = Int(seconds * 8000)
        let samples = (0..<count).map { Int16((below(2 * level) - level) * ($0 % 3000) / 3000) }
        return MadeFile.wave(samples, rate: 8000)
    }
}
