/// The note rows of one segment, borrowed from wherever its columns lie: a `RollSegments` or a mapped shard.
public struct RollRows {
    /// The first step, from the segment's start.
    public let start: UnsafeBufferPointer<UInt16>
    /// In steps.
    public let length: UnsafeBufferPointer<UInt16>
    /// 0 to 127.
    public let pitch: UnsafeBufferPointer<UInt8>
    /// 1 to 127.
    public let velocity: UnsafeBufferPointer<UInt8>
    /// 0 to 127; 128 is drums.
    public let program: UnsafeBufferPointer<UInt8>
    /// `RollFlags`.
    public let flags: UnsafeBufferPointer<UInt8>

    /// Borrows columns of equal length.
    public init(
        start: UnsafeBufferPointer<UInt16>, length: UnsafeBufferPointer<UInt16>,
        pitch: UnsafeBufferPointer<UInt8>, velocity: UnsafeBufferPointer<UInt8>,
        program: UnsafeBufferPointer<UInt8>, flags: UnsafeBufferPointer<UInt8>
    ) {
        precondition(
            [length.count, pitch.count, velocity.count, program.count, flags.count].allSatisfy {
                $0 == start.count
            },
            "the columns of a segment's rows have equal lengths")
        self.start = start
        self.length = length
        self.pitch = pitch
        self.velocity = velocity
        self.program = program
        self.flags = flags
    }

    /// The steps in which a row sounds, kept within the segment whatever the row says.
    @inline(__always)
    fileprivate func sounding(_ row: Int, steps: Int) -> Range<Int> {
        let first = min(Int(start[row]), steps)
        return first..<min(first + Int(length[row]), steps)
    }
}

extension RollSegments {
    /// Lends the note rows of one segment.
    public func withRows<Result>(of segment: Int, _ body: (RollRows) throws -> Result) rethrows -> Result {
        let range = Int(notesOffset[segment])..<Int(notesOffset[segment + 1])
        return try start.withUnsafeBufferPointer { start in
            try length.withUnsafeBufferPointer { length in
                try pitch.withUnsafeBufferPointer { pitch in
                    try velocity.withUnsafeBufferPointer { velocity in
                        try program.withUnsafeBufferPointer { program in
                            try flags.withUnsafeBufferPointer { flags in
                                try body(
                                    RollRows(
                                        start: .init(rebasing: start[range]),
                                        length: .init(rebasing: length[range]),
                                        pitch: .init(rebasing: pitch[range]),
                                        velocity: .init(rebasing: velocity[range]),
                                        program: .init(rebasing: program[range]),
                                        flags: .init(rebasing: flags[range])))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Paints the rows of one segment as arrays, straight into the caller's memory, which each overwrites whole.
///
/// Rolls are U8 [steps, pitches], time first, pitch p in column p − `pitches.lowerBound`; rows of other pitches
/// are skipped. Drums (program 128) are painted only if asked: with `drums: include`.
public enum DenseRolls {
    /// The columns of the instrument roll: the 16 General MIDI families, then drums.
    public static let instrumentCount = 17

    /// The piano roll: 1 while a note sounds, else 0.
    public static func piano(
        _ rows: RollRows, steps: Int, pitches: ClosedRange<UInt8> = 0...127, paintsDrums: Bool = false,
        into roll: UnsafeMutableBufferPointer<UInt8>
    ) {
        paint(rows, steps: steps, pitches: pitches, paintsDrums: paintsDrums, into: roll) { cell, _ in
            cell = 1
        }
    }

    /// The velocity roll: 1 to 127 while a note sounds, the largest where notes meet, else 0.
    public static func velocity(
        _ rows: RollRows, steps: Int, pitches: ClosedRange<UInt8> = 0...127, paintsDrums: Bool = false,
        into roll: UnsafeMutableBufferPointer<UInt8>
    ) {
        paint(rows, steps: steps, pitches: pitches, paintsDrums: paintsDrums, into: roll) { cell, row in
            cell = max(cell, rows.velocity[row])
        }
    }

    /// The onset roll: 1 where a note begins, else 0.
    public static func onset(
        _ rows: RollRows, steps: Int, pitches: ClosedRange<UInt8> = 0...127, paintsDrums: Bool = false,
        into roll: UnsafeMutableBufferPointer<UInt8>
    ) {
        clear(roll, count: steps * pitches.count)
        for row in rows.start.indices where rows.flags[row] & RollFlags.onset != 0 {
            guard paintsDrums || rows.program[row] != Note.drumProgram, pitches.contains(rows.pitch[row]),
                Int(rows.start[row]) < steps
            else { continue }
            roll[Int(rows.start[row]) * pitches.count + Int(rows.pitch[row] - pitches.lowerBound)] = 1
        }
    }

    /// The instrument roll, U8 [steps, 17]: how many notes of each family sound, at most 255; drums always.
    public static func instrument(
        _ rows: RollRows, steps: Int, pitches: ClosedRange<UInt8> = 0...127,
        into roll: UnsafeMutableBufferPointer<UInt8>
    ) {
        clear(roll, count: steps * instrumentCount)
        for row in rows.start.indices where pitches.contains(rows.pitch[row]) {
            let family = min(Int(rows.program[row] / 8), instrumentCount - 1)
            for step in rows.sounding(row, steps: steps) {
                let cell = step * instrumentCount + family
                roll[cell] = roll[cell] == 255 ? 255 : roll[cell] + 1
            }
        }
    }

    @inline(__always)
    private static func paint(
        _ rows: RollRows, steps: Int, pitches: ClosedRange<UInt8>, paintsDrums: Bool,
        into roll: UnsafeMutableBufferPointer<UInt8>, _ set: (inout UInt8, _ row: Int) -> Void
    ) {
        clear(roll, count: steps * pitches.count)
        let width = pitches.count
        for row in rows.start.indices {
            guard paintsDrums || rows.program[row] != Note.drumProgram, pitches.contains(rows.pitch[row])
            else {
                continue
            }
            let column = Int(rows.pitch[row] - pitches.lowerBound)
            for step in rows.sounding(row, steps: steps) { set(&roll[step * width + column], row) }
        }
    }

    private static func clear(_ roll: UnsafeMutableBufferPointer<UInt8>, count: Int) {
        precondition(roll.count == count, "a roll of \(count) cells, not \(roll.count)")
        roll.update(repeating: 0)
    }
}
