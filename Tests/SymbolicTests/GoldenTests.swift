import Symbolic
import Tensors
import TestSupport
import Testing

/// Held against symusic and pretty_midi (tools/oracles/midi_golden.py).
@Suite struct SymbolicGoldenTests {
    static let cases = ["plain", "tempi", "band"]

    @Test(arguments: cases) func notesAreSymusics(name: String) throws {
        let file = try golden("symbolic")
        let timeline = try Score(midi: file.tensor("\(name).midi").elements).timelines[0]
        let ours = timeline.notes.map { note in
            [note.onset, note.offset, Int(note.pitch), Int(note.velocity), Int(note.program)]
        }.sorted { $0.lexicographicallyPrecedes($1) }
        let notes: Tensor<Int64> = try file.tensor("\(name).notes")
        #expect(ours.count > 60)
        #expect(ours.flatMap { $0 } == notes.elements.map { Int($0) })
        let timeSignatures: Tensor<Int64> = try file.tensor("\(name).metres")
        #expect(
            timeline.timeSignatures.flatMap { [$0.tick, $0.numerator, $0.denominator] }
                == timeSignatures.elements.map { Int($0) })
    }

    @Test(arguments: cases) func secondsArePrettyMIDIs(name: String) throws {
        let file = try golden("symbolic")
        let map = try Score(midi: file.tensor("\(name).midi").elements).timelines[0].tempoMap
        let notes: Tensor<Int64> = try file.tensor("\(name).notes")
        let seconds: Tensor<Double> = try file.tensor("\(name).seconds")
        for row in 0..<notes.shape[0] {
            for column in 0..<2 {
                let ours = map.seconds(at: Int(notes.elements[row * 5 + column]))
                // pretty_midi adds some thirty rounded stretches of at most 100 s: far under a nanosecond.
                #expect(abs(ours - seconds.elements[row * 2 + column]) < 1e-9)
            }
        }
    }

    @Test(arguments: cases) func rollsAreSymusics(name: String) throws {
        let file = try golden("symbolic")
        let score = try Score(midi: file.tensor("\(name).midi").elements)
        guard case .ticksPerQuarter(let ticks) = score.division else { return }
        let frame: Tensor<UInt8> = try file.tensor("\(name).frame")
        let onset: Tensor<UInt8> = try file.tensor("\(name).onset")
        let length = frame.shape[1]
        let segments = try RollSegments(
            score: score, parameters: RollParameters(grid: .stepsPerBeat(ticks), steps: length))
        let velocities = painted(segments, 0, width: 128) { DenseRolls.velocity($0, steps: length, into: $1) }
        let pianos = painted(segments, 0, width: 128) { DenseRolls.piano($0, steps: length, into: $1) }
        let onsets = painted(segments, 0, width: 128) { DenseRolls.onset($0, steps: length, into: $1) }
        var differences = 0
        for pitch in 0..<128 {
            for step in 0..<length {
                let (theirs, ours) = (pitch * length + step, step * 128 + pitch)
                if velocities[ours] != frame.elements[theirs] { differences += 1 }
                if pianos[ours] != min(frame.elements[theirs], 1) { differences += 1 }
                if onsets[ours] != min(onset.elements[theirs], 1) { differences += 1 }
            }
        }
        #expect(differences == 0)
    }
}
