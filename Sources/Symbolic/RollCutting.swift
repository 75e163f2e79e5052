extension RollSegments {
    /// The most steps of all segments together, and the most rows, that one score may come to: hostile files
    /// cannot ask for more.
    static var maximumCount: Int { 1 << 25 }

    /// Cuts a score into segments.
    ///
    /// A note goes from its rounded onset to its rounded end, at least one step. The length L of a timeline is
    /// the largest end of all its notes, at least 1; with `stepsPerFirstBeat` the step of `endTick`, plus 1.
    /// `pitches` and `drums: .exclude` choose only what is stored: length, voices and time signatures are those of all
    /// notes. Segments start at k · hop < L, with `dropLast` while k · hop + steps ≤ L; aligned to bars, at the
    /// first bar line at or after the last start + hop. A window's segments start at its first step, its notes
    /// are clipped to it, steps still count from the timeline's start. Time is linear in notes and output.
    ///
    /// With a recording, segment i starts at the step of the recording's sample i · its hop, as long as that is below L;
    /// the first may start below 0. Notes that end before the recording begins are left out.
    ///
    /// - Throws: `midi.segments-too-large` if the segments have more than 33,554,432 steps or rows in all.
    public init(score: Score, parameters: RollParameters) throws(MIDIError) {
        parameters.check()
        self.init(steps: parameters.steps, exclusion: parameters.exclusion(of: score))
        guard exclusion == nil else { return }
        let timelines = score.timelines.prefix(parameters.recording == nil ? score.timelines.count : 1)
        for (index, timeline) in timelines.enumerated() {
            var cutter = TimelineCutter(timeline, parameters: parameters)
            try cutter.cut(into: &self, index: Int16(index))
        }
    }
}

/// Cuts one timeline.
private struct TimelineCutter {
    let timeline: Timeline
    let parameters: RollParameters
    var grid: TimelineGrid
    var notes: [SteppedNote] = []
    /// The step at which the last note is over.
    var lastStep = 1
    /// The part that is cut, in steps.
    var window = 0..<1
    var starts: [Int] = []

    init(_ timeline: Timeline, parameters: RollParameters) {
        self.timeline = timeline
        self.parameters = parameters
        let recording = parameters.recording
        grid = TimelineGrid(
            parameters.grid, rounding: parameters.rounding, tempoMap: timeline.tempoMap,
            offset: recording?.stepsAreFrames == true ? recording?.offset ?? 0 : 0)
    }

    mutating func cut(into segments: inout RollSegments, index: Int16) throws(MIDIError) {
        let musicEnd = stepNotes()
        chooseWindow(musicEnd: musicEnd)
        try chooseStarts()
        let cells = (segments.count + starts.count) * parameters.steps
        guard cells <= RollSegments.maximumCount else { throw tooLarge("\(cells) steps") }
        try appendNotes(to: &segments)
        try appendControls(to: &segments)
        appendPedals(to: &segments)
        appendTempi(to: &segments)
        appendFrameSteps(to: &segments)
        for start in starts {
            segments.timeline.append(index)
            segments.segmentStart.append(Int64(start))
            segments.segmentLength.append(Int64(end(from: start) - start))
        }
    }

    private func tooLarge(_ amount: String) -> MIDIError {
        MIDIError(
            MIDICode.segmentsTooLarge,
            "the segments hold \(amount), more than \(RollSegments.maximumCount); take a coarser grid or a longer hop"
        )
    }

    /// Where a segment that begins at a step really ends.
    private func end(from start: Int) -> Int { min(start + parameters.steps, window.upperBound) }

    // MARK: What is cut

    /// Lays the notes on the grid; returns the tick at which the last is over.
    private mutating func stepNotes() -> Int {
        let ends = parameters.sustain == .extend ? sustainedEnds(of: timeline) : nil
        var (grid, musicEnd, lastStep) = (grid, 0, lastStep)
        notes = [SteppedNote](unsafeUninitializedCapacity: timeline.notes.count) { stepped, count in
            for note in timeline.notes {
                let end = ends?[count] ?? note.offset
                let start = grid.step(of: note.onset)
                let endStep = max(grid.step(of: end), start + 1)
                stepped.initializeElement(
                    at: count, to: SteppedNote(start: start, end: endStep, isLengthened: end > note.offset))
                count += 1
                musicEnd = max(musicEnd, end)
                lastStep = max(lastStep, endStep)
            }
        }
        self.lastStep = lastStep
        return musicEnd
    }

