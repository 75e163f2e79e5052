/// Where the decoder is in a track.
struct TrackEvents {
    /// The bytes of the events.
    let range: Range<Int>
    /// Where the track ends by its length; past the file if the length is too long.
    let declaredEnd: Int
    /// Where the event that is being read begins; after the last one, where it ends.
    var position: Int
    /// The tick of the event before it; after the last one, of that one.
    var tick = 0
    /// The running status at the first event; 0 is none.
    var status: UInt8 = 0
    /// Whether the bytes after an end-of-track event run on to another at the track's declared end.
    var runsOn: Bool?

    init(_ range: Range<Int>, declaredEnd: Int) {
        self.range = range
        self.declaredEnd = declaredEnd
        position = range.lowerBound
    }
}

/// Where tracks end: lengths and end-of-track events may disagree.
///
/// No file is accepted without its notes: what could be a track or a part of one is never left out.
extension SMFDecoder {
    // MARK: The end of a track

    /// Whether an end-of-track event is a stray one: the events after it run on to an end of track exactly at the
    /// track's declared end.
    ///
    /// Tried once in a track, so that time stays linear. A repeated end of track without events between is none.
    mutating func isStray(endAt position: Int, tick: Int, status: UInt8, in track: inout TrackEvents) -> Bool
    {
        guard position < track.range.upperBound, track.declaredEnd == track.range.upperBound else {
            return false
        }
        let runsOn = track.runsOn ?? runsOn(from: position, tick: tick, status: status, in: track)
        track.runsOn = runsOn
        if runsOn {
            sink.warnings.add(
                MIDICode.endOfTrackInside, "an end-of-track event inside a track that runs on; left out",
                offset: position)
        }
        return runsOn
    }

    private func runsOn(from position: Int, tick: Int, status: UInt8, in track: TrackEvents) -> Bool {
        guard !beginsChunk(at: position, end: bytes.count),
            firstIndex(of: "MTrk", from: position, to: track.declaredEnd) == nil
        else { return false }
        var rest = TrackEvents(position..<track.declaredEnd, declaredEnd: track.declaredEnd)
        rest.tick = tick
        rest.status = status
        let trial = trial(&rest)
        return trial.isEnded && trial.eventCount > 0
    }

    /// Decodes bytes without effect: whether they are events up to an end of track at the very end, and how many.
    private func trial(_ events: inout TrackEvents) -> EventCounter {
        var decoder = SMFDecoder<EventCounter>(bytes, sink: EventCounter())
        decoder.header = header
        // Ends of tracks before the last are skipped.
        events.runsOn = true
        decoder.sink.isEnded = (try? decoder.decodeEvents(&events)) ?? false
        return decoder.sink
    }

    /// The end-of-track event that begins where the track's declared end cut the events off, and reaches past it.
    ///
    /// A track of no length says nothing about where its events end.
    func endOfTrack(after track: TrackEvents, fileEnd: Int) -> (tick: Int, next: Int)? {
        guard !track.range.isEmpty else { return nil }
        var position = track.position
        guard let delta = try? number(&position, end: fileEnd), position + 3 <= fileEnd,
            bytes[position] == 0xFF, bytes[position + 1] == 0x2F, bytes[position + 2] == 0,
            position + 3 > track.declaredEnd, track.tick + delta <= header.division.maximumTick
        else { return nil }
        return (track.tick + delta, position + 3)
    }

    /// Ends a track by an end-of-track event past its length; returns where the next chunk begins.
    mutating func endOutside(_ track: TrackEvents, _ end: (tick: Int, next: Int)) throws(MIDIError) -> Int {
        sink.warnings.add(
            MIDICode.endOfTrackOutside,
            "a track's length ends it \(end.next - track.declaredEnd) bytes before its end-of-track event does",
            offset: track.position)
        sink.endTrack(tick: end.tick, offset: end.next)
        return end.next
    }

    /// Where the next chunk begins after an end-of-track event that ended its track at `position`.
    mutating func afterEnd(_ position: Int, declaredEnd: Int, fileEnd: Int) throws(MIDIError) -> Int {
        if position == declaredEnd { return position }
        let isSound = declaredEnd == fileEnd || beginsChunk(at: declaredEnd, end: fileEnd)
        if declaredEnd > fileEnd || !isSound || beginsChunk(at: position, end: fileEnd) {
            sink.warnings.add(
                MIDICode.trackLengthLong,
                "a track ends \(declaredEnd - position) bytes before its length says", offset: position)
            return position
        }
        if let track = firstIndex(of: "MTrk", from: position, to: declaredEnd) {
            throw MIDIError(
                MIDICode.badChunk, "a track's header among the bytes after an end-of-track event",
                offset: track)
        }
        sink.warnings.add(
            MIDICode.dataAfterEnd,
            "\(declaredEnd - position) bytes after an end-of-track event; left out", offset: position)
        return declaredEnd
    }

    // MARK: Chunks

    /// The length of a chunk: of a track whatever it says, of others only if they fit in the file; nil if there is
    /// no chunk.
    func chunkLength(at position: Int, end: Int) -> Int? {
        guard position + 8 <= end else { return nil }
        let length = bigEndian32(at: position + 4)
        if has("MTrk", at: position) { return length }
        let isNamed = slice(position..<position + 4).allSatisfy { (0x20...0x7E).contains($0) }
        return isNamed && position + 8 + length <= end ? length : nil
    }

