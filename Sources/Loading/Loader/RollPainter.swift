import Symbolic

/// The notes of one window, ready to be painted.
///
/// Rows lie in memory of their own, which is used again for the next window.
final class RollPainter {
    /// A note's part in the window.
    struct Row {
        /// Its steps: `start ..< end`, within the window, at least one.
        var start: Int32
        var end: Int32
        var pitch: UInt8
        var velocity: UInt8
        /// 0 to 15; 16 is drums.
        var family: UInt8
        /// `RollFlags`: the onset and the end, where they lie in the window.
        var flags: UInt8
        /// The voice; 255 is none.
        var voice: UInt8
        /// 0 to 127; 128 is drums.
        var program: UInt8
    }

    private var memory = UnsafeMutableBufferPointer<Row>.allocate(capacity: 1024)
    private var count = 0

    deinit { memory.deallocate() }

    /// The window's notes, in the order of the shard.
    var rows: UnsafeBufferPointer<Row> { UnsafeBufferPointer(rebasing: memory[..<count]) }

    /// Takes up the notes of a window that begins at a step of a segment.
    ///
    /// - Parameters:
    ///   - notes: The shard's columns.
    ///   - range: The segment's rows.
    ///   - start: The window's first step.
    ///   - steps: The window's length.
    ///   - transposition: Semitones that pitches move by, drums excepted.
    ///   - stretch: The factor of time.
    func load(
        _ notes: LoaderShard.Notes, _ range: Range<Int>, start: Int, steps: Int, transposition: Int,
        stretch: Double
    ) {
        if memory.count < range.count {
            memory.deallocate()
            memory = .allocate(capacity: range.count * 2)
        }
        let isPlain = start == 0 && steps >= notes.steps && transposition == 0 && stretch == 1
        var filled = 0
        for row in range {
            let program = notes.program[row]
            var first = Int(notes.start[row])
            var end = first &+ Int(notes.length[row])
            var pitch = Int(notes.pitch[row])
            var flags = notes.flags[row]
            if !isPlain {
                guard end > start else { continue }
                if first < start { flags &= ~RollFlags.onset }
                first = max(first - start, 0)
                end -= start
                if stretch != 1 {
                    first = Int((Double(first) * stretch).rounded(.toNearestOrAwayFromZero))
                    end = max(first + 1, Int((Double(end) * stretch).rounded(.toNearestOrAwayFromZero)))
                }
                if program != Note.drumProgram { pitch += transposition }
            }
            // Rows come in the order of their start: no later one begins in the window.
            guard first < steps else { break }
            // A row of no length has no last step to paint.
            guard pitch >= 0, pitch <= 127, end > first else { continue }
            if end > steps {
                end = steps
                flags &= ~RollFlags.ends
            }
            memory[filled] = Row(
                start: Int32(truncatingIfNeeded: first), end: Int32(truncatingIfNeeded: end),
                pitch: UInt8(truncatingIfNeeded: pitch), velocity: notes.velocity[row] & 127,
                family: program >= Note.drumProgram ? 16 : program >> 3, flags: flags,
                voice: notes.voice[row],
                program: program)
            filled += 1
        }
        count = filled
    }

    /// Where a roll is painted.
    struct Target {
        /// What is painted; nil: notes are counted by family.
        var kind: RollView.Kind?
        /// Whether cells are F32; else U8.
        var isFloat: Bool
        /// The last family that is shown: 16 with drums, else 15.
        var families: UInt8
        /// The only voice that is shown; −1: all.
        var voice: Int16 = -1
        /// The pitch of the first column.
        var low: Int
        /// How many pitches are shown.
        var pitches: Int
        /// The columns of a step, those for pedals included.
        var width: Int
        /// What each velocity, 0 to 127, is shown as; that of 1 also stands for a note.
        var values: UnsafeRawPointer
        /// The cells, clear.
        var cells: UnsafeMutableRawPointer

        /// Gives a cell the value that stands for a note.
        func set(_ cell: Int) {
            if isFloat {
                cells.assumingMemoryBound(to: Float.self)[cell] =
                    values.assumingMemoryBound(to: Float.self)[1]
            } else {
                cells.assumingMemoryBound(to: UInt8.self)[cell] =
                    values.assumingMemoryBound(to: UInt8.self)[1]
            }
        }
    }

    /// Paints all rolls of a window, note by note: what is known of a note's length serves them all.
    func paint(_ targets: UnsafeBufferPointer<Target>) {
        for index in 0..<count {
            let row = memory[index]
            for target in targets {
                let column = Int(row.pitch) &- target.low
                guard UInt(bitPattern: column) < UInt(bitPattern: target.pitches),
                    row.family <= target.families,
                    target.voice < 0 || target.voice == Int16(row.voice)
                else { continue }
                if target.isFloat {
                    Self.paint(row, column, target, Float.self)
                } else {
                    Self.paint(row, column, target, UInt8.self)
                }
            }
        }
    }

    @inline(__always)
    private static func paint<Element: Comparable & BitwiseCopyable & Numeric>(
        _ row: Row, _ column: Int, _ target: Target, _ type: Element.Type
    ) {
        let cells = target.cells.assumingMemoryBound(to: Element.self)
        let values = target.values.assumingMemoryBound(to: Element.self)
        let width = target.width
        var cell = cells + (Int(row.start) &* width &+ column)
        switch target.kind {
        case .piano:
            let one = values[1]
            for _ in row.start..<row.end {
                cell.pointee = one
                cell += width
            }
        case .velocity:
            let value = values[Int(row.velocity)]
            for _ in row.start..<row.end {
                cell.pointee = max(cell.pointee, value)
                cell += width
            }
        case .onset:
            if row.flags & RollFlags.onset != 0 { cell.pointee = values[1] }
        case .onsetVelocity:
            if row.flags & RollFlags.onset != 0 {
                cell.pointee = max(cell.pointee, values[Int(row.velocity)])
            }
        case .offset:
            if row.flags & RollFlags.ends != 0 { cells[(Int(row.end) &- 1) &* width &+ column] = values[1] }
        case nil:
            cell = cells + (Int(row.start) &* width &+ Int(row.family))
            for _ in row.start..<row.end {
                if cell.pointee < 255 { cell.pointee += 1 }
                cell += width
            }
        }
    }
}
