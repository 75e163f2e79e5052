import Symbolic
import Testing

/// Control changes and pedals in segments, against a replay of everything up to each step.
@Suite struct ControlColumnTests {
    /// Ticks of half a step, on two ports and three channels, of which the tenth plays drums.
    private func controls(_ random: inout SeededGenerator) -> [ControlChange] {
        (0..<Int.random(in: 0...120, using: &random)).map { _ in
            ControlChange(
                tick: Int.random(in: 0...90, using: &random),
                channel: [0, 1, 9].randomElement(using: &random) ?? 0,
                number: [1, 7, 120, 121, 123, 64, 64, 64, 65, 66, 67].randomElement(using: &random) ?? 64,
                value: [0, 20, 63, 64, 100, 127].randomElement(using: &random) ?? 0,
                port: UInt8.random(in: 0...1, using: &random))
        }
        .enumerated().sorted { ($0.element.tick, $0.offset) < ($1.element.tick, $1.offset) }
        .map(\.element)
    }

    @Test(arguments: 0..<60) func agreeWithAReplay(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let controls = controls(&random)
        let length = Int.random(in: 20...50, using: &random)
        let music = score(
            [Note(onset: 0, offset: 2 * length, pitch: 60, velocity: 1)], division: .ticksPerQuarter(2),
            controls: controls, endTick: 100)
        let steps = Int.random(in: 1...16, using: &random)
        let hop = Int.random(in: 1...20, using: &random)
        var parameters = RollParameters(grid: .stepsPerBeat(1), steps: steps, hop: hop)
        parameters.controls = .all
        let found = try RollSegments(score: music, parameters: parameters)
        #expect(found.count == (length - 1) / hop + 1)
        for segment in 0..<found.count {
            let start = segment * hop
            let end = min(start + steps, length)
            // A half step is rounded up.
            let own = controls.filter { (start..<end).contains(($0.tick + 1) / 2) }
            let rows = Int(found.controlsOffset[segment])..<Int(found.controlsOffset[segment + 1])
            #expect(rows.map { Int(found.controlsStep[$0]) } == own.map { ($0.tick + 1) / 2 - start })
            #expect(rows.map { found.controlsNumber[$0] } == own.map(\.number))
            #expect(rows.map { found.controlsValue[$0] } == own.map(\.value))
            #expect(rows.map { found.controlsChannel[$0] } == own.map(\.channel))
            let pedal = (start..<start + steps).flatMap { step in
                [64, 66, 67].map { step < end && isDown($0, after: controls.prefix { $0.tick <= 2 * step }) }
            }
            let cells = found.pedal[segment * steps * 3..<(segment + 1) * steps * 3]
            #expect(Array(cells) == pedal.map { $0 ? 1 : 0 }, "seed \(seed), segment \(segment)")
        }
    }

    /// Whether a pedal is down on any channel that does not play drums.
    private func isDown(_ number: UInt8, after controls: some Sequence<ControlChange>) -> Bool {
        var down: Set<[UInt8]> = []
        for control in controls {
            let place = [control.port, control.channel]
            if control.number == 121 || control.number == number && control.value < 64 {
                down.remove(place)
            } else if control.number == number, !control.isDrum {
                down.insert(place)
            }
        }
        return !down.isEmpty
    }

    @Test func refusesMoreControlRowsThanMemoryIsFor() {
        let controls = (0..<20_000).map { _ in ControlChange(tick: 5000, channel: 0, number: 1, value: 1) }
        let music = score([Note(onset: 0, offset: 10_000, pitch: 60, velocity: 1)], controls: controls)
        var parameters = RollParameters(grid: .stepsPerBeat(1), steps: 8000, hop: 1)
        parameters.dropLast = true
        parameters.controls = .all
        let error = #expect(throws: MIDIError.self) {
            try RollSegments(score: music, parameters: parameters)
        }
        #expect(error?.code == MIDICode.segmentsTooLarge)
    }
}