    /// Whether a chunk begins at a position, a second file's header among them.
    func beginsChunk(at position: Int, end: Int) -> Bool {
        has("MThd", at: position) || chunkLength(at: position, end: end) != nil
    }

    /// Judges bytes that are no chunk: harmless after the last track, else the notes are in doubt.
    mutating func reject(bytesAt position: Int, unendedTrackEnd: Int?, end: Int) throws(MIDIError) {
        if !isPadding(position..<end) || tracksSeen < header.trackCount && end - position >= 8 {
            if unendedTrackEnd == position {
                throw MIDIError(
                    MIDICode.trackLengthShort,
                    "the track's length ends it before its end-of-track event, and no chunk follows",
                    offset: position)
            }
            guard tracksSeen >= header.trackCount, tracksSeen > 0 else {
                throw MIDIError(
                    MIDICode.badChunk,
                    "expected track \(tracksSeen + 1) of \(header.trackCount), found bytes that are not a chunk",
                    offset: position)
            }
            if let track = firstIndex(of: "MTrk", from: position, to: end),
                track < firstIndex(of: "MThd", from: position, to: end) ?? end
            {
                throw MIDIError(
                    MIDICode.badChunk, "a track's header among bytes that are not a chunk", offset: track)
            }
            // The status may have been set before the end of track.
            var rest = TrackEvents(position..<end, declaredEnd: end)
            rest.status = 0x90
            if case let trial = trial(&rest), trial.isEnded, trial.noteCount > 0 {
                throw MIDIError(
                    MIDICode.trackLengthShort,
                    "the track ends before its notes: further events and an end of track follow",
                    offset: position)
            }
        }
        sink.warnings.add(
            MIDICode.dataAfterEnd, "bytes after the end that are not a chunk; left out", offset: position)
    }

    /// Line ends, blanks, zeros and DOS's end-of-file mark, as transfers and editors leave them.
    private func isPadding(_ range: Range<Int>) -> Bool {
        slice(range).allSatisfy { [0x00, 0x09, 0x0A, 0x0D, 0x1A, 0x20].contains($0) }
    }

    /// Compares the header's number of tracks with those found.
    ///
    /// - Parameters:
    ///   - firstChunk: From where on tracks may lie.
    ///   - stop: Where reading stopped: at a second file, at the end, or at bytes that are no chunk.
    ///   - end: The end of the file or of the RIFF chunk that holds it.
    /// - Throws: `midi.no-tracks`, `midi.bad-chunk` if promised tracks are missing.
    mutating func checkTrackCount(firstChunk: Int, stop: Int, end: Int) throws(MIDIError) {
        if tracksSeen == 0, header.trackCount > 0 {
            throw MIDIError(
                MIDICode.noTracks, "the header promises \(header.trackCount) tracks, the file has none",
                offset: end)
        }
        if tracksSeen < header.trackCount { try findMissingTracks(firstChunk: firstChunk, stop: stop) }
        if header.format == 0, tracksSeen > 1 {
            sink.warnings.add(
                MIDICode.formatZeroTracks, "\(tracksSeen) tracks in a file of format 0; read as format 1",
                offset: nil)
        }
        if tracksSeen != header.trackCount {
            sink.warnings.add(
                MIDICode.trackCount,
                "the header promises \(header.trackCount) tracks, the file has \(tracksSeen)",
                offset: nil)
        }
    }

    /// Stops if a promised track may lie where none was read: inside another chunk, or past the RIFF chunk's end.
    private func findMissingTracks(firstChunk: Int, stop: Int) throws(MIDIError) {
        let end = has("MThd", at: stop) ? stop : bytes.count
        var found = 0
        var position = firstChunk
        while let track = firstIndex(of: "MTrk", from: position, to: end) {
            found += 1
            position = track + 4
            guard found <= tracksSeen else {
                throw MIDIError(
                    MIDICode.badChunk,
                    "\(tracksSeen) of \(header.trackCount) promised tracks, and a track's header that was skipped",
                    offset: track)
            }
        }
    }

    /// The first place of an identifier that begins in a stretch of the bytes.
    func firstIndex(of id: StaticString, from start: Int, to end: Int) -> Int? {
        let first = id.utf8Start[0]
        var position = start
        while position < end {
            if bytes[position] == first, has(id, at: position) { return position }
            position += 1
        }
        return nil
    }
}

/// Counts events, and keeps none.
struct EventCounter: SMFSink {
    var warnings = WarningLog()
    var isEnded = false
    private(set) var eventCount = 0
    private(set) var noteCount = 0

    mutating func channelMessage(tick: Int, status: UInt8, data1: UInt8, data2: UInt8) {
        eventCount += 1
        if status & 0xF0 == 0x90, data2 > 0 { noteCount += 1 }
    }

    mutating func meta(tick: Int, type: UInt8, bytes: UnsafeRawBufferPointer, offset: Int) { eventCount += 1 }

    mutating func systemExclusive(tick: Int, status: UInt8, bytes: UnsafeRawBufferPointer) { eventCount += 1 }

    mutating func begin(_ header: SMFHeader) {}
    mutating func beginTrack() {}
    mutating func runningStatus() {}
    mutating func damage(tick: Int) {}
    mutating func endTrack(tick: Int, offset: Int) {}
    mutating func unknownChunk(id: UnsafeRawBufferPointer, bytes: UnsafeRawBufferPointer) {}
}
