extension MIDIFile {
    /// A file with other velocities: no other byte changes, not even of a file that `write` would write in another
    /// form.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - grid: What a step is.
    ///   - rounding: How ticks become steps.
    ///   - timeline: The file's only timeline, for its tempo map and its drums.
    ///   - velocity: The velocity of a note by the step on which it begins, its pitch, and its present velocity; values
    ///     outside 1 to 127 are clamped. It is not called for drums.
    /// - Returns: The file, as long as before.
    /// - Throws: `MIDIError` as `Score.init(midi:)`.
    public static func replacingVelocities(
        in bytes: [UInt8], grid: Grid, rounding: Rounding, timeline: Timeline,
        _ velocity: (_ step: Int, _ pitch: UInt8, _ current: UInt8) -> UInt8
    ) throws(MIDIError) -> [UInt8] {
        let sink = try bytes.withUnsafeBytes { buffer in
            Result { () throws(MIDIError) in
                var decoder = SMFDecoder(buffer, sink: NoteOnSink())
                try decoder.decode()
                return decoder.sink
            }
        }.get()
        var grid = TimelineGrid(grid, rounding: rounding, tempoMap: timeline.tempoMap)
        let drums = Set(timeline.notes.lazy.filter(\.isDrum).map(NoteOn.Place.init))
        var result = bytes
        for note in sink.notes where !drums.contains(note.place) {
            let value = min(
                max(velocity(grid.step(of: note.place.tick), note.place.pitch, note.velocity), 1), 127)
            // A byte that is read as 127 because it is too large stays as well.
            if value != note.velocity { result[note.offset] = value }
        }
        return result
    }
}

/// A note-on, and where its velocity is in the file.
private struct NoteOn {
    /// What tells it from other notes.
    struct Place: Hashable {
        let track: Int
        let channel: UInt8
        let pitch: UInt8
        let tick: Int
    }

    let place: Place
    let velocity: UInt8
    let offset: Int
}

extension NoteOn.Place {
    init(_ note: Note) {
        self.init(track: note.track, channel: note.channel, pitch: note.pitch, tick: note.onset)
    }
}

/// Keeps the note-ons of a file.
private struct NoteOnSink: SMFSink {
    var warnings = WarningLog()
    private(set) var notes: [NoteOn] = []
    private var track = -1
    private var end = 0

    mutating func begin(_ header: SMFHeader) {}
    mutating func beginTrack() { track += 1 }
    mutating func channelMessageEnds(at offset: Int) { end = offset }

    mutating func channelMessage(tick: Int, status: UInt8, data1: UInt8, data2: UInt8) {
        guard status & 0xF0 == 0x90, data2 > 0 else { return }
        let place = NoteOn.Place(track: track, channel: status & 0x0F, pitch: data1, tick: tick)
        notes.append(NoteOn(place: place, velocity: data2, offset: end - 1))
    }

    mutating func runningStatus() {}
    mutating func meta(tick: Int, type: UInt8, bytes: UnsafeRawBufferPointer, offset: Int) {}
    mutating func systemExclusive(tick: Int, status: UInt8, bytes: UnsafeRawBufferPointer) {}
    mutating func damage(tick: Int) {}
    mutating func endTrack(tick: Int, offset: Int) {}
    mutating func unknownChunk(id: UnsafeRawBufferPointer, bytes: UnsafeRawBufferPointer) {}
}
