internal import Symbolic
internal import Tensors

/// Standard MIDI Files, at the level of events and of the score.
///
/// Beside "a value or a `MIDIError`": what was read and is written is read as the same; what is written twice is the
/// same; a score's segments are kept by their object, on three grids.
func fuzzMIDI(_ bytes: [UInt8]) -> Int32 {
    do throws(MIDIError) {
        let file = try MIDIFile.read(bytes)
        let written = file.write()
        var again = try MIDIFile.read(written)
        law(again.write() == written, "write(read(write(f))) = write(f)")
        again.usesRunningStatus = file.usesRunningStatus
        law(again == file || hasLongGap(file), "read(write(f)) = f")
    } catch {
        check(error, bytes)
    }
    do throws(MIDIError) {
        try fuzzScore(Score(midi: bytes))
    } catch {
        check(error, bytes)
    }
    return 0
}

/// Whether two events lie further apart than one number can say; `write` bridges that with an empty text.
private func hasLongGap(_ file: MIDIFile) -> Bool {
    file.tracks.contains { track in
        let ticks = [0] + track.events.map(\.tick) + [track.endTick]
        return zip(ticks, ticks.dropFirst()).contains { $1 - $0 > 0x0FFF_FFFF }
    }
}

private func check(_ error: MIDIError, _ bytes: [UInt8]) {
    law(
        error.code.hasPrefix("midi.") && !error.message.isEmpty, "an error has a code and a message: \(error)"
    )
    law((0...bytes.count).contains(error.offset ?? 0), "an error's offset is in the file: \(error)")
}

private func fuzzScore(_ score: Score) throws(MIDIError) {
    // Rolls of a piece of 100,000 beats take a thousand times as long as reading it, and a clock by the first tempo can
    // be finer still; RollSegments has its own limit, and tests for it.
    for timeline in score.timelines {
        let seconds = timeline.tempoMap.seconds(at: timeline.endTick)
        let beats = seconds * 1e6 / Double(timeline.tempoMap.firstMicrosecondsPerBeat)
        let ticks = score.division.ticksPerBeat
        guard timeline.endTick * ticks.denominator / ticks.numerator < 4000, seconds < 4000, beats < 4000
        else {
            return
        }
    }
    try fuzzSegments(score, RollParameters())
    try fuzzSegments(
        score,
        RollParameters(
            grid: .stepsPerSecond(Rational(1, 1)), rounding: .floor, steps: 16, hop: 5, dropLast: true,
            pitches: 32...88, drums: .include, sustain: .extend, voices: 4, controls: .all))
    try fuzzSegments(
        score,
        RollParameters(
            grid: .stepsPerBeat(1), steps: 32, align: .bar, drums: .exclude, controls: .numbers([64]),
            window: .longestConstantTempo))
    try fuzzSegments(
        score, RollParameters(grid: .stepsPerFirstBeat(2), rounding: .floor, steps: 480, sustain: .extend))
}

private func fuzzSegments(_ score: Score, _ parameters: RollParameters) throws(MIDIError) {
    let segments = try RollSegments(score: score, parameters: parameters)
    for (start, length) in zip(segments.start, segments.length) {
        law(length > 0 && Int(start) + Int(length) <= segments.steps, "a row lies in its segment")
    }
    let object = segments.encode()
    do {
        law(
            try RollSegments(decoding: TensorFile(bytes: object)) == segments,
            "segments are kept by their object")
    } catch {
        law(false, "the object of segments is read: \(error)")
    }
}
