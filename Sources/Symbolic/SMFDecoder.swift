/// What a file's header says.
struct SMFHeader {
    var format: Int
    var trackCount: Int
    var division: Division
}

/// What takes in the events of a file as they are decoded, track after track.
protocol SMFSink {
    var warnings: WarningLog { get set }

    mutating func begin(_ header: SMFHeader)
    mutating func beginTrack()
    /// The channel message that follows ends before this place in the file.
    mutating func channelMessageEnds(at offset: Int)
    /// A channel message; `data2` is 0 where the message has one data byte.
    mutating func channelMessage(tick: Int, status: UInt8, data1: UInt8, data2: UInt8)
    /// The channel message that follows leaves out its status byte, as it may.
    mutating func runningStatus()
    /// A meta event but the end of track.
    mutating func meta(tick: Int, type: UInt8, bytes: UnsafeRawBufferPointer, offset: Int) throws(MIDIError)
    /// A SysEx event (status F0) or an escape (F7).
    mutating func systemExclusive(tick: Int, status: UInt8, bytes: UnsafeRawBufferPointer)
    /// Bytes that no writer means, read with a warning: what follows in the track may be misread.
    mutating func damage(tick: Int)
    mutating func endTrack(tick: Int, offset: Int)
    mutating func unknownChunk(id: UnsafeRawBufferPointer, bytes: UnsafeRawBufferPointer)
}

extension SMFSink {
    /// Most sinks do not ask.
    @inline(__always)
    mutating func channelMessageEnds(at offset: Int) {}
}

/// Decodes a Standard MIDI File in one pass and feeds each event to a sink.
///
/// Source: Standard MIDI Files 1.0 (RP-001), for RIFF-wrapped files RP-029. Formats 0, 1 and 2, running status,
/// longer headers, unknown chunks. What is wrong but unambiguous becomes a warning, what leaves the notes in
/// doubt an error (`MIDICode`). Memory is the sink's alone; time is linear in the file.
struct SMFDecoder<Sink: SMFSink> {
    let bytes: UnsafeRawBufferPointer
    var sink: Sink
    var header = SMFHeader(format: 0, trackCount: 0, division: .ticksPerQuarter(1))
    var tracksSeen = 0

    init(_ bytes: UnsafeRawBufferPointer, sink: Sink) {
        self.bytes = bytes
        self.sink = sink
    }

    /// The largest file that is read, in bytes.
    static var maximumByteCount: Int { MIDIError.maximumByteCount }

    mutating func decode() throws(MIDIError) {
        guard bytes.count <= Self.maximumByteCount else { throw MIDIError.tooLarge(byteCount: bytes.count) }
        var (position, end) = try content()
        try decodeHeader(&position, end: end)
        sink.begin(header)
        try decodeChunks(from: position, end: end)
    }

