internal import Files
internal import Loading
internal import Symbolic
internal import Tensors
internal import Torch
internal import Training

/// Decodes a piece from codes that are moved, window by window, towards those of another piece or of a label.
///
/// Paper 000, section 3, and Roberts et al., 2018, arXiv:1803.05428, sections 4.2 and 4.3: towards a file the codes
/// lie on a path between both pieces' codes; towards a label the difference of two mean codes of the train split is added
/// to them (attribute vectors). The notes of a window are as many of its most probable cells as their probabilities add up
/// to: from the threshold with the best F1 on, a network that is unsure of the step names many for each. Tempo map and time signatures
/// are the content's, and so is the mean velocity of each window; drums, pedals and control changes are left out.
struct MusicVAETransfer {
    private let system: MusicVAE
    private let trained: TrainedRun
    private let request: TransferRequest
    private let settings: Settings
    private let amount: Double
    private let thresholds: [Double]

    static let parameters = [
        Parameter(
            "amount", 0.5,
            "how far codes are moved: 0 to 1 from the content's to the style file's; times the difference, to a label",
            in: 0...4),
        Parameter(
            "path", "spherical", "the path between two pieces' codes", choices: ["spherical", "linear"]),
        Parameter(
            "notes", "expected",
            "which onsets are notes: as many of a window's most probable as the probabilities add up to, those from the threshold on, or drawn ones",
            choices: ["expected", "threshold", "drawn"]),
        Parameter("seed", 0, "of what is drawn"),
        Parameter("threshold", 0.0, "probability from which a cell is on; 0: that of the run", in: 0...1),
        Parameter(
            "length", 0,
            "steps that a note lasts where a run knows onsets only, unless its key is struck again; 0: the content's median",
            in: 0...4096),
        Parameter("label", "", "the label of which --style names a value; none: the only one that has it"),
    ]

    /// Rolls of a step, onsets and velocities beside them, and what the network makes of it.
    private static let bytesPerStep = 1 << 14

    init(_ request: TransferRequest, _ run: TrainedRun) throws {
        (self.request, trained, settings) = (request, run, request.settings)
        system = try run.system(of: .musicVAE)
        amount = settings.number("amount")
        let wanted = settings.number("threshold")
        thresholds = try system.thresholds().map { wanted > 0 ? wanted : $0 }
    }

    func run() throws -> Transferred {
        let content = try piece(request.content, request.path)
        return try withoutGradients {
            let windows = try windows(of: content)
            let codes = try encode(windows)
            let probabilities = try decode(moved(codes, windows))
            let own = amount == 0 ? probabilities : try decode(codes)
            // Silence has no content to keep.
            let sounds = try windows.largest([1, 2], keep: true)
            return try result(content, windows, own: own * sounds, probabilities * sounds)
        }
    }

    // MARK: Codes

    private func piece(_ bytes: [UInt8], _ path: String) throws -> PieceContent {
        try PieceContent(bytes, path: path, for: trained.reader, bytesPerStep: Self.bytesPerStep)
    }

    /// A piece as windows `[windows, steps, columns]`, silent behind its end.
    private func windows(of piece: PieceContent) throws -> TorchTensor {
        let roll = try system.windows.roll { try piece.view($0, steps: piece.length) }
        return try system.windows.cut(roll).windows.to(system.autoencoder.marginal.device)
    }

    /// So many windows or codes at once.
    private static let batch = 256

    private func inBatches(
        _ rows: TorchTensor, _ body: (TorchTensor) throws -> TorchTensor
    ) throws -> TorchTensor {
        try .concatenated(
            stride(from: 0, to: rows.shape[0], by: Self.batch).map { start in
                try Cancellation.bySignal.check()
                return try body(
                    rows.narrowed(0, from: start, count: min(Self.batch, rows.shape[0] - start)).contiguous())
            })
    }

    private func encode(_ windows: TorchTensor) throws -> TorchTensor {
        try inBatches(windows) { try system.encode($0) }
    }

    private func decode(_ codes: TorchTensor) throws -> TorchTensor {
        try inBatches(codes) { try system.decode($0).sigmoid() }
    }

    /// The codes of windows in which something begins or sounds.
    private func soundingCodes(_ windows: TorchTensor) throws -> TorchTensor? {
        let sounds = try windows.largest([1, 2]).elements(as: Float.self)
        let places = sounds.indices.filter { sounds[$0] > 0 }.map { Int64($0) }
        guard !places.isEmpty else { return nil }
        let device = windows.device
        return try encode(
            windows.selected(0, at: TorchTensor(places, shape: [places.count], on: device)))
    }

