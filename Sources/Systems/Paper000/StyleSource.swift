internal import Files
internal import Loading
internal import Symbolic
internal import Tensors
internal import Torch
internal import Training

/// The piece, or the segments, whose style a transfer takes.
struct StyleSource {
    /// Its rolls, `[1, steps, columns]`, as a canvas sees them.
    let rolls: TorchTensor
    /// Its notes as rolls of 128 pitches.
    let notes: NoteRolls
    /// Its length in seconds.
    let seconds: Double

    /// The views of the notes themselves.
    static let noteViews: [LoaderView] = [
        .roll("notes.velocity", .velocity, pitches: 0...127), .roll("notes.onset", .onset, pitches: 0...127),
    ]

}

extension StyleSource {
    /// A whole file.
    init(_ piece: PieceContent, _ views: [LoaderView]) throws {
        let steps = piece.length
        rolls = try .concatenated(views.map { try piece.view($0, steps: steps) }, axis: 2)
        notes = try piece.notes
        seconds = piece.seconds
    }

    /// Segments of the train split whose label has a value, one after the other without the silence behind their ends.
    ///
    /// - Throws: `train.usage` for a label or a value that the dataset does not have.
    init(
        segmentsOf value: String, _ settings: Settings, _ reader: DatasetReader, _ views: [LoaderView],
        grid: Grid
    ) throws {
        let label = settings.word("label")
        let known = reader.snapshot.vocabularies[label] ?? []
        guard known.contains(where: { $0.utf8.elementsEqual(value.utf8) }) else {
            throw TrainingError(
                .usage,
                known.isEmpty
                    ? "'\(value)' is no file, and the dataset has no label '\(label)'; name it with --set label=NAME"
                    : "'\(value)' is neither a file nor a \(label) of the dataset; there are \(known.joined(separator: ", "))"
            )
        }
        let (length, tempo) = (LoaderView("length", .segment(.length)), LoaderView("tempo", .tempo))
        let loader = try Loader(
            reader,
            LoaderPlan(
                kind: .midi, views: views + Self.noteViews + [length, tempo],
                sets: [.init(labels: [label: value])], batchSize: 1,
                seed: UInt64(settings.integer("seed")), epochs: 1, threads: 0))
        var (parts, velocities, onsets): ([TorchTensor], [UInt8], [UInt8]) = ([], [], [])
        var seconds = 0.0
        while parts.count < settings.integer("examples"), let batch = try loader.next() {
            func part(_ view: LoaderView) throws -> TorchTensor { try batch.tensor(copying: view.name) }
            let steps = try part(length).elements(as: Int64.self).first.map { Int($0) } ?? 0
            func rolls(_ views: [LoaderView]) throws -> TorchTensor {
                try .concatenated(
                    views.map { try part($0).narrowed(1, from: 0, count: steps) }, axis: 2)
            }
            if steps > 0 {
                parts.append(try rolls(views))
                velocities += try rolls([Self.noteViews[0]]).bytes
                onsets += try rolls([Self.noteViews[1]]).bytes
                for tempo in try part(tempo).elements(as: Float.self).prefix(steps) {
                    seconds += grid.secondsPerStep(atBPM: Double(tempo))
                }
            }
            batch.giveBack()
        }
        guard !parts.isEmpty else {
            throw TrainingError(.usage, "the train split has no segment of the \(label) '\(value)'")
        }
        rolls = try .concatenated(parts, axis: 1)
        notes = NoteRolls(velocities: velocities, onsets: onsets)
        self.seconds = seconds
    }

    /// So many steps from a step on; behind its end it begins again.
    func rolls(from start: Int, count: Int) throws -> TorchTensor {
        let steps = rolls.shape[1]
        let places = (start..<start + count).map { Int64($0 % steps) }
        return try rolls.selected(1, at: TorchTensor(places, shape: [count], on: rolls.device))
    }

    /// So many steps of its notes from the first one; behind their end they begin again.
    func notes(count: Int) -> NoteRolls {
        func repeated(_ cells: [UInt8]) -> [UInt8] { (0..<count * 128).map { cells[$0 % cells.count] } }
        return NoteRolls(velocities: repeated(notes.velocities), onsets: repeated(notes.onsets))
    }
}

extension TorchTensor {
    /// The elements as bytes, rounded; those beyond 0 to 255 become the nearest.
    fileprivate var bytes: [UInt8] {
        get throws {
            try to(.f32).contiguous().elements(as: Float.self).map { UInt8(min(max($0.rounded(), 0), 255)) }
        }
    }
}

extension Grid {
    /// The length of a step where the tempo is known.
    fileprivate func secondsPerStep(atBPM tempo: Double) -> Double {
        switch self {
        case .stepsPerSecond(let rate): Double(rate.denominator) / Double(rate.numerator)
        case .stepsPerBeat(let steps), .stepsPerFirstBeat(let steps): 60 / tempo / Double(steps)
        }
    }
}

extension PieceContent {
    /// The notes as rolls of 128 pitches.
    var notes: NoteRolls {
        get throws {
            let parts = try StyleSource.noteViews.map { try view($0, steps: length).bytes }
            return NoteRolls(velocities: parts[0], onsets: parts[1])
        }
    }

    /// The length of its steps in seconds.
    var seconds: Double { grid.seconds(at: length, in: timeline.tempoMap) }

    /// The program that most notes but drums have; 0 without one.
    var program: UInt8 {
        var counts = [Int](repeating: 0, count: 128)
        for note in timeline.notes where !note.isDrum { counts[Int(note.program)] += 1 }
        return UInt8(counts.indices.max { (counts[$0], $1) < (counts[$1], $0) } ?? 0)
    }
}
