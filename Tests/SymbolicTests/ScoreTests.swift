import Symbolic
import Testing

@Suite struct ScoreTests {
    /// All orders of six events of one key, on or off, at the tick before or the next: pairing by a plain queue.
    @Test func pairsFirstOpenFirstClosed() throws {
        for code in 0..<(1 << 12) {
            var events: [UInt8] = []
            var tick = 0
            var open: [Int] = []
            var expected: [(on: Int, off: Int, velocity: UInt8)] = []
            for index in 0..<6 {
                let bits = code >> (2 * index)
                let delta = bits & 1
                let isOn = bits & 2 != 0
                tick += delta
                let velocity = UInt8(index + 1)
                events += [UInt8(delta), 0x90, 60, isOn ? velocity : 0]
                if isOn {
                    open.append(expected.count)
                    expected.append((tick, -1, velocity))
                } else if !open.isEmpty {
                    expected[open.removeFirst()].off = tick
                }
            }
            for index in open { expected[index].off = tick + 3 }
            let bytes = SMF.header() + SMF.track(events + [3, 0xFF, 0x2F, 0], ended: false)
            let score = try Score(midi: bytes)
            let notes = score.timelines[0].notes
            #expect(notes.map(\.onset) == expected.map(\.on), "\(code)")
            #expect(notes.map(\.offset) == expected.map(\.off), "\(code)")
            #expect(notes.map(\.velocity) == expected.map(\.velocity), "\(code)")
            #expect(score.warnings.map(\.code) == (open.isEmpty ? [] : [MIDICode.noteUnended]), "\(code)")
        }
    }

    @Test func pairsWithinTrackChannelAndPitch() throws {
        let first: [UInt8] = [0, 0x90, 60, 1, 0, 0x91, 60, 2, 0, 0x90, 61, 3, 5, 0x81, 60, 9, 5, 0x80, 61, 8]
        let second: [UInt8] = [1, 0x90, 60, 4, 9, 0x80, 60, 7]
        let notes = try Score(midi: SMF.file(first, second)).timelines[0].notes
        #expect(notes.map(\.velocity) == [1, 2, 3, 4])
        #expect(notes.map(\.offset) == [10, 5, 10, 10])
        #expect(notes.map(\.releaseVelocity) == [0, 9, 8, 7])
        #expect(notes.map(\.track) == [0, 0, 0, 1])
        #expect(notes.map(\.channel) == [0, 1, 0, 0])
    }

    @Test func takesTheProgramAtTheOnset() throws {
        let events: [UInt8] = [
            0, 0xC0, 40, 0, 0xC9, 5, 0, 0x90, 60, 64, 5, 0xC0, 41, 5, 0x80, 60, 0, 0, 0x90, 60, 64, 5, 0x80,
            60, 0,
            0, 0x99, 36, 64, 5, 0x89, 36, 0,
        ]
        // Another track on the same channel, which sets no program, has the one in force.
        let timeline = try Score(midi: SMF.file(events, SMF.note(72, 3, after: 11))).timelines[0]
        #expect(timeline.notes.map(\.program) == [40, 41, 41, 128])
        #expect(timeline.programs.map(\.program) == [40, 5, 41])
    }

    @Test func mergesTracksInTheOrderOfTicks() throws {
        var generator = SeededGenerator(seed: 7)
        let tracks = (0..<5).map { track in
            (0..<200).flatMap { _ -> [UInt8] in
                let after = Int.random(in: 0...3000, using: &generator)
                return SMF.note(
                    UInt8(track), 1, velocity: UInt8.random(in: 1...127, using: &generator), after: after)
                    + [0, 0xB0, 64, UInt8.random(in: 0...127, using: &generator)]
            }
        }
        let merged = SMF.header(format: 1, tracks: 5) + tracks.flatMap { SMF.track($0) }
        let timeline = try Score(midi: merged).timelines[0]
        let alone = try tracks.map { try Score(midi: SMF.file($0)).timelines[0] }
        let notes = alone.enumerated().flatMap { track, timeline in timeline.notes.map { (track, $0) } }
        let expected = notes.enumerated().sorted {
            ($0.element.1.onset, $0.offset) < ($1.element.1.onset, $1.offset)
        }
        #expect(timeline.notes.map(\.onset) == expected.map { $0.element.1.onset })
        #expect(timeline.notes.map(\.velocity) == expected.map { $0.element.1.velocity })
        #expect(timeline.notes.map(\.track) == expected.map { $0.element.0 })
        #expect(timeline.controls.count == 1000)
        #expect(zip(timeline.controls, timeline.controls.dropFirst()).allSatisfy { $0.tick <= $1.tick })
        #expect(timeline.endTick == alone.map(\.endTick).max())
    }

    @Test func keepsFormatTwoApart() throws {
        let bytes = SMF.file(
            SMF.tempo(400_000) + SMF.note(60, 10), SMF.note(61, 20) + SMF.note(62, 5), format: 2)
        let score = try Score(midi: bytes)
        #expect(score.timelines.map(\.notes.count) == [1, 2])
        #expect(score.timelines.map(\.endTick) == [10, 25])
        #expect(score.timelines.map(\.tempoMap.firstMicrosecondsPerBeat) == [400_000, 500_000])
        #expect(score.timelines[1].notes.map(\.track) == [1, 1])
    }

    @Test func keepsMetaEventsOfAllTracks() throws {
        let bytes = SMF.file(
            [0, 0xFF, 3, 2, 0x83, 0xFF] + SMF.timeSignature(6, 3, after: 10) + [0, 0xFF, 0x59, 2, 0xFD, 1],
            [0, 0xFF, 5, 1, 0x61] + SMF.tempo(600_000, after: 5) + [0, 0xE2, 0x00, 0x40, 0, 0xE2, 0, 0])
        let timeline = try Score(midi: bytes).timelines[0]
        #expect(
            timeline.texts == [
                TextEvent(tick: 0, track: 0, type: 3, bytes: [0x83, 0xFF]),
                TextEvent(tick: 0, track: 1, type: 5, bytes: [0x61]),
            ])
        #expect(timeline.timeSignatures == [TimeSignature(tick: 10, numerator: 6, denominator: 8)])
        #expect(timeline.keys == [KeySignature(tick: 10, sharps: -3, isMinor: true)])
        #expect(timeline.tempoMap.changes == [TempoMap.Change(tick: 5, microsecondsPerBeat: 600_000)])
        #expect(timeline.pitchBends.map(\.value) == [0, -8192])
    }
}
