public import Tensors

extension Score {
    /// The score as a small safetensors file; equal scores give equal bytes.
    ///
    /// Each list of the timelines is a set of columns, one timeline after the other, and a `….row` [timelines + 1]:
    /// timeline i has the rows row[i]..<row[i + 1]. A column has the narrowest of U8, U16 and U32 that holds it,
    /// and one element if all are equal. Ticks are differences, from 0 at a timeline's start.
    public func encode() -> [UInt8] {
        var encoder = ScoreEncoder(timelines: timelines)
        encoder.encodeNotes()
        encoder.encodeEvents()
        encoder.encodeMetas()
        encoder.column("timeline.end", timelines) { UInt32($0.endTick) }
        encoder.tensors.append(NamedTensor("header", [UInt16(format), division.field]))
        encoder.tensors.append(NamedTensor("warning.offset", warnings.map { Int64($0.offset ?? -1) }))
        var metadata: [String: String] = [:]
        for (index, warning) in warnings.enumerated() {
            metadata["warning.\(index).code"] = warning.code
            metadata["warning.\(index).message"] = warning.message
        }
        return TensorFile.encode(encoder.tensors, metadata: metadata)
    }

    /// Reads what `encode` wrote.
    ///
    /// - Throws: `TensorFileError` (`tensors.missing`, `tensors.mismatch`) if a column is not there or does not
    ///   fit.
    public init(decoding file: TensorFile) throws {
        let header = try file.tensor("header", as: UInt16.self).elements
        guard header.count == 2, let division = Division(field: header[1]) else { throw mismatch("header") }
        let count = try file.entry("note.row").shape.first ?? 0
        guard count > 0 else { throw mismatch("note.row") }
        try Self.checkRowCount(file)
        let decoder = ScoreDecoder(file: file, division: division, count: count - 1)
        var timelines = try decoder.emptyTimelines()
        try decoder.decodeNotes(into: &timelines)
        try decoder.decodeEvents(into: &timelines)
        try decoder.decodeMetas(into: &timelines)
        let offsets = try file.tensor("warning.offset", as: Int64.self).elements
        let warnings = try offsets.enumerated().map { index, offset in
            guard let code = file.metadata["warning.\(index).code"],
                let message = file.metadata["warning.\(index).message"]
            else { throw mismatch("warning.\(index)") }
            return MIDIWarning(code, message, offset: offset < 0 ? nil : Int(offset))
        }
        self.init(format: Int(header[0]), division: division, timelines: timelines, warnings: warnings)
    }

    /// Refuses more rows than any file that is read can have, before memory is spent on them.
    ///
    /// A column that is stored as one element may claim any number. An event takes two bytes at least.
    private static func checkRowCount(_ file: TensorFile) throws {
        var total = 0
        for name in file.entries.keys where name.hasSuffix(".row") {
            total += Int(try file.tensor(name, as: UInt32.self).elements.last ?? 0)
        }
        guard total <= SMFDecoder<ScoreSink>.maximumByteCount / 2 else {
            throw TensorFileError(.mismatch, "a score of \(total) rows, more than a file can have")
        }
    }
}

private func mismatch(_ name: String) -> TensorFileError {
    TensorFileError(.mismatch, "'\(name)' does not fit the rest of the score")
}

private struct ScoreEncoder {
    let timelines: [Timeline]
    var tensors: [NamedTensor] = []

    mutating func column(_ name: String, _ values: [UInt32]) { column(name, values) { $0 } }

    /// One value of each row, in two passes and without an array between.
    @inline(__always)
    mutating func column<Row>(_ name: String, _ rows: [Row], _ value: (Row) -> UInt32) {
        var least = UInt32.max
        var greatest: UInt32 = 0
        for row in rows {
            least = min(least, value(row))
            greatest = max(greatest, value(row))
        }
        let kept = least == greatest ? rows.prefix(1) : rows[...]
        switch greatest {
        case ...0xFF: tensors.append(NamedTensor(name, kept.map { UInt8(truncatingIfNeeded: value($0)) }))
        case ...0xFFFF: tensors.append(NamedTensor(name, kept.map { UInt16(truncatingIfNeeded: value($0)) }))
        default: tensors.append(NamedTensor(name, kept.map(value)))
        }
    }

