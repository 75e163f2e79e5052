internal import Build
internal import Loading
internal import Torch
internal import Training

/// One of the four experiments of paper 000, section 6: what is changed, what looks at it, and how style is compared.
struct StyleExperiment {
    /// What is changed.
    let canvas: any Canvas
    /// What looks at it.
    let backbone: any RollBackbone
    /// How its maps of the style are compared.
    let comparison: StyleLoss.Comparison
    /// What it was made with, for the record.
    let foundations: [String: JSONValue]

    /// An experiment of such parts.
    init(
        _ canvas: any Canvas, _ backbone: any RollBackbone, _ comparison: StyleLoss.Comparison,
        foundations: [String: JSONValue] = [:]
    ) {
        self.canvas = canvas
        self.backbone = backbone
        self.comparison = comparison
        self.foundations = foundations
    }

    /// The experiment that settings choose.
    ///
    /// - Throws: `train.usage` for a run or weights that do not fit it; what opening a run throws.
    init(_ settings: Settings, _ context: OptimisationContext, _ reader: DatasetReader) throws {
        let number = settings.integer("experiment")
        let (backbone, codes) = (settings.word("backbone"), settings.word("codes"))
        var foundations: [String: JSONValue] = [:]
        func run(_ name: String, of recipe: Recipe) throws -> TrainedRun {
            let (run, weights) = try context.open(name)
            guard run.recipe.name == recipe.name else {
                throw TrainingError(
                    .usage,
                    "\(name) is a run of \(run.recipe.name); experiment \(number) needs one of \(recipe.name)"
                )
            }
            let grids = [run.reader, reader].map { $0.snapshot.manifest["midi"]?["grid"] }
            guard grids[0] == grids[1] else {
                throw TrainingError(
                    .usage,
                    "\(name) learned from steps of \(grids[0]?.canonical ?? "none"), and '\(reader.snapshot.dataset)' has \(grids[1]?.canonical ?? "none"); name the dataset that \(name) learned from, or one with the same midi.grid"
                )
            }
            foundations[recipe.name == Recipe.musicVAE.name ? "codes" : "backbone"] =
                Backbone.Source.run(name, weights).json
            return run
        }

        let composer: TrainedRun? =
            number % 2 == 1
            ? nil : try run(Self.classifier(backbone, number), of: .composerCNN)
        let canvas: any Canvas
        if number <= 2 {
            guard codes.isEmpty else {
                throw TrainingError(
                    .usage,
                    "experiment \(number) changes rolls, not codes; set experiment=\(number + 2), or leave codes out"
                )
            }
            canvas = RollCanvas(kind: RollCanvas.Cells(rawValue: settings.word("cells")) ?? .sounding)
        } else {
            guard !codes.isEmpty else {
                throw TrainingError(
                    .usage,
                    "experiment \(number) changes the codes of a music-vae; train one on '\(reader.snapshot.dataset)', and name it: --set codes=music-vae-1"
                )
            }
            let system: MusicVAE = try run(codes, of: .musicVAE).system(of: .musicVAE)
            try system.network.freeze()
            canvas = CodeCanvas(autoencoder: system)
        }
        if let composer {
            self.init(
                canvas, try ComposerBackbone(composer, experiment: number, context), .dotProduct,
                foundations: foundations)
            return
        }
        guard let (network, source) = try Backbone.vgg(backbone, settings, context) else {
            throw TrainingError(
                .usage,
                "experiment \(number) looks through VGG-19: backbone is random, vgg19, auto or a file *.safetensors; to look through \(backbone), a run of composer-cnn, set experiment=\(number + 1)"
            )
        }
        foundations["backbone"] = source.json
        self.init(canvas, VGGBackbone(network: network), .gram, foundations: foundations)
    }

    /// The name of the run that experiments 2 and 4 look through.
    private static func classifier(_ name: String, _ number: Int) throws(TrainingError) -> String {
        guard !["auto", "random", "vgg19"].contains(name), !name.hasSuffix(".safetensors") else {
            throw TrainingError(
                .usage,
                "experiment \(number) looks through a composer classifier; train composer-cnn with --set input=\(number == 2 ? "onset" : "codes"), and name the run: --set backbone=composer-cnn-1"
            )
        }
        return name
    }
}

extension ComposerBackbone {
    /// The classifier of a run that sees what an experiment shows it.
    ///
    /// - Throws: `train.usage` for one that sees something else.
    fileprivate init(_ run: TrainedRun, experiment: Int, _ context: OptimisationContext) throws {
        let system: ComposerCNN = try run.system(of: .composerCNN)
        let rolls = system.input.views.count
        guard experiment == 2, rolls <= 2 else {
            let input = run.settings.word("input")
            throw TrainingError(
                .usage,
                "\(run.record.run) learned from input=\(input), which does not follow from \(experiment == 2 ? "a roll" : "codes"); train composer-cnn with --set input=\(experiment == 2 ? "onset, or onset+offset" : "codes")"
            )
        }
        try system.classifier.freeze()
        try self.init(
            system.classifier, rolls == 2 ? .onsetsAndOffsets : .onsets, columns: system.input.columns,
            on: context.device)
    }
}
