/// The stretches in which a pedal is down on one channel, in order, half-open in ticks.
struct PedalSpans {
    private(set) var spans: [Range<Int>] = []
    private var downSince: Int?

    /// The value from which a switch controller is on (MIDI 1.0).
    static let threshold: UInt8 = 64

    mutating func set(_ value: UInt8, at tick: Int) {
        if value >= Self.threshold {
            downSince = downSince ?? tick
        } else if let start = downSince {
            if tick > start { spans.append(start..<tick) }
            downSince = nil
        }
    }

    /// All sound goes off: a pedal that is down stays so, and holds nothing from before.
    mutating func silence(at tick: Int) {
        guard let start = downSince else { return }
        if tick > start { spans.append(start..<tick) }
        downSince = tick
    }

    /// A pedal still down stays so to the end.
    mutating func close(at endTick: Int) { set(0, at: endTick) }
}

/// The control changes of a timeline that move pedals, and those that silence channels: far fewer than all, since most
/// only say again on which side of the threshold a pedal is.
struct PedalControls {
    private var controls: [ControlChange] = []
    /// Whether there are any of each number.
    private var isPresent = [Bool](repeating: false, count: 256)

    init(_ timeline: Timeline) {
        // For each of the numbers 64 to 67, port and channel what the change before said; 0 is nothing.
        var said = [UInt8](repeating: 0, count: 4 * 128 * 16)
        for control in timeline.controls {
            switch control.number {
            case 64...67:
                let says: UInt8 =
                    1 | (control.value >= PedalSpans.threshold ? 2 : 0) | (control.isDrum ? 4 : 0)
                let key = Int(control.number - 64) << 11 | control.channelKey
                if said[key] == says { continue }
                said[key] = says
            case 120: break
            case 121: for number in 0..<4 { said[number << 11 | control.channelKey] = 0 }
            default: continue
            }
            isPresent[Int(control.number)] = true
            controls.append(control)
        }
    }

    /// The stretches in which a pedal is down.
    ///
    /// Down is a value of 64 or more (MIDI 1.0). Reset all controllers (CC 121) lifts pedals (RP-015). A pedal that is
    /// never lifted stays down to `end`.
    ///
    /// - Parameters:
    ///   - number: The controller's: 64 sustain, 66 sostenuto, 67 soft.
    ///   - end: The tick at which pedals still down are lifted.
    ///   - drums: Whether to take in pedals pressed while their channel plays drums.
    ///   - silences: Whether all sound off (CC 120) divides a stretch.
    /// - Returns: For each channel on which it goes down, as 16 · port + channel, the stretches in order, half-open in
    ///   ticks.
    func spans(
        _ number: UInt8, end: Int, drums: Bool, silences: Bool = false
    ) -> [(channel: Int, spans: [Range<Int>])] {
        guard isPresent[Int(number)] else { return [] }
        var ports = PortPlaces()
        var pedals: [PedalSpans] = []
        var isDown: [Bool] = []
        for control in controls where control.number == number || control.number >= 120 {
            if control.number == number { ports.add(control.port) }
            if pedals.count < ports.count * 16 {
                pedals += repeatElement(PedalSpans(), count: 16)
                isDown += repeatElement(false, count: 16)
            }
            guard let port = ports.find(control.port) else { continue }
            let channel = port << 4 | Int(control.channel)
            switch control.number {
            case number:
                let sets = control.value >= PedalSpans.threshold
                if sets == isDown[channel] || sets && control.isDrum && !drums { continue }
                isDown[channel] = sets
                pedals[channel].set(control.value, at: control.tick)
            case 121 where isDown[channel]:
                isDown[channel] = false
                pedals[channel].set(0, at: control.tick)
            case 120 where silences: pedals[channel].silence(at: control.tick)
            default: break
            }
        }
        var result: [(channel: Int, spans: [Range<Int>])] = []
        for port in (0..<UInt8(128)) {
            guard let place = ports.find(port) else { continue }
            for channel in 0..<16 {
                pedals[place << 4 | channel].close(at: end)
                let spans = pedals[place << 4 | channel].spans
                if !spans.isEmpty { result.append((Int(port) << 4 | channel, spans)) }
            }
        }
        return result
    }
}

extension Timeline {
    /// How long a pedal is held each time, on every channel that does not play drums: half-open in ticks, by port and
    /// channel, then in order.
    ///
    /// - Parameter controller: 64 sustain, 66 sostenuto, 67 soft.
    /// - Returns: the stretches in which it is down.
    public func pedalSpans(_ controller: UInt8) -> [Range<Int>] {
        PedalControls(self).spans(controller, end: endTick, drums: false).flatMap(\.spans)
    }

    /// The spans of the sustain pedal.
    public var sustainPedalSpans: [Range<Int>] { pedalSpans(64) }
}

/// The notes' ends as the sustain pedal moves them: for each note the tick at which it is over.
///
/// A note released while the pedal of its channel and port (CC 64 ≥ 64 on any track) is down sounds on until the pedal
/// is lifted, until all sound goes off (CC 120), or until the next onset of its channel and pitch, whichever is first; a
/// pedal never lifted holds to the timeline's end. At equal ticks the order of the file decides whether the pedal is
/// down at the release. No note is shortened or left out, and drums are untouched. Source: note_seq's
/// `apply_sustain_control_changes`, by channel and port instead of by instrument, without its cutting of notes that are
/// struck again while held.
func sustainedEnds(of timeline: Timeline) -> [Int] {
    var ends = timeline.notes.map(\.offset)
    let spansOfChannel = PedalControls(timeline).spans(64, end: timeline.endTick, drums: true, silences: true)
    guard !spansOfChannel.isEmpty else { return ends }
    var ports = PortPlaces()
    for note in timeline.notes { ports.add(note.port) }
    var spans = [[Range<Int>]](repeating: [], count: ports.count * 16)
    for (channel, list) in spansOfChannel {
        if let port = ports.find(UInt8(channel >> 4)) { spans[port << 4 | channel & 15] = list }
    }
    // From the last note to the first: for each channel and pitch the next two distinct onsets.
    var nextOnset = [Int](repeating: .max, count: ports.count * 16 * 128)
    var sameOnset = nextOnset
    for index in timeline.notes.indices.reversed() {
        let note = timeline.notes[index]
        let channel = ports[note.port] << 4 | Int(note.channel)
        let key = channel << 7 | Int(note.pitch)
        if sameOnset[key] != note.onset {
            nextOnset[key] = sameOnset[key]
            sameOnset[key] = note.onset
        }
        guard !note.isDrum, !note.isReleasedBeforePedal, let span = span(at: note.offset, in: spans[channel])
        else {
            continue
        }
        ends[index] = max(note.offset, min(span.upperBound, nextOnset[key]))
    }
    return ends
}

private func span(at tick: Int, in spans: [Range<Int>]) -> Range<Int>? {
    let next = spans.partitioningIndex { $0.lowerBound > tick }
    guard next > 0, spans[next - 1].contains(tick) else { return nil }
    return spans[next - 1]
}
