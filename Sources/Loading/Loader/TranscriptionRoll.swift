import Symbolic

/// The rolls that systems for piano transcription learn from, as note-seq's `sequence_to_pianoroll` defines them.
///
/// Hawthorne et al., "Onsets and Frames: Dual-Objective Piano Transcription", 2018, arXiv:1710.11153, section 3; the
/// function's defaults: an onset is marked one step to each side, and weighs 5. A note has the steps
/// `start ..< end` of the grid, and where notes of a pitch meet, the later one rules: of equal starts, the one that is
/// later in the shard. Paper 000 feeds all six and the control changes (`LoaderView.Content.controls`) to its classifier.
///
/// Two departures: what lies outside the window is not shown, so a note that sounds on from before has no onset and
/// raises no weight, and a note that ends with the window has no offset in it.
public enum TranscriptionRoll: Sendable, Hashable, CaseIterable {
    /// 1 while a note sounds.
    case active
    /// How much an error at a cell counts: 5 around an onset, then 5/1, 5/2, 5/3, … until the note ends; elsewhere 1.
    case weights
    /// 1 in the step in which a note begins, and in those before and after it.
    case onsets
    /// The velocity of what sounds, over 127, where `onsets` is 1.
    case onsetVelocities
    /// The velocity while a note sounds, over 127.
    case activeVelocities
    /// 1 in the first step behind a note.
    case offsets

    /// What an onset weighs.
    static let onsetWeight = 5.0
    /// How many steps before and after its own an onset is marked in.
    static let onsetReach = 1
}

/// Where a transcription roll is painted, and what of the notes.
struct TranscriptionTarget {
    let roll: TranscriptionRoll
    /// The pitch of the first column.
    let low: Int
    /// The columns.
    let pitches: Int
    /// The last family that is shown: 16 with drums, else 15.
    let families: UInt8

    /// Paints a window's notes, in the order of the shard.
    ///
    /// - Parameters:
    ///   - rows: The notes.
    ///   - steps: The window's length.
    ///   - cells: F32 [steps, pitches]; overwritten whole.
    func paint(
        _ rows: UnsafeBufferPointer<RollPainter.Row>, steps: Int, into cells: UnsafeMutablePointer<Float>
    ) {
        cells.update(repeating: roll == .weights ? 1 : 0, count: steps * pitches)
        for row in rows {
            guard let column = column(of: row) else { continue }
            let (start, end) = (Int(row.start), Int(row.end))
            switch roll {
            case .active: fill(cells, column, start..<end, with: 1)
            case .activeVelocities, .onsetVelocities:
                fill(cells, column, start..<end, with: Float(Double(row.velocity) / 127))
            case .onsets:
                if let window = onsetWindow(of: row, steps: steps) { fill(cells, column, window, with: 1) }
            case .weights:
                guard let window = onsetWindow(of: row, steps: steps) else { continue }
                fill(cells, column, window, with: Float(TranscriptionRoll.onsetWeight))
                var distance = 1.0
                for step in window.upperBound..<max(end, window.upperBound) {
                    cells[step * pitches + column] = Float(TranscriptionRoll.onsetWeight / distance)
                    distance += 1
                }
            case .offsets:
                if row.flags & RollFlags.ends != 0, end < steps { cells[end * pitches + column] = 1 }
            }
        }
        if roll == .onsetVelocities { clearFarFromOnsets(rows, steps: steps, cells) }
    }

    /// Clears the cells that no onset is near.
    private func clearFarFromOnsets(
        _ rows: UnsafeBufferPointer<RollPainter.Row>, steps: Int, _ cells: UnsafeMutablePointer<Float>
    ) {
        var isNear = [Bool](repeating: false, count: steps * pitches)
        for row in rows {
            guard let column = column(of: row), let window = onsetWindow(of: row, steps: steps) else {
                continue
            }
            for step in window { isNear[step * pitches + column] = true }
        }
        for cell in isNear.indices where !isNear[cell] { cells[cell] = 0 }
    }

    private func column(of row: RollPainter.Row) -> Int? {
        let column = Int(row.pitch) - low
        return (0..<pitches).contains(column) && row.family <= families ? column : nil
    }

    /// The steps in which a note's onset is marked; nil for one that sounds on from before.
    private func onsetWindow(of row: RollPainter.Row, steps: Int) -> Range<Int>? {
        guard row.flags & RollFlags.onset != 0 else { return nil }
        let reach = TranscriptionRoll.onsetReach
        return max(0, Int(row.start) - reach)..<min(steps, Int(row.start) + reach + 1)
    }

    private func fill(
        _ cells: UnsafeMutablePointer<Float>, _ column: Int, _ steps: Range<Int>, with value: Float
    ) {
        for step in steps { cells[step * pitches + column] = value }
    }
}
