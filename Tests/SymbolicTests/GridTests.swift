import Symbolic
import Testing

@Suite struct GridTests {
    private func starts(
        _ onsets: [Int], _ grid: Grid, _ rounding: Rounding = .halfUp,
        division: Division = .ticksPerQuarter(480),
        tempi: [(Int, Int)] = [], endTick: Int? = nil
    ) throws -> (starts: [UInt16], length: Int64) {
        let notes = onsets.enumerated().map {
            Note(onset: $0.element, offset: $0.element, pitch: UInt8($0.offset), velocity: 1)
        }
        let changes = tempi.map { TempoMap.Change(tick: $0.0, microsecondsPerBeat: $0.1) }
        let segments = try RollSegments(
            score: score(notes, division: division, tempi: changes, endTick: endTick),
            parameters: RollParameters(grid: grid, rounding: rounding, steps: 60_000))
        let byPitch = segments.start.indices.sorted { segments.pitch[$0] < segments.pitch[$1] }
        return (byPitch.map { segments.start[$0] }, segments.segmentLength[0])
    }

    @Test func roundsHalfUpOrDown() throws {
        // 120 ticks a step.
        let onsets = [0, 59, 60, 61, 119, 120, 179, 180]
        #expect(try starts(onsets, .stepsPerBeat(4)).starts == [0, 0, 1, 1, 1, 1, 1, 2])
        #expect(try starts(onsets, .stepsPerBeat(4), .floor).starts == [0, 0, 0, 0, 0, 1, 1, 1])
        // Thirds of a beat of 100 ticks: 50/3 is 16.67, so 17 rounds up and 16 does not.
        let hundred = Division.ticksPerQuarter(100)
        #expect(
            try starts([16, 17, 49, 50, 83, 84], .stepsPerBeat(3), division: hundred).starts == [
                0, 1, 1, 2, 2, 3,
            ])
        // A note of no length keeps a step.
        #expect(try starts([180], .stepsPerBeat(4)).length == 3)
    }

    /// The steps of notes are those of the rows that segments have.
    @Test(arguments: [Rounding.halfUp, .floor])
    func notesSoundInTheStepsOfTheirRows(_ rounding: Rounding) throws {
        let notes = [(0, 0), (59, 61), (60, 480), (119, 121), (180, 300), (301, 539)].enumerated().map {
            Note(onset: $1.0, offset: $1.1, pitch: UInt8($0), velocity: 1)
        }
        let score = score(notes, division: .ticksPerQuarter(480), tempi: [], endTick: nil)
        let steps = score.timelines[0].steps(on: .stepsPerBeat(4), rounding: rounding)
        let segments = try RollSegments(
            score: score,
            parameters: RollParameters(grid: .stepsPerBeat(4), rounding: rounding, steps: 64))
        for row in segments.start.indices {
            let start = Int(segments.start[row])
            #expect(steps[Int(segments.pitch[row])] == start..<start + Int(segments.length[row]))
        }
        #expect(
            steps
                == (rounding == .floor
                    ? [0..<1, 0..<1, 0..<4, 0..<1, 1..<2, 2..<4]
                    : [0..<1, 0..<1, 1..<4, 1..<2, 2..<3, 3..<4]))
    }

    @Test func followsTheTempoMapByTheClock() throws {
        // A second a beat from beat 1 on: beats at 0, 0.5, 1.5, 2.5 seconds.
        let onsets = [0, 480, 960, 1440]
        let tempi = [(480, 1_000_000)]
        let grid = Grid.stepsPerSecond(Rational(20, 1))
        #expect(try starts(onsets, grid, tempi: tempi).starts == [0, 10, 30, 50])
        // Frames of 44,100 / 512 a second: 0.5 s is 43.07 of them, 2.5 s 215.33.
        let frames = Grid.stepsPerSecond(Rational(44_100, 512))
        #expect(try starts(onsets, frames, .floor, tempi: tempi).starts == [0, 43, 129, 215])
    }

    @Test func takesTheFirstTempoForTheStepAndTheMapForTheTime() throws {
        // The first tempo event is at beat 1: 1 s a beat, so a step is 1/8 s; before it beats last 0.5 s.
        let found = try starts(
            [0, 480, 960, 1440], .stepsPerFirstBeat(8), .floor, tempi: [(480, 1_000_000), (960, 250_000)],
            endTick: 1920)
        #expect(found.starts == [0, 4, 12, 14])
        // The end of track at 2.0 s is in step 16.
        #expect(found.length == 17)
    }

    @Test func countsHalfSecondsAsBeatsByTheClock() throws {
        // 29.97 frames of 100 ticks: 3,000,000 / 1001 = 2997.003 ticks a second, so a beat is 1498.50 ticks.
        let division = Division.smpte(framesPerSecond: 29, ticksPerFrame: 100)
        #expect(
            try starts([0, 1498, 1499, 149_850, 149_851], .stepsPerBeat(1), .floor, division: division).starts
                == [0, 0, 1, 99, 100])
        #expect(
            try starts([2997, 2998], .stepsPerSecond(Rational(1, 1)), .floor, division: division).starts == [
                0, 1,
            ])
    }

    @Test func isExactForAwkwardNumbers() throws {
        // 99,999 beats of 32,767 ticks at the slowest tempo, and steps of 999,983 / 1,000,000 a second: products past
        // 64 bits. Expected: floor(99999 · 16.777215 · 999983 / 1000000) = 1677676 (by whole-number arithmetic).
        let note = Note(onset: 99_999 * 32_767, offset: 99_999 * 32_767, pitch: 1, velocity: 1)
        let segments = try RollSegments(
            score: score(
                [note], division: .ticksPerQuarter(32_767),
                tempi: [TempoMap.Change(tick: 0, microsecondsPerBeat: 16_777_215)]),
            parameters: RollParameters(
                grid: .stepsPerSecond(Rational(999_983, 1_000_000)), rounding: .floor, steps: 1,
                hop: 1_677_676))
        #expect(segments.segmentStart == [0, 1_677_676])
        #expect(segments.notesOffset == [0, 0, 1] && segments.segmentLength == [1, 1])
    }
}
