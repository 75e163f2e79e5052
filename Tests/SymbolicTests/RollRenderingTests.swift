import Symbolic
import Testing

@Suite struct RollRenderingTests {
    /// Segments → MIDI → segments: the same, for scores without nested notes of a key and voice.
    @Test(arguments: 0..<40) func comesBackTheSame(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let notes = (0..<seed * 3).flatMap { index -> [Note] in
            let onset = index * Int.random(in: 0...40, using: &generator)
            return [
                Note(
                    onset: onset, offset: onset + Int.random(in: 1...400, using: &generator),
                    pitch: UInt8(index % 100), velocity: UInt8.random(in: 1...127, using: &generator),
                    channel: index % 7 == 0 ? 9 : 0, program: index % 7 == 0 ? 128 : UInt8(index % 3 * 20))
            ]
        }
        let controls = (0..<seed).map {
            ControlChange(
                tick: $0 * 90, channel: 0, number: [64, 66, 67][$0 % 3], value: UInt8($0 % 2 * 127))
        }
        let tempi = [(0, 400_000), (300, 700_000)].map {
            TempoMap.Change(tick: $0.0, microsecondsPerBeat: $0.1)
        }
        let music = score(
            notes, division: .ticksPerQuarter(96), tempi: tempi,
            timeSignatures: [TimeSignature(tick: 0, numerator: 3, denominator: 8)], controls: controls)
        let grids: [Grid] = [
            .stepsPerBeat(4), .stepsPerSecond(Rational(44_100, 2048)), .stepsPerFirstBeat(8),
        ]
        for grid in grids {
            for rounding in Rounding.allCases {
                let parameters = RollParameters(grid: grid, rounding: rounding, steps: 16)
                let cut = try RollSegments(score: music, parameters: parameters)
                let file = MIDIFile(
                    segments: (0..<cut.count).map(cut.segment), grid: grid, rounding: rounding,
                    content: music.timelines[0])
                let back = try Score(midi: file.write())
                #expect(back.warnings.isEmpty)
                #expect(back.timelines[0].timeSignatures == music.timelines[0].timeSignatures)
                let again = try RollSegments(score: back, parameters: parameters)
                let rows = { (segments: RollSegments) in
                    (0..<cut.count).map { index in
                        Set(
                            segments.segment(index).rows.map {
                                [$0.start, $0.length, Int($0.pitch), Int($0.velocity), Int($0.program)]
                            })
                    }
                }
                #expect(again.count >= cut.count, "\(grid) \(rounding)")
                guard again.count >= cut.count else { continue }
                #expect(rows(again) == rows(cut), "\(grid) \(rounding)")
            }
        }
    }

