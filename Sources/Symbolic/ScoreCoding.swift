public import Tensors

extension Score {
    /// The score as a small safetensors file; equal scores give equal bytes.
    ///
    /// Each list of the timelines is a set of columns, one timeline after the other, and an `….row` I64
    /// [timelines + 1]: timeline i has the rows row[i]..<row[i + 1]. `text.byte` [texts + 1] does the same for
    /// the bytes of the texts.
    public func encode() -> [UInt8] {
        var encoder = ScoreEncoder(timelines: timelines)
        encoder.encodeNotes()
        encoder.encodeEvents()
        encoder.encodeMetas()
        encoder.tensors.append(NamedTensor("timeline.end", timelines.map { Int64($0.endTick) }))
        encoder.tensors.append(NamedTensor("header", [Int32(format), Int32(division.field)]))
        encoder.tensors.append(
            NamedTensor("warning.offset", warnings.map { Int64($0.offset ?? -1) }))
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
        let decoder = ScoreDecoder(file: file)
        let header: [Int32] = try decoder.column("header")
        let ends: [Int64] = try decoder.column("timeline.end")
        guard header.count == 2, let field = UInt16(exactly: header[1]), let division = Division(field: field)
        else {
            throw decoder.mismatch("header")
        }
        var timelines = ends.map { end in
            var timeline = Timeline(tempoMap: TempoMap(division: division))
            timeline.endTick = Int(end)
            return timeline
        }
        try decoder.decodeNotes(into: &timelines)
        try decoder.decodeEvents(into: &timelines)
        try decoder.decodeMetas(into: &timelines)
        let offsets: [Int64] = try decoder.column("warning.offset")
        let warnings = try offsets.enumerated().map { index, offset in
            guard let code = file.metadata["warning.\(index).code"],
                let message = file.metadata["warning.\(index).message"]
            else { throw decoder.mismatch("warning.\(index)") }
            return MIDIWarning(code, message, offset: offset < 0 ? nil : Int(offset))
        }
        self.init(format: Int(header[0]), division: division, timelines: timelines, warnings: warnings)
    }
}

private struct ScoreEncoder {
    let timelines: [Timeline]
    var tensors: [NamedTensor] = []

    /// All timelines' rows of a table, its row tensor added.
    private mutating func rows<Row>(_ name: String, _ list: KeyPath<Timeline, [Row]>) -> [Row] {
        var all: [Row] = []
        var ends: [Int64] = [0]
        for timeline in timelines {
            all += timeline[keyPath: list]
            ends.append(Int64(all.count))
        }
        tensors.append(NamedTensor("\(name).row", ends))
        return all
    }

    private mutating func column<Row, Element: TensorElement>(
        _ name: String, _ rows: [Row], _ value: (Row) -> Element
    ) {
        tensors.append(NamedTensor(name, rows.map(value)))
    }

    mutating func encodeNotes() {
        let notes = rows("note", \.notes)
        column("note.onset", notes) { $0.start }
        column("note.offset", notes) { $0.end }
        column("note.track", notes) { $0.trackNumber }
        column("note.pitch", notes) { $0.pitch }
        column("note.velocity", notes) { $0.velocity }
        column("note.release", notes) { $0.releaseVelocity }
        column("note.channel", notes) { $0.channel }
        column("note.program", notes) { $0.program }
    }

    mutating func encodeEvents() {
        let controls = rows("control", \.controls)
        column("control.tick", controls) { $0.position }
        column("control.track", controls) { $0.trackNumber }
        column("control.channel", controls) { $0.channel }
        column("control.number", controls) { $0.number }
        column("control.value", controls) { $0.value }
        let bends = rows("bend", \.pitchBends)
        column("bend.tick", bends) { $0.position }
        column("bend.track", bends) { $0.trackNumber }
        column("bend.channel", bends) { $0.channel }
        column("bend.value", bends) { $0.value }
        let programs = rows("program", \.programs)
        column("program.tick", programs) { $0.position }
        column("program.track", programs) { $0.trackNumber }
        column("program.channel", programs) { $0.channel }
        column("program.program", programs) { $0.program }
    }

