internal import Symbolic

/// Which notes of a piece sound in the cells of a roll, so that what is made of the roll can keep their velocities and
/// programs.
struct CellOwners {
    /// How a note is struck, and by what.
    private struct Owner {
        var velocity: UInt8
        var program: UInt8
        var isOnset: Bool
    }

    /// The notes, drums left out.
    let count: Int
    private let content: PieceContent
    private let pitches: ClosedRange<UInt8>
    /// [steps, pitches]; nil where nothing sounds.
    private var cells: [Owner?]
    private let meanVelocity: UInt8

    /// The notes of a piece whose roll `[steps, pitches]` is known.
    init(_ content: PieceContent, sounding: [Bool], pitches: ClosedRange<UInt8>) {
        (self.content, self.pitches) = (content, pitches)
        let (width, length) = (pitches.count, content.length)
        var cells = [Owner?](repeating: nil, count: sounding.count)
        let notes = content.timeline.notes
        let places = content.timeline.steps(on: content.grid, rounding: content.rounding)
        for (note, steps) in zip(notes, places) where !note.isDrum && pitches.contains(note.pitch) {
            for step in steps.clamped(to: 0..<length) {
                let cell = step * width + Int(note.pitch - pitches.lowerBound)
                let isOnset = step == steps.lowerBound
                guard let owner = cells[cell] else {
                    cells[cell] = Owner(
                        velocity: note.velocity, program: note.program, isOnset: isOnset)
                    continue
                }
                // Where notes meet, the loudest one counts, and each onset is one.
                if note.velocity > owner.velocity {
                    cells[cell]?.velocity = note.velocity
                    cells[cell]?.program = note.program
                }
                cells[cell]?.isOnset = owner.isOnset || isOnset
            }
        }
        // A pedal may hold a note for longer than its key is down.
        for cell in width..<max(cells.count, width) where sounding[cell] && cells[cell] == nil {
            cells[cell] = cells[cell - width]
            cells[cell]?.isOnset = false
        }
        self.cells = cells
        let melodic = notes.filter { !$0.isDrum }
        count = melodic.count
        meanVelocity = UInt8(melodic.reduce(0) { $0 + Int($1.velocity) } / max(melodic.count, 1))
    }

    /// The notes that other cells of the same roll stand for.
    func rows(_ sounding: [Bool], keepsVelocity: Bool) -> [RollSegment.Row] {
        let (width, program) = (pitches.count, content.program)
        var rows: [RollSegment.Row] = []
        for column in 0..<width {
            var open = false
            for cell in stride(from: column, to: sounding.count, by: width) {
                guard sounding[cell] else {
                    open = false
                    continue
                }
                let owner = cells[cell]
                if open, owner?.isOnset != true {
                    rows[rows.count - 1].length += 1
                } else {
                    open = true
                    let velocity = owner?.velocity ?? meanVelocity
                    rows.append(
                        RollSegment.Row(
                            start: cell / width, length: 1, pitch: pitches.lowerBound + UInt8(column),
                            velocity: keepsVelocity ? max(velocity, 1) : 100,
                            program: owner?.program ?? program))
                }
            }
        }
        return rows
    }

    /// The notes that no roll shows: of other pitches, and drums if wanted.
    func others(withDrums: Bool) -> [RollSegment.Row] {
        let places = content.timeline.steps(on: content.grid, rounding: content.rounding)
        return zip(content.timeline.notes, places).compactMap { note, steps in
            guard note.isDrum ? withDrums : !pitches.contains(note.pitch) else { return nil }
            return RollSegment.Row(
                start: steps.lowerBound, length: steps.count, pitch: note.pitch, velocity: note.velocity,
                program: note.program)
        }
    }
}
