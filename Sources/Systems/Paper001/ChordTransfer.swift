internal import Files
internal import Symbolic
internal import Torch
internal import Training

/// Writes a piece of another style that a MIDI file inspires, as figure IV.4 of paper 001 has it: the features of a
/// segment of the content begin the memory of the style's LSTM, and each step is drawn, key by key and pedal by pedal,
/// with the probability that the LSTM says.
///
/// The content's first step is the first step. The memory is reset at each segment of the content, since the
/// network has learned no longer ones: left to itself it comes to hold ever more keys.
/// The result has the content's tempo map and time signature. The network knows no velocities; all are the content's mean.
struct ChordTransfer {
    let system: ChordLSTM
    let run: TrainedRun

    init(_ run: TrainedRun) throws {
        self.run = run
        system = try run.system(of: .chordLSTM)
    }

    static let parameters = [
        Parameter("steps", 0, "steps to write; 0: as many as the content has", in: 0...1_000_000),
        Parameter("seed", 0, "of what is drawn"),
        Parameter(
            "floor", 0.0, "columns of a lower probability stay off; the authors' 0.01 leaves out most notes",
            in: 0...0.99),
    ]

    func run(_ request: TransferRequest) throws -> Transferred {
        let style = try request.target(among: system.styles)
        let content = try PieceContent(request.content, path: request.path, for: run)
        let asked = request.settings.integer("steps")
        let steps = max(asked == 0 ? content.length : asked, 1)
        try RandomGenerator.seed(UInt64(request.settings.integer("seed")))
        let drawn = try system.generate(
            from: content.sounding(steps: steps).to(system.device),
            style: system.styles.firstIndex(of: style) ?? 0,
            segmentSteps: content.segmentSteps, floor: request.settings.number("floor"))
        let (keys, pedals) = (drawn.keys, drawn.pedals)
        let notes = content.timeline.notes.filter { !$0.isDrum }
        let loudness = notes.reduce(0) { $0 + Int($1.velocity) } / max(notes.count, 1)
        var rows = DenseRolls.rows(piano: keys, steps: steps, pitches: PianoRolls.pitches)
        for row in rows.indices { rows[row].velocity = UInt8(min(max(loudness, 1), 127)) }
        let bytes = content.file(RollSegment(length: steps, rows: rows, pedal: pedals))
        let result = try PieceContent(bytes, path: "the result", for: run)
        let down = stride(from: 0, to: pedals.count, by: 3).count { pedals[$0] != 0 }
        return Transferred(
            bytes: bytes,
            measures: [
                Measure("steps", Double(steps)), Measure("notes", Double(rows.count)),
                Measure("keys_a_step", Double(keys.reduce(0) { $0 + Int($1) }) / Double(steps)),
                Measure("share_with_pedal", Double(down) / Double(steps)),
            ],
            figures: [
                try PieceContent.figure([("content", content), ("a piece of \(style)", result)], style)
            ])
    }
}

extension ChordLSTM {
    /// Draws a piece of a style from a piece `[1, steps, 59]` of any, as long: `keys` [steps, 57] and `pedals`
    /// [steps, 3] (sustain, sostenuto, soft), 0 or 1.
    func generate(
        from sounding: TorchTensor, style: Int, segmentSteps: Int, floor: Double = 0
    ) throws -> (keys: [UInt8], pedals: [UInt8]) {
        let (columns, steps) = (PianoRolls.columns, sounding.shape[1])
        var cells: [Float] = []
        try withoutGradients {
            for start in stride(from: 0, to: steps, by: segmentSteps) {
                let count = min(segmentSteps, steps - start)
                let segment = try sounding.narrowed(1, from: start, count: count)
                let rest = try TorchTensor.zeros(
                    [1, segmentSteps - count, columns], on: segment.device)
                let features = try classifier.feature(.concatenated([segment, rest], axis: 1))
                // What was drawn last leads on; it is no part of what follows.
                let isFirst = start == 0
                let first =
                    try isFirst
                    ? segment.selected(1, 0)
                    : TorchTensor(Array(cells.suffix(columns)), shape: [1, columns], on: segment.device)
                let drawn = try networks.styles[style].sample(
                    first, features: features, steps: isFirst ? count : count + 1, floor: floor)
                cells += try drawn.elements(as: Float.self).dropFirst(isFirst ? 0 : columns)
            }
        }
        var (keys, pedals) = ([UInt8](), [UInt8]())
        for row in stride(from: 0, to: cells.count, by: columns) {
            keys += cells[row..<row + columns - 2].map { $0 > 0.5 ? 1 : 0 }
            pedals += [cells[row + columns - 2] > 0.5 ? 1 : 0, 0, cells[row + columns - 1] > 0.5 ? 1 : 0]
        }
        return (keys, pedals)
    }
}
