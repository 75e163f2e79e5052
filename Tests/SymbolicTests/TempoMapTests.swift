import Symbolic
import Testing

@Suite struct TempoMapTests {
    @Test func countsExactly() {
        let map = TempoMap(
            division: .ticksPerQuarter(480),
            changes: [(480, 1_000_000), (960, 333_333), (961, 16_777_215)].map {
                TempoMap.Change(tick: $0.0, microsecondsPerBeat: $0.1)
            })
        #expect(map.unitsPerSecond == 480_000_000)
        #expect(map.time(at: 480) == 480 * 500_000)
        #expect(map.time(at: 960) == 480 * 1_500_000)
        #expect(map.time(at: 961) == 480 * 1_500_000 + 333_333)
        #expect(map.time(at: 962) == 480 * 1_500_000 + 333_333 + 16_777_215)
        #expect(map.microsecondsPerBeat(at: 959) == 1_000_000)
        #expect(map.microsecondsPerBeat(at: 960) == 333_333)
        #expect(map.firstMicrosecondsPerBeat == 1_000_000)
    }

    @Test func takesTheLastTempoOfATick() {
        func map(_ changes: [(Int, Int)]) -> TempoMap {
            TempoMap(
                division: .ticksPerQuarter(1),
                changes: changes.map { TempoMap.Change(tick: $0.0, microsecondsPerBeat: $0.1) })
        }
        #expect(map([(0, 1), (0, 7)]).time(at: 3) == 21)
        #expect(map([(0, 1), (0, 7)]).firstMicrosecondsPerBeat == 1)
        // Back to the tempo before: nothing changes.
        #expect(map([(0, 5), (2, 7), (2, 5), (4, 6)]).time(at: 5) == 26)
        #expect(map([(2, 7), (2, 9)]).time(at: 3) == 1_000_009)
    }

    static let clocks: [(Int, Int, Double)] = [
        (24, 100, 2400), (25, 40, 1000), (29, 100, 3_000_000 / 1001), (30, 80, 2400),
    ]

    @Test(arguments: clocks) func followsTheClock(frames: Int, ticks: Int, perSecond: Double) {
        let division = Division.smpte(framesPerSecond: frames, ticksPerFrame: ticks)
        let map = TempoMap(division: division, changes: [TempoMap.Change(tick: 0, microsecondsPerBeat: 7)])
        // Exact in integers; only the division to seconds rounds, to half a unit in the last place.
        #expect(abs(map.seconds(at: 123_456) - 123_456 / perSecond) < 1e-10)
        #expect(map.microsecondsPerBeat(at: 10) == 500_000)
        let beat = division.ticksPerBeat
        #expect(abs(Double(beat.numerator) / Double(beat.denominator) - perSecond / 2) < 1e-9)
    }

    @Test(arguments: 0..<50) func isStrictlyMonotoneAndAgreesWithASum(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var changes: [TempoMap.Change] = []
        var tick = 0
        for _ in 0..<seed {
            tick += Int.random(in: 0...4, using: &generator)
            let tempo = [1, 400_000, 500_000, 16_777_215].randomElement(using: &generator) ?? 1
            changes.append(TempoMap.Change(tick: tick, microsecondsPerBeat: tempo))
        }
        let map = TempoMap(division: .ticksPerQuarter(96), changes: changes)
        var time = 0
        for tick in 0..<(tick + 10) {
            #expect(map.time(at: tick) == time)
            let tempo = changes.last { $0.tick <= tick }?.microsecondsPerBeat ?? 500_000
            #expect(map.microsecondsPerBeat(at: tick) == tempo)
            time += tempo
        }
    }
}
