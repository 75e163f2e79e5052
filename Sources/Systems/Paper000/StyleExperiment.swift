internal import Files
internal import Loading
internal import Storage
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
        func run(_ name: String, of recipe: Recipe) throws -> (run: TrainedRun, weights: Digest) {
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
            return (run, weights)
        }

        let composer = try number % 2 == 1 ? nil : run(Self.classifier(backbone, number), of: .composerCNN)
        let classifier: ComposerCNN? = try composer.map { try $0.run.system(of: .composerCNN) }
        if let composer, let classifier { try Self.check(composer.run, classifier, fits: number) }
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
            // A classifier of codes names the run that these are of.
            let name = codes.isEmpty ? composer?.run.settings.word("codes") ?? "" : codes
            guard !name.isEmpty else {
                throw TrainingError(
                    .usage,
                    "experiment \(number) changes the codes of a music-vae; train one on '\(reader.snapshot.dataset)', and name it: --set codes=music-vae-1"
                )
            }
            let (opened, weights) = try run(name, of: .musicVAE)
            if let composer, composer.run.record.foundations["codes"] != weights {
                throw TrainingError(
                    .usage,
                    "\(composer.run.record.run) learned from other codes than those of \(name); leave codes out, or train composer-cnn with --set input=codes --set codes=\(name)"
                )
            }
            let system: MusicVAE = try opened.system(of: .musicVAE)
            guard number == 4 || system.latents >= 16 else {
                throw TrainingError(
                    .usage,
                    "\(name) has codes of \(system.latents) numbers, and VGG-19 needs 16; train music-vae with --set latents=64, or set experiment=4"
                )
            }
            try system.network.freeze()
            canvas = CodeCanvas(autoencoder: system)
        }
        if let classifier {
            try classifier.classifier.freeze()
            let input: ComposerBackbone.Input =
                number == 4 ? .codes : classifier.input.views.count == 2 ? .onsetsAndOffsets : .onsets
            self.init(
                canvas,
                try ComposerBackbone(
                    classifier.classifier, input, columns: classifier.input.columns, on: context.device),
                .dotProduct, foundations: foundations)
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

    /// Refuses a classifier that sees something else than an experiment shows it.
    private static func check(_ run: TrainedRun, _ system: ComposerCNN, fits number: Int)
        throws(TrainingError)
    {
        let seesCodes = system.input.autoencoder != nil
        guard number == 4 ? seesCodes : !seesCodes && system.input.views.count <= 2 else {
            throw TrainingError(
                .usage,
                "\(run.record.run) learned from input=\(run.settings.word("input")), which does not follow from \(number == 2 ? "a roll" : "codes"); train composer-cnn with --set input=\(number == 2 ? "onset, or onset+offset" : "codes")"
            )
        }
    }
}
