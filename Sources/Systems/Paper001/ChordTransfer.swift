internal import Build
internal import Dataset
internal import Symbolic
internal import Torch
internal import Training

/// Writes a piece of another style that a MIDI file inspires, as figure IV.4 of paper 001 has it: the features of the
/// content's first segment begin the memory of the style's LSTM, its first step is the first step, and each next one
/// is drawn, key by key and pedal by pedal, with the probability that the LSTM says.
///
/// The result has the content's tempo map and metre. The network knows no velocities; all are the content's mean.
struct ChordTransfer {
    let system: ChordLSTM
    let run: TrainedRun

    init(_ run: TrainedRun) throws {
        guard let system = run.system as? ChordLSTM else {
            throw TrainingError(.badRun, "\(run.record.run) is no run of chord-lstm")
        }
        (self.system, self.run) = (system, run)
    }

    static let parameters = [
        Parameter("steps", 0, "steps to write; 0: as many as the content has", in: 0...1_000_000),
        Parameter("seed", 0, "of what is drawn"),
    ]

    func run(_ request: TransferRequest) throws -> Transferred {
        let style = try request.target(among: system.styles)
        let content = try Content(request.content, path: request.path, for: run)
        let asked = request.settings.integer("steps")
        let steps = asked == 0 ? content.length : asked
        let sounding = try content.sounding(steps: max(content.segmentSteps, 1))
        try RandomGenerator.seed(UInt64(request.settings.integer("seed")))
        let drawn = try system.generate(
            from: sounding, style: system.styles.firstIndex(of: style) ?? 0, steps: steps)
        let (keys, pedals) = ([UInt8](drawn.keys), drawn.pedals)
        let notes = content.timeline.notes.filter { !$0.isDrum }
        let loudness = notes.reduce(0) { $0 + Int($1.velocity) } / max(notes.count, 1)
        var rows = DenseRolls.rows(piano: keys, steps: steps, pitches: PianoRolls.pitches)
        for row in rows.indices { rows[row].velocity = UInt8(min(max(loudness, 1), 127)) }
        let segment = RollSegment(length: steps, rows: rows, pedal: pedals)
        let file = MIDIFile(
            segments: [segment], grid: content.grid, rounding: content.rounding, content: content.timeline)
        let bytes = file.write()
        let result = try Content(bytes, path: "the result", for: run)
        let down = stride(from: 0, to: pedals.count, by: 3).count { pedals[$0] != 0 }
        return Transferred(
            bytes: bytes,
            measures: [
                Measure("steps", Double(steps)), Measure("notes", Double(rows.count)),
                Measure("keys_a_step", Double(keys.reduce(0) { $0 + Int($1) }) / Double(steps)),
                Measure("share_with_pedal", Double(down) / Double(steps)),
            ],
            figures: [try Content.figure([("content", content), ("a piece of \(style)", result)], style)])
    }
}

extension ChordLSTM {
    /// Draws a piece of a style from a segment `[1, steps, 59]` of any: `keys` [steps, 57] and `pedals` [steps, 3]
    /// (sustain, sostenuto, soft), 0 or 1.
    func generate(
        from sounding: TorchTensor, style: Int, steps: Int
    ) throws -> (keys: [UInt8], pedals: [UInt8]) {
        let cells = try withoutGradients {
            try networks.styles[style].sample(
                sounding.selected(1, 0), features: classifier.feature(sounding), steps: steps
            ).elements(as: Float.self)
        }
        let columns = PianoRolls.columns
        var (keys, pedals) = ([UInt8](), [UInt8]())
        for row in stride(from: 0, to: cells.count, by: columns) {
            keys += cells[row..<row + columns - 2].map { $0 > 0.5 ? 1 : 0 }
            pedals += [cells[row + columns - 2] > 0.5 ? 1 : 0, 0, cells[row + columns - 1] > 0.5 ? 1 : 0]
        }
        return (keys, pedals)
    }
}