    /// All timelines' rows of a table; adds the tensors of rows and ticks.
    @inline(__always)
    private mutating func rows<Row>(
        _ name: String, _ list: (Timeline) -> [Row], tick: (Row) -> UInt32
    ) -> [Row] {
        var all: [Row] = []
        var ends: [UInt32] = [0]
        for timeline in timelines {
            // One timeline, as nearly always, is not copied.
            if all.isEmpty { all = list(timeline) } else { all += list(timeline) }
            ends.append(UInt32(all.count))
        }
        var steps = [UInt32](repeating: 0, count: all.count)
        for (start, end) in zip(ends, ends.dropFirst()) {
            var last: UInt32 = 0
            for row in Int(start)..<Int(end) {
                let next = tick(all[row])
                steps[row] = next &- last
                last = next
            }
        }
        tensors.append(NamedTensor("\(name).row", ends))
        column("\(name).tick", steps)
        return all
    }

    mutating func encodeNotes() {
        let notes = rows("note", { $0.notes }, tick: { $0.start })
        column("note.duration", notes) { $0.end - $0.start }
        column("note.track", notes) { UInt32($0.trackNumber) }
        column("note.pitch", notes) { UInt32($0.pitch) }
        column("note.velocity", notes) { UInt32($0.velocity) }
        column("note.release", notes) { UInt32($0.releaseVelocity) }
        column("note.channel", notes) { UInt32($0.channel) }
        column("note.program", notes) { UInt32($0.program) }
        column("note.port", notes) { UInt32($0.port) }
        column("note.before_pedal", notes) { $0.isReleasedBeforePedal ? 1 : 0 }
    }

    mutating func encodeEvents() {
        let controls = rows("control", { $0.controls }, tick: { $0.position })
        column("control.track", controls) { UInt32($0.trackNumber) }
        column("control.channel", controls) { UInt32($0.channel) }
        column("control.number", controls) { UInt32($0.number) }
        column("control.value", controls) { UInt32($0.value) }
        column("control.port", controls) { UInt32($0.port) }
        column("control.drum", controls) { $0.isDrum ? 1 : 0 }
        let bends = rows("bend", { $0.pitchBends }, tick: { $0.position })
        column("bend.track", bends) { UInt32($0.trackNumber) }
        column("bend.channel", bends) { UInt32($0.channel) }
        column("bend.value", bends) { UInt32(Int($0.value) + 32_768) }
        let programs = rows("program", { $0.programs }, tick: { $0.position })
        column("program.track", programs) { UInt32($0.trackNumber) }
        column("program.channel", programs) { UInt32($0.channel) }
        column("program.program", programs) { UInt32($0.program) }
    }

    mutating func encodeMetas() {
        let tempi = rows("tempo", { $0.tempoMap.changes }, tick: { UInt32($0.tick) })
        column("tempo.microseconds", tempi) { UInt32($0.microsecondsPerBeat) }
        let metres = rows("metre", { $0.metres }, tick: { UInt32($0.tick) })
        column("metre.numerator", metres) { UInt32($0.numerator) }
        column("metre.denominator", metres) { UInt32($0.denominator) }
        let keys = rows("key", { $0.keys }, tick: { UInt32($0.tick) })
        column("key.sharps", keys) { UInt32($0.sharps + 128) }
        column("key.minor", keys) { $0.isMinor ? 1 : 0 }
        let texts = rows("text", { $0.texts }, tick: { UInt32($0.tick) })
        column("text.track", texts) { UInt32($0.track) }
        column("text.type", texts) { UInt32($0.type) }
        column("text.length", texts) { UInt32($0.bytes.count) }
        tensors.append(NamedTensor("text.bytes", texts.flatMap(\.bytes)))
    }
}