    mutating func encodeMetas() {
        let tempi = rows("tempo", \.tempoMap.changes)
        column("tempo.tick", tempi) { UInt32($0.tick) }
        column("tempo.microseconds", tempi) { UInt32($0.microsecondsPerBeat) }
        let metres = rows("metre", \.metres)
        column("metre.tick", metres) { UInt32($0.tick) }
        column("metre.numerator", metres) { UInt16($0.numerator) }
        column("metre.denominator", metres) { UInt16($0.denominator) }
        let keys = rows("key", \.keys)
        column("key.tick", keys) { UInt32($0.tick) }
        column("key.sharps", keys) { Int8($0.sharps) }
        column("key.minor", keys) { $0.isMinor ? 1 : 0 as UInt8 }
        let texts = rows("text", \.texts)
        column("text.tick", texts) { UInt32($0.tick) }
        column("text.track", texts) { UInt16($0.track) }
        column("text.type", texts) { $0.type }
        var ends: [Int64] = [0]
        var bytes: [UInt8] = []
        for text in texts {
            bytes += text.bytes
            ends.append(Int64(bytes.count))
        }
        tensors.append(NamedTensor("text.byte", ends))
        tensors.append(NamedTensor("text.bytes", bytes))
    }
}

private struct ScoreDecoder {
    let file: TensorFile

    func mismatch(_ name: String) -> TensorFileError {
        TensorFileError(.mismatch, "'\(name)' does not fit the rest of the score")
    }

    func column<Element: TensorElement>(_ name: String) throws -> [Element] {
        try file.tensor(name, as: Element.self).elements
    }

    /// A column that has a row count.
    private func column<Element: TensorElement>(_ name: String, _ count: Int) throws -> [Element] {
        let elements: [Element] = try column(name)
        guard elements.count == count else { throw mismatch(name) }
        return elements
    }

    /// The rows of each timeline, and their total.
    private func rows(_ name: String, timelines: Int) throws -> (ranges: [Range<Int>], count: Int) {
        let ends: [Int64] = try column("\(name).row", timelines + 1)
        return (try ranges(ends, name), Int(ends[timelines]))
    }

    private func ranges(_ ends: [Int64], _ name: String) throws -> [Range<Int>] {
        guard ends.first == 0, zip(ends, ends.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw mismatch(name)
        }
        return zip(ends, ends.dropFirst()).map { Int($0)..<Int($1) }
    }

    func decodeNotes(into timelines: inout [Timeline]) throws {
        let (ranges, count) = try rows("note", timelines: timelines.count)
        let onset: [UInt32] = try column("note.onset", count)
        let offset: [UInt32] = try column("note.offset", count)
        let track: [UInt16] = try column("note.track", count)
        let pitch: [UInt8] = try column("note.pitch", count)
        let velocity: [UInt8] = try column("note.velocity", count)
        let release: [UInt8] = try column("note.release", count)
        let channel: [UInt8] = try column("note.channel", count)
        let program: [UInt8] = try column("note.program", count)
        guard zip(onset, offset).allSatisfy({ $0 <= $1 }), pitch.allSatisfy({ $0 < 128 }),
            channel.allSatisfy({ $0 < 16 })
        else { throw mismatch("note") }
        for (index, range) in ranges.enumerated() {
            timelines[index].notes = range.map { row in
                Note(
                    onset: Int(onset[row]), offset: Int(offset[row]), pitch: pitch[row],
                    velocity: velocity[row],
                    releaseVelocity: release[row], channel: channel[row], program: program[row],
                    track: Int(track[row]))
            }
        }
    }

    func decodeEvents(into timelines: inout [Timeline]) throws {
        try decodeControls(into: &timelines)
        let bends = try rows("bend", timelines: timelines.count)
        let bendTick: [UInt32] = try column("bend.tick", bends.count)
        let bendTrack: [UInt16] = try column("bend.track", bends.count)
        let bendChannel: [UInt8] = try column("bend.channel", bends.count)
        let bendValue: [Int16] = try column("bend.value", bends.count)
        let programs = try rows("program", timelines: timelines.count)
        let programTick: [UInt32] = try column("program.tick", programs.count)
        let programTrack: [UInt16] = try column("program.track", programs.count)
        let programChannel: [UInt8] = try column("program.channel", programs.count)
        let program: [UInt8] = try column("program.program", programs.count)
        for index in timelines.indices {
            timelines[index].pitchBends = bends.ranges[index].map { row in
                PitchBend(
                    tick: Int(bendTick[row]), channel: bendChannel[row], value: bendValue[row],
                    track: Int(bendTrack[row]))
            }
            timelines[index].programs = programs.ranges[index].map { row in
                ProgramChange(
                    tick: Int(programTick[row]), channel: programChannel[row], program: program[row],
                    track: Int(programTrack[row]))
            }
        }
    }

