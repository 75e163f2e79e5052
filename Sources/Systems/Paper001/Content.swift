import Dataset
import Manifest
internal import Symbolic
internal import Torch
internal import Training

/// A MIDI file to transfer, on the grid of the dataset that a run learned from.
struct Content {
    let path: String
    let timeline: Timeline
    let grid: Grid
    let rounding: Rounding
    /// The piece in steps.
    let length: Int
    /// The steps of a segment of the dataset.
    let segmentSteps: Int
    private let segments: RollSegments

    /// The memory that a transfer takes for a step: three rolls of 59 columns, each twice, and the pedals and tempo of
    /// the segments.
    static let bytesPerStep = 6 * PianoRolls.columns * MemoryLayout<Float>.size + 7

    /// Reads a file whole, whatever of it the dataset would leave out.
    ///
    /// - Throws: `train.file` when it is no MIDI file of one piece, or one too long for memory; `train.bad-run` when
    ///   the run knows no notes.
    init(_ bytes: [UInt8], path: String, for run: TrainedRun) throws {
        guard let midi = try run.reader.manifest().midi else {
            throw TrainingError(.badRun, "\(run.record.run) was not trained on notes")
        }
        var parameters = RollParameters(midi)
        parameters.hop = parameters.steps
        parameters.dropLast = false
        parameters.align = .none
        parameters.window = .all
        parameters.requiredTimeSignature = nil
        parameters.requiresConstantTimeSignature = false
        parameters.pitches = 0...127
        parameters.drums = .separate
        let score: Score
        do throws(MIDIError) {
            score = try Score(midi: bytes)
        } catch {
            throw TrainingError(.file, "\(path) is no MIDI file that can be read: \(error)")
        }
        // A few bytes can declare a piece of years.
        if let excess = parameters.excess(of: score, bytesPerStep: Self.bytesPerStep) {
            throw TrainingError(.file, "\(path) is too long: \(excess)")
        }
        do throws(MIDIError) {
            segments = try RollSegments(score: score, parameters: parameters)
        } catch {
            throw TrainingError(.file, "\(path) cannot be read as MIDI: \(error)")
        }
        guard score.timelines.count == 1, let timeline = score.timelines.first else {
            throw TrainingError(
                .file, "\(path) holds \(score.timelines.count) pieces; give each a file of its own")
        }
        self.timeline = timeline
        self.path = path
        (grid, rounding, segmentSteps) = (parameters.grid, parameters.rounding, parameters.steps)
        length = segments.segmentLength.reduce(0) { $0 + Int($1) }
    }

    /// What sounds, and the two pedals: `[1, steps, 59]` of 0 and 1.
    func sounding(steps: Int) throws -> TorchTensor {
        try roll(steps, DenseRolls.piano) { segment, step, pedal in
            Float(segments.pedal[(segment * segmentSteps + step) * 3 + pedal])
        }
    }

    /// Where notes begin: `[1, steps, 59]` of 0 and 1, none in the pedals' columns.
    func onsets(steps: Int) throws -> TorchTensor {
        try roll(steps, DenseRolls.onset) { _, _, _ in 0 }
    }

    /// Velocities while notes sound, `[59][steps]`, for a picture.
    func velocityRows(steps: Int) throws -> [Float] {
        try roll(steps, DenseRolls.velocity) { _, _, _ in 0 }.transposed(1, 2).contiguous().elements(
            as: Float.self)
    }

    private typealias Paint = (
        RollRows, Int, ClosedRange<UInt8>, Bool, UnsafeMutableBufferPointer<UInt8>
    ) -> Void

    /// One roll of so many steps, silent behind the end.
    private func roll(
        _ steps: Int, _ paint: Paint, pedal: (_ segment: Int, _ step: Int, _ pedal: Int) -> Float
    ) throws -> TorchTensor {
        let (pitches, columns) = (PianoRolls.pitches, PianoRolls.columns)
        var dense = [Float](repeating: 0, count: steps * columns)
        var cells = [UInt8](repeating: 0, count: segmentSteps * pitches.count)
        for segment in 0..<segments.count where segment * segmentSteps < steps {
            cells.withUnsafeMutableBufferPointer { buffer in
                segments.withRows(of: segment) { paint($0, segmentSteps, pitches, false, buffer) }
            }
            for step in 0..<min(segmentSteps, steps - segment * segmentSteps) {
                let row = (segment * segmentSteps + step) * columns
                for column in 0..<pitches.count {
                    dense[row + column] = Float(cells[step * pitches.count + column])
                }
                dense[row + columns - 2] = pedal(segment, step, 0)
                dense[row + columns - 1] = pedal(segment, step, 2)
            }
        }
        return try TorchTensor(dense, shape: [1, steps, columns])
    }
}
