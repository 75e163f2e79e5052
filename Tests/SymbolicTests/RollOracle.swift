import Symbolic

/// Rolls painted cell by cell from the rules, for notes whose ticks are steps: slow, plain, and independent of
/// the columns.
struct RollOracle {
    var notes: [Note]
    let steps: Int
    let hop: Int
    let dropLast: Bool

    var length: Int { max(1, notes.map { max($0.offset, $0.onset + 1) }.max() ?? 1) }

    var starts: [Int] {
        (0...length).map { $0 * hop }.filter { dropLast ? $0 + steps <= length : $0 < length }
    }

    /// The notes that sound at a step of the timeline.
    func sounding(at step: Int, pitch: Int) -> [Note] {
        notes.filter { Int($0.pitch) == pitch && $0.onset <= step && step < max($0.offset, $0.onset + 1) }
    }

    func piano(_ start: Int, _ pitches: ClosedRange<UInt8>) -> [UInt8] {
        cells(start, pitches) { step, pitch in sounding(at: step, pitch: pitch).isEmpty ? 0 : 1 }
    }

    func velocity(_ start: Int, _ pitches: ClosedRange<UInt8>) -> [UInt8] {
        cells(start, pitches) { step, pitch in sounding(at: step, pitch: pitch).map(\.velocity).max() ?? 0 }
    }

    func onset(_ start: Int, _ pitches: ClosedRange<UInt8>) -> [UInt8] {
        cells(start, pitches) { step, pitch in
            sounding(at: step, pitch: pitch).contains { $0.onset == step } ? 1 : 0
        }
    }

    func instrument(_ start: Int, _ pitches: ClosedRange<UInt8>) -> [UInt8] {
        var counts = [Int](repeating: 0, count: steps * 17)
        for step in 0..<steps {
            for pitch in pitches {
                for note in sounding(at: start + step, pitch: Int(pitch)) {
                    counts[step * 17 + Int(note.program) / 8] += 1
                }
            }
        }
        return counts.map { UInt8(min($0, 255)) }
    }

    private func cells(
        _ start: Int, _ pitches: ClosedRange<UInt8>, _ value: (_ step: Int, _ pitch: Int) -> UInt8
    ) -> [UInt8] {
        (0..<steps).flatMap { step in pitches.map { value(start + step, Int($0)) } }
    }
}

/// A dense roll of a segment, painted over memory that was not clear.
func painted(
    _ segments: RollSegments, _ segment: Int, width: Int,
    _ paint: (RollRows, UnsafeMutableBufferPointer<UInt8>) -> Void
) -> [UInt8] {
    var roll = [UInt8](repeating: 0xEE, count: segments.steps * width)
    segments.withRows(of: segment) { rows in roll.withUnsafeMutableBufferPointer { paint(rows, $0) } }
    return roll
}
