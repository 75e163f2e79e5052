internal import Files
internal import Loading
internal import Pretrained
internal import Storage
internal import Tensors
internal import Torch
internal import Training

/// The backbones of `audio-nst`: networks that look at pictures of 0 to 255, time first.
enum PictureBackbone {
    /// What of pictures a network was trained on.
    struct Input {
        let mean: Double
        let deviation: Double

        /// Brings the pictures of a content and a style to the mean and deviation that a network knows.
        func fitted(to pictures: [TorchTensor]) throws -> (scale: Double, shift: Double) {
            let all = try TorchTensor.concatenated(pictures.map { try $0.to(.f64).flattened() })
            let own = (mean: try all.mean().item(), deviation: try all.variance([0]).sqrt().item())
            let scale = deviation / max(own.deviation, 1e-6)
            return (scale, mean - own.mean * scale)
        }
    }

    /// The backbone that settings name.
    ///
    /// - Parameters:
    ///   - settings: `backbone`, and what belongs to it.
    ///   - context: Where runs and weights are.
    ///   - pictures: Content and style, by which a network's input is scaled.
    /// - Returns: The network, and what it is for the record.
    /// - Throws: `train.usage` for a run of another recipe; `train.no-run`; `sound.bad-weights`.
    static func named(
        _ settings: Settings, _ context: OptimisationContext, pictures: [TorchTensor]
    ) throws -> (any StyleBackbone, JSONValue) {
        let name = settings.word("backbone")
        if let (network, source) = try Backbone.vgg(name, settings, context) {
            return (ImageBackbone(network: network), source.json)
        }
        if let known = Musicnn.Network(rawValue: name == "musicnn" ? "MTT_vgg" : name) {
            guard known == .mttVGG || known == .msdVGG else {
                throw TrainingError(
                    .usage, "\(name) has no maps of time and frequency; set backbone=MTT_vgg, or MSD_vgg")
            }
            let network = try Musicnn(known, cachePath: context.cachePath, device: context.device)
            // Its first normalisation makes mean 0 and variance 1 of what it was trained on.
            let (scale, shift) = try Input(mean: 0, deviation: 1).fitted(to: pictures)
            let hash = network.hash.map { JSONValue($0) } ?? .null
            return (
                MusicnnBackbone(network: network, scale: scale, shift: shift),
                ["name": .string(known.rawValue), "sha256": hash]
            )
        }
        let (run, weights) = try context.open(name)
        guard run.recipe.name == Recipe.melCNN.name else {
            throw TrainingError(
                .usage,
                "\(name) is a run of \(run.recipe.name); backbone is random, vgg19, auto, musicnn, a file *.safetensors of torchvision's vgg19, or a run of mel-cnn"
            )
        }
        let system: MelCNN = try run.system(of: .melCNN)
        let (scale, shift) = try input(of: run).fitted(to: pictures)
        try system.classifier.freeze()
        system.classifier.setTraining(false)
        return (
            MelBackbone(network: system.classifier, scale: scale, shift: shift),
            Backbone.Source.run(name, weights).json
        )
    }

    /// The mean and deviation of the mel spectrograms that a run learned from, over its first segments.
    private static func input(of run: TrainedRun) throws -> Input {
        let loader = try Loader(
            run.reader,
            LoaderPlan(kind: .audio, views: [.mel], batchSize: 64, isShuffled: false, epochs: 1, threads: 0))
        guard let batch = try loader.next() else { return Input(mean: 0, deviation: 1) }
        defer { batch.giveBack() }
        let mel = try batch.tensor(copying: LoaderView.mel.name).to(.f64).flattened()
        return Input(mean: try mel.mean().item(), deviation: try mel.variance([0]).sqrt().item())
    }
}

/// VGG-19 over three equal channels, each normalised as torchvision's weights want it; content conv4_2 and style conv1_1 to
/// conv5_1, as Gatys et al., 2015.
struct ImageBackbone: StyleBackbone {
    let network: VGG19
    let contentLayers: Set = ["conv4_2"]
    let styleLayers: Set = ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"]

    private static let means = [0.485, 0.456, 0.406]
    private static let deviations = [0.229, 0.224, 0.225]

    func maps(of image: TorchTensor) throws -> [String: TorchTensor] {
        let grey = try image.transposed(1, 2).unsqueezed(1) * (1 / SoundPicture.white)
        let channels = try zip(Self.means, Self.deviations).map { try (grey - $0) * (1 / $1) }
        return try network.maps(of: .concatenated(channels, axis: 1), contentLayers.union(styleLayers))
    }
}

/// A VGG network of musicnn; the fifth pooling, which leaves a small picture nothing, is not looked at.
struct MusicnnBackbone: StyleBackbone {
    let network: Musicnn
    let scale: Double
    let shift: Double
    let contentLayers: Set = ["pool3"]
    let styleLayers: Set = ["pool1", "pool2", "pool3", "pool4"]

    func maps(of image: TorchTensor) throws -> [String: TorchTensor] {
        let layers = try network.pools(ofNormalised: image * scale + shift, 4)
        return try Dictionary(uniqueKeysWithValues: layers.map { ($0.name, try $0.values.transposed(2, 3)) })
    }
}

/// The blocks of a run of `mel-cnn`.
struct MelBackbone: StyleBackbone {
    let network: MelNetwork
    let scale: Double
    let shift: Double
    let contentLayers: Set = ["2"]
    let styleLayers: Set = ["0", "1", "2", "3"]

    func maps(of image: TorchTensor) throws -> [String: TorchTensor] {
        let maps = try network.maps(of: image.transposed(1, 2) * scale + shift)
        return Dictionary(uniqueKeysWithValues: maps.enumerated().map { ("\($0)", $1) })
    }
}
