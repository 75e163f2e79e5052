internal import Symbolic

/// A piece of music as the measures see it: notes in beats and in seconds, bar lines and beat times.
///
/// A beat is a quarter note. Pedals do not lengthen notes.
public struct NotePiece: Hashable, Sendable {
    /// A note.
    public struct Note: Hashable, Sendable {
        /// Where it begins, in beats from the start of the piece.
        public var onset: Double
        /// Where it ends, in beats; not before `onset`.
        public var offset: Double
        /// Where it begins, in seconds; set by the piece.
        public internal(set) var onsetSeconds: Double
        /// Where it ends, in seconds; set by the piece.
        public internal(set) var offsetSeconds: Double
        /// The pitch, 0 to 127.
        public var pitch: UInt8
        /// The velocity, 1 to 127.
        public var velocity: UInt8
        /// The General MIDI program, 0 to 127; 128 for drums.
        public var program: UInt8
        /// The number of its part: a track and channel of the file.
        public var part: Int

        /// Whether it is a drum.
        public var isDrum: Bool { program == Symbolic.Note.drumProgram }
        /// How long it lasts, in beats.
        public var duration: Double { offset - onset }

        /// A note by its numbers; its seconds are set by the piece that takes it.
        public init(
            onset: Double, offset: Double, pitch: UInt8, velocity: UInt8 = 64, program: UInt8 = 0,
            part: Int = 0
        ) {
            precondition(onset <= offset, "a note from beat \(onset) cannot end at beat \(offset)")
            precondition(pitch < 128, "pitch \(pitch) is not in 0 to 127")
            self.onset = onset
            self.offset = offset
            onsetSeconds = 0
            offsetSeconds = 0
            self.pitch = pitch
            self.velocity = velocity
            self.program = program
            self.part = part
        }
    }

    /// The notes by onset, then pitch, offset and part.
    public let notes: [Note]
    /// The bar lines in beats, from 0; the last is not before the end of the last note.
    public let barLines: [Double]
    /// The time of each beat in seconds, from beat 0 to the end of the last note.
    public let beatTimes: [Double]
    /// The end of the last note in beats; 0 without notes.
    public let length: Double
    /// The end of the last note in seconds; 0 without notes.
    public let lengthSeconds: Double

    /// A piece of parts that are known already; puts the notes in order.
    init(sorting notes: [Note], barLines: [Double], beatTimes: [Double]) {
        self.init(ordered: notes.sorted(by: Self.isBefore), barLines: barLines, beatTimes: beatTimes)
    }

    /// A piece whose notes are in order.
    private init(ordered notes: [Note], barLines: [Double], beatTimes: [Double]) {
        self.notes = notes
        self.barLines = barLines
        self.beatTimes = beatTimes
        length = notes.reduce(0) { max($0, $1.offset) }
        lengthSeconds = notes.reduce(0) { max($0, $1.offsetSeconds) }
    }

    /// A piece of notes in one tempo and one time signature.
    ///
    /// - Parameters:
    ///   - notes: The notes in any order.
    ///   - beatsPerBar: The length of every bar in beats.
    ///   - secondsPerBeat: The length of every beat in seconds.
    public init(notes: [Note], beatsPerBar: Double = 4, secondsPerBeat: Double = 0.5) {
        precondition(
            beatsPerBar > 0 && secondsPerBeat > 0,
            "a bar of \(beatsPerBar) beats and a beat of \(secondsPerBeat) seconds")
        let end = notes.reduce(0) { max($0, $1.offset) }
        let timed = notes.map { note in
            var note = note
            note.onsetSeconds = note.onset * secondsPerBeat
            note.offsetSeconds = note.offset * secondsPerBeat
            return note
        }
        let barCount = Int((end / beatsPerBar).rounded(.up))
        self.init(
            sorting: timed, barLines: (0...barCount).map { Double($0) * beatsPerBar },
            beatTimes: notes.isEmpty ? [] : (0...Int(end)).map { Double($0) * secondsPerBeat })
    }

    /// The same piece with the notes that meet a condition; bar lines, beats and lengths stay those of the whole.
    public func filter(_ isIncluded: (Note) -> Bool) -> NotePiece {
        NotePiece(
            ordered: notes.filter(isIncluded), barLines: barLines, beatTimes: beatTimes, length: length,
            lengthSeconds: lengthSeconds)
    }

    /// The same piece with velocities and programs changed note by note.
    func mapNotes(_ change: (inout Note) -> Void) -> NotePiece {
        var changed = notes
        for index in changed.indices { change(&changed[index]) }
        return NotePiece(sorting: changed, barLines: barLines, beatTimes: beatTimes)
    }

    private init(
        ordered notes: [Note], barLines: [Double], beatTimes: [Double], length: Double, lengthSeconds: Double
    ) {
        self.notes = notes
        self.barLines = barLines
        self.beatTimes = beatTimes
        self.length = length
        self.lengthSeconds = lengthSeconds
    }

    /// The piece without its drums.
    public var pitched: NotePiece { filter { !$0.isDrum } }
    /// The piece's drums alone.
    public var drums: NotePiece { filter(\.isDrum) }

    private static func isBefore(_ first: Note, _ second: Note) -> Bool {
        if first.onset != second.onset { return first.onset < second.onset }
        if first.pitch != second.pitch { return first.pitch < second.pitch }
        if first.offset != second.offset { return first.offset < second.offset }
        if first.part != second.part { return first.part < second.part }
        return first.velocity < second.velocity
    }
}

/// How far a position in beats may lie below a step of a grid and still count as on it.
///
/// Positions are quotients of whole ticks, rounded once, so their differences are off by some 1e-11 beats at most. The
/// finest tick is 1/32767 beat, so this never moves a note that is not on the step.
let gridTolerance = 1e-6

/// The step of a grid that a position in steps is in, rounded down.
@inline(__always)
func gridStep(_ position: Double) -> Int { Int((position + gridTolerance).rounded(.down)) }
