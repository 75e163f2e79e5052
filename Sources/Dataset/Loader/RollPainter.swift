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
    }

    private var memory = UnsafeMutableBufferPointer<Row>.allocate(capacity: 1024)
    private var count = 0

    deinit { memory.deallocate() }

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
            guard pitch >= 0, pitch <= 127 else { continue }
            if end > steps {
                end = steps
                flags &= ~RollFlags.ends
            }
            memory[filled] = Row(
                start: Int32(truncatingIfNeeded: first), end: Int32(truncatingIfNeeded: end),
                pitch: UInt8(truncatingIfNeeded: pitch), velocity: notes.velocity[row] & 127,
                family: program >= Note.drumProgram ? 16 : program >> 3, flags: flags)
            filled += 1
        }
        count = filled
    }

    /// Paints what a roll shows, over cells that are clear.
    ///
    /// - Parameters:
    ///   - kind: What is shown.
    ///   - cells: [steps, width].
    ///   - width: The columns of a step.
    ///   - low: The pitch of the first column.
    ///   - pitches: The columns that are pitches.
    ///   - paintsDrums: Whether drums are shown.
    ///   - values: What each velocity, 0 to 127, is shown as; the second stands for 1.
    func paint<Element: Comparable & BitwiseCopyable>(
        _ kind: RollView.Kind, _ cells: UnsafeMutablePointer<Element>, width: Int, low: UInt8, pitches: Int,
        paintsDrums: Bool, values: UnsafePointer<Element>
    ) {
        let one = values[1]
        // Rows are let through by one comparison each: the family of drums is 16.
        let families: UInt8 = paintsDrums ? 16 : 15
        @inline(__always)
        func forEach(_ body: (Row, Int) -> Void) {
            for index in 0..<count {
                let row = memory[index]
                let column = Int(row.pitch) &- Int(low)
                guard UInt(bitPattern: column) < UInt(bitPattern: pitches), row.family <= families else {
                    continue
                }
                body(row, column)
            }
        }
        switch kind {
        case .piano:
            forEach { row, column in
                var cell = cells + (Int(row.start) &* width &+ column)
                for _ in row.start..<row.end {
                    cell.pointee = one
                    cell += width
                }
            }
        case .velocity:
            forEach { row, column in
                let value = values[Int(row.velocity)]
                var cell = cells + (Int(row.start) &* width &+ column)
                for _ in row.start..<row.end {
                    if cell.pointee < value { cell.pointee = value }
                    cell += width
                }
            }
        case .onset:
            forEach { row, column in
                if row.flags & RollFlags.onset != 0 { cells[Int(row.start) &* width &+ column] = one }
            }
        case .onsetVelocity:
            forEach { row, column in
                guard row.flags & RollFlags.onset != 0 else { return }
                let cell = Int(row.start) &* width &+ column
                cells[cell] = max(cells[cell], values[Int(row.velocity)])
            }
        case .offset:
            forEach { row, column in
                if row.flags & RollFlags.ends != 0 { cells[(Int(row.end) &- 1) &* width &+ column] = one }
            }
        }
    }

    /// Counts sounding notes by family, over cells that are clear; at most 255.
    ///
    /// - Parameters:
    ///   - cells: [steps, 17].
    ///   - low: The lowest pitch that counts.
    ///   - pitches: How many pitches count.
    ///   - one: A note's weight.
    ///   - most: The largest count.
    func count<Element: Comparable & AdditiveArithmetic>(
        _ cells: UnsafeMutablePointer<Element>, low: UInt8, pitches: Int, one: Element, most: Element
    ) {
        for index in 0..<count {
            let row = memory[index]
            guard UInt(bitPattern: Int(row.pitch) &- Int(low)) < UInt(bitPattern: pitches) else { continue }
            var cell = cells + (Int(row.start) &* DenseRolls.instrumentCount &+ Int(row.family))
            for _ in row.start..<row.end {
                if cell.pointee < most { cell.pointee += one }
                cell += DenseRolls.instrumentCount
            }
        }
    }
}