    private mutating func chooseWindow(musicEnd: Int) {
        var length = lastStep
        if case .stepsPerFirstBeat = parameters.grid {
            length = max(length, grid.step(of: timeline.endTick) + 1)
        }
        window = 0..<length
        guard parameters.window == .longestConstantTempo else { return }
        let points = timeline.tempoMap.points
        var longest = -1
        for (index, point) in points.enumerated() where point.tick < musicEnd {
            let isLast = index + 1 == points.count || points[index + 1].tick >= musicEnd
            let endTick = isLast ? musicEnd : points[index + 1].tick
            let duration = timeline.tempoMap.time(at: endTick) - point.time
            guard duration > longest else { continue }
            longest = duration
            let start = min(grid.step(of: point.tick), length - 1)
            window = start..<(isLast ? length : max(grid.step(of: endTick), start + 1))
        }
    }

    private mutating func chooseStarts() throws(MIDIError) {
        let last = parameters.dropLast ? window.upperBound - parameters.steps : window.upperBound - 1
        if let recording = parameters.recording, !recording.stepsAreFrames {
            return try followRecording(recording, last: last)
        }
        guard last >= window.lowerBound else { return }
        switch parameters.align {
        case .none:
            let count = (last - window.lowerBound) / parameters.hop + 1
            guard count <= RollSegments.maximumCount else { throw tooLarge("\(count) segments") }
            starts = Array(stride(from: window.lowerBound, through: last, by: parameters.hop))
        case .bar:
            var next = window.lowerBound
            try timeline.forEachBarLine { tick throws(MIDIError) in
                let step = grid.step(of: tick)
                guard step <= last else { return false }
                guard step >= next else { return true }
                starts.append(step)
                guard starts.count <= RollSegments.maximumCount else {
                    throw tooLarge("over \(starts.count) segments")
                }
                next = step + parameters.hop
                return true
            }
        }
    }

    /// Starts segments at the steps of the recording's segments.
    private mutating func followRecording(_ recording: RecordingCut, last: Int) throws(MIDIError) {
        while true {
            let start = grid.step(ofSample: starts.count * recording.hop, in: recording)
            guard start <= last else { return }
            starts.append(start)
            guard starts.count * max(parameters.steps, recording.frames) <= RollSegments.maximumCount else {
                throw tooLarge("over \(starts.count) segments")
            }
        }
    }

    // MARK: Columns

    /// The step of each frame of each segment.
    private func appendFrameSteps(to segments: inout RollSegments) {
        guard let recording = parameters.recording, !recording.stepsAreFrames else { return }
        var steps: [UInt16] = []
        steps.reserveCapacity(starts.count * recording.frames)
        for (index, start) in starts.enumerated() {
            for frame in 0..<recording.frames {
                let sample = index * recording.hop + recording.firstFrame + frame * recording.frameHop
                let step = grid.step(ofSample: sample, in: recording) - start
                steps.append((0..<parameters.steps).contains(step) ? UInt16(step) : RecordingCut.noStep)
            }
        }
        segments.frameSteps = FrameSteps(frames: recording.frames, steps: steps)
    }

    private mutating func appendNotes(to segments: inout RollSegments) throws(MIDIError) {
        let includeDrums = parameters.drums == .include
        let voices =
            if let count = parameters.voices {
                monophonicVoices(of: timeline.notes, stepped: notes, count: count, includeDrums: includeDrums)
            } else {
                trackVoices(of: timeline.notes, includeDrums: includeDrums)
            }
        let stored = storedNotes(voices)
        let base = segments.start.count
        try checkRows(stored, base: base)
        var rows: [Row] = []
        rows.reserveCapacity(stored.count + stored.count / 8)
        stored.withUnsafeBufferPointer { stored in
            // They begin in order: those of a segment follow each other, but for those that sound on into it.
            var first = 0
            var sounding: [Int] = []
            for start in starts {
                let segment = start..<end(from: start)
                sounding.removeAll { stored[$0].end <= start }
                while first < stored.count, stored[first].start < start {
                    if stored[first].end > start { sounding.append(first) }
                    first += 1
                }
                let firstRow = rows.count
                for index in sounding { rows.append(Row(stored[index], in: segment)) }
                var index = first
                while index < stored.count, stored[index].start < segment.upperBound {
                    rows.append(Row(stored[index], in: segment))
                    index += 1
                }
                rows.withUnsafeMutableBufferPointer { rows in
                    sortRows(UnsafeMutableBufferPointer(rebasing: rows[firstRow...]))
                }
                segments.notesOffset.append(Int64(base + rows.count))
            }
        }
        rows.withUnsafeBufferPointer { segments.append(rows: $0) }
    }

