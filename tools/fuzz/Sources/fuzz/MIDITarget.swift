internal import Symbolic
internal import Tensors

/// Standard MIDI Files, at the level of events and of the score.
///
/// Beside "a value or a `MIDIError`": what was read and is written is read as the same; what is written twice is the
/// same; a score is kept by its object; its segments too, on three grids.
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
    law(error.code.hasPrefix("midi.") && !error.message.isEmpty, "an error has a code and a message: \(error)")
    law((0...bytes.count).contains(error.offset ?? 0), "an error's offset is in the file: \(error)")
}

private func fuzzScore(_ score: Score) throws(MIDIError) {
    let object = score.encode()
    do {
        law(try Score(decoding: TensorFile(bytes: object)) == score, "a score's object gives the score")
    } catch {
        law(false, "a score's own object is read: \(error)")
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
    // A clock by the first tempo can be much finer than the music is long; RollSegments has its own limit, which takes
    // more time to reach than a fuzzer has.
    for timeline in score.timelines {
        let beats = timeline.tempoMap.seconds(at: timeline.endTick) * 1e6
        guard beats / Double(timeline.tempoMap.firstMicrosecondsPerBeat) < 1e5 else { return }
    }
    try fuzzSegments(score, RollParameters(grid: .stepsPerFirstBeat(2), rounding: .floor, steps: 480, sustain: .extend))
}

private func fuzzSegments(_ score: Score, _ parameters: RollParameters) throws(MIDIError) {
    let segments = try RollSegments(score: score, parameters: parameters)
    for (start, length) in zip(segments.start, segments.length) {
        law(length > 0 && Int(start) + Int(length) <= segments.steps, "a row lies in its segment")
    }
    let object = segments.encode()
    do {
        law(try RollSegments(decoding: TensorFile(bytes: object)) == segments, "segments are kept by their object")
    } catch {
        law(false, "the object of segments is read: \(error)")
    }
}
