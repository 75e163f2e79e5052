import Symbolic

/// Bytes of MIDI files, put together by hand.
enum SMF {
    static func bigEndian(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
    }

    static func header(format: Int = 0, tracks: Int = 1, division: Int = 480, length: Int = 6) -> [UInt8] {
        let fields = bigEndian(format, 2) + bigEndian(tracks, 2) + bigEndian(division, 2)
        let body = (fields + [UInt8](repeating: 0xAA, count: max(0, length - 6))).prefix(length)
        return Array("MThd".utf8) + bigEndian(length, 4) + body
    }

    static let end: [UInt8] = [0x00, 0xFF, 0x2F, 0x00]

    /// A track chunk; its events end with `end` unless told otherwise.
    static func track(_ events: [UInt8], ended: Bool = true, length: Int? = nil) -> [UInt8] {
        let body = events + (ended ? end : [])
        return Array("MTrk".utf8) + bigEndian(length ?? body.count, 4) + body
    }

    static func file(_ tracks: [UInt8]..., format: Int? = nil, division: Int = 480) -> [UInt8] {
        header(format: format ?? (tracks.count > 1 ? 1 : 0), tracks: tracks.count, division: division)
            + tracks.flatMap { track($0) }
    }

    /// A variable-length number in a given number of bytes, padded if that is more than it needs.
    static func number(_ value: Int, bytes: Int? = nil) -> [UInt8] {
        var result = [UInt8(value & 0x7F)]
        var rest = value >> 7
        while rest > 0 || result.count < bytes ?? 1 {
            result.insert(UInt8(rest & 0x7F) | 0x80, at: 0)
            rest >>= 7
        }
        return result
    }

    /// Note-on, and its note-off after a time.
    static func note(
        _ pitch: UInt8, _ duration: Int, velocity: UInt8 = 64, channel: UInt8 = 0, after delta: Int = 0
    ) -> [UInt8] {
        number(delta) + [0x90 | channel, pitch, velocity] + number(duration) + [0x80 | channel, pitch, 0x40]
    }

    static func program(_ program: UInt8, channel: UInt8 = 0, after delta: Int = 0) -> [UInt8] {
        number(delta) + [0xC0 | channel, program]
    }

    static func control(_ controller: UInt8, _ value: UInt8, channel: UInt8 = 0, after delta: Int = 0)
        -> [UInt8]
    {
        number(delta) + [0xB0 | channel, controller, value]
    }

    static func port(_ port: UInt8, after delta: Int = 0) -> [UInt8] {
        number(delta) + [0xFF, 0x21, 1, port]
    }

    static func systemExclusive(_ bytes: [UInt8], after delta: Int = 0) -> [UInt8] {
        number(delta) + [0xF0] + number(bytes.count + 1) + bytes + [0xF7]
    }

    /// A Roland GS data set with its checksum, which `fault` makes wrong.
    static func roland(
        _ address: [UInt8], _ data: [UInt8], device: UInt8 = 0x10, fault: UInt8 = 0, after delta: Int = 0
    ) -> [UInt8] {
        let sum = (address + data).reduce(0) { $0 + Int($1) }
        let checksum = (UInt8((128 - sum % 128) % 128) + fault) % 128
        return systemExclusive([0x41, device, 0x42, 0x12] + address + data + [checksum], after: delta)
    }

    /// A Yamaha XG parameter change.
    static func yamaha(_ address: [UInt8], _ data: [UInt8], after delta: Int = 0) -> [UInt8] {
        systemExclusive([0x43, 0x10, 0x4C] + address + data, after: delta)
    }

    static func tempo(_ microseconds: Int, after delta: Int = 0) -> [UInt8] {
        number(delta) + [0xFF, 0x51, 3] + bigEndian(microseconds, 3)
    }

    static func timeSignature(_ numerator: UInt8, _ power: UInt8, after delta: Int = 0) -> [UInt8] {
        number(delta) + [0xFF, 0x58, 4, numerator, power, 24, 8]
    }
}

/// A score of one timeline.
func score(
    _ notes: [Note], division: Division = .ticksPerQuarter(1), tempi: [TempoMap.Change] = [],
    timeSignatures: [TimeSignature] = [], controls: [ControlChange] = [], endTick: Int? = nil
) -> Score {
    var timeline = Timeline(tempoMap: TempoMap(division: division, changes: tempi))
    timeline.notes = notes.enumerated().sorted {
        ($0.element.onset, $0.offset) < ($1.element.onset, $1.offset)
    }
    .map(\.element)
    timeline.timeSignatures = timeSignatures
    timeline.controls = controls
    timeline.endTick = endTick ?? (notes.map(\.offset) + controls.map(\.tick)).max() ?? 0
    return Score(format: 1, division: division, timelines: [timeline])
}

/// A generator of known numbers (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
