internal import Files
internal import Loading
internal import Symbolic
internal import Torch
internal import Training

/// Gives a MIDI file the velocities of another style: at each onset of pitches 32 to 88 what the style's network says.
///
/// Every other byte stays as it is: times, pedals, programs, drums, tempo, time signature, texts, and whatever no reader reads.
struct VelocityTransfer {
    let system: VelocityCNN
    let run: TrainedRun

    init(_ run: TrainedRun) throws {
        self.run = run
        system = try run.system(of: .velocityCNN)
    }

    static let parameters = [
        Parameter(
            "level", "style",
            "the mean velocity: what the style's network says, or the content's, to which its velocities are moved",
            choices: ["style", "content"])
    ]

    func run(_ request: TransferRequest) throws -> Transferred {
        let style = try request.target(among: system.styles)
        let content = try PieceContent(request.content, path: request.path, for: run)
        var velocities = try velocities(of: content, style: system.styles.firstIndex(of: style) ?? 0)
        if request.settings.word("level") == "content" {
            let shift = try content.meanVelocity() - content.mean(of: velocities)
            velocities = velocities.map { $0 + shift }
        }
        guard velocities.allSatisfy(\.isFinite) else {
            throw TrainingError(.notFinite, "\(run.record.run) predicts velocities that are not numbers")
        }
        var totals = Totals()
        let bytes = try MIDIFile.replacingVelocities(
            in: request.content, grid: content.grid, rounding: content.rounding, timeline: content.timeline
        ) { step, pitch, current in
            var value = current
            if PianoRolls.pitches.contains(pitch), step < content.length {
                let cell = step * PianoRolls.columns + Int(pitch - PianoRolls.pitches.lowerBound)
                value = UInt8(min(max(velocities[cell].rounded(), 1), 127))
            }
            totals.add("notes", 1)
            totals.add("changed", value == current ? 0 : 1)
            totals.add("before", Double(current))
            totals.add("after", Double(value))
            return value
        }
        let result = try PieceContent(bytes, path: "the result", for: run)
        return Transferred(
            bytes: bytes,
            measures: [
                Measure("notes", totals["notes"]), Measure("notes_changed", totals["changed"]),
                Measure("mean_velocity_before", totals.ratio("before", "notes")),
                Measure("mean_velocity_after", totals.ratio("after", "notes")),
            ],
            figures: [
                try PieceContent.figure([("content", content), ("brought to \(style)", result)], style)
            ])
    }

    /// What the network says of the whole piece, `[steps, 59]` row by row.
    ///
    /// It sees windows with as much around them as it reaches, so that what it says is what it would say of the whole
    /// at once.
    private func velocities(of content: PieceContent, style: Int) throws -> [Float] {
        let (sounding, onsets) = (
            try content.sounding(steps: content.length).to(system.device),
            try content.onsets(steps: content.length).to(system.device)
        )
        let (window, reach) = (4096, system.networks.styles[style].reach)
        return try withoutGradients {
            try stride(from: 0, to: content.length, by: window).flatMap { start in
                let (low, end) = (max(0, start - reach), min(content.length, start + window))
                let count = min(content.length, end + reach) - low
                let said = try system.velocities(
                    sounding.narrowed(1, from: low, count: count),
                    onsets: onsets.narrowed(1, from: low, count: count), style: style)
                return try said.narrowed(1, from: start - low, count: end - start).contiguous().elements(
                    as: Float.self)
            }
        }
    }
}

extension PieceContent {
    /// The mean of values `[steps, 59]` over the cells where notes begin; 0 without notes.
    fileprivate func mean(of values: [Float]) throws -> Float {
        let cells = try onsets(steps: length).elements(as: Float.self)
        let own = zip(cells, values).filter { $0.0 > 0 }.map { Double($0.1) }
        return Float(own.reduce(0, +) / Double(max(own.count, 1)))
    }

    /// The mean velocity of the notes that a transfer changes.
    fileprivate func meanVelocity() throws -> Float {
        try mean(
            of: view(PianoRolls.view("velocities", .onsetVelocity), steps: length).elements(as: Float.self))
    }

    /// The first segment of each as a roll of velocities, one above the other.
    static func figure(_ contents: [(name: String, content: PieceContent)], _ title: String) throws -> Figure
    {
        let steps = contents.map(\.content.segmentSteps).max() ?? 0
        return Figure(
            name: "velocities",
            title: contents.first.map { "\($0.content.path) to \(title)" } ?? title,
            .rolls(
                try contents.map { name, content in
                    Figure.Roll(
                        title: name, values: try content.velocityRows(steps: steps), columns: steps,
                        firstPitch: Int(PianoRolls.pitches.lowerBound))
                }))
    }
}
