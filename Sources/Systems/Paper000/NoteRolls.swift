internal import Symbolic

/// Notes as rolls of 128 pitches, time first: the content's, or a result's.
struct NoteRolls {
    /// 1 to 127 while a note sounds, else 0.
    let velocities: [UInt8]
    /// Not 0 where a note begins.
    let onsets: [UInt8]
    /// The mean velocity of what sounds in each step; in silence that of the whole.
    private let stepVelocities: [UInt8]

    init(velocities: [UInt8], onsets: [UInt8]) {
        (self.velocities, self.onsets) = (velocities, onsets)
        func mean(_ cells: ArraySlice<UInt8>) -> UInt8? {
            let sounding = cells.filter { $0 > 0 }.map { Int($0) }
            return sounding.isEmpty ? nil : UInt8(sounding.reduce(0, +) / sounding.count)
        }
        let whole = mean(velocities[...]) ?? 64
        stepVelocities = stride(from: 0, to: velocities.count, by: 128).map { start in
            mean(velocities[start..<start + 128]) ?? whole
        }
    }

    var steps: Int { velocities.count / 128 }

    /// The share of cells that sound.
    var density: Double { Double(velocities.count { $0 > 0 }) / Double(max(velocities.count, 1)) }

    /// The velocity of a cell, and where it is silent that of a note added there.
    func velocity(at cell: Int) -> UInt8 {
        velocities[cell] > 0 ? velocities[cell] : stepVelocities[cell / 128]
    }

    /// The steps for which a note that begins in a cell sounds.
    func length(at cell: Int) -> Int {
        var (end, count) = (cell + 128, 1)
        while end < velocities.count, velocities[end] > 0, onsets[end] == 0 {
            (end, count) = (end + 128, count + 1)
        }
        return count
    }

    /// The median length of its notes in steps; 1 without any.
    var medianLength: Int {
        let lengths = rows(program: 0).map(\.length).sorted()
        return lengths.isEmpty ? 1 : lengths[lengths.count / 2]
    }

    /// Its notes.
    func rows(program: UInt8) -> [RollSegment.Row] {
        DenseRolls.rows(
            piano: velocities, velocity: velocities, onset: onsets, steps: steps, program: program)
    }
}
