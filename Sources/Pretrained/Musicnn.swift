public import Files
internal import Tensors
public import Torch
internal import Training

/// A network of musicnn: 50 tags of music, and what its layers see, for judges and for systems that look through it.
///
/// Pons and Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging", 2019,
/// arXiv:1909.06654; trained on MagnaTagATune (MTT) or the Million Song Dataset (MSD). The weights are those that
/// `tools/fetch-weights` converts, in `<cache>/backbones/musicnn`. Use it on the Torch thread.
public final class Musicnn {
    /// The networks.
    public enum Network: String, Sendable, CaseIterable {
        /// Five convolutions, trained on MagnaTagATune.
        case mttVGG = "MTT_vgg"
        /// Five convolutions, trained on the Million Song Dataset.
        case msdVGG = "MSD_vgg"
        /// Filters of timbre and of time, trained on MagnaTagATune.
        case mttMusicnn = "MTT_musicnn"
        /// Filters of timbre and of time, trained on the Million Song Dataset.
        case msdMusicnn = "MSD_musicnn"
    }

    /// A layer's output.
    public struct Layer {
        /// `pool1` to `pool5`, or `front`, `middle0` to `middle2`, `hidden`.
        public let name: String
        /// [N, channels, time, mel], [N, features, time] or [N, units].
        public let values: TorchTensor
    }

    /// What a patch of 187 frames gives.
    public struct Output {
        /// The layers, in order.
        public let layers: [Layer]
        /// The probability of each tag, [N, tags].
        public let tags: TorchTensor
    }

    /// The frames of a patch: 2.99 s.
    public static let patchFrames = 187

    /// The names of the tags.
    public let tags: [String]
    /// The hash of the weights' file; nil of weights that came from no file.
    public let hash: Digest?
    let weights: MusicnnWeights
    private let graph: any MusicnnGraph

    /// Opens a network.
    ///
    /// - Parameters:
    ///   - network: Which.
    ///   - cachePath: The cache's folder.
    ///   - device: Where to compute.
    /// - Throws: `sound.bad-weights` if they are not there, or not those of the network.
    public convenience init(_ network: Network, cachePath: String, device: Device = .cpu) throws {
        let path = Self.path(of: network, cachePath: cachePath)
        guard FileStat(path: path) != nil else {
            throw TrainingError(
                .badWeights, "there are no weights at \(path.shown); run tools/fetch-weights")
        }
        let file: WeightsFile
        do {
            file = try WeightsFile(path)
        } catch {
            throw TrainingError(.badWeights, error.message)
        }
        try self.init(
            MusicnnWeights(file.tensors, device: device), tags: file.tensors.metadata["tags"],
            pools: file.tensors.metadata["pools"], hash: file.hash, path: path)
    }

    /// Where a network's weights lie.
    public static func path(of network: Network, cachePath: String) -> String {
        "\(cachePath)/backbones/musicnn/\(network.rawValue).safetensors"
    }

    /// Whether a network's weights are there.
    public static func isPresent(_ network: Network, cachePath: String) -> Bool {
        FileStat(path: path(of: network, cachePath: cachePath)) != nil
    }

    /// A network of weights; `pools` and `tags` are JSON, as the file's metadata has them.
    init(_ weights: MusicnnWeights, tags: String?, pools: String?, hash: Digest?, path: String) throws {
        self.weights = weights
        self.hash = hash
        do {
            self.tags =
                try tags.map { try JSONValue(parsing: Array($0.utf8)).array?.compactMap(\.string) ?? [] }
                ?? []
            if let pools {
                graph = VGGGraph(pools: try VGGGraph.pools(JSONValue(parsing: Array(pools.utf8))))
            } else {
                graph = FilterGraph()
            }
            _ = try weights("output.weight")
        } catch {
            throw TrainingError(.badWeights, "\(path.shown) does not hold a network of musicnn: \(error)")
        }
    }

