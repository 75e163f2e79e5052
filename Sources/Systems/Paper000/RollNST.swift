internal import Build
internal import Loading
internal import Symbolic
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// Changes a piece until its roll has the style of another: paper 000's neural style transfer.
    public static let rollNST = Recipe(
        name: "roll-nst", paper: "000", summary: "changes a piece until its roll has another's style",
        needs: [.notes()], needsDataset: true,
        transferParameters: [
            Parameter(
                "backbone", "random",
                "the network that sees content and style: random, vgg19, a weights file of torchvision's vgg19, or a run of composer-cnn"
            ),
            Parameter(
                "channels", 16, "channels of a random backbone's first block; VGG-19 has 64", in: 1...64),
            Parameter("pooling", "max", "between the backbone's blocks", choices: ["max", "average"]),
            Parameter("ratio", 4.0, "what style counts, where content counts 1", in: 0...1e9),
            Parameter("tv", 1e-3, "what the total variation counts", in: 0...1e9),
            Parameter("optimiser", "lbfgs", "what lowers the loss", choices: ["lbfgs", "adam"]),
            Parameter("iterations", 100, "steps of the optimiser for each window", in: 1...100_000),
            Parameter("rate", 0.02, "learning rate of Adam", in: 1e-9...10),
            Parameter("start", "content", "what the optimiser begins at", choices: ["content", "noise"]),
            Parameter("window", 256, "steps that are changed together, a multiple of 16", in: 16...4096),
            Parameter(
                "threshold", 16, "velocity from which a cell sounds in the result; 5 as published",
                in: 1...127),
            Parameter("label", "style", "the label of which --style names a value"),
            Parameter("examples", 16, "segments that stand for the style of a label", in: 1...4096),
            Parameter("seed", 0, "of random weights and noise"),
        ],
        optimise: { request, context in try RollNST(request, context).run() })
}

/// One transfer.
struct RollNST {
    private let request: TransferRequest
    private let settings: Settings
    private let reader: DatasetReader
    private let device: Device
    private let window: Int
    private let backbone: any RollBackbone
    private let source: Backbone.Source

    /// Rolls of a step and what the network makes of it, with gradients, at the largest setting.
    private static let bytesPerStep = 1 << 14

    init(_ request: TransferRequest, _ context: OptimisationContext) throws {
        guard let reader = context.reader else { preconditionFailure("roll-nst needs a dataset") }
        (self.request, self.reader, device) = (request, reader, context.device)
        settings = request.settings
        window = settings.integer("window")
        guard window % 16 == 0 else {
            throw TrainingError(.usage, "window is \(window); write a multiple of 16")
        }
        (backbone, source) = try Backbone.roll(settings, context)
    }

    func run() throws -> Transferred {
        let content = try PieceContent(
            request.content, path: request.path, for: reader, bytesPerStep: Self.bytesPerStep)
        let style = try styleGrams()
        let roll = try velocities(of: content).to(device)
        var parts: [TorchTensor] = []
        var curves: [[Double]] = []
        var totals = Totals()
        for part in try windows(of: roll) {
            try Cancellation.bySignal.check()
            // Silence has no content to keep.
            guard try part.largest().item() > 0 else {
                parts.append(part)
                continue
            }
            let result = try change(part, style, &totals)
            parts.append(result.roll)
            curves.append(result.losses)
        }
        return try result(content, roll, .concatenated(parts, axis: 1), curves, totals)
    }

    // MARK: Rolls

    /// The piece as velocities over 127: `[1, steps, 128]`, padded to whole multiples of the backbone's steps.
    private func velocities(of content: PieceContent) throws -> TorchTensor {
        try content.view(Self.view, steps: backbone.padded(content.length))
    }

    /// A roll `[1, steps, 128]` in parts of `window` steps; the last may be shorter.
    private func windows(of roll: TorchTensor) throws -> [TorchTensor] {
        try stride(from: 0, to: roll.shape[1], by: window).map { start in
            try roll.narrowed(1, from: start, count: min(window, roll.shape[1] - start)).contiguous()
        }
    }

    private static let view = LoaderView.roll("velocity", .velocity, scale: 1 / 127, pitches: 0...127)

