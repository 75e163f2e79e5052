internal import Files
internal import Tensors
internal import Torch
internal import Training

/// A network whose maps say what an image's content and style are.
protocol StyleBackbone {
    /// The layers whose maps are the content.
    var contentLayers: Set<String> { get }
    /// The layers that the style is compared in.
    var styleLayers: Set<String> { get }
    /// The maps of both kinds of layers of an image `[1, rows, columns]`, whose rows are time, differentiable: time last.
    func maps(of image: TorchTensor) throws -> [String: TorchTensor]
}

/// The networks that a parameter `backbone` can name.
enum Backbone {
    /// Where the weights of a backbone come from.
    enum Source {
        /// Drawn with a seed.
        case random(seed: Int, channels: Int)
        /// A file, with the hash of its bytes.
        case file(String, Digest)
        /// A run, with the hash of its best weights.
        case run(String, Digest)

        var json: JSONValue {
            switch self {
            case .random(let seed, let channels):
                ["name": "random", "seed": JSONValue(seed), "channels": JSONValue(channels)]
            case .file(let path, let hash): ["file": .string(path), "sha256": JSONValue(hash)]
            case .run(let name, let hash): ["run": .string(name), "sha256": JSONValue(hash)]
            }
        }
    }

    /// Where torchvision's weights of VGG-19 lie in a cache.
    static func weightsPath(_ context: OptimisationContext) -> String {
        context.cachePath + "/backbones/vgg19.safetensors"
    }

    /// The network that a parameter `backbone` names as a VGG-19: `random`, `vgg19`, a weights file, or `auto`, which is
    /// `vgg19` where its weights are and else `random`; nil for another name.
    ///
    /// - Throws: `train.usage` for weights that are not there, `train.file` for a file of other weights.
    static func vgg(
        _ name: String, _ settings: Settings, _ context: OptimisationContext
    ) throws -> (VGG19, Source)? {
        let pooling = VGG19.Pooling(rawValue: settings.word("pooling")) ?? .maximum
        let path = weightsPath(context)
        switch name {
        case "vgg19":
            guard FileStat(path: path) != nil else {
                throw TrainingError(
                    .usage,
                    "there are no weights at \(path); put those of torchvision's vgg19 there as safetensors (tools/convert-weights), or set backbone=random"
                )
            }
            return try trained(path, pooling, context)
        case "auto" where FileStat(path: path) != nil: return try trained(path, pooling, context)
        case "auto", "random":
            let (seed, channels) = (settings.integer("seed"), settings.integer("channels"))
            let network = try VGG19(channels: channels, pooling: pooling)
            try RandomGenerator.seed(UInt64(seed))
            try network.drawWeights()
            try finish(network, context)
            context.log(
                "backbone: a network of VGG-19's shape with random weights (seed \(seed)); what it takes for style was never learned"
            )
            return (network, .random(seed: seed, channels: channels))
        case _ where name.hasSuffix(".safetensors"): return try trained(name, pooling, context)
        default: return nil
        }
    }

    private static func trained(
        _ path: String, _ pooling: VGG19.Pooling, _ context: OptimisationContext
    ) throws -> (VGG19, Source) {
        let network = try VGG19(pooling: pooling)
        let hash: Digest
        do {
            let file = try WeightsFile(path)
            hash = file.hash
            try network.load(file.tensors.onlyFeatures())
        } catch {
            throw TrainingError(.file, "\(path) does not hold the weights of torchvision's vgg19: \(error)")
        }
        try finish(network, context)
        return (network, .file(path, hash))
    }

    private static func finish(_ network: VGG19, _ context: OptimisationContext) throws {
        try network.move(to: context.device)
        try network.freeze()
        network.setTraining(false)
    }
}

extension TensorFile {
    /// The file without the layers behind the convolutions.
    fileprivate func onlyFeatures() throws -> TensorFile {
        let names = entries.keys.filter { $0.hasPrefix("features.") }.sorted()
        return try TensorFile(
            bytes: TensorFile.encode(names.map { try TorchTensor(reading: $0, from: self).named($0) }))
    }
}