    /// The network's layers and tags.
    ///
    /// - Parameter patches: `MelImage`s of 187 frames, [N, time, mel].
    /// - Returns: All layers, and the probabilities of tags.
    /// - Throws: `sound.bad-weights` for a weight that is missing; `TorchError`.
    public func callAsFunction(_ patches: TorchTensor) throws -> Output {
        try withoutGradients {
            let input = try weights.norm("input_norm", patches.unsqueezed(1))
            let layers = try graph.layers(input, weights)
            return Output(layers: layers.shown, tags: try graph.logits(layers.last, weights).sigmoid())
        }
    }

    /// The first layers of a VGG network for an image of any length, differentiable.
    ///
    /// - Parameters:
    ///   - image: Numbers whose mean is 0 and whose variance is 1, as the network's own normalisation makes them of what
    ///     it was trained on, [1, time, mel]; its axes may be longer or shorter than a patch.
    ///   - count: How many poolings.
    /// - Returns: `pool1` and so forth; none of a network without poolings.
    /// - Throws: `sound.bad-weights` for a weight that is missing; `TorchError`, such as for an image that a pooling leaves
    ///   nothing of.
    public func pools(ofNormalised image: TorchTensor, _ count: Int) throws -> [Layer] {
        guard let graph = graph as? VGGGraph else { return [] }
        let input = try image.unsqueezed(1) * weights("input_norm.weight")
        return try graph.layers(input + weights("input_norm.bias"), weights, count: count).shown
    }
}

/// The tensors of a network by the names of its file.
///
/// Names: `input_norm`; of the VGG networks `conv1` to `conv5`, `norm1` to `norm5`, `output`; of the others
/// `timbral.0.conv`, `timbral.0.norm` and so forth, `temporal.…`, `middle.…`, `pool_norm`, `hidden`,
/// `hidden_norm`, `output`. Kernels are [out, in, time, mel].
final class MusicnnWeights {
    private let file: TensorFile
    private let prefix: String
    private let device: Device
    private let type: ElementType
    private var tensors: [String: TorchTensor] = [:]

    /// The networks' epsilon: TensorFlow's.
    private static let epsilon = 1e-3

    init(_ file: TensorFile, prefix: String = "", device: Device = .cpu, type: ElementType = .f32) {
        self.file = file
        self.prefix = prefix
        self.device = device
        self.type = type
    }

    func callAsFunction(_ name: String) throws -> TorchTensor {
        if let tensor = tensors[name] { return tensor }
        guard file.entries[prefix + name] != nil else {
            throw TrainingError(.badWeights, "there is no weight '\(name)'")
        }
        let tensor = try TorchTensor(reading: prefix + name, from: file, on: device).to(type)
        tensors[name] = tensor
        return tensor
    }

    /// A convolution with its rectifier, without zeros at the ends but for so many.
    func conv(_ name: String, _ input: TorchTensor, zeros: [Int] = [0, 0]) throws -> TorchTensor {
        try input.convolved(
            self("\(name).weight"), bias: self("\(name).bias"), stride: [1, 1], padding: zeros,
            dilation: [1, 1], groups: 1
        ).relu()
    }

    func norm(_ name: String, _ input: TorchTensor) throws -> TorchTensor {
        try input.batchNormalised(
            weight: self("\(name).weight"), bias: self("\(name).bias"),
            runningMean: self("\(name).running_mean"), runningVariance: self("\(name).running_var"),
            training: false, epsilon: Self.epsilon)
    }

    func dense(_ name: String, _ input: TorchTensor) throws -> TorchTensor {
        try input.linear(self("\(name).weight"), bias: self("\(name).bias"))
    }
}

/// How a network's layers follow each other.
private protocol MusicnnGraph {
    /// Normalised patches [N, 1, time, mel] to layers that can be looked at, and what the last dense layer takes.
    func layers(
        _ input: TorchTensor, _ weights: MusicnnWeights
    ) throws -> (shown: [Musicnn.Layer], last: TorchTensor)
    /// That to logits.
    func logits(_ last: TorchTensor, _ weights: MusicnnWeights) throws -> TorchTensor
}

