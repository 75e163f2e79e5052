/// Builds a score from the events of a file.
struct ScoreSink: SMFSink {
    /// Memory for the notes and control changes of a whole file, and for the notes open in a track.
    struct Storage {
        let notes: UnsafeMutablePointer<Note>
        /// For each note the number of the timeline's control changes before its release in the file.
        let releases: UnsafeMutablePointer<UInt32>
        let controls: UnsafeMutablePointer<ControlChange>
        /// For each channel and pitch the first and the last open note, by its number + 1; 0 if none is open.
        let heads: UnsafeMutablePointer<UInt32>
        let tails: UnsafeMutablePointer<UInt32>
        /// What the track's notes are for each channel: its own last program, or drums.
        let programs: UnsafeMutablePointer<UInt8>

        static let keyCount = 16 * 128

        init(fileByteCount: Int) {
            // A note or a control change takes at least three bytes; pages are used up only as notes come.
            let capacity = min(fileByteCount, SMFDecoder<ScoreSink>.maximumByteCount) / 3 + 1
            notes = .allocate(capacity: capacity)
            releases = .allocate(capacity: capacity)
            controls = .allocate(capacity: capacity)
            heads = .allocate(capacity: Self.keyCount)
            heads.initialize(repeating: 0, count: Self.keyCount)
            tails = .allocate(capacity: Self.keyCount)
            tails.initialize(repeating: 0, count: Self.keyCount)
            programs = .allocate(capacity: 16)
            programs.initialize(repeating: 0, count: 16)
        }

        func deallocate() {
            notes.deallocate()
            releases.deallocate()
            controls.deallocate()
            heads.deallocate()
            tails.deallocate()
            programs.deallocate()
        }
    }

    var warnings = WarningLog()
    let storage: Storage
    private var header = SMFHeader(format: 0, trackCount: 0, division: .ticksPerQuarter(1))
    private var track: UInt16 = 0
    private var port: UInt8 = 0
    var noteCount = 0
    private var openCount = 0
    /// The channels whose program the track has set on its port.
    private var ownPrograms: UInt16 = 0
    /// Whether notes are known whose track had set no program for them.
    var isProgramMissing = false
    /// Whether messages may make other channels drums, or channel 10 melodic.
    var hasDrumMessages = false
    var parts: [PartMessage] = []
    /// The first note and the first message of each track of the timeline.
    var trackStarts: [(note: Int, part: Int)] = []
    /// All-notes-off messages, by the notes before them, and notes that nothing ends in their track.
    var silences: [PartMessage] = []
    var unended: [Int] = []
    /// The bytes of a SysEx message that continues.
    private var openSysEx: [UInt8] = []
    var damagedFrom: Int?
    private var doubt: MIDIError?
    private var tempi: [TempoMap.Change] = []
    private var timeSignatures: [TimeSignature] = []
    private var keys: [KeySignature] = []
    private var controlCount = 0
    private var pitchBends: [PitchBend] = []
    var programs: [ProgramChange] = []
    private var texts: [TextEvent] = []
    private var endTick = 0
    private var timelines: [Timeline] = []

    init(storage: Storage) { self.storage = storage }

    /// The timeline's control changes.
    var controls: UnsafeMutableBufferPointer<ControlChange> {
        UnsafeMutableBufferPointer(start: storage.controls, count: controlCount)
    }

    mutating func begin(_ header: SMFHeader) { self.header = header }

    mutating func beginTrack() {
        trackStarts.append((noteCount, parts.count))
        openSysEx = []
        setPort(0)
    }

    /// The track's messages are for another port from here on.
    private mutating func setPort(_ port: UInt8) {
        self.port = port
        ownPrograms = 0
        storage.programs.update(repeating: 0, count: 16)
        storage.programs[Int(Note.drumChannel)] = Note.drumProgram
    }