    private func decodeControls(into timelines: inout [Timeline]) throws {
        let (ranges, count) = try rows("control", timelines: timelines.count)
        let tick: [UInt32] = try column("control.tick", count)
        let track: [UInt16] = try column("control.track", count)
        let channel: [UInt8] = try column("control.channel", count)
        let number: [UInt8] = try column("control.number", count)
        let value: [UInt8] = try column("control.value", count)
        guard channel.allSatisfy({ $0 < 16 }) else { throw mismatch("control.channel") }
        for (index, range) in ranges.enumerated() {
            timelines[index].controls = range.map { row in
                ControlChange(
                    tick: Int(tick[row]), channel: channel[row], number: number[row], value: value[row],
                    track: Int(track[row]))
            }
        }
    }

    func decodeMetas(into timelines: inout [Timeline]) throws {
        try decodeTempi(into: &timelines)
        let metres = try rows("metre", timelines: timelines.count)
        let metreTick: [UInt32] = try column("metre.tick", metres.count)
        let numerator: [UInt16] = try column("metre.numerator", metres.count)
        let denominator: [UInt16] = try column("metre.denominator", metres.count)
        let keys = try rows("key", timelines: timelines.count)
        let keyTick: [UInt32] = try column("key.tick", keys.count)
        let sharps: [Int8] = try column("key.sharps", keys.count)
        let minor: [UInt8] = try column("key.minor", keys.count)
        let texts = try rows("text", timelines: timelines.count)
        let textTick: [UInt32] = try column("text.tick", texts.count)
        let textTrack: [UInt16] = try column("text.track", texts.count)
        let textType: [UInt8] = try column("text.type", texts.count)
        let bytes: [UInt8] = try column("text.bytes")
        let textBytes = try ranges(column("text.byte", texts.count + 1), "text.byte")
        guard textBytes.last.map({ $0.upperBound <= bytes.count }) ?? true,
            numerator.allSatisfy({ $0 > 0 }), denominator.allSatisfy({ $0 > 0 })
        else { throw mismatch("text.byte") }
        for index in timelines.indices {
            timelines[index].metres = metres.ranges[index].map { row in
                Metre(
                    tick: Int(metreTick[row]), numerator: Int(numerator[row]),
                    denominator: Int(denominator[row]))
            }
            timelines[index].keys = keys.ranges[index].map { row in
                KeySignature(tick: Int(keyTick[row]), sharps: Int(sharps[row]), isMinor: minor[row] == 1)
            }
            timelines[index].texts = texts.ranges[index].map { row in
                TextEvent(
                    tick: Int(textTick[row]), track: Int(textTrack[row]), type: textType[row],
                    bytes: Array(bytes[textBytes[row]]))
            }
        }
    }

    private func decodeTempi(into timelines: inout [Timeline]) throws {
        let (ranges, count) = try rows("tempo", timelines: timelines.count)
        let tick: [UInt32] = try column("tempo.tick", count)
        let microseconds: [UInt32] = try column("tempo.microseconds", count)
        for (index, range) in ranges.enumerated() {
            let changes = range.map {
                TempoMap.Change(tick: Int(tick[$0]), microsecondsPerBeat: Int(microseconds[$0]))
            }
            guard zip(changes, changes.dropFirst()).allSatisfy({ $0.tick <= $1.tick }),
                changes.allSatisfy({ $0.microsecondsPerBeat > 0 })
            else { throw mismatch("tempo") }
            timelines[index].tempoMap = TempoMap(
                division: timelines[index].tempoMap.division, changes: changes)
        }
    }
}