    /// The notes that get rows.
    private func storedNotes(_ voices: [UInt8]) -> [StoredNote] {
        let (source, notes) = (timeline.notes, notes)
        let (pitches, hasDrums) = (parameters.pitches, parameters.drums != .exclude)
        return [StoredNote](unsafeUninitializedCapacity: source.count) { stored, count in
            for index in source.indices
            where pitches.contains(source[index].pitch) && (hasDrums || !source[index].isDrum) {
                let note = StoredNote(source[index], notes[index], voice: voices[index])
                stored.initializeElement(at: count, to: note)
                count += 1
            }
        }
    }

    /// - Throws: if the segments have more rows than they may.
    private func checkRows(_ notes: [StoredNote], base: Int) throws(MIDIError) {
        // No note has more than one row in each segment.
        guard base + notes.count * starts.count > RollSegments.maximumCount else { return }
        var finder = SegmentFinder(starts, steps: parameters.steps, end: window.upperBound)
        let total = notes.reduce(base) { $0 + finder.segments(from: $1.start, to: $1.end).count }
        guard total <= RollSegments.maximumCount else { throw tooLarge("\(total) rows") }
    }

    private mutating func appendControls(to segments: inout RollSegments) throws(MIDIError) {
        let base = segments.controlsStep.count
        if parameters.controls == .none {
            segments.controlsOffset += repeatElement(Int64(base), count: starts.count)
            return
        }
        let isStored = (0..<128).map { parameters.controls.contains(UInt8($0)) }
        var (grid, tick, step) = (grid, -1, 0)
        let source = timeline.controls
        typealias Stored = (step: Int, control: ControlChange)
        let stored = [Stored](unsafeUninitializedCapacity: source.count) { stored, count in
            for control in source where isStored[Int(control.number & 127)] {
                if control.tick != tick {
                    tick = control.tick
                    step = grid.step(of: tick)
                }
                stored.initializeElement(at: count, to: (step, control))
                count += 1
            }
        }
        // They come in order: those of a segment follow each other.
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(starts.count)
        var (first, last, total) = (0, 0, 0)
        for start in starts {
            let end = end(from: start)
            while first < stored.count, stored[first].step < start { first += 1 }
            last = max(first, last)
            while last < stored.count, stored[last].step < end { last += 1 }
            ranges.append(first..<last)
            total += last - first
            segments.controlsOffset.append(Int64(base + total))
        }
        guard base + total <= RollSegments.maximumCount else { throw tooLarge("\(base + total) rows") }
        let rows = [ControlRow](unsafeUninitializedCapacity: total) { rows, count in
            for (start, range) in zip(starts, ranges) {
                for (step, control) in stored[range] {
                    let row = ControlRow(
                        step: UInt16(truncatingIfNeeded: step - start), number: control.number,
                        value: control.value, channel: control.channel)
                    rows.initializeElement(at: count, to: row)
                    count += 1
                }
            }
        }
        rows.withUnsafeBufferPointer { rows in
            RollSegments.append(rows, to: &segments.controlsStep) { $0.step }
            RollSegments.append(rows, to: &segments.controlsNumber) { $0.number }
            RollSegments.append(rows, to: &segments.controlsValue) { $0.value }
            RollSegments.append(rows, to: &segments.controlsChannel) { $0.channel }
        }
    }

    private struct ControlRow: BitwiseCopyable {
        let step: UInt16
        let number: UInt8
        let value: UInt8
        let channel: UInt8
    }

    private mutating func appendPedals(to segments: inout RollSegments) {
        guard !starts.isEmpty else { return }
        let base = segments.pedal.count
        segments.pedal += repeatElement(0, count: starts.count * parameters.steps * 3)
        let pedals = PedalControls(timeline)
        segments.pedal.withUnsafeMutableBufferPointer { cells in
            for (column, number) in [64, 66, 67 as UInt8].enumerated() {
                let end = max(timeline.endTick + 1, 1)
                for (_, spans) in pedals.spans(number, end: end, drums: false) {
                    paint(spans, into: UnsafeMutableBufferPointer(rebasing: cells[(base + column)...]))
                }
            }
        }
    }

    /// Sets every third cell, the first of each step, where a pedal is down.
    private mutating func paint(_ spans: [Range<Int>], into cells: UnsafeMutableBufferPointer<UInt8>) {
        var finder = SegmentFinder(starts, steps: parameters.steps, end: window.upperBound)
        for (index, span) in spans.enumerated() {
            // A pedal never released is down to the window's end.
            let isOpen = index + 1 == spans.count && span.upperBound > timeline.endTick
            let down = grid.stepFrom(span.lowerBound)
            let up = isOpen ? window.upperBound : min(grid.stepFrom(span.upperBound), window.upperBound)
            guard down < up else { continue }
            for segment in finder.segments(from: down, to: up) {
                let start = starts[Int(segment)]
                let from = max(down, start)
                let cell = (Int(segment) * parameters.steps + from - start) * 3
                for step in 0..<max(min(up, end(from: start)) - from, 0) { cells[cell + step * 3] = 1 }
            }
        }
    }