    @inline(__always)
    mutating func channelMessage(tick: Int, status: UInt8, data1: UInt8, data2: UInt8) {
        let channel = status & 0x0F
        switch status & 0xF0 {
        case 0x90 where data2 > 0: noteOn(tick, channel, data1, data2)
        case 0x90: noteOff(tick, channel, data1, 0)
        case 0x80: noteOff(tick, channel, data1, data2)
        case 0xB0:
            if data1 == 0 || data1 >= 120 { channelMode(tick, channel, data1, data2) }
            (storage.controls + controlCount).initialize(
                to: ControlChange(
                    position: UInt32(truncatingIfNeeded: tick), trackNumber: track, channel: channel,
                    number: data1, value: data2,
                    portBits: channel == Note.drumChannel ? port | 0x80 : port))
            controlCount &+= 1
        case 0xC0: program(tick, channel, data1)
        case 0xE0:
            let value = Int16(data2) << 7 | Int16(data1)
            pitchBends.append(PitchBend(tick: tick, channel: channel, value: value - 8192, track: Int(track)))
        default: break
        }
    }

    private mutating func program(_ tick: Int, _ channel: UInt8, _ program: UInt8) {
        ownPrograms |= 1 << UInt16(channel)
        if channel != Note.drumChannel { storage.programs[Int(channel)] = program }
        programs.append(ProgramChange(tick: tick, channel: channel, program: program, track: Int(track)))
        parts.append(part(.program, tick, channel, program))
    }

    /// A message with its place among the timeline's notes and control changes.
    private func part(_ kind: PartMessage.Kind, _ tick: Int, _ channel: UInt8, _ value: UInt8) -> PartMessage
    {
        PartMessage(
            tick: UInt32(truncatingIfNeeded: tick), noteCount: UInt32(truncatingIfNeeded: noteCount),
            controlCount: UInt32(truncatingIfNeeded: controlCount), kind: kind, port: port,
            channel: channel,
            value: value)
    }

    /// A bank select, or a channel mode message.
    ///
    /// MIDI 1.0: all sound off (120), all notes off (123), and the changes of mode (124 to 127), which end all notes
    /// too. They end the open notes of their own track at once; a note of another track only if nothing else does. Notes
    /// that begin in the same tick sound on: files set their channels up after the first notes of tick 0.
    @inline(never)
    private mutating func channelMode(_ tick: Int, _ channel: UInt8, _ number: UInt8, _ value: UInt8) {
        switch number {
        case 0:
            if value >= 120 { hasDrumMessages = true }
            parts.append(part(.bank, tick, channel, value))
        case 120, 123...127:
            silences.append(part(.reset, tick, channel, number))
            guard openCount > 0 else { return }
            for pitch in 0..<UInt8(128) {
                while case let number = storage.heads[Int(channel) << 7 | Int(pitch)], number != 0,
                    Int(storage.notes[Int(number) - 1].start) < tick
                {
                    noteOff(tick, channel, pitch, 0)
                }
            }
        default: break
        }
    }

    @inline(__always)
    private mutating func noteOn(_ tick: Int, _ channel: UInt8, _ pitch: UInt8, _ velocity: UInt8) {
        let note = Note(
            start: UInt32(truncatingIfNeeded: tick), end: 0, trackNumber: track, pitch: pitch,
            velocity: velocity, releaseVelocity: 0, channel: channel,
            program: storage.programs[Int(channel)], portBits: port)
        if ownPrograms & 1 << UInt16(channel) == 0, channel != Note.drumChannel { isProgramMissing = true }
        (storage.notes + noteCount).initialize(to: note)
        noteCount &+= 1
        openCount &+= 1
        let key = Int(channel) << 7 | Int(pitch)
        let number = UInt32(truncatingIfNeeded: noteCount)
        if storage.heads[key] == 0 {
            storage.heads[key] = number
        } else {
            storage.notes[Int(storage.tails[key]) - 1].end = number
        }
        storage.tails[key] = number
    }