    /// The codes of the content towards the style.
    private func moved(_ codes: TorchTensor, _ windows: TorchTensor) throws -> TorchTensor {
        guard let style = request.style else {
            throw TrainingError(.usage, "choose a style: --style FILE, or --style LABEL")
        }
        guard let file = request.styleFile else {
            let label = try label(of: style)
            let (from, to) = (
                try meanCode(label, request.contentStyle), try meanCode(label, style)
            )
            return try codes + (to - from) * amount
        }
        guard amount <= 1 else {
            throw TrainingError(.usage, "amount is \(amount); between two files write a number from 0 to 1")
        }
        guard let others = try soundingCodes(self.windows(of: piece(file.bytes, file.path))) else {
            throw TrainingError(.file, "nothing sounds in the style '\(file.path)'")
        }
        // The sounding windows of a shorter style are used again.
        let sounds = try windows.largest([1, 2]).elements(as: Float.self)
        var next = 0
        let places = sounds.map { sound in
            defer { next += sound > 0 ? 1 : 0 }
            return Int64(next % others.shape[0])
        }
        let partners = try others.selected(
            0, at: TorchTensor(places, shape: [places.count], on: codes.device))
        let path = CodePath(rawValue: settings.word("path")) ?? .spherical
        return try path.code(from: codes, to: partners, at: amount)
    }

    /// The label that has a value.
    private func label(of value: String) throws -> String {
        let (wanted, snapshot) = (settings.word("label"), trained.reader.snapshot)
        func has(_ label: String, _ value: String) -> Bool {
            (snapshot.vocabularies[label] ?? []).contains { $0.utf8.elementsEqual(value.utf8) }
        }
        let labels = snapshot.vocabularies.keys.filter { wanted.isEmpty || $0 == wanted }.sorted()
        let found = labels.filter { has($0, value) }
        guard let label = found.first else {
            let values = labels.flatMap { snapshot.vocabularies[$0] ?? [] }.joined(separator: ", ")
            throw TrainingError(
                .usage,
                "'\(value)' is neither a file nor a label of the run's dataset; there are \(values.isEmpty ? "none" : values)"
            )
        }
        guard found.count == 1 else {
            throw TrainingError(
                .usage,
                "'\(value)' is a value of \(found.joined(separator: ", ")); write --set label=\(label)")
        }
        if let other = request.contentStyle, !has(label, other) {
            throw TrainingError(.usage, "'\(other)' is no \(label) of the run's dataset")
        }
        return label
    }

    /// The mean code of the train split's sounding windows with a value of a label; nil: of all.
    private func meanCode(_ label: String, _ value: String?) throws -> TorchTensor {
        var plan = system.windows.plan(of: trained.reader.snapshot, transposition: 0)
        plan.sets = [.init(labels: value.map { [label: $0] } ?? [:])]
        (plan.batchSize, plan.isShuffled, plan.epochs, plan.threads) = (Self.batch, false, 1, 0)
        let loader = try Loader(trained.reader, plan)
        var (sum, count): (TorchTensor?, Int) = (nil, 0)
        while let batch = try loader.next() {
            try Cancellation.bySignal.check()
            let roll = try system.windows.roll { try batch.tensor(copying: $0.name) }
            batch.giveBack()
            guard let codes = try soundingCodes(roll.to(system.autoencoder.marginal.device)) else { continue }
            let total = try codes.sum([0], keep: true)
            sum = try sum.map { try $0 + total } ?? total
            count += codes.shape[0]
        }
        guard let sum else {
            throw TrainingError(
                .usage, "nothing sounds in the train split's segments of \(label) '\(value ?? "")'")
        }
        return try sum * (1 / Double(count))
    }

    // MARK: The result

    /// Cells of a piece `[steps · 128]` from those of windows, of one of its views.
    private func cells(_ windows: TorchTensor, _ view: Int, _ steps: Int) throws -> [Float] {
        let part = try windows.narrowed(2, from: view * 128, count: 128).contiguous().to(.cpu)
        return Array(try part.elements(as: Float.self).prefix(steps * 128))
    }

