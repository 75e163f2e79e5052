/// A note: pitch, loudness and the time from its key's press to its release.
public struct Note: Hashable, Sendable, BitwiseCopyable {
    var start: UInt32
    /// While a file is read, an open note holds here the number of the next open note of its key.
    var end: UInt32
    var trackNumber: UInt16
    /// The key, 0 to 127; 60 is middle C.
    public var pitch: UInt8
    /// How hard it was struck, 1 to 127.
    public var velocity: UInt8
    /// How fast it was released, 0 to 127; 0 also for a note ended by a note-on of velocity 0 or by its track.
    public var releaseVelocity: UInt8
    /// The channel, 0 to 15.
    public var channel: UInt8
    /// The General MIDI program at the onset, 0 to 127; 128 for drums.
    public var program: UInt8
    /// The port; the upper bit says `isReleasedBeforePedal`.
    var portBits: UInt8

    /// The port of the channel (meta event 0x21), 0 to 127.
    public var port: UInt8 { portBits & 0x7F }
    /// Whether it is released at the tick of a pedal change that comes after it in the file: a sustain pedal that goes
    /// down there does not hold it.
    public var isReleasedBeforePedal: Bool { portBits & 0x80 != 0 }
    /// The tick at which it begins.
    public var onset: Int { Int(start) }
    /// The tick at which it is over; not before `onset`, and equal to it for a note of no length.
    public var offset: Int { Int(end) }
    /// The track it is in, counting from 0.
    public var track: Int { Int(trackNumber) }
    /// Whether it is a drum.
    public var isDrum: Bool { program == Note.drumProgram }

    /// The program that stands for drums.
    public static let drumProgram: UInt8 = 128
    /// The channel that plays drums unless a file says otherwise, counting from 0.
    public static let drumChannel: UInt8 = 9

    init(
        start: UInt32, end: UInt32, trackNumber: UInt16, pitch: UInt8, velocity: UInt8,
        releaseVelocity: UInt8,
        channel: UInt8, program: UInt8, portBits: UInt8
    ) {
        self.start = start
        self.end = end
        self.trackNumber = trackNumber
        self.pitch = pitch
        self.velocity = velocity
        self.releaseVelocity = releaseVelocity
        self.channel = channel
        self.program = program
        self.portBits = portBits
    }

    /// A note by its numbers; ticks must fit 32 bits, and the port 7.
    public init(
        onset: Int, offset: Int, pitch: UInt8, velocity: UInt8, releaseVelocity: UInt8 = 0,
        channel: UInt8 = 0, program: UInt8 = 0, track: Int = 0, port: UInt8 = 0,
        isReleasedBeforePedal: Bool = false
    ) {
        precondition(onset <= offset, "a note from tick \(onset) cannot end at tick \(offset)")
        start = UInt32(onset)
        end = UInt32(offset)
        trackNumber = UInt16(track)
        self.pitch = pitch
        self.velocity = velocity
        self.releaseVelocity = releaseVelocity
        self.channel = channel
        self.program = program
        portBits = port & 0x7F | (isReleasedBeforePedal ? 0x80 : 0)
    }
}

/// A control change.
public struct ControlChange: Hashable, Sendable, BitwiseCopyable {
    var position: UInt32
    var trackNumber: UInt16
    /// The channel, 0 to 15.
    public var channel: UInt8
    /// The controller's number, 0 to 127.
    public var number: UInt8
    /// Its value, 0 to 127.
    public var value: UInt8
    /// The port; the upper bit says `isDrum`.
    var portBits: UInt8
    /// Where it stands.
    public var tick: Int { Int(position) }
    /// The track it is in, counting from 0.
    public var track: Int { Int(trackNumber) }
    /// The port of the channel (meta event 0x21), 0 to 127.
    public var port: UInt8 { portBits & 0x7F }
    /// Whether the channel plays drums there.
    public var isDrum: Bool { portBits & 0x80 != 0 }

    init(
        position: UInt32, trackNumber: UInt16, channel: UInt8, number: UInt8, value: UInt8, portBits: UInt8
    ) {
        self.position = position
        self.trackNumber = trackNumber
        self.channel = channel
        self.number = number
        self.value = value
        self.portBits = portBits
    }