    @inline(__always)
    private mutating func noteOff(_ tick: Int, _ channel: UInt8, _ pitch: UInt8, _ velocity: UInt8) {
        let key = Int(channel) << 7 | Int(pitch)
        let number = storage.heads[key]
        guard number != 0 else { return }
        let note = storage.notes + Int(number) - 1
        storage.heads[key] = note.pointee.end
        note.pointee.end = UInt32(truncatingIfNeeded: tick)
        note.pointee.releaseVelocity = velocity
        (storage.releases + Int(number) - 1).initialize(to: UInt32(truncatingIfNeeded: controlCount))
        openCount &-= 1
    }

    mutating func endTrack(tick: Int, offset: Int) {
        if openCount > 0 {
            for key in 0..<Storage.keyCount {
                while case let number = storage.heads[key], number != 0 {
                    warnings.add(
                        MIDICode.noteUnended, "a note without an end; it ends with its track", offset: offset)
                    unended.append(Int(number) - 1)
                    noteOff(tick, UInt8(key >> 7), UInt8(key & 127), 0)
                }
            }
        }
        endTick = max(endTick, tick)
        if header.format == 2 { closeTimeline() }
        track += 1
    }

    private mutating func closeTimeline() {
        endStuckNotes()
        resolvePrograms()
        markReleasesBeforePedals()
        var timeline = Timeline(
            tempoMap: TempoMap(division: header.division, changes: ordered(tempi) { $0.tick }))
        timeline.timeSignatures = ordered(timeSignatures) { $0.tick }
        timeline.keys = ordered(keys) { $0.tick }
        timeline.notes = sortedByTick(UnsafeBufferPointer(start: storage.notes, count: noteCount))
        timeline.controls = sortedByTick(UnsafeBufferPointer(controls))
        timeline.pitchBends = pitchBends.withUnsafeBufferPointer(sortedByTick)
        timeline.programs = programs.withUnsafeBufferPointer(sortedByTick)
        timeline.texts = ordered(texts) { $0.tick }
        timeline.endTick = endTick
        timelines.append(timeline)
        if doubt == nil { doubt = silenceAfterDamage(timeline) }
        noteCount = 0
        endTick = 0
        tempi.removeAll()
        timeSignatures.removeAll()
        keys.removeAll()
        controlCount = 0
        pitchBends.removeAll()
        programs.removeAll()
        texts.removeAll()
        isProgramMissing = false
        hasDrumMessages = false
        parts.removeAll()
        trackStarts.removeAll()
        silences.removeAll()
        unended.removeAll()
        damagedFrom = nil
    }

    /// - Throws: `midi.damaged` if a silence shows that bytes were misread.
    mutating func score() throws(MIDIError) -> Score {
        if header.format != 2 { closeTimeline() }
        if let doubt { throw doubt }
        return Score(
            format: header.format, division: header.division, timelines: timelines,
            warnings: warnings.warnings)
    }

    mutating func runningStatus() {}
    mutating func damage(tick: Int) { damagedFrom = min(damagedFrom ?? tick, tick) }
    mutating func unknownChunk(id: UnsafeRawBufferPointer, bytes: UnsafeRawBufferPointer) {}

    // MARK: SysEx

    mutating func systemExclusive(tick: Int, status: UInt8, bytes: UnsafeRawBufferPointer) {
        // The longest message of interest has some twenty bytes.
        guard bytes.count <= 256 else { return openSysEx = [] }
        if status == 0xF0 {
            openSysEx = Array(bytes)
        } else if bytes.first == 0xF0 {
            // Whole messages sent as they are.
            openSysEx = Array(bytes.dropFirst())
        } else if openSysEx.isEmpty || openSysEx.last == 0xF7 || openSysEx.count > 256 {
            return openSysEx = []
        } else {
            openSysEx += bytes
        }
        let isWhole = openSysEx.last == 0xF7
        for message in openSysEx.split(separator: 0xF7) {
            readSysEx(message.first == 0xF0 ? message.dropFirst() : message, tick: tick, isWhole: isWhole)
        }
        if isWhole { openSysEx = [] }
    }

