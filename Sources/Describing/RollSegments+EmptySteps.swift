public import Symbolic

extension RollSegments {
    /// Steps, of the segments' true lengths, in which no note sounds, drums included.
    public var emptyStepCount: Int {
        var empty = 0
        for segment in 0..<count {
            // Rows are in the order of their starts, so that what sounds so far ends at one step.
            var covered = 0
            for row in Int(notesOffset[segment])..<Int(notesOffset[segment + 1]) {
                let first = Int(start[row])
                if first > covered { empty += first - covered }
                covered = max(covered, first + Int(length[row]))
            }
            empty += max(0, Int(segmentLength[segment]) - covered)
        }
        return empty
    }
}
