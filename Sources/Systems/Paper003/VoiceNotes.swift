internal import Symbolic
internal import Torch
internal import Training

/// What the voices of a piece play, step by step.
struct VoiceNotes {
    /// The places of pitches, 60 for silence: [step][voice].
    let pitches: [[Int]]
    /// 1 to 127 where a note begins, else 0: [step][voice].
    let velocities: [[UInt8]]
    let voices: Int

    /// The segments of a piece, one behind the other, without steps from `length` on.
    init(_ rolls: VoiceRolls, length: Int) throws {
        let voices = rolls.voices
        let places = try rolls.pitch.argmax(3).elements(as: Int64.self)
        let levels = try rolls.velocity.contiguous().elements(as: Float.self)
        let steps = min(rolls.count * rolls.steps, length)
        self.voices = voices
        pitches = (0..<steps).map { step in (0..<voices).map { Int(places[step * voices + $0]) } }
        velocities = (0..<steps).map { step in
            (0..<voices).map { voice in
                let level = Double(levels[step * voices + voice])
                guard level >= VoiceRolls.onset else { return 0 }
                return UInt8(min(max(((level - 0.5) * 254).rounded(), 1), 127))
            }
        }
    }

    /// The mean velocity of all onsets; 80 where there is none.
    var meanVelocity: Double {
        let onsets = velocities.flatMap { $0 }.filter { $0 > 0 }
        return onsets.isEmpty ? 80 : Double(onsets.reduce(0) { $0 + Int($1) }) / Double(onsets.count)
    }

    /// The notes of a voice: a pitch that continues without an onset is held, and one that changes without an onset begins
    /// as loud as the voice's last note.
    func notes(ofVoice voice: Int, program: (_ step: Int) -> UInt8) -> [RollSegment.Row] {
        var rows: [RollSegment.Row] = []
        var sounding: Int?
        var loudness = UInt8(min(max(meanVelocity.rounded(), 1), 127))
        for step in pitches.indices {
            let (place, velocity) = (pitches[step][voice], velocities[step][voice])
            guard place < VoiceRolls.pitchClasses - 1 else {
                sounding = nil
                continue
            }
            if velocity > 0 { loudness = velocity }
            if sounding == place, velocity == 0 {
                rows[rows.count - 1].length += 1
                continue
            }
            sounding = place
            rows.append(
                RollSegment.Row(
                    start: step, length: 1, pitch: VoiceRolls.pitches.lowerBound + UInt8(place),
                    velocity: loudness, program: program(step), voice: UInt8(voice)))
        }
        return rows
    }

    /// Velocities while notes sound, from one step to another, of one voice or of all (the louder where two meet).
    func roll(_ title: String, steps: Range<Int>, voice: Int? = nil) -> Figure.Roll {
        let columns = steps.count
        var cells = [Float](repeating: 0, count: VoiceRolls.pitches.count * columns)
        for own in voice.map({ [$0] }) ?? Array(0..<voices) {
            for note in notes(ofVoice: own, program: { _ in 0 }) {
                for step in note.start..<note.start + note.length where steps.contains(step) {
                    let row = Int(note.pitch - VoiceRolls.pitches.lowerBound)
                    let cell = row * columns + step - steps.lowerBound
                    cells[cell] = max(cells[cell], Float(note.velocity))
                }
            }
        }
        return Figure.Roll(
            title: title, values: cells, columns: columns, firstPitch: Int(VoiceRolls.pitches.lowerBound))
    }
}
