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

    /// A pedal still down stays so to the end.
    mutating func close(at endTick: Int) { set(0, at: endTick) }
}

/// The notes' ends as the sustain pedal moves them: for each note the tick at which it is over.
///
/// A note released while its channel's pedal (CC 64 ≥ 64 on any track) is down, that is at or after the tick of
/// the press and before the tick of the release, sounds on until the release, or until the next onset of its
/// channel and pitch, whichever is first; a pedal never released holds to the timeline's end. No note is
/// shortened or left out, and drums are untouched. Source: note_seq's `apply_sustain_control_changes`, by
/// channel instead of by instrument, without its cutting of notes that are struck again while held.
func sustainedEnds(of timeline: Timeline) -> [Int] {
    var spansOfChannel = Array(repeating: PedalSpans(), count: 16)
    for control in timeline.controls where control.number == 64 {
        spansOfChannel[Int(control.channel)].set(control.value, at: control.tick)
    }
    for channel in 0..<16 { spansOfChannel[channel].close(at: timeline.endTick) }
    var ends = timeline.notes.map(\.offset)
    // From the last note to the first: for each channel and pitch the next two distinct onsets.
    var nextOnset = [Int](repeating: .max, count: 16 * 128)
    var sameOnset = [Int](repeating: .max, count: 16 * 128)
    for index in timeline.notes.indices.reversed() {
        let note = timeline.notes[index]
        let key = Int(note.channel) << 7 | Int(note.pitch)
        if sameOnset[key] != note.onset {
            nextOnset[key] = sameOnset[key]
            sameOnset[key] = note.onset
        }
        guard !note.isDrum, let span = span(at: note.offset, in: spansOfChannel[Int(note.channel)].spans)
        else {
            continue
        }
        ends[index] = max(note.offset, min(span.upperBound, nextOnset[key]))
    }
    return ends
}

private func span(at tick: Int, in spans: [Range<Int>]) -> Range<Int>? {
    var (low, high) = (0, spans.count)
    while low < high {
        let middle = (low + high) / 2
        if spans[middle].lowerBound <= tick { low = middle + 1 } else { high = middle }
    }
    guard low > 0, spans[low - 1].contains(tick) else { return nil }
    return spans[low - 1]
}
