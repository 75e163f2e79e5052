/// A Standard MIDI File at the level of its events, nothing interpreted and nothing lost that has a meaning.
///
/// `read` then `write` gives the same bytes for a file in canonical form: a header of six bytes with the true
/// number of tracks, variable-length numbers without padding, tracks that end with their end-of-track event,
/// no RIFF wrapper, and running status either nowhere or wherever it is allowed. Of any other file it gives a
/// canonical one with the same events. Writing a value and reading it gives an equal value, but that where running
/// status has nothing to leave out, `usesRunningStatus` reads as false; and that a gap of more than 268,435,455
/// ticks, which no number in a file can say, is bridged by empty texts.
public struct MIDIFile: Hashable, Sendable {
    /// What happens at one instant of a track.
    public enum Message: Hashable, Sendable {
        /// A channel message: status 0x80 to 0xEF, data bytes of seven bits; the second is 0 for a program
        /// change and a channel pressure, which have one.
        case channel(status: UInt8, data1: UInt8, data2: UInt8)
        /// A meta event of any type but 0x2F, the end of track.
        case meta(type: UInt8, bytes: [UInt8])
        /// A SysEx event: the bytes after F0 and its length, usually ending in F7.
        case systemExclusive([UInt8])
        /// A continued SysEx, or bytes to send as they are: the bytes after F7 and its length.
        case escape([UInt8])
    }

    /// A message and its place.
    public struct Event: Hashable, Sendable {
        /// Ticks from the start of the track.
        public var tick: Int
        /// What happens.
        public var message: Message

        /// Places a message.
        public init(tick: Int, _ message: Message) {
            self.tick = tick
            self.message = message
        }
    }

    /// A track.
    public struct Track: Hashable, Sendable {
        /// The events in the order of ticks, without the end of track.
        public var events: [Event]
        /// Where its end-of-track event stands, not before the last event.
        public var endTick: Int

        /// A track of events.
        public init(events: [Event] = [], endTick: Int = 0) {
            self.events = events
            self.endTick = endTick
        }
    }

    /// A part of the file after its header.
    public enum Chunk: Hashable, Sendable {
        /// A track.
        case track(Track)
        /// Something else: an identifier of four bytes, and bytes that readers skip.
        case other(id: [UInt8], bytes: [UInt8])
    }

    /// 0, 1 or 2; others are kept as read.
    public var format: Int
    /// The length of a tick.
    public var division: Division
    /// The tracks, and what is between them.
    public var chunks: [Chunk]
    /// Whether `write` leaves out a status byte that repeats the one before.
    public var usesRunningStatus: Bool

    /// A file of chunks.
    public init(format: Int, division: Division, chunks: [Chunk], usesRunningStatus: Bool = false) {
        self.format = format
        self.division = division
        self.chunks = chunks
        self.usesRunningStatus = usesRunningStatus
    }

    /// The tracks alone.
    public var tracks: [Track] {
        chunks.compactMap { if case .track(let track) = $0 { track } else { nil } }
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - warnings: Receives what was wrong but not in doubt.
    /// - Returns: The file's events.
    /// - Throws: `MIDIError` as `Score.init(midi:)`; but a tempo of 0 is kept.
    public static func read(_ bytes: [UInt8], warnings: inout [MIDIWarning]) throws(MIDIError) -> MIDIFile {
        let sink = try bytes.withUnsafeBytes { buffer in
            Result { () throws(MIDIError) in
                var decoder = SMFDecoder(buffer, sink: FileSink())
                try decoder.decode()
                return decoder.sink
            }
        }.get()
        warnings = sink.warnings.warnings
        return sink.file
    }

    /// Reads a file, its warnings left aside.
    ///
    /// - Throws: `MIDIError` as `Score.init(midi:)`; but a tempo of 0 is kept.
    public static func read(_ bytes: [UInt8]) throws(MIDIError) -> MIDIFile {
        var warnings: [MIDIWarning] = []
        return try read(bytes, warnings: &warnings)
    }

    /// The file's bytes in canonical form.
    public func write() -> [UInt8] {
        let trackCount = tracks.count
        precondition(
            (0...0xFFFF).contains(format) && trackCount <= 0x7FFF, "format \(format), \(trackCount) tracks")
        var bytes = Array("MThd".utf8) + bigEndian(6, 4) + bigEndian(format, 2)
        bytes += bigEndian(trackCount, 2) + bigEndian(Int(division.field), 2)
        for chunk in chunks {
            switch chunk {
            case .track(let track):
                let body = encoded(track)
                bytes += Array("MTrk".utf8) + bigEndian(body.count, 4) + body
            case .other(let id, let body):
                precondition(id.count == 4, "a chunk's identifier has 4 bytes, not \(id.count)")
                bytes += id + bigEndian(body.count, 4) + body
            }
        }
        return bytes
    }

    private func encoded(_ track: Track) -> [UInt8] {
        var bytes: [UInt8] = []
        var tick = 0
        var running: UInt8 = 0
        for event in track.events {
            if appendDelta(event.tick - tick, to: &bytes) { running = 0 }
            tick = event.tick
            switch event.message {
            case .channel(let status, let data1, let data2):
                precondition(
                    (0x80..<0xF0).contains(status) && data1 < 128 && data2 < 128,
                    "a channel message of \(status), \(data1), \(data2)")
                if !usesRunningStatus || status != running { bytes.append(status) }
                running = status
                bytes.append(data1)
                if status & 0xE0 != 0xC0 { bytes.append(data2) }
            case .meta(let type, let body):
                bytes += [0xFF, type]
                appendBlock(body, to: &bytes)
                running = 0
            case .systemExclusive(let body):
                bytes.append(0xF0)
                appendBlock(body, to: &bytes)
                running = 0
            case .escape(let body):
                bytes.append(0xF7)
                appendBlock(body, to: &bytes)
                running = 0
            }
        }
        _ = appendDelta(track.endTick - tick, to: &bytes)
        return bytes + [0xFF, 0x2F, 0]
    }
}

/// Keeps every event of a file.
private struct FileSink: SMFSink {
    var warnings = WarningLog()
    var file = MIDIFile(format: 0, division: .ticksPerQuarter(1), chunks: [])
    private var track = MIDIFile.Track()