    @Test func keepsTempoTimeSignatureAndPedalFromTheStart() throws {
        var timeline = Timeline(
            tempoMap: TempoMap(
                division: .ticksPerQuarter(4),
                changes: [(0, 500_000), (10, 400_000), (30, 300_000)].map {
                    TempoMap.Change(tick: $0.0, microsecondsPerBeat: $0.1)
                }))
        timeline.timeSignatures = [(0, 4, 4), (12, 3, 4), (24, 6, 8)].map {
            TimeSignature(tick: $0.0, numerator: $0.1, denominator: $0.2)
        }
        let pedal: [UInt8] = [0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1]
        let segment = RollSegment(
            length: 4, rows: [RollSegment.Row(start: 1, length: 2, pitch: 60, velocity: 99, program: 33)],
            pedal: pedal)
        let file = MIDIFile(
            segments: [segment, segment], start: 5, grid: .stepsPerBeat(1), content: timeline)
        let back = try Score(midi: file.write()).timelines[0]
        #expect(back.tempoMap.changes.map(\.tick) == [0, 10] && back.endTick == 32)
        #expect(back.tempoMap.changes.map(\.microsecondsPerBeat) == [400_000, 300_000])
        #expect(
            back.timeSignatures == [
                TimeSignature(tick: 0, numerator: 3, denominator: 4),
                TimeSignature(tick: 4, numerator: 6, denominator: 8),
            ])
        #expect(back.notes.map(\.onset) == [4, 20] && back.notes.map(\.program) == [33, 33])
        #expect(back.controls.map(\.tick) == [4, 8, 12, 16, 20, 24, 28, 32])
        #expect(back.controls.map(\.number) == [64, 67, 64, 67, 64, 67, 64, 67])
        #expect(back.controls.map(\.value) == [127, 127, 0, 0, 127, 127, 0, 0])
    }

    @Test func writesTheSegmentsOwnTempi() throws {
        let segment = RollSegment(length: 2, rows: [], tempo: [100, 50])
        let file = MIDIFile(segments: [segment, segment], start: 9, grid: .stepsPerBeat(4))
        let map = try Score(midi: file.write()).timelines[0].tempoMap
        #expect(map.changes.map(\.tick) == [0, 120, 240, 360])
        #expect(map.changes.map(\.microsecondsPerBeat) == [600_000, 1_200_000, 600_000, 1_200_000])
    }

    @Test func joinsHeldNotesAndSplitsRepeatedOnes() throws {
        func row(_ start: Int, _ length: Int, onset: Bool) -> RollSegment.Row {
            RollSegment.Row(start: start, length: length, pitch: 60, velocity: 80, isOnset: onset)
        }
        let segments = [
            RollSegment(length: 4, rows: [row(2, 2, onset: true)]),
            RollSegment(length: 4, rows: [row(0, 4, onset: false)]),
            RollSegment(length: 4, rows: [row(0, 1, onset: true), row(2, 1, onset: false)]),
        ]
        let notes = try Score(midi: MIDIFile(segments: segments, grid: .stepsPerBeat(480)).write()).timelines[
            0
        ].notes
        #expect(notes.map(\.onset) == [2, 8, 10] && notes.map(\.offset) == [8, 9, 11])
    }

    @Test func sharesChannelsPastFifteenPrograms() throws {
        let rows = (0..<20).map {
            RollSegment.Row(start: $0, length: 1, pitch: 60, velocity: 80, program: UInt8($0))
        }
        let drum = RollSegment.Row(start: 0, length: 1, pitch: 36, velocity: 80, program: 128)
        let file = MIDIFile(segments: [RollSegment(length: 20, rows: rows + [drum])], grid: .stepsPerBeat(4))
        let notes = try Score(midi: file.write()).timelines[0].notes
        #expect(Set(notes.map(\.program)) == Set((0..<20).map { UInt8($0) } + [128]))
        #expect(notes.allSatisfy { ($0.channel == 9) == $0.isDrum })
    }

    @Test(arguments: 0..<30) func denseRollsBecomeTheirRows(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let cells = 24 * 3
        let piano = (0..<cells).map { _ in UInt8.random(in: 0...1, using: &generator) }
        let onset = piano.map { $0 * UInt8.random(in: 0...1, using: &generator) }
        let velocity = piano.map { $0 * UInt8.random(in: 1...127, using: &generator) }
        let rows = DenseRolls.rows(
            piano: piano, velocity: velocity, onset: onset, steps: 24, pitches: 60...62)
        var painted = [UInt8](repeating: 0, count: cells)
        var onsets = painted
        for row in rows {
            let first = row.start * 3 + Int(row.pitch - 60)
            #expect(row.velocity == velocity[first])
            for step in 0..<row.length { painted[first + step * 3] += 1 }
            if row.isOnset { onsets[first] = 1 }
        }
        #expect(painted == piano)
        // An onset stands where the roll has one, and where a run begins without one after step 0.
        for cell in 0..<cells {
            let begins = cell >= 3 && piano[cell] == 1 && piano[cell - 3] == 0
            #expect(onsets[cell] == max(onset[cell], begins ? 1 : 0))
        }
    }
}
