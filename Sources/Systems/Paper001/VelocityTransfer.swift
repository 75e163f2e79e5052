internal import Dataset
internal import Symbolic
internal import Torch
internal import Training

/// Gives a MIDI file the velocities of another style: the content's notes, pedals, programs, tempo map and metre on
/// the dataset's grid, with what the style's network says at each onset of pitches 32 to 88.
struct VelocityTransfer {
    let system: VelocityCNN
    let parameters: RollParameters

    init(_ run: TrainedRun) throws {
        guard let system = run.system as? VelocityCNN, let midi = try run.reader.manifest().midi else {
            throw TrainingError(.badRun, "\(run.record.run) was not trained on notes")
        }
        self.system = system
        var parameters = RollParameters(midi)
        // The whole piece is wanted, from its start, in segments that follow each other, with all its notes.
        parameters.hop = parameters.steps
        parameters.dropLast = false
        parameters.align = .none
        parameters.window = .all
        parameters.requiredMetre = nil
        parameters.requiresConstantMetre = false
        parameters.pitches = 0...127
        parameters.drums = .separate
        self.parameters = parameters
    }

    func run(_ request: TransferRequest) throws -> Transferred {
        let style = try request.target(among: system.styles)
        let score: Score
        let segments: RollSegments
        do throws(MIDIError) {
            score = try Score(midi: request.content)
            segments = try RollSegments(score: score, parameters: parameters)
        } catch {
            throw TrainingError(.file, "\(request.path) is no MIDI file that can be read: \(error)")
        }
        guard score.timelines.count == 1, let timeline = score.timelines.first else {
            throw TrainingError(
                .file, "\(request.path) holds \(score.timelines.count) pieces; give them one file each")
        }
        var totals = Totals()
        let result = try (0..<segments.count).map { index in
            try segment(segments, index, system.styles.firstIndex(of: style) ?? 0, &totals)
        }
        let file = MIDIFile(
            segments: result, start: 0, grid: parameters.grid, rounding: parameters.rounding,
            content: timeline)
        return Transferred(
            bytes: file.write(),
            measures: [
                Measure("notes", totals["notes"]), Measure("notes_changed", totals["changed"]),
                Measure("mean_velocity_before", totals.ratio("before", "notes")),
                Measure("mean_velocity_after", totals.ratio("after", "notes")),
            ])
    }

    private func segment(
        _ segments: RollSegments, _ index: Int, _ style: Int, _ totals: inout Totals
    ) throws -> RollSegment {
        let (steps, columns, pitches) = (parameters.steps, PianoRolls.columns, PianoRolls.pitches)
        func roll(_ paint: (RollRows, UnsafeMutableBufferPointer<UInt8>) -> Void, pedals: Bool) throws
            -> TorchTensor
        {
            var cells = [UInt8](repeating: 0, count: steps * pitches.count)
            cells.withUnsafeMutableBufferPointer { buffer in
                segments.withRows(of: index) { paint($0, buffer) }
            }
            var dense = [Float](repeating: 0, count: steps * columns)
            for step in 0..<steps {
                for column in 0..<pitches.count {
                    dense[step * columns + column] = Float(cells[step * pitches.count + column])
                }
                guard pedals else { continue }
                let down = (index * steps + step) * 3
                dense[step * columns + columns - 2] = Float(segments.pedal[down])
                dense[step * columns + columns - 1] = Float(segments.pedal[down + 2])
            }
            return try TorchTensor(dense, shape: [1, steps, columns])
        }
        let sounding = try roll(
            { DenseRolls.piano($0, steps: steps, pitches: pitches, into: $1) }, pedals: true)
        let onsets = try roll(
            { DenseRolls.onset($0, steps: steps, pitches: pitches, into: $1) }, pedals: false)
        let velocities = try withoutGradients {
            try system.velocities(sounding, onsets: onsets, style: style).contiguous().elements(
                as: Float.self)
        }
        var segment = segments.segment(index)
        for row in segment.rows.indices where segment.rows[row].isOnset {
            let note = segment.rows[row]
            totals.add("notes", 1)
            totals.add("before", Double(note.velocity))
            if note.program != Note.drumProgram, pitches.contains(note.pitch) {
                let said = velocities[note.start * columns + Int(note.pitch - pitches.lowerBound)]
                segment.rows[row].velocity = UInt8(min(max(said.rounded(), 1), 127))
                totals.add("changed", segment.rows[row].velocity == note.velocity ? 0 : 1)
            }
            totals.add("after", Double(segment.rows[row].velocity))
        }
        return segment
    }
}
