extension MIDIFile {
    /// Writes consecutive segments as a file of format 1.
    ///
    /// The first track holds tempo and time signature; each voice and program has a track, and a channel as long as the 15
    /// suffice (then they are shared); drums are on channel 10. A row that is no onset lengthens the note of its
    /// pitch, program and voice that reaches it from the segment before. Pedals become control changes 64, 66 and
    /// 67 on every channel but drums.
    ///
    /// - Parameters:
    ///   - segments: One after the other, each as long as its `length`.
    ///   - start: The first segment's first step, from the timeline's start.
    ///   - grid: What a step is.
    ///   - rounding: How ticks became steps; the file's notes fall on the same steps again.
    ///   - content: Whose division, tempo map and time signature the file keeps, from `start` on. nil: for steps of a beat
    ///     the segments' own tempi, else 120 BPM; no time signature.
    public init(
        segments: [RollSegment], start: Int = 0, grid: Grid, rounding: Rounding = .halfUp,
        content: Timeline? = nil
    ) {
        let tempoMap = content?.tempoMap ?? Self.tempoMap(for: grid, segments: segments, start: start)
        let writer = RollWriter(
            grid: TimelineGrid(grid, rounding: rounding, tempoMap: tempoMap), start: start,
            length: segments.reduce(0) { $0 + $1.length })
        var tracks = [writer.conductor(timeSignatures: content?.timeSignaturesInForce() ?? [])]
        let parts = RollPart.parts(of: segments)
        let pedals = writer.pedals(of: segments)
        var melodic = 0
        for part in parts {
            var channel = Note.drumChannel
            if !part.isDrum {
                channel = UInt8(melodic % 15)
                channel += channel >= Note.drumChannel ? 1 : 0
                melodic += 1
            }
            let isShared = !part.isDrum && parts.count(where: { !$0.isDrum }) > 15
            tracks.append(writer.track(part, channel: channel, repeatsProgram: isShared, pedals: pedals))
        }
        self.init(format: 1, division: tempoMap.division, chunks: tracks.map { .track($0) })
    }

    /// A division and tempi in which the grid's steps fall on ticks as nearly as can be.
    private static func tempoMap(for grid: Grid, segments: [RollSegment], start: Int) -> TempoMap {
        switch grid {
        case .stepsPerSecond(let rate):
            let ticks = min(max(480, 2 * rate.numerator / rate.denominator), 32_767)
            return TempoMap(division: .ticksPerQuarter(ticks))
        case .stepsPerFirstBeat(let steps):
            return TempoMap(division: .ticksPerQuarter(steps * max(1, 480 / steps)))
        case .stepsPerBeat(let steps):
            let ticksPerStep = max(1, 480 / steps)
            var changes: [TempoMap.Change] = []
            var base = start
            for segment in segments {
                for (step, tempo) in segment.tempo.prefix(segment.length).enumerated() where tempo > 0 {
                    let microseconds = Int(min(max(60_000_000 / Double(tempo), 1), 16_777_215).rounded())
                    if changes.last?.microsecondsPerBeat != microseconds {
                        changes.append(
                            TempoMap.Change(
                                tick: (base + step) * ticksPerStep, microsecondsPerBeat: microseconds))
                    }
                }
                base += segment.length
            }
            return TempoMap(division: .ticksPerQuarter(steps * ticksPerStep), changes: changes)
        }
    }
}

/// The notes of one voice and program, in steps from the first segment's start.
private struct RollPart {
    let voice: UInt8
    let program: UInt8
    var notes: [(start: Int, end: Int, pitch: UInt8, velocity: UInt8)] = []

    var isDrum: Bool { program == Note.drumProgram }

    /// Joins the rows of segments; the parts are in the order of voices, then programs.
    static func parts(of segments: [RollSegment]) -> [RollPart] {
        var parts: [Int: RollPart] = [:]
        var base = 0
        for segment in segments {
            for row in segment.rows {
                let key = Int(row.voice) << 8 | Int(row.program)
                let start = base + row.start
                let end = start + max(row.length, 1)
                var part = parts[key] ?? RollPart(voice: row.voice, program: row.program)
                parts[key] = nil
                let isContinued = !row.isOnset && row.start == 0
                if isContinued,
                    let open = part.notes.lastIndex(where: { $0.pitch == row.pitch && $0.end == start })
                {
                    part.notes[open].end = end
                } else {
                    part.notes.append((start, end, row.pitch, min(max(row.velocity, 1), 127)))
                }
                parts[key] = part
            }
            base += segment.length
        }
        return parts.sorted { $0.key < $1.key }.map(\.value)
    }
}