    private func result(
        _ content: PieceContent, _ windows: TorchTensor, own: TorchTensor, _ probabilities: TorchTensor
    ) throws -> Transferred {
        let steps = content.length
        func notes(_ probabilities: TorchTensor, _ view: Int) throws -> [Bool] {
            let limit = Float(thresholds[view])
            let cells = try cells(probabilities, view, steps)
            // What sounds may be read off at its threshold: it is no single step.
            guard view == 0, settings.word("notes") != "threshold" else {
                return cells.map { $0 > 0 && $0 >= limit }
            }
            guard settings.word("notes") == "expected" else {
                try RandomGenerator.seed(UInt64(settings.integer("seed")))
                let drawn = try TorchTensor(cells, shape: [cells.count]).bernoulli()
                return try drawn.elements(as: Float.self).map { $0 > 0 }
            }
            let size = system.windows.steps * 128
            return stride(from: 0, to: cells.count, by: size).flatMap { start in
                Self.expected(Array(cells[start..<min(start + size, cells.count)]))
            }
        }
        let before = try cells(windows, 0, steps).map { $0 > 0 }
        let (reconstructed, onsets) = (try notes(own, 0), try notes(probabilities, 0))
        let sounding =
            system.windows.views.count > 1
            ? zip(onsets, try notes(probabilities, 1)).map { $0 || $1 }
            : try held(onsets, for: noteLength(of: content))
        let velocities = try velocities(of: content)
        let rows = DenseRolls.rows(
            piano: sounding.map { $0 ? 1 : 0 },
            velocity: (0..<steps).flatMap { step in
                [UInt8](repeating: velocities[step / system.windows.steps], count: 128)
            },
            onset: onsets.map { $0 ? 1 : 0 }, steps: steps, program: content.program)
        return Transferred(
            bytes: content.file(RollSegment(length: steps, rows: rows)),
            measures: [
                Measure("notes_before", Double(before.count { $0 })),
                Measure("notes_after", Double(rows.count)),
                Measure("windows", Double(windows.shape[0])),
                Measure("f1_with_content", Self.f1(before, onsets)),
                Measure("f1_of_reconstruction", Self.f1(before, reconstructed)),
            ], figures: [figure(before, reconstructed, onsets, steps)])
    }

    /// The most probable cells, as many as the probabilities add up to; of equal ones the first.
    static func expected(_ probabilities: [Float]) -> [Bool] {
        let count = Int(probabilities.reduce(0) { $0 + Double($1) }.rounded())
        let order = probabilities.indices.sorted {
            (probabilities[$1], $0) < (probabilities[$0], $1)
        }
        var isOn = [Bool](repeating: false, count: probabilities.count)
        for cell in order.prefix(count) { isOn[cell] = true }
        return isOn
    }

    /// How well some cells agree with others; of silence and silence, 1.
    private static func f1(_ some: [Bool], _ others: [Bool]) -> Double {
        let all = some.count { $0 } + others.count { $0 }
        return all == 0 ? 1 : 2 * Double(zip(some, others).count { $0 && $1 }) / Double(all)
    }

    /// Each onset `[steps · 128]` and so many steps in all from it on.
    private func held(_ onsets: [Bool], for length: Int) -> [Bool] {
        var cells = onsets
        for cell in onsets.indices where onsets[cell] {
            for later in stride(from: cell, to: min(cell + length * 128, cells.count), by: 128) {
                cells[later] = true
            }
        }
        return cells
    }

    /// The steps that notes of the result last where none are decoded: as set, or the median of the content's.
    private func noteLength(of content: PieceContent) throws -> Int {
        let wanted = settings.integer("length")
        return wanted > 0 ? wanted : try content.notes.medianLength
    }

    /// The mean velocity of the notes that begin in each window of the content; of none, that of the whole.
    private func velocities(of content: PieceContent) throws -> [UInt8] {
        let roll = try content.view(
            .roll("velocity", .onsetVelocity, pitches: 0...127), steps: content.length)
        let struck = try roll.elements(as: Float.self)
        func mean(_ cells: ArraySlice<Float>) -> Float? {
            let notes = cells.filter { $0 > 0 }
            return notes.isEmpty ? nil : notes.reduce(0, +) / Float(notes.count)
        }
        let all = mean(struck[...]) ?? 64
        let size = system.windows.steps * 128
        return stride(from: 0, to: struck.count, by: size).map { start in
            let value = mean(struck[start..<min(start + size, struck.count)]) ?? all
            return UInt8(min(max(value.rounded(), 1), 127))
        }
    }

    /// The first eight windows: the content, what its own codes say, and the result.
    private func figure(
        _ before: [Bool], _ reconstructed: [Bool], _ after: [Bool], _ steps: Int
    ) -> Figure {
        let shown = min(steps, 8 * system.windows.steps)
        func roll(_ title: String, _ cells: [Bool]) -> Figure.Roll {
            Figure.Roll(title, timeFirst: cells.prefix(shown * 128))
        }
        return Figure(
            name: "rolls", title: "Onsets of \(request.path) towards \(request.style ?? "")",
            .rolls([
                roll("content", before), roll("its reconstruction", reconstructed), roll("result", after),
            ]))
    }
}