    mutating func begin(_ header: SMFHeader) {
        file.format = header.format
        file.division = header.division
    }

    mutating func beginTrack() { track = MIDIFile.Track() }

    mutating func channelMessage(tick: Int, status: UInt8, data1: UInt8, data2: UInt8) {
        track.events.append(MIDIFile.Event(tick: tick, .channel(status: status, data1: data1, data2: data2)))
    }

    mutating func runningStatus() { file.usesRunningStatus = true }

    mutating func meta(tick: Int, type: UInt8, bytes: UnsafeRawBufferPointer, offset: Int) {
        track.events.append(MIDIFile.Event(tick: tick, .meta(type: type, bytes: Array(bytes))))
    }

    mutating func systemExclusive(tick: Int, status: UInt8, bytes: UnsafeRawBufferPointer) {
        let body = Array(bytes)
        track.events.append(
            MIDIFile.Event(tick: tick, status == 0xF0 ? .systemExclusive(body) : .escape(body)))
    }

    mutating func damage(tick: Int) {}

    mutating func endTrack(tick: Int, offset: Int) {
        track.endTick = tick
        file.chunks.append(.track(track))
    }

    mutating func unknownChunk(id: UnsafeRawBufferPointer, bytes: UnsafeRawBufferPointer) {
        file.chunks.append(.other(id: Array(id), bytes: Array(bytes)))
    }
}

extension MIDIFile.Message {
    /// The event of a tempo.
    static func tempo(_ microsecondsPerBeat: Int) -> Self {
        .meta(type: 0x51, bytes: bigEndian(microsecondsPerBeat, 3))
    }

    /// The event of a time signature; 24 MIDI clocks a click and 8 thirty-seconds a quarter are the usual rest of it.
    static func timeSignature(_ signature: TimeSignature) -> Self {
        .meta(
            type: 0x58,
            bytes: [UInt8(signature.numerator), UInt8(signature.denominator.trailingZeroBitCount), 24, 8])
    }
}

private func bigEndian(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
}

/// A variable-length number in as few bytes as it needs.
func appendNumber(_ value: Int, to bytes: inout [UInt8]) {
    precondition((0...0x0FFF_FFFF).contains(value), "\(value) does not fit a variable-length number")
    var shift = 21
    while shift > 0, value >> shift == 0 { shift -= 7 }
    while shift > 0 {
        bytes.append(UInt8(value >> shift & 0x7F) | 0x80)
        shift -= 7
    }
    bytes.append(UInt8(value & 0x7F))
}

/// The time to the next event, bridged by empty text events if too long for one number; then true.
private func appendDelta(_ delta: Int, to bytes: inout [UInt8]) -> Bool {
    var rest = delta
    while rest > 0x0FFF_FFFF {
        appendNumber(0x0FFF_FFFF, to: &bytes)
        bytes += [0xFF, 0x01, 0]
        rest -= 0x0FFF_FFFF
    }
    appendNumber(rest, to: &bytes)
    return rest != delta
}

private func appendBlock(_ body: [UInt8], to bytes: inout [UInt8]) {
    appendNumber(body.count, to: &bytes)
    bytes += body
}