/// Five times a convolution of 3 × 3, a rectifier, a normalisation and a pooling.
private struct VGGGraph: MusicnnGraph {
    /// Size and stride of each pooling, [time, mel]; they differ between the networks.
    let pools: [(size: [Int], stride: [Int])]

    static func pools(_ json: JSONValue) throws -> [(size: [Int], stride: [Int])] {
        let pools = (json.array ?? []).map { pool in
            (pool.array ?? []).map { ($0.array ?? []).compactMap(\.integer) }
        }
        guard pools.count == 5, pools.allSatisfy({ $0.count == 2 && $0.allSatisfy { $0.count == 2 } }) else {
            throw TrainingError(.badWeights, "its poolings are \(json.canonical)")
        }
        return pools.map { ($0[0], $0[1]) }
    }

    func layers(
        _ input: TorchTensor, _ weights: MusicnnWeights
    ) throws -> (shown: [Musicnn.Layer], last: TorchTensor) {
        try layers(input, weights, count: pools.count)
    }

    func layers(
        _ input: TorchTensor, _ weights: MusicnnWeights, count: Int
    ) throws -> (shown: [Musicnn.Layer], last: TorchTensor) {
        var layers: [Musicnn.Layer] = []
        var values = input
        for (place, pool) in pools.prefix(count).enumerated() {
            let number = place + 1
            values = try weights.norm("norm\(number)", weights.conv("conv\(number)", values, zeros: [1, 1]))
            values = try values.maxPooled(pool.size, stride: pool.stride)
            layers.append(.init(name: "pool\(number)", values: values))
        }
        return (layers, values)
    }

    func logits(_ last: TorchTensor, _ weights: MusicnnWeights) throws -> TorchTensor {
        // Time, mel, channel, as TensorFlow lays them.
        try weights.dense("output", last.permuted([0, 2, 3, 1]).contiguous().flattened(from: 1))
    }
}

/// Filters of timbre and of time side by side, three convolutions over all of their features, and two dense
/// layers.
private struct FilterGraph: MusicnnGraph {
    func layers(
        _ input: TorchTensor, _ weights: MusicnnWeights
    ) throws -> (shown: [Musicnn.Layer], last: TorchTensor) {
        var parts: [TorchTensor] = []
        func branch(_ name: String, _ input: TorchTensor, zeros: [Int] = [0, 0]) throws {
            let values = try weights.norm("\(name).norm", weights.conv("\(name).conv", input, zeros: zeros))
            parts.append(try values.largest([3]))
        }
        for number in 0..<2 { try branch("timbral.\(number)", input, zeros: [3, 0]) }
        for number in 0..<3 {
            let size = try weights("temporal.\(number).conv.weight").shape[2]
            let before = (size - 1) / 2
            // The last axis first: mel, then time; an even length has one zero more behind it.
            try branch("temporal.\(number)", input.padded([0, 0, before, size - 1 - before]))
        }
        var values = try TorchTensor.concatenated(parts, axis: 1)
        var layers = [Musicnn.Layer(name: "front", values: values)]
        for number in 0..<3 {
            // [N, features, time] as one channel of [time, features].
            let image = try values.transposed(1, 2).unsqueezed(1).contiguous()
            let next = try weights.norm(
                "middle.\(number).norm", weights.conv("middle.\(number).conv", image, zeros: [3, 0])
            ).squeezed(3)
            values = number == 0 ? next : try next + values
            layers.append(.init(name: "middle\(number)", values: values))
        }
        let together = try TorchTensor.concatenated(layers.map(\.values), axis: 1)
        // Of each feature its maximum, then its mean.
        let pooled = try TorchTensor.stacked([together.largest([2]), together.mean([2])], axis: 2)
            .flattened(from: 1)
        let hidden = try weights.norm(
            "hidden_norm", weights.dense("hidden", weights.norm("pool_norm", pooled)).relu())
        layers.append(.init(name: "hidden", values: hidden))
        return (layers, hidden)
    }

    func logits(_ last: TorchTensor, _ weights: MusicnnWeights) throws -> TorchTensor {
        try weights.dense("output", last)
    }
}