    /// A control change by its numbers; `isDrum` is by the channel if nil.
    public init(
        tick: Int, channel: UInt8, number: UInt8, value: UInt8, track: Int = 0, port: UInt8 = 0,
        isDrum: Bool? = nil
    ) {
        position = UInt32(tick)
        trackNumber = UInt16(track)
        self.channel = channel
        self.number = number
        self.value = value
        portBits = port & 0x7F | (isDrum ?? (channel == Note.drumChannel) ? 0x80 : 0)
    }
}

/// A bend of a channel's pitch.
public struct PitchBend: Hashable, Sendable, BitwiseCopyable {
    var position: UInt32
    var trackNumber: UInt16
    /// The channel, 0 to 15.
    public var channel: UInt8
    /// −8192 to 8191; 0 is none.
    public var value: Int16
    /// Where it stands.
    public var tick: Int { Int(position) }
    /// The track it is in, counting from 0.
    public var track: Int { Int(trackNumber) }

    /// A bend by its numbers.
    public init(tick: Int, channel: UInt8, value: Int16, track: Int = 0) {
        position = UInt32(tick)
        trackNumber = UInt16(track)
        self.channel = channel
        self.value = value
    }
}

/// A change of a channel's program.
public struct ProgramChange: Hashable, Sendable, BitwiseCopyable {
    var position: UInt32
    var trackNumber: UInt16
    /// The channel, 0 to 15.
    public var channel: UInt8
    /// 0 to 127, as written, also on the drum channel.
    public var program: UInt8
    /// Where it stands.
    public var tick: Int { Int(position) }
    /// The track it is in, counting from 0.
    public var track: Int { Int(trackNumber) }

    /// A program change by its numbers.
    public init(tick: Int, channel: UInt8, program: UInt8, track: Int = 0) {
        position = UInt32(tick)
        trackNumber = UInt16(track)
        self.channel = channel
        self.program = program
    }
}

/// A time signature.
public struct TimeSignature: Hashable, Sendable {
    /// Where it begins.
    public var tick: Int
    /// Beats in a bar, 1 to 255.
    public var numerator: Int
    /// The beat's note value: a power of two, 1 to 256.
    public var denominator: Int

    /// A time signature from a tick on.
    public init(tick: Int, numerator: Int, denominator: Int) {
        self.tick = tick
        self.numerator = numerator
        self.denominator = denominator
    }

    /// What holds where a file does not say (SMF 1.0).
    public static let common = TimeSignature(tick: 0, numerator: 4, denominator: 4)
}

/// A key signature.
public struct KeySignature: Hashable, Sendable {
    /// Where it begins.
    public var tick: Int
    /// Sharps if positive, flats if negative: −7 to 7.
    public var sharps: Int
    /// Whether the key is minor.
    public var isMinor: Bool

    /// A key from a tick on.
    public init(tick: Int, sharps: Int, isMinor: Bool) {
        self.tick = tick
        self.sharps = sharps
        self.isMinor = isMinor
    }
}

/// A text event: lyrics, a marker, a name.
public struct TextEvent: Hashable, Sendable {
    /// Where it stands.
    public var tick: Int
    /// The track it is in, counting from 0.
    public var track: Int
    /// The meta event's type, 1 to 15: 1 text, 2 copyright, 3 track name, 4 instrument, 5 lyric, 6 marker, 7 cue.
    public var type: UInt8
    /// The text as it is in the file: its encoding is not known.
    public var bytes: [UInt8]

    /// A text by its parts.
    public init(tick: Int, track: Int, type: UInt8, bytes: [UInt8]) {
        self.tick = tick
        self.track = track
        self.type = type
        self.bytes = bytes
    }
}

/// Music on one axis of time: all tracks of a file, or one track of a file of format 2.
///
/// Each list is in the order of ticks, at equal ticks of tracks, then of the file.
public struct Timeline: Hashable, Sendable {
    /// When each tick sounds.
    public var tempoMap: TempoMap
    /// The time signatures; without one at tick 0 a timeline begins in 4/4.
    public var timeSignatures: [TimeSignature] = []
    /// The key signatures.
    public var keys: [KeySignature] = []
    /// The notes.
    public var notes: [Note] = []
    /// The control changes.
    public var controls: [ControlChange] = []
    /// The pitch bends.
    public var pitchBends: [PitchBend] = []
    /// The program changes.
    public var programs: [ProgramChange] = []
    /// Lyrics, markers, names and other text.
    public var texts: [TextEvent] = []
    /// The last event of any kind, end of track included.
    public var endTick = 0

    /// An empty timeline.
    public init(tempoMap: TempoMap) { self.tempoMap = tempoMap }
}
