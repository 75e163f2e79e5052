import Symbolic
import Testing

@Suite struct SegmentLengthTests {
    @Test func countsSteps() {
        let four = Grid.stepsPerBeat(4)
        #expect(SegmentLength.steps(7).steps(on: four) == 7)
        #expect(SegmentLength.beats(16).steps(on: four) == 64)
        #expect(SegmentLength.bars(4).steps(on: four) == 64)
        #expect(
            SegmentLength.bars(4).steps(
                on: four, timeSignature: TimeSignature(tick: 0, numerator: 3, denominator: 4)) == 48)
        // A bar of 6/8 has three beats; one of 7/8 half a beat too many for steps of a beat.
        #expect(
            SegmentLength.bars(2).steps(
                on: four, timeSignature: TimeSignature(tick: 0, numerator: 6, denominator: 8)) == 24)
        let seven = TimeSignature(tick: 0, numerator: 7, denominator: 8)
        #expect(SegmentLength.bars(1).steps(on: .stepsPerBeat(1), timeSignature: seven) == nil)
        #expect(SegmentLength.bars(2).steps(on: .stepsPerBeat(1), timeSignature: seven) == 7)
        let clock = Grid.stepsPerSecond(Rational(20, 1))
        #expect(SegmentLength.seconds(Rational(8, 1)).steps(on: clock) == 160)
        #expect(SegmentLength.seconds(Rational(1, 1000)).steps(on: clock) == 1)
        // 8 · 44,100 / 512 = 689.06 frames; 3 · 22,050 / 400 = 165.375; 1 · 45 / 2 = 22.5.
        #expect(SegmentLength.seconds(Rational(8, 1)).steps(on: .frames(sampleRate: 44_100, hop: 512)) == 689)
        #expect(SegmentLength.seconds(Rational(3, 1)).steps(on: .frames(sampleRate: 22_050, hop: 400)) == 165)
        #expect(SegmentLength.seconds(Rational(1, 1)).steps(on: .frames(sampleRate: 45, hop: 2)) == 23)
        for length in [SegmentLength.beats(4), .bars(1)] { #expect(length.steps(on: clock) == nil) }
        #expect(SegmentLength.seconds(Rational(1, 1)).steps(on: four) == nil)
    }

    /// A note falls on the frame whose centre, t · hop / sampleRate, is nearest; halves go up.
    @Test(arguments: [(44_100, 512), (22_050, 512), (16_000, 160), (48_000, 1), (44_100, 441)])
    func framesAreCentred(sampleRate: Int, hop: Int) throws {
        // 480 ticks of 1/960 second.
        let onsets = [0, 1, 2, 3, 5, 7, 11, 479, 480, 481, 959, 1000]
        let notes = onsets.enumerated().map {
            Note(onset: $0.element, offset: $0.element, pitch: UInt8($0.offset), velocity: 1)
        }
        let found = try RollSegments(
            score: score(notes, division: .ticksPerQuarter(480)),
            parameters: RollParameters(grid: .frames(sampleRate: sampleRate, hop: hop), steps: 60_000))
        for row in found.start.indices {
            let tick = onsets[Int(found.pitch[row])]
            // frame = floor(tick / 960 · sampleRate / hop + 1 / 2)
            #expect(Int(found.start[row]) == (2 * tick * sampleRate + 960 * hop) / (2 * 960 * hop))
        }
    }
}
