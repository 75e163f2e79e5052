import Symbolic
import Testing

/// What the manifest's options do: drums, pitches, voices, sustain, pedals, controls, tempo, windows, bars, time signature.
@Suite struct RollOptionsTests {
    private func segments(
        _ score: Score, steps: Int = 16, _ change: (inout RollParameters) -> Void = { _ in }
    ) throws -> RollSegments {
        var parameters = RollParameters(grid: .stepsPerBeat(1), steps: steps)
        change(&parameters)
        return try RollSegments(score: score, parameters: parameters)
    }

    private func note(
        _ onset: Int, _ offset: Int, _ pitch: UInt8 = 60, channel: UInt8 = 0, track: Int = 0
    ) -> Note {
        Note(
            onset: onset, offset: offset, pitch: pitch, velocity: 64, channel: channel,
            program: channel == 9 ? 128 : 0, track: track)
    }

    private func control(_ tick: Int, _ number: UInt8, _ value: UInt8, channel: UInt8 = 0) -> ControlChange {
        ControlChange(tick: tick, channel: channel, number: number, value: value)
    }

    // MARK: What is stored

    @Test func cropsPitchesButNotTheLength() throws {
        let found = try segments(score([note(0, 2, 31), note(0, 2, 32), note(1, 3, 88), note(0, 40, 89)])) {
            $0.pitches = 32...88
        }
        #expect(found.pitch == [32, 88])
        #expect(found.count == 3)
    }

    @Test func excludesDrumsOnlyIfAsked() throws {
        let both = score([note(0, 2), note(0, 2, 36, channel: 9)])
        #expect(try segments(both) { $0.drums = .exclude }.program == [0])
        #expect(try segments(both) { $0.drums = .separate }.program == [128, 0])
        #expect(try segments(both) { $0.drums = .separate }.voice == [255, 0])
        #expect(try segments(both) { $0.drums = .include }.voice == [1, 0])
    }

    // MARK: Voices

    @Test func ranksTracksByTheirNotes() throws {
        let notes = [
            note(0, 1, 10, track: 3), note(0, 1, 20, channel: 1, track: 1),
            note(1, 2, 21, channel: 1, track: 1),
            note(0, 1, 30, track: 1), note(1, 2, 31, track: 1), note(0, 1, 36, channel: 9, track: 1),
            note(1, 2, 36, channel: 9, track: 1), note(2, 3, 36, channel: 9, track: 1),
        ]
        let found = try segments(score(notes))
        let voices = Dictionary(zip(found.pitch, found.voice)) { first, _ in first }
        #expect(voices == [30: 0, 31: 0, 20: 1, 21: 1, 10: 2, 36: 255])
    }

    @Test func allotsMonophonicVoices() throws {
        // A track of chords, and a line: the line is poorer, and its overlapping note finds no voice.
        var notes: [Note] = []
        for beat in 0..<4 {
            for pitch in [60, 64, 67 as UInt8] { notes.append(note(beat * 2, beat * 2 + 2, pitch)) }
        }
        notes += [note(0, 4, 40, track: 1), note(3, 5, 41, track: 1), note(4, 8, 42, track: 1)]
        let four = try segments(score(notes)) { $0.voices = 4 }
        func voices(_ found: RollSegments) -> [UInt8: Set<UInt8>] {
            Dictionary(zip(found.pitch, found.voice.map { [$0] })) { $0.union($1) }
        }
        #expect(voices(four) == [67: [0], 64: [2], 60: [3], 40: [1], 41: [255], 42: [1]])
        #expect(voices(try segments(score(notes)) { $0.voices = 1 })[67] == [0])
        #expect(voices(try segments(score(notes)) { $0.voices = 1 })[40] == [255])
        // With five, the richest in notes without a voice gives the fifth: only the line has one.
        #expect(voices(try segments(score(notes)) { $0.voices = 5 })[41] == [4])
    }