private struct ScoreDecoder {
    let file: TensorFile
    let division: Division
    /// The number of timelines.
    let count: Int

    /// A column, widened, of so many rows.
    private func column(_ name: String, _ count: Int, below limit: UInt32 = .max) throws -> [UInt32] {
        var values: [UInt32]
        switch try file.entry(name).type {
        case .u8: values = try file.tensor(name, as: UInt8.self).elements.map { UInt32($0) }
        case .u16: values = try file.tensor(name, as: UInt16.self).elements.map { UInt32($0) }
        default: values = try file.tensor(name, as: UInt32.self).elements
        }
        if values.count == 1, count > 1 { values = Array(repeating: values[0], count: count) }
        guard values.count == count, values.allSatisfy({ $0 < limit }) else { throw mismatch(name) }
        return values
    }

    /// The rows of each timeline, the tick of every row, and the number of rows.
    private func rows(_ name: String) throws -> (ranges: [Range<Int>], ticks: [Int], count: Int) {
        let ends = try file.tensor("\(name).row", as: UInt32.self).elements.map { Int($0) }
        guard ends.count == count + 1, ends[0] == 0, zip(ends, ends.dropFirst()).allSatisfy({ $0 <= $1 })
        else {
            throw mismatch("\(name).row")
        }
        let steps = try column("\(name).tick", ends[count])
        let ranges = zip(ends, ends.dropFirst()).map { $0..<$1 }
        var ticks: [Int] = []
        ticks.reserveCapacity(steps.count)
        for range in ranges {
            var tick: UInt32 = 0
            for row in range {
                tick &+= steps[row]
                ticks.append(Int(tick))
            }
        }
        return (ranges, ticks, ends[count])
    }

    func emptyTimelines() throws -> [Timeline] {
        let tempi = try rows("tempo")
        let microseconds = try column("tempo.microseconds", tempi.count, below: 1 << 24)
        let ends = try column("timeline.end", count)
        return try zip(tempi.ranges, ends).map { range, end in
            let changes = range.map {
                TempoMap.Change(tick: tempi.ticks[$0], microsecondsPerBeat: Int(microseconds[$0]))
            }
            guard zip(changes, changes.dropFirst()).allSatisfy({ $0.tick <= $1.tick }),
                changes.allSatisfy({ $0.microsecondsPerBeat > 0 })
            else { throw mismatch("tempo") }
            var timeline = Timeline(tempoMap: TempoMap(division: division, changes: changes))
            timeline.endTick = Int(end)
            return timeline
        }
    }

    func decodeNotes(into timelines: inout [Timeline]) throws {
        let notes = try rows("note")
        let duration = try column("note.duration", notes.count)
        let track = try column("note.track", notes.count, below: 1 << 16)
        let pitch = try column("note.pitch", notes.count, below: 128)
        let velocity = try column("note.velocity", notes.count, below: 128)
        let release = try column("note.release", notes.count, below: 128)
        let channel = try column("note.channel", notes.count, below: 16)
        let program = try column("note.program", notes.count, below: 129)
        let port = try column("note.port", notes.count, below: 128)
        let beforePedal = try column("note.before_pedal", notes.count, below: 2)
        guard zip(notes.ticks, duration).allSatisfy({ $0 + Int($1) <= Int(UInt32.max) }) else {
            throw mismatch("note.duration")
        }
        for (index, range) in notes.ranges.enumerated() {
            timelines[index].notes = range.map { row in
                Note(
                    onset: notes.ticks[row], offset: notes.ticks[row] + Int(duration[row]),
                    pitch: UInt8(pitch[row]), velocity: UInt8(velocity[row]),
                    releaseVelocity: UInt8(release[row]),
                    channel: UInt8(channel[row]), program: UInt8(program[row]), track: Int(track[row]),
                    port: UInt8(port[row]), isReleasedBeforePedal: beforePedal[row] == 1)
            }
        }
    }

