import Loading
internal import Tensors
internal import Torch
internal import Training

/// What the systems of paper 001 see of a segment: 57 pitches, then sustain and soft pedal.
enum PianoRolls {
    static let pitches: ClosedRange<UInt8> = 32...88
    static let columns = 59

    /// The views by name; pedals are columns of the sounding roll only.
    static func view(_ name: String, _ kind: RollView.Kind) -> LoaderView {
        .roll(
            name, kind, pitches: pitches, pedals: [.sustain, .soft],
            pedalCells: kind == .piano ? .states : .zeros)
    }

    static func plan(_ views: [LoaderView], sets: [LoaderPlan.SegmentSet] = [.init()]) -> LoaderPlan {
        // The trainer sets what a batch size is.
        LoaderPlan(kind: .midi, views: views, sets: sets, batchSize: 1)
    }

    /// Notes of the pitches that are learned.
    static let needsNotes = Need.notes(of: pitches)
    /// Segments of at least so many steps.
    static func needsSteps(_ steps: Int) -> Need { .steps(steps, suggested: 480) }
}

extension PieceContent {
    /// The memory that a transfer takes for a step: three rolls of 59 columns, each twice, and the pedals and tempo of
    /// the segments.
    private static let pianoBytesPerStep = 6 * PianoRolls.columns * MemoryLayout<Float>.size + 7

    /// A file as the dataset of a run of paper 001 shows it.
    ///
    /// - Throws: `train.file`, as above.
    init(_ bytes: [UInt8], path: String, for run: TrainedRun) throws {
        try self.init(bytes, path: path, for: run.reader, bytesPerStep: Self.pianoBytesPerStep)
    }

    /// What sounds, and the two pedals: `[1, steps, 59]` of 0 and 1.
    func sounding(steps: Int) throws -> TorchTensor {
        try view(PianoRolls.view("sounding", .piano), steps: steps)
    }

    /// Where notes begin: `[1, steps, 59]` of 0 and 1, none in the pedals' columns.
    func onsets(steps: Int) throws -> TorchTensor {
        try view(PianoRolls.view("onsets", .onset), steps: steps)
    }

    /// Velocities while notes sound, `[57][steps]`, for a picture.
    func velocityRows(steps: Int) throws -> [Float] {
        try view(.roll("velocity", .velocity, pitches: PianoRolls.pitches), steps: steps).transposed(1, 2)
            .contiguous().elements(as: Float.self)
    }
}