    /// The style's Gram matrices: of the windows of a file, or of segments of the train split with the label's value.
    private func styleGrams() throws -> [String: TorchTensor] {
        guard let style = request.style else {
            throw TrainingError(.usage, "choose a style: --style FILE, or --style LABEL")
        }
        var rolls: [TorchTensor] = []
        if let file = request.styleFile {
            let piece = try PieceContent(
                file.bytes, path: file.path, for: reader, bytesPerStep: Self.bytesPerStep)
            rolls = try windows(of: velocities(of: piece))
        } else {
            rolls = try segments(of: style)
        }
        let grams = try withoutGradients {
            try rolls.filter { try $0.largest().item() > 0 }.map { roll in
                try backbone.maps(of: roll.to(device)).filter { backbone.styleLayers.contains($0.key) }
                    .mapValues { try StyleLoss.gram($0) }
            }
        }
        guard !grams.isEmpty else { throw TrainingError(.file, "nothing sounds in the style '\(style)'") }
        return try StyleLoss.mean(grams)
    }

    private func segments(of value: String) throws -> [TorchTensor] {
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
        let loader = try Loader(
            reader,
            LoaderPlan(
                kind: .midi, views: [Self.view], sets: [.init(labels: [label: value])], batchSize: 1,
                seed: UInt64(settings.integer("seed")), epochs: 1, threads: 0))
        var rolls: [TorchTensor] = []
        while rolls.count < settings.integer("examples"), let batch = try loader.next() {
            let roll = try batch.tensor(copying: Self.view.name)
            batch.giveBack()
            let missing = backbone.padded(roll.shape[1]) - roll.shape[1]
            rolls.append(
                missing == 0
                    ? roll : try .concatenated([roll, .zeros([1, missing, 128])], axis: 1))
        }
        return rolls
    }

    // MARK: The optimisation

    /// Changes one window `[1, steps, 128]` towards the style; the loss after each step.
    private func change(
        _ content: TorchTensor, _ style: [String: TorchTensor], _ totals: inout Totals
    ) throws -> (roll: TorchTensor, losses: [Double]) {
        let maps = try withoutGradients {
            try backbone.maps(of: content).filter { backbone.contentLayers.contains($0.key) }
        }
        let loss = StyleLoss(content: maps, style: style, ratio: settings.number("ratio"))
        func terms(_ point: TorchTensor) throws -> (
            all: TorchTensor, content: TorchTensor, style: TorchTensor
        ) {
            let roll = try point.reshaped(content.shape)
            let (near, like) = try loss.terms(backbone.maps(of: roll))
            let all = try near + like * loss.ratio + Self.variation(roll) * settings.number("tv")
            return (all, near, like)
        }
        var point =
            try settings.word("start") == "noise"
            ? TorchTensor.random(.uniform, [content.count]).to(device) * 0.5 : content.flattened().clone()
        let begin = try withoutGradients { try terms(point) }
        var losses = [try begin.all.item()]
        if settings.word("optimiser") == "lbfgs" {
            var search = LBFGS()
            search.maximumIterations = settings.integer("iterations")
            search.gradientTolerance = 1e-9
            _ = try search.minimise(point, progress: { _, value in losses.append(value) }) {
                try terms($0).all
            }
        } else {
            point = try point.detach()
            try point.requireGradient()
            let adam = try Adam([NamedParameter("roll", point)], rate: settings.number("rate"))
            for _ in 0..<settings.integer("iterations") {
                try Cancellation.bySignal.check()
                try adam.clearGradients()
                let value = try terms(point).all
                try value.backward()
                try adam.step()
                losses.append(try value.item())
            }
            point = try point.detach()
        }
        let end = try withoutGradients { try terms(point) }
        guard try end.all.item().isFinite else {
            throw TrainingError(.notFinite, "the loss is not a number; lower rate or ratio")
        }
        totals.add("windows", 1)
        for (name, value) in [("begin", begin), ("end", end)] {
            try totals.add("loss \(name)", value.all)
            try totals.add("content \(name)", value.content)
            try totals.add("style \(name)", value.style)
        }
        return (try point.reshaped(content.shape).clamped(low: 0, high: 1), losses)
    }

