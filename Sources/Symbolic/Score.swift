/// A piece of music as its file gives it: notes, tempo, time signature, pedals, programs and text, in exact ticks.
public struct Score: Hashable, Sendable {
    /// The file's format as written: 0, 1, 2, or unknown and then read as 1.
    public var format: Int
    /// The length of a tick.
    public var division: Division
    /// One timeline that all tracks share; in a file of format 2 one for each track, so none if it has none.
    public var timelines: [Timeline]
    /// What was wrong in the file but not in doubt, in the order of first occurrence.
    public var warnings: [MIDIWarning]

    /// A score made of its parts.
    public init(format: Int, division: Division, timelines: [Timeline], warnings: [MIDIWarning] = []) {
        self.format = format
        self.division = division
        self.timelines = timelines
        self.warnings = warnings
    }

    /// Reads a Standard MIDI File, also one wrapped in RIFF.
    ///
    /// Notes pair within their track, channel and pitch, first open first closed; a note-on of velocity 0 is a
    /// note-off; a note-off without an open note has no effect. At equal ticks a note-off closes the note that
    /// has been open longest, so offs come before ons; a note on and off at one tick has no length. A note open
    /// at the end of its track ends there; all notes off (CC 120, 123 to 127) ends the notes of its channel. A note's
    /// program is the one in force at its onset on its channel and port, whichever track set it; once its own track has
    /// set one there, its own. Channel 10 is drums, unless Roland GS makes it melodic; GS, Yamaha XG and General MIDI 2
    /// make other parts drums.
    ///
    /// One pass; memory at most some ten times the file's size.
    ///
    /// - Throws: `MIDIError` when the notes are in doubt or the piece is too long: see `MIDICode`.
    public init(midi bytes: UnsafeRawBufferPointer) throws(MIDIError) {
        let storage = ScoreSink.Storage(fileByteCount: bytes.count)
        defer { storage.deallocate() }
        var decoder = SMFDecoder(bytes, sink: ScoreSink(storage: storage))
        try decoder.decode()
        self = try decoder.sink.score()
    }

    /// Reads a Standard MIDI File that is in an array.
    ///
    /// - Throws: `MIDIError` when the notes are in doubt or the piece is too long: see `MIDICode`.
    public init(midi bytes: [UInt8]) throws(MIDIError) {
        self = try bytes.withUnsafeBytes { buffer in
            Result { () throws(MIDIError) in try Score(midi: buffer) }
        }.get()
    }
}
