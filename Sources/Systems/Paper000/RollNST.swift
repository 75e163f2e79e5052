internal import Files
internal import Loading
internal import Symbolic
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// Changes a piece until a network takes its style for another's: the four experiments of paper 000, section 6.
    ///
    /// | `experiment` | what is changed | what looks at it | how style is compared |
    /// | --- | --- | --- | --- |
    /// | 1 | a roll | VGG-19 | the squared distance of Gram matrices |
    /// | 2 | a roll | a run of `composer-cnn` | 1 − the cosine of maps of the same time |
    /// | 3 | rows of codes of a `music-vae` | VGG-19 | as 1 |
    /// | 4 | rows of codes of a `music-vae` | a run of `composer-cnn` that learned from these codes | as 2 |
    ///
    /// `StyleLoss` has the formulas. A style that is shorter than the content begins again at its end.
    public static let rollNST = Recipe(
        name: "roll-nst", paper: "000",
        summary: "changes a piece until its roll or its codes have another's style",
        needs: [.notes()], needsDataset: true,
        transferParameters: [
            Parameter(
                "experiment", 1,
                "the paper's: 1 a roll through VGG-19, 2 a roll through composer-cnn, 3 codes through VGG-19, 4 codes through composer-cnn",
                in: 1...4),
            Parameter(
                "backbone", "auto",
                "experiments 1 and 3: random, vgg19, a file of torchvision's vgg19, or auto: vgg19 if its weights are there; 2 and 4: a run of composer-cnn"
            ),
            Parameter("codes", "", "experiments 3 and 4: a run of music-vae"),
            Parameter(
                "channels", 16, "channels of a random backbone's first block; VGG-19 has 64", in: 1...64),
            Parameter("pooling", "max", "between the backbone's blocks", choices: ["max", "average"]),
            Parameter("ratio", 4.0, "what style counts, where content counts 1", in: 0...1e9),
            Parameter(
                "tv", -1.0,
                "what the total variation counts, over that of the content; -1: 0.2 of rolls, 0.005 of codes",
                in: -1...1e9),
            Parameter("optimiser", "lbfgs", "what lowers the loss", choices: ["lbfgs", "adam"]),
            Parameter("iterations", 100, "steps of the optimiser for each window", in: 1...100_000),
            Parameter("rate", 0.1, "learning rate of Adam", in: 1e-9...10),
            Parameter("start", "content", "what the optimiser begins at", choices: ["content", "noise"]),
            Parameter(
                "window", 256, "rows of the image that are changed together, a multiple of 16", in: 16...4096),
            Parameter(
                "cells", "sounding",
                "experiments 1 and 2: what a cell of the roll holds; velocity as published",
                choices: ["sounding", "velocity"]),
            Parameter(
                "threshold", 0.0,
                "from which share of its range a cell sounds in the result; 0: of rolls the one of 0.04, 0.1, …, 0.9 whose notes have the least loss, of codes as many cells of each row as their probabilities add up to",
                in: 0...1),
            Parameter(
                "snapshots", "1,10,100",
                "iterations whose result is measured, and written to the folder of --pictures"),
            Parameter("label", "style", "the label of which --style names a value"),
            Parameter("examples", 16, "segments that stand for the style of a label", in: 1...4096),
            Parameter("seed", 0, "of random weights and noise, and of the order of segments"),
        ],
        optimise: { request, context in try RollNST(request, context).run() })
}

