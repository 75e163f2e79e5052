/// How long a tick is: the last field of a MIDI file's header.
public enum Division: Hashable, Sendable {
    /// Musical time: ticks in a quarter note, 1 to 32,767.
    case ticksPerQuarter(Int)
    /// Clock time: 24, 25, 29 (30 drop-frame, so 30000/1001 frames per second) or 30 frames per second, and 1 to
    /// 255 ticks in each. Tempo events have no effect.
    case smpte(framesPerSecond: Int, ticksPerFrame: Int)

    /// Reads the header's field; nil if it is not one of the specification's.
    init?(field: UInt16) {
        if field & 0x8000 == 0 {
            guard field > 0 else { return nil }
            self = .ticksPerQuarter(Int(field))
        } else {
            let frames = -Int(Int8(bitPattern: UInt8(field >> 8)))
            guard [24, 25, 29, 30].contains(frames), field & 0xFF > 0 else { return nil }
            self = .smpte(framesPerSecond: frames, ticksPerFrame: Int(field & 0xFF))
        }
    }

    /// The header's field.
    var field: UInt16 {
        switch self {
        case .ticksPerQuarter(let ticks): UInt16(ticks)
        case .smpte(let frames, let ticks):
            UInt16(UInt8(bitPattern: Int8(-frames))) << 8 | UInt16(ticks)
        }
    }

    /// The ticks of one beat, exactly.
    ///
    /// A beat is a quarter note. Clock time has none, so there it is half a second: the quarter note of the
    /// specification's default tempo, 120 BPM.
    public var ticksPerBeat: Rational {
        switch self {
        case .ticksPerQuarter(let ticks): Rational(ticks, 1)
        case .smpte(29, let ticks): Rational(30000 * ticks, 2 * 1001)
        case .smpte(let frames, let ticks): Rational(frames * ticks, 2)
        }
    }

    /// The largest tick of a piece that is read: 100,000 beats.
    var maximumTick: Int {
        let beat = ticksPerBeat
        return 100_000 * beat.numerator / beat.denominator
    }
}
