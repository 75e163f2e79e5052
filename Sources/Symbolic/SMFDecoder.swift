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
    private var header = SMFHeader(format: 0, trackCount: 0, division: .ticksPerQuarter(1))
    private var tracksSeen = 0

    init(_ bytes: UnsafeRawBufferPointer, sink: Sink) {
        self.bytes = bytes
        self.sink = sink
    }

    /// The largest file that is read, in bytes.
    static var maximumByteCount: Int { 16 << 20 }

    mutating func decode() throws(MIDIError) {
        guard bytes.count <= Self.maximumByteCount else {
            throw MIDIError(
                MIDICode.tooLarge, "the file has \(bytes.count) bytes, more than \(Self.maximumByteCount)")
        }
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
        var openTrackEnd: Int?
        while position < end {
            let isTrack = position + 8 <= end && has("MTrk", at: position)
            let length = position + 8 <= end ? bigEndian32(at: position + 4) : 0
            guard isTrack || isChunk(at: position, length: length, end: end) else {
                try reject(bytesAt: position, openTrackEnd: openTrackEnd)
                break
            }
            let body = position + 8
            if isTrack {
                guard tracksSeen < Int(Int16.max) else {
                    throw MIDIError(
                        MIDICode.tooManyTracks, "more than \(Int16.max) tracks", offset: position)
                }
                let ended: Bool
                (position, ended) = try decodeTrack(body, declaredEnd: body + length, fileEnd: end)
                openTrackEnd = ended ? nil : position
                tracksSeen += 1
            } else {
                sink.unknownChunk(id: slice(position..<position + 4), bytes: slice(body..<body + length))
                position = body + length
                openTrackEnd = nil
            }
        }
        try checkTrackCount(end: end)
    }

    private func isChunk(at position: Int, length: Int, end: Int) -> Bool {
        position + 8 + length <= end && position + 8 <= end
            && slice(position..<position + 4).allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// Bytes that are no chunk: harmless after the last track, else the notes are in doubt.
    private mutating func reject(bytesAt position: Int, openTrackEnd: Int?) throws(MIDIError) {
        if openTrackEnd == position {
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
        sink.warnings.add(
            MIDICode.dataAfterEnd, "bytes after the end that are not a chunk; left out", offset: position)
    }

    private mutating func checkTrackCount(end: Int) throws(MIDIError) {
        if tracksSeen == 0, header.trackCount > 0 {
            throw MIDIError(
                MIDICode.noTracks, "the header promises \(header.trackCount) tracks, the file has none",
                offset: end)
        }
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

    // MARK: Events

    /// Decodes a track's events; returns where the next chunk begins, and whether the track was ended.
    private mutating func decodeTrack(
        _ start: Int, declaredEnd: Int, fileEnd: Int
    ) throws(MIDIError) -> (next: Int, ended: Bool) {
        let end = min(declaredEnd, fileEnd)
        let maximumTick = header.division.maximumTick
        var position = start
        var tick = 0
        var status: UInt8 = 0
        var isCancelled = false
        sink.beginTrack()
        while position < end {
            tick += try number(&position, end: end)
            guard tick <= maximumTick else {
                throw MIDIError(
                    MIDICode.tooLong, "tick \(tick) lies past 100,000 beats (tick \(maximumTick))",
                    offset: position)
            }
            guard position < end else { throw truncated(at: position) }
            var first = bytes[position]
            if first >= 0xF0 {
                let offset = position
                position += 1
                if first == 0xFF {
                    guard position < end else { throw truncated(at: position) }
                    let type = bytes[position]
                    position += 1
                    let body = try block(&position, end: end)
                    if type == 0x2F {
                        if !body.isEmpty {
                            sink.warnings.add(
                                MIDICode.metaLength, "an end of track of \(body.count) bytes, expected 0",
                                offset: offset)
                        }
                        sink.endTrack(tick: tick, offset: position)
                        return (afterTrack(position, end: end, declaredEnd: declaredEnd), true)
                    }
                    try sink.meta(tick: tick, type: type, bytes: slice(body), offset: offset)
                    isCancelled = true
                } else if first == 0xF0 || first == 0xF7 {
                    let body = try block(&position, end: end)
                    sink.systemExclusive(tick: tick, status: first, bytes: slice(body))
                    isCancelled = true
                } else {
                    try skipSystemMessage(first, &position, end: end)
                }
                continue
            }
            if first >= 0x80 {
                status = first
                isCancelled = false
                position += 1
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
            position += 1
            var second: UInt8 = 0
            if status & 0xE0 != 0xC0 {
                guard position < end else { throw truncated(at: position) }
                second = bytes[position]
                position += 1
            }
            if (first | second) & 0x80 != 0 { clip(&first, &second, offset: position) }
            sink.channelMessageEnds(at: position)
            sink.channelMessage(tick: tick, status: status, data1: first, data2: second)
        }
        guard declaredEnd <= fileEnd else { throw truncated(at: position) }
        sink.warnings.add(MIDICode.noEndOfTrack, "a track without an end-of-track event", offset: position)
        sink.endTrack(tick: tick, offset: position)
        return (position, false)
    }

    /// Where the next chunk begins after an end-of-track event at `position`.
    private mutating func afterTrack(_ position: Int, end: Int, declaredEnd: Int) -> Int {
        if declaredEnd > end || position + 8 <= end && has("MTrk", at: position) {
            sink.warnings.add(
                MIDICode.trackLengthLong,
                "a track ends \(declaredEnd - position) bytes before its length says",
                offset: position)
            return position
        }
        if position < end {
            sink.warnings.add(
                MIDICode.dataAfterEnd, "\(end - position) bytes after an end-of-track event; left out",
                offset: position)
        }
        return end
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
    private func number(_ position: inout Int, end: Int) throws(MIDIError) -> Int {
        guard position < end else { throw truncated(at: position) }
        let byte = bytes[position]
        if byte < 0x80 {
            position += 1
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

    private func truncated(at position: Int) -> MIDIError {
        MIDIError(
            MIDICode.trackTruncated, "the track ends inside an event or before its end", offset: position)
    }

    // MARK: Bytes

    private func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    private func has(_ id: StaticString, at position: Int) -> Bool {
        position + 4 <= bytes.count && (0..<4).allSatisfy { bytes[position + $0] == id.utf8Start[$0] }
    }

    private func bigEndian16(at position: Int) -> Int {
        Int(bytes[position]) << 8 | Int(bytes[position + 1])
    }

    private func bigEndian32(at position: Int) -> Int {
        bigEndian16(at: position) << 16 | bigEndian16(at: position + 2)
    }

    private func described(_ range: Range<Int>) -> String {
        range.isEmpty
            ? "nothing" : "bytes \(bytes[range].map { String($0, radix: 16) }.joined(separator: " "))"
    }
}