    private mutating func readSysEx(_ message: ArraySlice<UInt8>, tick: Int, isWhole: Bool) {
        var found: [PartSysEx.Found] = []
        let hasWrongChecksum = PartSysEx.read(message) { found.append($0) }
        if hasWrongChecksum, isWhole {
            warnings.add(
                MIDICode.checksum, "a Roland GS message about a part with a wrong checksum; left out",
                offset: nil)
        }
        for one in found {
            hasDrumMessages = true
            var message = part(one.kind, tick, one.part, one.value)
            if one.isOtherPort { message.port ^= 1 }
            parts.append(message)
        }
    }

    // MARK: Meta events

    mutating func meta(
        tick: Int, type: UInt8, bytes: UnsafeRawBufferPointer, offset: Int
    ) throws(MIDIError) {
        switch type {
        case 0x01...0x0F:
            texts.append(TextEvent(tick: tick, track: Int(track), type: type, bytes: Array(bytes)))
        case 0x21:
            guard hasLength(bytes, expected: 1, needed: 1, name: "port", offset: offset) else { return }
            if bytes[0] & 0x7F != port { setPort(bytes[0] & 0x7F) }
        case 0x51: try tempo(tick, bytes, offset)
        case 0x58: timeSignature(tick, bytes, offset)
        case 0x59: key(tick, bytes, offset)
        default: break
        }
    }

    /// Whether a meta event has the bytes that its meaning needs; any other length than the right one is told.
    private mutating func hasLength(
        _ bytes: UnsafeRawBufferPointer, expected: Int, needed: Int, name: String, offset: Int
    ) -> Bool {
        if bytes.count != expected {
            warnings.add(
                MIDICode.metaLength,
                "a \(name) of \(bytes.count) bytes, expected \(expected); "
                    + (bytes.count < needed ? "left out" : "read from its first \(needed)"),
                offset: offset)
        }
        return bytes.count >= needed
    }

    private mutating func tempo(
        _ tick: Int, _ bytes: UnsafeRawBufferPointer, _ offset: Int
    ) throws(MIDIError) {
        guard hasLength(bytes, expected: 3, needed: 3, name: "tempo", offset: offset) else { return }
        let value = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
        guard case .ticksPerQuarter = header.division else { return }
        guard value > 0 else {
            throw MIDIError(MIDICode.tempoZero, "a tempo of 0 microseconds a beat", offset: offset)
        }
        tempi.append(TempoMap.Change(tick: tick, microsecondsPerBeat: value))
    }

    private mutating func timeSignature(_ tick: Int, _ bytes: UnsafeRawBufferPointer, _ offset: Int) {
        guard hasLength(bytes, expected: 4, needed: 2, name: "time signature", offset: offset) else { return }
        guard bytes[0] > 0, bytes[1] <= 8 else {
            warnings.add(
                MIDICode.badTimeSignature,
                "a time signature of \(bytes[0]) over 2 to the power \(bytes[1]); left out",
                offset: offset)
            return
        }
        timeSignatures.append(
            TimeSignature(tick: tick, numerator: Int(bytes[0]), denominator: 1 << Int(bytes[1])))
    }

    private mutating func key(_ tick: Int, _ bytes: UnsafeRawBufferPointer, _ offset: Int) {
        guard hasLength(bytes, expected: 2, needed: 2, name: "key signature", offset: offset) else { return }
        let sharps = Int(Int8(bitPattern: bytes[0]))
        guard (-7...7).contains(sharps), bytes[1] <= 1 else {
            warnings.add(
                MIDICode.badKey, "a key signature of \(sharps) sharps and mode \(bytes[1]); left out",
                offset: offset)
            return
        }
        keys.append(KeySignature(tick: tick, sharps: sharps, isMinor: bytes[1] == 1))
    }
}

/// A copy in the order of ticks; equal ticks stay as they were.
private func ordered<Element>(_ elements: [Element], by tick: (Element) -> Int) -> [Element] {
    elements.enumerated().sorted { (tick($0.element), $0.offset) < (tick($1.element), $1.offset) }
        .map(\.element)
}
