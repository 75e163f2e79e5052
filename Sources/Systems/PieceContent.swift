internal import Files
internal import Loading
internal import Preparation
internal import Symbolic
internal import Torch
internal import Training

/// A MIDI file to transfer: the whole piece as the dataset of a run, or of a request, shows it.
struct PieceContent {
    let score: PreparedScore
    private let preparation: FilePreparation

    var path: String { score.path }
    var timeline: Timeline { score.timeline }
    var grid: Grid { score.grid }
    var rounding: Rounding { score.rounding }
    /// The steps of a segment of the dataset.
    var segmentSteps: Int { score.segmentSteps }
    /// The piece in steps.
    var length: Int { score.length }

    /// Prepares a file.
    ///
    /// - Parameters:
    ///   - bytes: The file.
    ///   - path: Its path, for messages.
    ///   - reader: The dataset.
    ///   - bytesPerStep: The memory that the transfer takes for a step.
    /// - Throws: `train.file` when it is no MIDI file of one piece, or one too long for memory; `build.no-dataset` when the
    ///   dataset has no notes.
    init(_ bytes: [UInt8], path: String, for reader: DatasetReader, bytesPerStep: Int) throws {
        preparation = try FilePreparation(reader, covering: .whole)
        do {
            score = try preparation.score(bytes, path: path, bytesPerStep: bytesPerStep)
        } catch let error as BuildError where error.code == .sourceUnreadable {
            throw TrainingError(.file, error.message)
        }
    }

    /// The bytes of a MIDI file with other notes, and the piece's tempo map and time signatures.
    func file(_ segment: RollSegment) -> [UInt8] {
        MIDIFile(segments: [segment], grid: grid, rounding: rounding, content: timeline).write()
    }

    /// All segments of the piece in one batch, as the loader paints them.
    func segments(showing views: [LoaderView]) throws -> LoaderBatch {
        try preparation.batch(of: score.shard, showing: views)
    }

    /// A view of so many steps of the piece, silent behind its end: `[1, steps, columns]`.
    func view(_ view: LoaderView, steps: Int) throws -> TorchTensor {
        let segments = try self.segments(showing: [view]).tensor(copying: view.name)
        let (count, width) = (segments.shape[0] * segmentSteps, segments.shape[2])
        let piece = try segments.reshaped([1, count, width])
        guard steps > count else { return try piece.narrowed(1, from: 0, count: steps).contiguous() }
        return try .concatenated([piece, .zeros([1, steps - count, width], on: piece.device)], axis: 1)
    }
}

extension Figure.Roll {
    /// A roll whose cells, 0 to `greatest`, lie time first: `[steps, pitches]`.
    init(
        _ title: String, timeFirst cells: [Float], pitches: ClosedRange<UInt8> = 0...127, greatest: Int = 127
    ) {
        let width = pitches.count
        let steps = cells.count / width
        self.init(
            title: title,
            values: (0..<width).flatMap { column in (0..<steps).map { cells[$0 * width + column] } },
            columns: steps, firstPitch: Int(pitches.lowerBound), greatest: greatest)
    }

    /// Cells that sound or do not, time first.
    init(_ title: String, timeFirst cells: some Sequence<Bool>, pitches: ClosedRange<UInt8> = 0...127) {
        self.init(title, timeFirst: cells.map { $0 ? 100 : 0 }, pitches: pitches)
    }
}