    private mutating func appendTempi(to segments: inout RollSegments) {
        let points = timeline.tempoMap.points.map { point in
            (step: grid.stepFrom(point.tick), tempo: Float(60_000_000 / Double(point.microsecondsPerBeat)))
        }
        guard points.count > 1 else {
            segments.tempo += repeatElement(points[0].tempo, count: starts.count * parameters.steps)
            return
        }
        var first = 0
        for start in starts {
            while first + 1 < points.count, points[first + 1].step <= start { first += 1 }
            var point = first
            var step = start
            while step < start + parameters.steps {
                let next = point + 1 < points.count ? points[point + 1].step : .max
                let end = min(next, start + parameters.steps)
                if end > step { segments.tempo += repeatElement(points[point].tempo, count: end - step) }
                step = max(step, end)
                point += 1
            }
        }
    }
}

/// A note on the grid, with what all its rows have in common.
private struct StoredNote: BitwiseCopyable {
    let start: Int
    let end: Int
    /// Pitch, program, voice and velocity at their places in a row's key.
    let key: UInt64
    let isLengthened: Bool

    @inline(__always)
    init(_ note: Note, _ stepped: SteppedNote, voice: UInt8) {
        start = stepped.start
        end = stepped.end
        isLengthened = stepped.isLengthened
        let high = UInt64(note.pitch) << 41 | UInt64(note.program) << 33
        key = high | UInt64(voice) << 25 | UInt64(note.velocity) << 18
    }
}

/// A note in a segment: its columns packed so that their order is the order of the number.
private struct Row: BitwiseCopyable {
    let key: UInt64
    let flags: UInt8

    @inline(__always)
    func precedes(_ other: Row) -> Bool { key < other.key || key == other.key && flags < other.flags }

    @inline(__always)
    init(_ note: StoredNote, in segment: Range<Int>) {
        let start = max(note.start, segment.lowerBound)
        let length = min(note.end, segment.upperBound) &- start
        key =
            UInt64(truncatingIfNeeded: start &- segment.lowerBound) << 48 | note.key
            | UInt64(truncatingIfNeeded: length) << 2
        flags =
            (note.start >= segment.lowerBound ? RollFlags.onset : 0)
            | (note.isLengthened ? RollFlags.lengthened : 0)
            | (note.end <= segment.upperBound ? RollFlags.ends : 0)
    }
}

/// Sorts the rows of a segment, which come in the order of their starts: by insertion, unless so many begin
/// together that this would take long.
private func sortRows(_ rows: UnsafeMutableBufferPointer<Row>) {
    var moves = 0
    for index in rows.indices.dropFirst() {
        let row = rows[index]
        var place = index
        while place > 0, row.precedes(rows[place - 1]) {
            rows[place] = rows[place - 1]
            place -= 1
        }
        rows[place] = row
        moves += index - place
        if moves > 32 * rows.count {
            var all = rows
            all.sort { $0.precedes($1) }
            return
        }
    }
}

extension RollSegments {
    fileprivate mutating func append(rows: UnsafeBufferPointer<Row>) {
        Self.append(rows, to: &start) { UInt16(truncatingIfNeeded: $0.key >> 48) }
        Self.append(rows, to: &length) { UInt16(truncatingIfNeeded: $0.key >> 2) }
        Self.append(rows, to: &pitch) { UInt8(truncatingIfNeeded: $0.key >> 41) & 0x7F }
        Self.append(rows, to: &velocity) { UInt8(truncatingIfNeeded: $0.key >> 18) & 0x7F }
        Self.append(rows, to: &program) { UInt8(truncatingIfNeeded: $0.key >> 33) }
        Self.append(rows, to: &voice) { UInt8(truncatingIfNeeded: $0.key >> 25) }
        Self.append(rows, to: &flags) { $0.flags }
    }

    @inline(__always)
    fileprivate static func append<Row, Element>(
        _ rows: UnsafeBufferPointer<Row>, to column: inout [Element], _ value: (Row) -> Element
    ) {
        let added = [Element](unsafeUninitializedCapacity: rows.count) { buffer, count in
            for index in rows.indices { buffer.initializeElement(at: index, to: value(rows[index])) }
            count = rows.count
        }
        if column.isEmpty { column = added } else { column += added }
    }
}