/// One transfer.
struct RollNST {
    let request: TransferRequest
    let settings: Settings
    let window: Int
    let snapshots: [Int]
    let experiment: StyleExperiment
    private let reader: DatasetReader
    private let device: Device

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
        let words = settings.word("snapshots").split(separator: ",", omittingEmptySubsequences: false)
        let numbers = words.compactMap { Int($0) }.filter { $0 > 0 }
        guard numbers.count == words.count || settings.word("snapshots").isEmpty else {
            throw TrainingError(
                .usage,
                "snapshots is '\(settings.word("snapshots"))'; write iterations with commas between, such as 1,10,100"
            )
        }
        let iterations = settings.integer("iterations")
        snapshots = Set(numbers).filter { $0 <= iterations }.sorted()
        guard request.style != nil else {
            throw TrainingError(.usage, "choose a style: --style FILE, or --style LABEL")
        }
        experiment = try StyleExperiment(settings, context, reader)
    }

    private var canvas: any Canvas { experiment.canvas }
    private var backbone: any RollBackbone { experiment.backbone }

    func run() throws -> Transferred {
        let content = try PieceContent(
            request.content, path: request.path, for: reader, bytesPerStep: Self.bytesPerStep)
        let style = try styleSource(grid: content.grid)
        guard style.notes.density > 0 else {
            throw TrainingError(.file, "nothing sounds in the style '\(request.style ?? "")'")
        }
        let grams = try experiment.grams(of: style, window: window, on: device)
        guard try content.notes.density > 0 else {
            throw TrainingError(.file, "nothing sounds in \(request.path), so there is nothing to change")
        }
        var outcome = StyleOutcome()
        let stepsPerRow = canvas.stepsPerRow
        let whole = try contentRolls(content)
        for start in stride(from: 0, to: content.length, by: window * stepsPerRow) {
            try Cancellation.bySignal.check()
            let steps = min(window * stepsPerRow, content.length - start)
            let count = min(window * stepsPerRow, whole.shape[1] - start)
            let rolls = try whole.narrowed(1, from: start, count: count).contiguous()
            // Silence has no content to keep.
            guard try rolls.largest().item() > 0 else {
                try outcome.addSilence(rolls, steps: steps, snapshots)
                continue
            }
            let aims = try grams ?? experiment.maps(of: style, from: start, count: count, on: device)
            try change(rolls, aims, steps: steps, &outcome)
        }
        return try result(content, style, outcome)
    }

    // MARK: Content and style

    /// A piece as the canvas sees it, silent behind its end up to a whole number of rows that the backbone takes.
    private func contentRolls(_ piece: PieceContent) throws -> TorchTensor {
        let rows = (piece.length + canvas.stepsPerRow - 1) / canvas.stepsPerRow
        return try .concatenated(
            canvas.views.map { try piece.view($0, steps: backbone.padded(rows) * canvas.stepsPerRow) },
            axis: 2)
    }

    private func styleSource(grid: Grid) throws -> StyleSource {
        guard let file = request.styleFile else {
            return try StyleSource(
                segmentsOf: request.style ?? "", settings, reader, canvas.views, grid: grid)
        }
        let piece = try PieceContent(
            file.bytes, path: file.path, for: reader, bytesPerStep: Self.bytesPerStep)
        return try StyleSource(piece, canvas.views)
    }

    // MARK: The optimisation

    /// Changes one window's rolls towards the style.
    private func change(
        _ rolls: TorchTensor, _ style: [String: TorchTensor], steps: Int, _ outcome: inout StyleOutcome
    ) throws {
        let image = try withoutGradients { try canvas.image(of: rolls.to(device)) }
        let objective = try StyleObjective(
            experiment, content: image, style: style, ratio: settings.number("ratio"),
            variation: settings.number("tv") < 0 ? canvas.variationWeight : settings.number("tv"))
        let descent = StyleDescent(
            method: StyleDescent.Method(rawValue: settings.word("optimiser")) ?? .lbfgs,
            iterations: settings.integer("iterations"), rate: settings.number("rate"),
            snapshots: Set(snapshots))
        let begin = try canvas.point(
            at: settings.word("start") == "noise" ? canvas.noise(like: image) : image)
        let path = try descent.run(from: begin) { point in
            try objective.terms(of: canvas.image(at: point, shape: image.shape))
        }
        let threshold = settings.number("threshold") > 0 ? settings.number("threshold") : nil
        try withoutGradients {
            func written(_ point: TorchTensor) throws -> (rolls: TorchTensor, terms: StyleTerms) {
                try objective.written(canvas.image(at: point, shape: image.shape), from: threshold)
            }
            let last = try written(path.end)
            try outcome.add(
                last.rolls, path.places.mapValues { try written($0).rolls }, steps: steps,
                losses: path.losses, content: objective.terms(of: image).values,
                written: last.terms.values,
                decoded: canvas.stepsPerRow > 1 ? objective.written(image, from: threshold).rolls : nil)
            if outcome.images == nil {
                outcome.images = (image, try canvas.image(at: path.end, shape: image.shape))
            }
        }
    }
}