    func decodeEvents(into timelines: inout [Timeline]) throws {
        try decodeControls(into: &timelines)
        let bends = try rows("bend")
        let bendTrack = try column("bend.track", bends.count, below: 1 << 16)
        let bendChannel = try column("bend.channel", bends.count, below: 16)
        let bendValue = try column("bend.value", bends.count, below: 1 << 16)
        let programs = try rows("program")
        let programTrack = try column("program.track", programs.count, below: 1 << 16)
        let programChannel = try column("program.channel", programs.count, below: 16)
        let program = try column("program.program", programs.count, below: 128)
        for index in timelines.indices {
            timelines[index].pitchBends = bends.ranges[index].map { row in
                PitchBend(
                    tick: bends.ticks[row], channel: UInt8(bendChannel[row]),
                    value: Int16(Int(bendValue[row]) - 32_768), track: Int(bendTrack[row]))
            }
            timelines[index].programs = programs.ranges[index].map { row in
                ProgramChange(
                    tick: programs.ticks[row], channel: UInt8(programChannel[row]),
                    program: UInt8(program[row]),
                    track: Int(programTrack[row]))
            }
        }
    }

    private func decodeControls(into timelines: inout [Timeline]) throws {
        let controls = try rows("control")
        let track = try column("control.track", controls.count, below: 1 << 16)
        let channel = try column("control.channel", controls.count, below: 16)
        let number = try column("control.number", controls.count, below: 128)
        let value = try column("control.value", controls.count, below: 128)
        let port = try column("control.port", controls.count, below: 128)
        let isDrum = try column("control.drum", controls.count, below: 2)
        for (index, range) in controls.ranges.enumerated() {
            timelines[index].controls = range.map { row in
                ControlChange(
                    tick: controls.ticks[row], channel: UInt8(channel[row]), number: UInt8(number[row]),
                    value: UInt8(value[row]), track: Int(track[row]), port: UInt8(port[row]),
                    isDrum: isDrum[row] == 1)
            }
        }
    }

    func decodeMetas(into timelines: inout [Timeline]) throws {
        let metres = try rows("metre")
        let numerator = try column("metre.numerator", metres.count, below: 256)
        let denominator = try column("metre.denominator", metres.count, below: 257)
        guard (numerator + denominator).allSatisfy({ $0 > 0 }) else { throw mismatch("metre") }
        let keys = try rows("key")
        let sharps = try column("key.sharps", keys.count, below: 256)
        let minor = try column("key.minor", keys.count, below: 2)
        for index in timelines.indices {
            timelines[index].metres = metres.ranges[index].map { row in
                Metre(
                    tick: metres.ticks[row], numerator: Int(numerator[row]),
                    denominator: Int(denominator[row]))
            }
            timelines[index].keys = keys.ranges[index].map { row in
                KeySignature(tick: keys.ticks[row], sharps: Int(sharps[row]) - 128, isMinor: minor[row] == 1)
            }
        }
        try decodeTexts(into: &timelines)
    }

    private func decodeTexts(into timelines: inout [Timeline]) throws {
        let texts = try rows("text")
        let track = try column("text.track", texts.count, below: 1 << 16)
        let type = try column("text.type", texts.count, below: 256)
        let length = try column("text.length", texts.count)
        let bytes = try file.tensor("text.bytes", as: UInt8.self).elements
        guard length.reduce(0, { $0 + Int($1) }) == bytes.count else { throw mismatch("text.bytes") }
        var start = 0
        for (index, range) in texts.ranges.enumerated() {
            for row in range {
                let end = start + Int(length[row])
                timelines[index].texts.append(
                    TextEvent(
                        tick: texts.ticks[row], track: Int(track[row]), type: UInt8(type[row]),
                        bytes: Array(bytes[start..<end])))
                start = end
            }
        }
    }
}