    /// The total variation of paper 000, over the number of cells: the mean of (dx² + dy²)^1.25.
    private static func variation(_ roll: TorchTensor) throws -> TorchTensor {
        let (steps, pitches) = (roll.shape[1] - 1, roll.shape[2] - 1)
        let here = try roll.narrowed(1, from: 0, count: steps).narrowed(2, from: 0, count: pitches)
        let later = try roll.narrowed(1, from: 1, count: steps).narrowed(2, from: 0, count: pitches)
        let higher = try roll.narrowed(1, from: 0, count: steps).narrowed(2, from: 1, count: pitches)
        // The power has no finite second slope at 0, where most cells are.
        return try ((later - here).square() + (higher - here).square() + 1e-8).power(1.25).mean()
    }

    // MARK: The result

    private func result(
        _ content: PieceContent, _ before: TorchTensor, _ after: TorchTensor, _ curves: [[Double]],
        _ totals: Totals
    ) throws -> Transferred {
        let steps = content.length
        func cells(_ roll: TorchTensor) throws -> [UInt8] {
            try (roll.to(.cpu).narrowed(1, from: 0, count: steps) * 127).rounded().contiguous().elements(
                as: Float.self
            ).map { UInt8(min(max($0, 0), 127)) }
        }
        let (old, raw) = (try cells(before), try cells(after))
        let threshold = UInt8(settings.integer("threshold"))
        let new = raw.map { $0 < threshold ? 0 : $0 }
        // A key that is struck again while it sounds is struck again in the result.
        let onsets = try content.view(.roll("onset", .onset, pitches: 0...127), steps: steps).elements(
            as: Float.self
        ).map { UInt8($0) }
        let rows = DenseRolls.rows(
            piano: new, velocity: new, onset: onsets, steps: steps, program: content.program)
        let segment = RollSegment(length: steps, rows: rows)
        let bytes = MIDIFile(
            segments: [segment], grid: content.grid, rounding: content.rounding, content: content.timeline
        ).write()
        let changed = zip(old, new).count { ($0 > 0) != ($1 > 0) }
        let sounding = max(old.count { $0 > 0 }, 1)
        func mean(_ name: String) -> Double { totals.ratio(name, "windows") }
        return Transferred(
            bytes: bytes,
            measures: [
                Measure("notes_before", Double(content.timeline.notes.count)),
                Measure("notes_after", Double(rows.count)),
                Measure("changed_share", Double(changed) / Double(sounding)),
                Measure("style_before", mean("style begin")), Measure("style_after", mean("style end")),
                Measure("content_after", mean("content end")),
                Measure("loss_before", mean("loss begin")), Measure("loss_after", mean("loss end")),
            ],
            figures: [
                try figure(old, new, steps),
                Figure(
                    name: "loss", title: "Loss of each window",
                    .curves(
                        horizontal: "iteration",
                        curves.prefix(8).enumerated().map { Figure.Curve("window \($0 + 1)", $1) })),
            ], foundations: ["backbone": source.json])
    }

    /// The first window of both.
    private func figure(_ old: [UInt8], _ new: [UInt8], _ steps: Int) throws -> Figure {
        let shown = min(steps, window)
        func roll(_ title: String, _ cells: [UInt8]) -> Figure.Roll {
            Figure.Roll(
                title: title,
                values: (0..<128).flatMap { pitch in (0..<shown).map { Float(cells[$0 * 128 + pitch]) } },
                columns: shown, firstPitch: 0)
        }
        return Figure(
            name: "rolls", title: "\(request.path) in the style of \(request.style ?? "")",
            .rolls([roll("content", old), roll("result", new)]))
    }
}

extension PieceContent {
    /// The program that most notes but drums have; 0 without one.
    var program: UInt8 {
        var counts = [Int](repeating: 0, count: 128)
        for note in timeline.notes where !note.isDrum { counts[Int(note.program)] += 1 }
        return UInt8(counts.indices.max { (counts[$0], $1) < (counts[$1], $0) } ?? 0)
    }
}
