internal import Build
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
            Parameter("tv", 0.3, "what the total variation counts", in: 0...1e9),
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
                "from which share of its range a cell sounds in the result; 0: of 0.04 and 0.1 to 0.9, the one whose notes have the least loss",
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

    /// The thresholds that are tried: that of the published code, 5 of 127, and tenths.
    private static let thresholds = [0.04] + (1...9).map { Double($0) / 10 }

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
        snapshots = Set(numbers).filter { $0 <= settings.integer("iterations") }.sorted()
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
        var grams: [String: TorchTensor] = [:]
        if case .gram = experiment.comparison { grams = try styleGrams(style) }
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
            let image = try withoutGradients { try canvas.image(of: rolls.to(device)) }
            let aims =
                try grams.isEmpty
                ? alignedMaps(style, from: start, count: count) : grams
            try change(rolls, image, aims, steps: steps, &outcome)
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

    /// The mean of the Gram matrices of the style's windows; where the style ends within one, it begins again.
    private func styleGrams(_ style: StyleSource) throws -> [String: TorchTensor] {
        let rows = (style.rolls.shape[1] + canvas.stepsPerRow - 1) / canvas.stepsPerRow
        let grams = try withoutGradients {
            try stride(from: 0, to: rows, by: window).map { start in
                try maps(
                    of: style, from: start * canvas.stepsPerRow,
                    count: backbone.padded(min(window, rows - start)) * canvas.stepsPerRow
                ).mapValues { try StyleLoss.gram($0) }
            }
        }
        return try StyleLoss.mean(grams)
    }

    /// The style's maps at the time of a window of the content; where the style ends, it begins again.
    private func alignedMaps(
        _ style: StyleSource, from start: Int, count: Int
    ) throws -> [String: TorchTensor] {
        try withoutGradients { try maps(of: style, from: start, count: count) }
    }

    private func maps(of style: StyleSource, from start: Int, count: Int) throws -> [String: TorchTensor] {
        let image = try canvas.image(of: style.rolls(from: start, count: count).to(device))
        return try backbone.maps(of: image).filter { backbone.styleLayers.contains($0.key) }
    }

    // MARK: The optimisation

    /// Changes one window's image towards the style.
    private func change(
        _ rolls: TorchTensor, _ image: TorchTensor, _ aims: [String: TorchTensor], steps: Int,
        _ outcome: inout StyleOutcome
    ) throws {
        let kept = try withoutGradients {
            try backbone.maps(of: image).filter { backbone.contentLayers.contains($0.key) }
        }
        let loss = StyleLoss(
            content: kept, style: aims, ratio: settings.number("ratio"), comparison: experiment.comparison)
        func terms(of image: TorchTensor) throws -> StyleTerms {
            try StyleTerms(
                loss, backbone.maps(of: image), variation: canvas.variation(of: image),
                weight: settings.number("tv"))
        }
        func written(_ image: TorchTensor) throws -> (rolls: TorchTensor, terms: StyleTerms) {
            let cells = try canvas.cells(of: image)
            let fixed = settings.number("threshold")
            let tries = try (fixed > 0 ? [fixed] : Self.thresholds).map { threshold in
                let rolls = try canvas.rolls(cells, from: threshold)
                return (rolls, try terms(of: canvas.image(of: rolls)))
            }
            let losses = try tries.map { try $0.1.total.item() }
            let least = losses.indices.min { losses[$0] < losses[$1] } ?? 0
            return tries[least]
        }

        let descent = StyleDescent(
            method: StyleDescent.Method(rawValue: settings.word("optimiser")) ?? .lbfgs,
            iterations: settings.integer("iterations"), rate: settings.number("rate"),
            snapshots: Set(snapshots))
        let begin = try canvas.point(
            at: settings.word("start") == "noise" ? canvas.noise(like: image) : image)
        let path = try descent.run(from: begin) { point in
            try terms(of: canvas.image(at: point, shape: image.shape))
        }
        try withoutGradients {
            let last = try written(canvas.image(at: path.end, shape: image.shape))
            let places = try path.places.mapValues {
                try written(canvas.image(at: $0, shape: image.shape)).rolls
            }
            try outcome.add(
                last.rolls, places, steps: steps, losses: path.losses,
                content: terms(of: image).values, written: last.terms.values,
                decoded: canvas.stepsPerRow > 1
                    ? written(image).rolls : nil)
            if outcome.images == nil {
                outcome.images = (image, try canvas.image(at: path.end, shape: image.shape))
            }
        }
    }
}

extension StyleTerms {
    /// The terms of an image's maps.
    init(
        _ loss: StyleLoss, _ maps: [String: TorchTensor], variation: TorchTensor, weight: Double
    ) throws {
        let (content, style) = try loss.terms(maps)
        self.init(
            content: content, style: style, variation: variation,
            total: try content + style * loss.ratio + variation * weight)
    }
}
