/// Why a file's notes cannot be known, or a piece cannot be cut into segments.
///
/// It is a function of the bytes (and of the parameters), so it may be recorded.
public struct MIDIError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, as a stable dotted code: one of `MIDICode`'s.
    public let code: String
    /// What was found and what was expected, in a sentence.
    public let message: String
    /// The byte at which it was noticed, from the start of the file.
    public let offset: Int?

    /// Describes a fault.
    public init(_ code: String, _ message: String, offset: Int? = nil) {
        self.code = code
        self.message = message
        self.offset = offset
    }

    /// The message with its place.
    public var description: String { offset.map { "\(message) (at byte \($0))" } ?? message }

    /// The largest file that is read, in bytes: 16 MiB.
    public static let maximumByteCount = 16 << 20

    /// A file of more bytes than `maximumByteCount`.
    public static func tooLarge(byteCount: Int) -> MIDIError {
        MIDIError(MIDICode.tooLarge, "the file has \(byteCount) bytes, more than \(maximumByteCount)")
    }
}

/// Something wrong in a file that was read all the same, because its meaning is not in doubt.
public struct MIDIWarning: Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, as a stable dotted code: one of `MIDICode`'s.
    public let code: String
    /// What was found, and what was made of it; with the number of times, if it happened more than once.
    public let message: String
    /// The byte of the first occurrence, from the start of the file.
    public let offset: Int?

    /// Describes an oddity.
    public init(_ code: String, _ message: String, offset: Int? = nil) {
        self.code = code
        self.message = message
        self.offset = offset
    }

    /// The message with its place.
    public var description: String { offset.map { "\(message) (at byte \($0))" } ?? message }
}

/// The codes of errors, which quarantine a file, and of warnings, which stay with it.
public enum MIDICode {
    // Errors.
    /// More than 16 MiB.
    public static let tooLarge = "midi.too-large"
    /// The file does not begin with a MIDI header.
    public static let noHeader = "midi.no-header"
    /// The header has fewer than six bytes.
    public static let badHeader = "midi.bad-header"
    /// The file ends inside its header.
    public static let headerTruncated = "midi.header-truncated"
    /// No time division, or one that the specification does not know.
    public static let badDivision = "midi.bad-division"
    /// The header promises tracks and the file has none.
    public static let noTracks = "midi.no-tracks"
    /// More than 32,767 tracks.
    public static let tooManyTracks = "midi.too-many-tracks"
    /// A track, or an event in it, runs past its end.
    public static let trackTruncated = "midi.track-truncated"
    /// A track stops before its end-of-track event, and what follows is not a chunk.
    public static let trackLengthShort = "midi.track-length-short"
    /// Bytes that are not a chunk stand where a promised track should be, or a track lies where none is expected.
    public static let badChunk = "midi.bad-chunk"
    /// A data byte before any status byte.
    public static let noStatus = "midi.no-status"
    /// A variable-length number of more than four bytes.
    public static let numberTooLong = "midi.number-too-long"
    /// A tempo of no microseconds a beat.
    public static let tempoZero = "midi.tempo-zero"
    /// After damaged bytes there is a silence so long that the bytes were misread.
    public static let damaged = "midi.damaged"
    /// Longer than 100,000 beats.
    public static let tooLong = "midi.too-long"
    /// The segments asked for would hold too many steps or rows.
    public static let segmentsTooLarge = "midi.segments-too-large"

    // Warnings.
    /// A format other than 0, 1 and 2, read as format 1.
    public static let unknownFormat = "midi.unknown-format"
    /// The header counts other tracks than there are.
    public static let trackCount = "midi.track-count"
    /// Several tracks in a file of format 0, read as format 1.
    public static let formatZeroTracks = "midi.format-zero-tracks"
    /// A track's length is longer than the track.
    public static let trackLengthLong = "midi.track-length-long"
    /// A track without an end-of-track event.
    public static let noEndOfTrack = "midi.no-end-of-track"
    /// An end-of-track event inside a track that runs on to another, left out.
    public static let endOfTrackInside = "midi.end-of-track-inside"
    /// A track's end-of-track event lies past the track's length.
    public static let endOfTrackOutside = "midi.end-of-track-outside"
    /// Bytes after a track's end, or after the last track, left out.
    public static let dataAfterEnd = "midi.data-after-end"
    /// A running status carried across a meta or SysEx event, which cancels it.
    public static let runningStatus = "midi.running-status"
    /// A data byte over 127, read as 127.
    public static let dataByteClipped = "midi.data-byte-clipped"
    /// A system message that has no place in a file, left out.
    public static let systemMessage = "midi.system-message"
    /// A meta event of an odd length.
    public static let metaLength = "midi.meta-length"
    /// A key signature that names no key, left out.
    public static let badKey = "midi.bad-key"
    /// A time signature that cannot be read; it is left out.
    public static let badTimeSignature = "midi.bad-time-signature"
    /// A note without an end, ended with its track.
    public static let noteUnended = "midi.note-unended"
    /// A Roland GS message for a drum part whose checksum is wrong, left out as the device does.
    public static let checksum = "midi.checksum"
}

/// Warnings in the order of their first occurrence, one of each code, so that no file can fill the memory.
struct WarningLog {
    private var entries: [(warning: MIDIWarning, count: Int)] = []

    mutating func add(_ code: String, _ message: @autoclosure () -> String, offset: Int?) {
        if let index = entries.firstIndex(where: { $0.warning.code == code }) {
            entries[index].count += 1
        } else {
            entries.append((MIDIWarning(code, message(), offset: offset), 1))
        }
    }

    /// Takes back one warning of a code.
    mutating func remove(_ code: String) {
        guard let index = entries.firstIndex(where: { $0.warning.code == code }) else { return }
        entries[index].count -= 1
        if entries[index].count == 0 { entries.remove(at: index) }
    }

    var warnings: [MIDIWarning] {
        entries.map { entry in
            guard entry.count > 1 else { return entry.warning }
            return MIDIWarning(
                entry.warning.code, "\(entry.warning.message) (\(entry.count) times)",
                offset: entry.warning.offset)
        }
    }
}