    @Test(arguments: 0..<20) func voicesAreMonophonicAndLeaveNothingThatFits(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let notes = (0..<120).map { _ in
            let onset = Int.random(in: 0...200, using: &generator)
            return note(
                onset, onset + Int.random(in: 0...9, using: &generator),
                UInt8.random(in: 0...127, using: &generator),
                channel: [0, 1, 9].randomElement(using: &generator) ?? 0,
                track: Int.random(in: 0...1, using: &generator))
        }
        let found = try segments(score(notes), steps: 1000) { $0.voices = 6 }
        for voice in 0..<6 as Range<UInt8> {
            let rows = found.voice.indices.filter { found.voice[$0] == voice }
            #expect(rows.allSatisfy { found.program[$0] != 128 })
            #expect(
                zip(rows, rows.dropFirst()).allSatisfy {
                    found.start[$0] + found.length[$0] <= found.start[$1]
                })
        }
        let drums = found.program.indices.filter { found.program[$0] == 128 }
        #expect(drums.allSatisfy { found.voice[$0] == 255 })
    }

    @Test func reservesOneVoiceForIncludedDrums() throws {
        // Three melodic tracks of 4, 3 and 2 notes, and two drum tracks.
        func lines(drums: Int) -> [Note] {
            let counts = [4, 3, 2, drums, 1]
            return counts.enumerated().flatMap { track, count in
                (0..<count).map {
                    note($0 * 2, $0 * 2 + 1, UInt8(40 + track), channel: track > 2 ? 9 : 0, track: track)
                }
            }
        }
        func voices(_ drums: Int, _ count: Int) throws -> [UInt8: UInt8] {
            let found = try segments(score(lines(drums: drums))) {
                $0.drums = .include
                $0.voices = count
            }
            return Dictionary(zip(found.pitch, found.voice)) { first, _ in first }
        }
        // The richest drums have the voice of their rank, or else the last.
        #expect(try voices(8, 3) == [43: 0, 40: 1, 41: 2, 42: 255, 44: 255])
        #expect(try voices(1, 3) == [40: 0, 41: 1, 43: 2, 42: 255, 44: 255])
        #expect(try voices(8, 1) == [43: 0, 40: 255, 41: 255, 42: 255, 44: 255])
        // Free voices go to melodic tracks alone.
        #expect(try voices(8, 6) == [43: 0, 40: 1, 41: 2, 42: 3, 44: 255])
        // Without drums no voice is kept free.
        let melodic = score(lines(drums: 0).filter { !$0.isDrum })
        let found = try segments(melodic) {
            $0.drums = .include
            $0.voices = 3
        }
        #expect(Set(found.voice) == [0, 1, 2])
    }

    // MARK: Pedals and controls

    @Test func sustainLengthensWithinItsChannel() throws {
        let notes = [
            note(0, 2), note(4, 5), note(8, 9, 62), note(0, 2, 60, channel: 1), note(1, 2, 36, channel: 9),
            note(12, 13, 70),
        ]
        let controls = [
            control(0, 64, 127, channel: 9), control(1, 64, 64), control(9, 64, 63), control(13, 64, 100),
        ]
        let found = try segments(score(notes, controls: controls, endTick: 16)) { $0.sustain = .extend }
        func row(_ pitch: UInt8, _ start: UInt16, _ program: UInt8 = 0) -> [Int] {
            found.start.indices.filter {
                found.pitch[$0] == pitch && found.start[$0] == start && found.program[$0] == program
            }
        }
        // The first C is held until the next; that one, released under the pedal, until the pedal goes up.
        #expect(Set(row(60, 0).map { found.length[$0] }) == [4, 2])
        #expect(row(60, 4).map { found.length[$0] } == [5])
        #expect(
            row(60, 4).map { found.flags[$0] } == [RollFlags.onset | RollFlags.ends | RollFlags.lengthened])
        // Released as the pedal goes up: not held. Released as it goes down: held, here to the end.
        #expect(row(62, 8).map { found.length[$0] } == [1])
        #expect(row(70, 12).map { found.length[$0] } == [4])
        #expect(row(36, 1, 128).map { found.length[$0] } == [1])
    }

    @Test func sustainNeverShortens() throws {
        // The second C is struck while the first is held: note_seq would cut the first.
        let notes = [note(0, 6), note(2, 4), note(2, 4)]
        let found = try segments(score(notes, controls: [control(0, 64, 127), control(8, 64, 0)])) {
            $0.sustain = .extend
        }
        #expect(found.length == [6, 6, 6])
    }

    @Test func pedalIsDownAtTheStepsStart() throws {
        let controls = [
            control(1, 64, 64), control(2, 66, 127, channel: 3), control(4, 64, 127, channel: 9),
            control(5, 64, 63),
            control(8, 66, 0, channel: 3), control(9, 67, 127), control(12, 64, 127, channel: 9),
        ]
        let music = score([note(0, 16)], division: .ticksPerQuarter(2), controls: controls, endTick: 20)
        let found = try segments(music, steps: 5)
        // Steps are 2 ticks: 8 in all, in segments of 5 and 3.
        let sustain = stride(from: 0, to: found.pedal.count, by: 3).map { found.pedal[$0] }
        let sostenuto = stride(from: 1, to: found.pedal.count, by: 3).map { found.pedal[$0] }
        let soft = stride(from: 2, to: found.pedal.count, by: 3).map { found.pedal[$0] }
        #expect(sustain == [0, 1, 1, 0, 0, 0, 0, 0, 0, 0])
        #expect(sostenuto == [0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
        #expect(soft == [0, 0, 0, 0, 0, 1, 1, 1, 0, 0])
    }

    @Test func pedalAndTempoJustAfterAStepsStartCountFromTheNext() throws {
        let tempi = [TempoMap.Change(tick: 1, microsecondsPerBeat: 1_000_000)]
        let music = score(
            [note(0, 12)], division: .ticksPerQuarter(4), tempi: tempi,
            controls: [control(1, 67, 127), control(5, 67, 0)])
        let found = try segments(music, steps: 3)
        #expect(found.pedal == [0, 0, 0, 0, 0, 1, 0, 0, 0])
        #expect(found.tempo == [120, 60, 60])
    }

    @Test func storesTheControlsAskedFor() throws {
        let controls = [
            control(0, 7, 100), control(3, 64, 127, channel: 9), control(3, 1, 5), control(5, 64, 0),
            control(9, 64, 3),
        ]
        let music = score([note(0, 6)], controls: controls)
        #expect(try segments(music, steps: 4).controlsOffset == [0, 0, 0])
        let some = try segments(music, steps: 4) { $0.controls = .numbers([64]) }
        #expect(some.controlsOffset == [0, 1, 2])
        #expect(
            some.controlsStep == [3, 1] && some.controlsChannel == [9, 0] && some.controlsValue == [127, 0])
        let all = try segments(music, steps: 4) {
            $0.controls = .all
            $0.hop = 2
        }
        #expect(all.controlsOffset == [0, 3, 6, 7])
        #expect(all.controlsNumber == [7, 64, 1, 64, 1, 64, 64])
    }

    @Test func tempoIsTheOneAtTheStepsStart() throws {
        let tempi = [(0, 500_000), (3, 1_000_000), (8, 250_000)].map {
            TempoMap.Change(tick: $0.0, microsecondsPerBeat: $0.1)
        }
        let music = score([note(0, 9)], division: .ticksPerQuarter(2), tempi: tempi)
        #expect(try segments(music, steps: 3).tempo == [120, 120, 60, 60, 240, 240])
    }

    // MARK: Windows, bars, time signatures

    @Test func takesTheLongestConstantTempo() throws {
        // 4 s, 6 s, then 5 s in beats of 0.5, 1 and 0.5 seconds; the middle is longest though it has fewest beats.
        let tempi = [(8, 1_000_000), (11, 1_000_000), (14, 500_000)].map {
            TempoMap.Change(tick: $0.0, microsecondsPerBeat: $0.1)
        }
        let music = score(
            [note(0, 1), note(6, 10, 61), note(12, 16, 62), note(20, 24, 63)], tempi: tempi, endTick: 99)
        let found = try segments(music, steps: 4) { $0.window = .longestConstantTempo }
        #expect(found.segmentStart == [8, 12] && found.segmentLength == [4, 2])
        #expect(found.pitch == [61, 62] && found.length == [2, 2])
        #expect(found.flags == [RollFlags.ends, RollFlags.onset])
        #expect(found.tempo == [60, 60, 60, 60, 60, 60, 120, 120])
        #expect(try segments(score([note(0, 7)])) { $0.window = .longestConstantTempo }.segmentLength == [7])
        // A tempo taken back at its own tick is no change.
        let back = [(3, 7), (3, 500_000)].map { TempoMap.Change(tick: $0.0, microsecondsPerBeat: $0.1) }
        #expect(
            try segments(score([note(0, 7)], tempi: back)) { $0.window = .longestConstantTempo }.segmentLength
                == [7])
    }

    @Test func startsSegmentsOnBarLines() throws {
        // Two bars of 3/4, then 4/4 from beat 6: lines at 0, 3, 6, 10, 14, 18.
        let timeSignatures = [
            TimeSignature(tick: 0, numerator: 3, denominator: 4),
            TimeSignature(tick: 6, numerator: 4, denominator: 4),
        ]
        let music = score([note(0, 20)], timeSignatures: timeSignatures)
        #expect(try segments(music, steps: 4) { $0.align = .bar }.segmentStart == [0, 6, 10, 14, 18])
        #expect(try segments(music, steps: 3) { $0.align = .bar }.segmentStart == [0, 3, 6, 10, 14, 18])
        #expect(
            try segments(music, steps: 8) {
                $0.align = .bar
                $0.hop = 1
                $0.dropLast = true
            }.segmentStart == [0, 3, 6, 10])
        // 7/8 of beats of one tick: lines at 3.5 k, rounded down to ticks; a lone 2/2 counts four beats.
        let seven = score(
            [note(0, 15)], timeSignatures: [TimeSignature(tick: 0, numerator: 7, denominator: 8)])
        #expect(try segments(seven, steps: 1) { $0.align = .bar }.segmentStart == [0, 3, 7, 10, 14])
        let two = score([note(0, 9)], timeSignatures: [TimeSignature(tick: 0, numerator: 2, denominator: 2)])
        #expect(try segments(two, steps: 1) { $0.align = .bar }.segmentStart == [0, 4, 8])
    }

    @Test func leavesOutWhatHasAnotherTimeSignature() throws {
        func exclusion(_ timeSignatures: [(Int, Int, Int)], timeSignature: (Int, Int)?, constant: Bool) throws
            -> String?
        {
            let music = score(
                [note(0, 1)],
                timeSignatures: timeSignatures.map {
                    TimeSignature(tick: $0.0, numerator: $0.1, denominator: $0.2)
                })
            let found = try segments(music) {
                $0.requiredTimeSignature = timeSignature.map {
                    TimeSignature(tick: 0, numerator: $0.0, denominator: $0.1)
                }
                $0.requiresConstantTimeSignature = constant
            }
            #expect(found.count == (found.exclusion == nil ? 1 : 0))
            return found.exclusion
        }
        #expect(try exclusion([], timeSignature: (4, 4), constant: true) == nil)
        #expect(try exclusion([(0, 4, 4), (9, 4, 4)], timeSignature: (4, 4), constant: true) == nil)
        #expect(
            try exclusion([(0, 3, 8)], timeSignature: (4, 4), constant: false)
                == "time signature 3/8 at tick 0, required 4/4")
        #expect(try exclusion([(0, 2, 2)], timeSignature: (4, 4), constant: false) != nil)
        #expect(try exclusion([(0, 3, 4), (0, 4, 4)], timeSignature: (4, 4), constant: true) == nil)
        #expect(
            try exclusion([(0, 4, 4), (9, 7, 8)], timeSignature: nil, constant: true)
                == "the time signature changes from 4/4 to 7/8 at tick 9")
        #expect(try exclusion([(0, 4, 4), (9, 7, 8)], timeSignature: nil, constant: false) == nil)
        #expect(try exclusion([(5, 3, 4)], timeSignature: (3, 4), constant: false) != nil)
    }

    @Test func cutsEachTimelineOfFormatTwo() throws {
        let bytes = SMF.file(SMF.note(60, 5), SMF.note(61, 1), SMF.note(62, 9), format: 2, division: 1)
        let found = try segments(Score(midi: bytes), steps: 4)
        #expect(found.timeline == [0, 0, 1, 2, 2, 2])
        #expect(found.segmentStart == [0, 4, 0, 0, 4, 8])
        #expect(found.pitch == [60, 60, 61, 62, 62, 62])
    }
}