private struct RollWriter {
    let grid: TimelineGrid
    let start: Int
    let length: Int
    let origin: Int
    let endTick: Int

    init(grid: TimelineGrid, start: Int, length: Int) {
        self.grid = grid
        self.start = start
        self.length = length
        origin = grid.tick(ofStep: start)
        endTick = grid.tick(ofStep: start + length) - origin
    }

    /// The tick in the file of a step from the first segment's start.
    private func tick(_ step: Int) -> Int { grid.tick(ofStep: start + step) - origin }

    /// Tempo and time signature, of which the ones in force at the start move there.
    func conductor(timeSignatures: [TimeSignature]) -> MIDIFile.Track {
        var events: [MIDIFile.Event] = []
        if case .ticksPerQuarter = grid.tempoMap.division {
            let first = grid.tempoMap.lastIndex { $0.tick <= origin }
            for point in grid.tempoMap.points[first...] where point.tick <= origin + endTick {
                events.append(
                    MIDIFile.Event(tick: max(point.tick - origin, 0), .tempo(point.microsecondsPerBeat)))
            }
        }
        let firstSignature = timeSignatures.lastIndex { $0.tick <= origin } ?? 0
        for timeSignature in timeSignatures.dropFirst(firstSignature)
        where timeSignature.tick <= origin + endTick {
            events.append(
                MIDIFile.Event(tick: max(timeSignature.tick - origin, 0), .timeSignature(timeSignature)))
        }
        return ordered(events.map { (0, $0) })
    }

    /// The pedals' movements, in steps.
    func pedals(of segments: [RollSegment]) -> [(step: Int, number: UInt8, value: UInt8)] {
        var result: [(step: Int, number: UInt8, value: UInt8)] = []
        var isDown = [false, false, false]
        var base = 0
        for segment in segments {
            for step in 0..<min(segment.length, segment.pedal.count / 3) {
                for (column, number) in [64, 66, 67 as UInt8].enumerated() {
                    let down = segment.pedal[step * 3 + column] != 0
                    if down != isDown[column] { result.append((base + step, number, down ? 127 : 0)) }
                    isDown[column] = down
                }
            }
            base += segment.length
        }
        for (column, number) in [64, 66, 67 as UInt8].enumerated() where isDown[column] {
            result.append((base, number, 0))
        }
        return result
    }

    func track(
        _ part: RollPart, channel: UInt8, repeatsProgram: Bool,
        pedals: [(step: Int, number: UInt8, value: UInt8)]
    ) -> MIDIFile.Track {
        func message(_ kind: UInt8, _ data1: UInt8, _ data2: UInt8) -> MIDIFile.Message {
            .channel(status: kind | channel, data1: data1, data2: data2)
        }
        // At one tick: notes end, then pedals and program, then notes begin.
        var events: [(order: Int, event: MIDIFile.Event)] = []
        if !part.isDrum {
            events.append((0, MIDIFile.Event(tick: 0, message(0xC0, part.program, 0))))
            for pedal in pedals {
                events.append(
                    (1, MIDIFile.Event(tick: tick(pedal.step), message(0xB0, pedal.number, pedal.value))))
            }
        }
        for note in part.notes {
            let on = tick(note.start)
            let off = max(tick(note.end), on + 1)
            if repeatsProgram { events.append((2, MIDIFile.Event(tick: on, message(0xC0, part.program, 0)))) }
            events.append((3, MIDIFile.Event(tick: on, message(0x90, note.pitch, note.velocity))))
            events.append((0, MIDIFile.Event(tick: off, message(0x80, note.pitch, 0))))
        }
        return ordered(events)
    }

    private func ordered(_ events: [(order: Int, event: MIDIFile.Event)]) -> MIDIFile.Track {
        let sorted = events.enumerated().sorted {
            ($0.element.event.tick, $0.element.order, $0.offset) < (
                $1.element.event.tick, $1.element.order, $1.offset
            )
        }.map(\.element.event)
        return MIDIFile.Track(events: sorted, endTick: max(endTick, sorted.last?.tick ?? 0))
    }
}
