/// A linear or convolutional layer whose weight is divided by its largest singular value, for discriminators.
///
/// Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018, arXiv:1802.05957, algorithm 1.
/// Each call in training makes one power iteration; in use the vectors stay. Weights have the names of
/// `torch.nn.utils.spectral_norm`: `weight_orig`, and the vectors `weight_u` and `weight_v`.
public final class SpectralNorm: Layer, ModeDependent {
    private let layer: any WeightedLayer
    private let left: TorchTensor
    private let right: TorchTensor
    private let iterations: Int
    private let epsilon: Double
    /// Whether it behaves as in training.
    public var isTraining = true

    /// Normalises a dense layer.
    public convenience init(
        _ layer: Linear, iterations: Int = 1, epsilon: Double = 1e-12
    ) throws(TorchError) {
        try self.init(weighted: layer, iterations, epsilon)
    }

    /// Normalises a convolution, transposed or not.
    public convenience init(
        _ layer: Convolution, iterations: Int = 1, epsilon: Double = 1e-12
    ) throws(TorchError) {
        try self.init(weighted: layer, iterations, epsilon)
    }

    private init(weighted layer: any WeightedLayer, _ iterations: Int, _ epsilon: Double) throws(TorchError) {
        precondition(iterations > 0, "a power method needs an iteration, got \(iterations)")
        self.layer = layer
        self.iterations = iterations
        self.epsilon = epsilon
        let shape = layer.weight.shape
        let height = shape[layer.outputAxis]
        let width = shape.reduce(1, *) / max(height, 1)
        left = try Self.unit(.random(.normal, [height]), epsilon)
        right = try Self.unit(.random(.normal, [width]), epsilon)
    }

    /// The layer's, its weight as `weight_orig` behind the others.
    public var ownParameters: [NamedParameter] {
        layer.ownParameters.filter { $0.name != "weight" } + [NamedParameter("weight_orig", layer.weight)]
    }

    /// `weight_u` and `weight_v`.
    public var ownBuffers: [NamedParameter] {
        [NamedParameter("weight_u", left), NamedParameter("weight_v", right)]
    }

    /// None: the layer's tensors are this one's own.
    public var children: [(name: String, module: any Module)] { [] }

    /// Computes the layer with the normalised weight.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        let weight = layer.weight
        let rows = try (layer.outputAxis == 0 ? weight : weight.transposed(0, 1)).flattened(from: 1)
        if isTraining {
            try withoutGradients { () throws(TorchError) in
                for _ in 0..<iterations {
                    try right.assign(Self.unit(rows.transposed(0, 1).matmul(left), epsilon))
                    try left.assign(Self.unit(rows.matmul(right), epsilon))
                }
            }
        }
        // The vectors are constants of this step; the next one writes over their memory.
        let (u, v) = (try left.clone(), try right.clone())
        let largest = try u.matmul(rows.matmul(v))
        return try layer.output(of: input, weight: weight / largest)
    }

    private static func unit(_ vector: TorchTensor, _ epsilon: Double) throws(TorchError) -> TorchTensor {
        try vector / vector.norm().clamped(low: epsilon)
    }
}
