internal import Symbolic

/// The notes of a piece, so that what is made of its roll can keep their velocities and programs.
struct ContentNotes {
    private struct Sounding {
        let note: Note
        let steps: Range<Int>
    }

    /// The notes, drums left out.
    let count: Int
    private let notes: [Sounding]
    private let pitches: ClosedRange<UInt8>
    private let length: Int
    private let program: UInt8
    private let meanVelocity: UInt8

    /// The notes of a piece; `pitches` are those of its roll.
    init(_ content: PieceContent, pitches: ClosedRange<UInt8>) {
        self.pitches = pitches
        length = content.length
        program = content.program
        let places = content.timeline.steps(on: content.grid, rounding: content.rounding)
        notes = zip(content.timeline.notes, places).map { Sounding(note: $0, steps: $1) }
        let melodic = content.timeline.notes.filter { !$0.isDrum }
        count = melodic.count
        meanVelocity = UInt8(melodic.reduce(0) { $0 + Int($1.velocity) } / max(melodic.count, 1))
    }

    /// The notes that a roll of the same piece stands for.
    ///
    /// Of each note of the content what still sounds stays, with its velocity and program, and it is lengthened by the
    /// cells behind it that sound and are no note of the content. All other cells become notes of the mean velocity and
    /// the most frequent program.
    ///
    /// - Parameters:
    ///   - roll: [steps, pitches]: whether a cell sounds.
    ///   - keepsVelocity: Whether velocities are the content's; else all are 100.
    /// - Returns: The rows, the content's notes first.
    func rows(_ roll: [Bool], keepsVelocity: Bool) -> [RollSegment.Row] {
        let width = pitches.count
        precondition(roll.count == length * width, "a roll of \(length) steps and \(width) pitches")
        let own = notes.filter { !$0.note.isDrum && pitches.contains($0.note.pitch) }
        var isCovered = [Bool](repeating: false, count: roll.count)
        func cell(_ step: Int, _ pitch: UInt8) -> Int { step * width + Int(pitch - pitches.lowerBound) }
        for item in own {
            for step in item.steps.clamped(to: 0..<length) { isCovered[cell(step, item.note.pitch)] = true }
        }
        var rows: [RollSegment.Row] = []
        var isUsed = isCovered
        func add(_ steps: Range<Int>, _ pitch: UInt8, _ velocity: UInt8, _ program: UInt8) {
            rows.append(
                RollSegment.Row(
                    start: steps.lowerBound, length: steps.count, pitch: pitch,
                    velocity: keepsVelocity ? max(velocity, 1) : 100, program: program))
        }
        for item in own {
            let pitch = item.note.pitch
            let range = item.steps.clamped(to: 0..<length)
            var step = range.lowerBound
            while step < range.upperBound {
                guard roll[cell(step, pitch)] else {
                    step += 1
                    continue
                }
                let start = step
                while step < range.upperBound, roll[cell(step, pitch)] { step += 1 }
                if step == range.upperBound {
                    while step < length, roll[cell(step, pitch)], !isCovered[cell(step, pitch)] {
                        isUsed[cell(step, pitch)] = true
                        step += 1
                    }
                }
                add(start..<step, pitch, item.note.velocity, item.note.program)
            }
        }
        for pitch in pitches {
            var step = 0
            while step < length {
                let start = step
                while step < length, roll[cell(step, pitch)], !isUsed[cell(step, pitch)] { step += 1 }
                if step > start { add(start..<step, pitch, meanVelocity, program) } else { step += 1 }
            }
        }
        return rows
    }

    /// The notes that no roll shows: of other pitches, and drums if wanted.
    func others(withDrums: Bool) -> [RollSegment.Row] {
        notes.compactMap { item in
            let note = item.note
            guard note.isDrum ? withDrums : !pitches.contains(note.pitch) else { return nil }
            return RollSegment.Row(
                start: item.steps.lowerBound, length: item.steps.count, pitch: note.pitch,
                velocity: note.velocity, program: note.program)
        }
    }
}