    /// Where the MIDI file lies: the whole, or the `data` chunk of a RIFF file of type RMID.
    private func content() throws(MIDIError) -> (start: Int, end: Int) {
        guard has("RIFF", at: 0), has("RMID", at: 8) else { return (0, bytes.count) }
        var position = 12
        while position + 8 <= bytes.count {
            let size = Int(
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self)))
            if has("data", at: position) { return (position + 8, min(position + 8 + size, bytes.count)) }
            position += 8 + size + size % 2
        }
        throw MIDIError(MIDICode.noHeader, "the RIFF file has no data chunk", offset: 12)
    }

    private mutating func decodeHeader(_ position: inout Int, end: Int) throws(MIDIError) {
        let start = position
        if has("SMF2", at: start), has("CLIP", at: start + 4) {
            throw MIDIError(
                MIDICode.noHeader,
                "a MIDI 2.0 clip file, which is not a Standard MIDI File; export it as a .mid file",
                offset: start)
        }
        guard has("MThd", at: start) else {
            throw MIDIError(
                MIDICode.noHeader, "expected 'MThd', found \(described(start..<min(start + 4, end)))",
                offset: start)
        }
        guard start + 8 <= end, case let length = bigEndian32(at: start + 4), start + 8 + length <= end else {
            throw MIDIError(MIDICode.headerTruncated, "the file ends inside its header", offset: end)
        }
        guard length >= 6 else {
            throw MIDIError(
                MIDICode.badHeader, "the header has \(length) bytes, expected at least 6", offset: start + 4)
        }
        let format = bigEndian16(at: start + 8)
        let field = bigEndian16(at: start + 12)
        guard let division = Division(field: UInt16(field)) else {
            throw MIDIError(
                MIDICode.badDivision, "the time division is 0x\(String(field, radix: 16))", offset: start + 12
            )
        }
        header = SMFHeader(format: format, trackCount: bigEndian16(at: start + 10), division: division)
        if format > 2 {
            sink.warnings.add(
                MIDICode.unknownFormat, "the format is \(format); read as format 1", offset: start + 8)
        }
        position = start + 8 + length
    }

    private mutating func decodeChunks(from start: Int, end: Int) throws(MIDIError) {
        var position = start
        var unendedTrackEnd: Int?
        while position < end {
            if has("MThd", at: position) {
                sink.warnings.add(
                    MIDICode.dataAfterEnd, "a second MIDI file after the end of the first; left out",
                    offset: position)
                break
            }
            guard let length = chunkLength(at: position, end: end) else {
                try reject(bytesAt: position, unendedTrackEnd: unendedTrackEnd, end: end)
                break
            }
            let body = position + 8
            if has("MTrk", at: position) {
                guard tracksSeen < Int(Int16.max) else {
                    throw MIDIError(
                        MIDICode.tooManyTracks, "more than \(Int16.max) tracks", offset: position)
                }
                let ended: Bool
                (position, ended) = try decodeTrack(body, declaredEnd: body + length, fileEnd: end)
                unendedTrackEnd = ended ? nil : position
                tracksSeen += 1
            } else {
                sink.unknownChunk(id: slice(position..<position + 4), bytes: slice(body..<body + length))
                position = body + length
                unendedTrackEnd = nil
            }
        }
        try checkTrackCount(firstChunk: min(start, 14), stop: position, end: end)
    }

    // MARK: Events

    /// Decodes a track's events; returns where the next chunk begins, and whether the track was ended.
    private mutating func decodeTrack(
        _ start: Int, declaredEnd: Int, fileEnd: Int
    ) throws(MIDIError) -> (next: Int, ended: Bool) {
        var track = TrackEvents(start..<min(declaredEnd, fileEnd), declaredEnd: declaredEnd)
        sink.beginTrack()
        var ended = false
        do throws(MIDIError) {
            ended = try decodeEvents(&track)
        } catch {
            // Only the end of track may lie across the end that the length says.
            guard declaredEnd <= fileEnd, let end = endOfTrack(after: track, fileEnd: fileEnd) else {
                throw error
            }
            return (try endOutside(track, end), true)
        }
        if ended {
            sink.endTrack(tick: track.tick, offset: track.position)
            return (try afterEnd(track.position, declaredEnd: declaredEnd, fileEnd: fileEnd), true)
        }
        guard declaredEnd <= fileEnd else { throw truncated(at: track.position) }
        if let end = endOfTrack(after: track, fileEnd: fileEnd) { return (try endOutside(track, end), true) }
        if let swallowed = firstIndex(of: "MTrk", from: start, to: declaredEnd) {
            throw MIDIError(
                MIDICode.badChunk, "a track without an end-of-track event runs over the header of the next",
                offset: swallowed)
        }
        sink.warnings.add(
            MIDICode.noEndOfTrack, "a track without an end-of-track event", offset: track.position)
        sink.endTrack(tick: track.tick, offset: track.position)
        return (track.position, false)
    }

    /// Decodes events up to an end of track, or to the end of the bytes; returns whether the track was ended.
    ///
    /// On an error `track` says where the event in question begins.
    mutating func decodeEvents(_ track: inout TrackEvents) throws(MIDIError) -> Bool {
        let end = track.range.upperBound
        let maximumTick = header.division.maximumTick
        var position = track.range.lowerBound
        var tick = track.tick
        var status = track.status
        var isCancelled = false
        var (eventPosition, eventTick) = (position, tick)
        defer {
            track.position = eventPosition
            track.tick = eventTick
        }
        while position < end {
            eventPosition = position
            eventTick = tick
            tick &+= try number(&position, end: end)
            guard tick <= maximumTick else {
                throw MIDIError(
                    MIDICode.tooLong, "tick \(tick) lies past 100,000 beats (tick \(maximumTick))",
                    offset: position)
            }
            guard position < end else { throw truncated(at: position) }
            var first = bytes[position]
            if first >= 0xF0 {
                // A copy, so that the position itself need not be in memory.
                var next = position
                switch try decodeOtherEvent(&next, tick: tick, status: status, end: end, in: &track) {
                case .cancelsStatus: isCancelled = true
                case .keepsStatus: break
                case .endsTrack:
                    eventPosition = next
                    eventTick = tick
                    return true
                }
                position = next
                continue
            }
            if first >= 0x80 {
                status = first
                isCancelled = false
                position &+= 1
                guard position < end else { throw truncated(at: position) }
                first = bytes[position]
            } else if isCancelled || status == 0 {
                guard status != 0 else {
                    throw MIDIError(
                        MIDICode.noStatus, "a data byte 0x\(String(first, radix: 16)) before any status",
                        offset: position)
                }
                sink.warnings.add(
                    MIDICode.runningStatus, "a running status carried across a meta or SysEx event",
                    offset: position)
                isCancelled = false
            } else {
                sink.runningStatus()
            }
            position &+= 1
            var second: UInt8 = 0
            if status & 0xE0 != 0xC0 {
                guard position < end else { throw truncated(at: position) }
                second = bytes[position]
                position &+= 1
            }
            if (first | second) & 0x80 != 0 {
                clip(&first, &second, offset: position)
                sink.damage(tick: tick)
            }
            sink.channelMessageEnds(at: position)
            sink.channelMessage(tick: tick, status: status, data1: first, data2: second)
        }
        eventPosition = position
        eventTick = tick
        return false
    }

    /// What an event that is no channel message does to the track.
    private enum OtherEvent {
        /// Running status ends.
        case cancelsStatus
        case keepsStatus
        case endsTrack
    }

    /// Decodes a meta event, a SysEx or what has no place in a file; the position is that of its first byte, then of the
    /// next event.
    @inline(never)
    private mutating func decodeOtherEvent(
        _ position: inout Int, tick: Int, status: UInt8, end: Int, in track: inout TrackEvents
    ) throws(MIDIError) -> OtherEvent {
        let (first, offset) = (bytes[position], position)
        position += 1
        switch first {
        case 0xFF:
            guard position < end else { throw truncated(at: position) }
            let type = bytes[position]
            position += 1
            let body = try block(&position, end: end)
            guard type == 0x2F else {
                try sink.meta(tick: tick, type: type, bytes: slice(body), offset: offset)
                return .cancelsStatus
            }
            if !body.isEmpty {
                sink.warnings.add(
                    MIDICode.metaLength, "an end of track of \(body.count) bytes, expected 0",
                    offset: offset)
            }
            return isStray(endAt: position, tick: tick, status: status, in: &track)
                ? .keepsStatus : .endsTrack
        case 0xF0, 0xF7:
            let body = try block(&position, end: end)
            sink.systemExclusive(tick: tick, status: first, bytes: slice(body))
            return .cancelsStatus
        default:
            try skipSystemMessage(first, &position, end: end)
            sink.damage(tick: tick)
            return .keepsStatus
        }
    }

    private mutating func skipSystemMessage(
        _ status: UInt8, _ position: inout Int, end: Int
    ) throws(MIDIError) {
        sink.warnings.add(
            MIDICode.systemMessage,
            "a system message 0x\(String(status, radix: 16)), which has no place in a file",
            offset: position - 1)
        // MIDI 1.0: a quarter frame and a song select have one data byte, a song position two.
        position += status == 0xF2 ? 2 : status == 0xF1 || status == 0xF3 ? 1 : 0
        guard position <= end else { throw truncated(at: end) }
    }

    @inline(never)
    private mutating func clip(_ first: inout UInt8, _ second: inout UInt8, offset: Int) {
        sink.warnings.add(
            MIDICode.dataByteClipped, "a data byte over 127, read as 127",
            offset: offset - (second > 127 ? 1 : 2))
        first = min(first, 127)
        second = min(second, 127)
    }

    /// A variable-length number: at most four bytes, the upper bit set in all but the last.
    @inline(__always)
    func number(_ position: inout Int, end: Int) throws(MIDIError) -> Int {
        guard position < end else { throw truncated(at: position) }
        let byte = bytes[position]
        if byte < 0x80 {
            position &+= 1
            return Int(byte)
        }
        return try longNumber(&position, end: end)
    }

    private func longNumber(_ position: inout Int, end: Int) throws(MIDIError) -> Int {
        let start = position
        var value = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            value = value << 7 | Int(byte & 0x7F)
            if byte < 0x80 { return value }
            if position == start + 4 {
                throw MIDIError(
                    MIDICode.numberTooLong, "a variable-length number of more than 4 bytes", offset: start)
            }
        }
        throw truncated(at: position)
    }

    /// A length and that many bytes.
    private func block(_ position: inout Int, end: Int) throws(MIDIError) -> Range<Int> {
        let length = try number(&position, end: end)
        guard position + length <= end else {
            throw MIDIError(
                MIDICode.trackTruncated,
                "an event of \(length) bytes runs past the end of its track, \(end - position) bytes on",
                offset: position)
        }
        defer { position += length }
        return position..<position + length
    }

    func truncated(at position: Int) -> MIDIError {
        MIDIError(
            MIDICode.trackTruncated, "the track ends inside an event or before its end", offset: position)
    }

    // MARK: Bytes

    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    func has(_ id: StaticString, at position: Int) -> Bool {
        position + 4 <= bytes.count && (0..<4).allSatisfy { bytes[position + $0] == id.utf8Start[$0] }
    }

    func bigEndian16(at position: Int) -> Int {
        Int(bytes[position]) << 8 | Int(bytes[position + 1])
    }

    func bigEndian32(at position: Int) -> Int {
        bigEndian16(at: position) << 16 | bigEndian16(at: position + 2)
    }

    private func described(_ range: Range<Int>) -> String {
        range.isEmpty
            ? "nothing" : "bytes \(bytes[range].map { String($0, radix: 16) }.joined(separator: " "))"
    }
}
