extension MIDIFile {
    /// The bars that hold a stretch of time, as a file of their own.
    ///
    /// The stretch is widened to bar lines on both sides, so that beats and bars keep their places on any grid. The notes
    /// that begin in these bars are taken, and end with the last of them at the latest; a note that sounds on from before is
    /// left out. Tempo, time signature, key, programs, controls, pitch bends, names and SysEx that are in force at the first
    /// bar line are its first events; lyrics, markers and other text before it are left out.
    ///
    /// - Parameters:
    ///   - timeline: That of this file's score: its only one.
    ///   - start: In seconds, at least 0.
    ///   - duration: In seconds, above 0; infinite for all that follows.
    /// - Returns: The bars, from tick 0 on; nil if no note begins in them.
    /// - Throws: `MIDIError` where bars cannot be counted.
    public func excerpt(
        of timeline: Timeline, start: Double, duration: Double
    ) throws(MIDIError) -> MIDIFile? {
        let range = try timeline.bars(from: start, to: start + duration)
        var isFirst = true
        var holdsNotes = false
        var result = self
        result.chunks = chunks.map { chunk in
            guard case .track(let track) = chunk else { return chunk }
            var cut = TrackExcerpt(range)
            if isFirst { cut.begin(with: timeline.state(at: range.lowerBound)) }
            isFirst = false
            for event in track.events { cut.add(event) }
            holdsNotes = holdsNotes || cut.holdsNotes
            return .track(cut.finished(at: min(track.endTick, range.upperBound)))
        }
        return holdsNotes ? result : nil
    }
}

extension Timeline {
    /// From the last bar line at or before one time to the first at or after another, or behind the timeline's end.
    fileprivate func bars(from start: Double, to end: Double) throws(MIDIError) -> Range<Int> {
        // Seconds are rounded, so that a bar line that is meant may lie some nanoseconds off.
        let slack = 1e-6
        var (first, last) = (0, 0)
        try forEachBarLine { tick throws(MIDIError) in
            let time = tempoMap.seconds(at: tick)
            last = tick
            if time <= start + slack { first = tick }
            return tick < endTick && (time < end - slack || tick <= first)
        }
        return first..<max(first, last)
    }

    /// The tempo, time signature and key in force at a tick, as events of tick 0.
    fileprivate func state(at tick: Int) -> [MIDIFile.Event] {
        var messages: [MIDIFile.Message] = []
        if case .ticksPerQuarter = tempoMap.division {
            messages.append(.tempo(tempoMap.microsecondsPerBeat(at: tick)))
        }
        if let signature = timeSignaturesInForce().last(where: { $0.tick <= tick }) {
            messages.append(.timeSignature(signature))
        }
        if let key = keys.last(where: { $0.tick <= tick }) {
            messages.append(
                .meta(
                    type: 0x59, bytes: [UInt8(bitPattern: Int8(key.sharps)), key.isMinor ? 1 : 0]))
        }
        return messages.map { MIDIFile.Event(tick: 0, $0) }
    }
}

/// The part of a track that lies within some ticks, on the way.
private struct TrackExcerpt {
    /// Tells a channel's key.
    private struct Key: Hashable {
        let channel: UInt8
        let pitch: UInt8
    }

    private let range: Range<Int>
    private var before: [MIDIFile.Message] = []
    /// How many of these are of another port than what follows, and stay.
    private var settled = 0
    private var events: [MIDIFile.Event] = []
    /// Of each key, first open first, whether the open notes are in the excerpt.
    private var open: [Key: [Bool]] = [:]
    private(set) var holdsNotes = false

    init(_ range: Range<Int>) { self.range = range }

    mutating func begin(with state: [MIDIFile.Event]) { events = state }

    mutating func add(_ event: MIDIFile.Event) {
        if event.tick >= range.upperBound { return }
        let isBefore = event.tick < range.lowerBound
        switch event.message {
        case .channel(let status, let pitch, let velocity) where status & 0xF0 == 0x90 && velocity > 0:
            open[Key(channel: status & 0x0F, pitch: pitch), default: []].append(!isBefore)
            if isBefore { return }
            holdsNotes = true
        case .channel(let status, let pitch, _) where status & 0xE0 == 0x80:
            // A note-off, or a note-on of velocity 0.
            let key = Key(channel: status & 0x0F, pitch: pitch)
            guard open[key]?.isEmpty == false, open[key]?.removeFirst() == true else { return }
        case .channel(let status, _, _) where status & 0xF0 == 0xA0:
            if isBefore { return }
        case .channel(let status, let number, _) where status & 0xF0 == 0xB0 && number >= 120:
            if number != 121 { open = open.filter { $0.key.channel != status & 0x0F } }
        case .meta(let type, _) where isBefore && [0x51, 0x58, 0x59, 0x01, 0x05, 0x06, 0x07].contains(type):
            return
        default: break
        }
        if isBefore {
            replace(event.message)
        } else {
            putBefore()
            events.append(MIDIFile.Event(tick: event.tick - range.lowerBound, event.message))
        }
    }

    /// Keeps what is in force before the excerpt: of what sets one thing, the last.
    private mutating func replace(_ message: MIDIFile.Message) {
        if let thing = Self.thing(message),
            let place = before[settled...].firstIndex(where: { Self.thing($0) == thing })
        {
            before.remove(at: place)
        }
        before.append(message)
        if case .meta(0x21, _) = message { settled = before.count }
    }

    /// What a message sets until a later one of the same kind; nil for what depends on those before.
    private static func thing(_ message: MIDIFile.Message) -> [UInt8]? {
        guard case .channel(let status, let number, _) = message else { return nil }
        switch status & 0xF0 {
        case 0xB0:
            // Banks, data entries and parameter numbers work together.
            return [0, 6, 32, 38].contains(number) || number >= 96 ? nil : [status, number]
        default: return [status]
        }
    }

    private mutating func putBefore() {
        events += before.map { MIDIFile.Event(tick: 0, $0) }
        before = []
    }

    /// The track, its open notes ended.
    mutating func finished(at end: Int) -> MIDIFile.Track {
        putBefore()
        let last = max(0, end - range.lowerBound, events.last?.tick ?? 0)
        let keys = open.filter { $0.value.contains(true) }.keys
            .sorted { ($0.channel, $0.pitch) < ($1.channel, $1.pitch) }
        for key in keys {
            for _ in open[key]?.filter(\.self) ?? [] {
                events.append(
                    MIDIFile.Event(
                        tick: last, .channel(status: 0x80 | key.channel, data1: key.pitch, data2: 0)))
            }
        }
        return MIDIFile.Track(events: events, endTick: last)
    }
}
