/// A dense layer on the last axis: `y = x · weightᵀ + bias`.
public final class Linear: WeightedLayer {
    let weight: TorchTensor
    let bias: TorchTensor?

    /// Makes a layer from so many features to so many, initialised as PyTorch does.
    public init(_ inputs: Int, _ outputs: Int, bias: Bool = true) throws(TorchError) {
        weight = try parameter([outputs, inputs], .kaimingUniform(slope: 5.squareRoot()))
        self.bias = bias ? try parameter([outputs], .uniform(1 / Double(max(inputs, 1)).squareRoot())) : nil
    }

    /// `[…, inputs]` to `[…, outputs]`.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        try output(of: input, weight: weight)
    }

    func output(of input: TorchTensor, weight: TorchTensor) throws(TorchError) -> TorchTensor {
        try input.linear(weight, bias: bias)
    }

    var outputAxis: Int { 0 }
}

/// A layer that can be computed with another weight of the same shape.
protocol WeightedLayer: Layer {
    var weight: TorchTensor { get }
    /// The weight's axis of outputs.
    var outputAxis: Int { get }
    func output(of input: TorchTensor, weight: TorchTensor) throws(TorchError) -> TorchTensor
}

/// A tensor that is trained, with its first values.
func parameter(_ shape: [Int], _ initialiser: Initialiser) throws(TorchError) -> TorchTensor {
    let tensor = try TorchTensor.zeros(shape)
    try initialiser.apply(to: tensor)
    try tensor.requireGradient()
    return tensor
}

/// Dropout: in training, elements become 0 with a probability and the others are scaled up.
public final class Dropout: Layer, ModeDependent {
    /// The probability of 0.
    public let probability: Double
    /// Whether it behaves as in training.
    public var isTraining = true

    /// Makes a layer that drops with this probability.
    public init(_ probability: Double) {
        precondition((0...1).contains(probability), "a probability is in [0, 1], got \(probability)")
        self.probability = probability
    }

    /// Any shape to the same.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        isTraining ? try input.droppedOut(probability, training: true) : input
    }
}

/// A function without weights as a layer, such as an activation, a pooling or a reshaping.
public final class Function: Layer {
    private let body: (TorchTensor) throws(TorchError) -> TorchTensor

    /// Wraps a function.
    public init(_ body: @escaping (TorchTensor) throws(TorchError) -> TorchTensor) { self.body = body }

    /// Calls the function.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor { try body(input) }

    /// The rectifier.
    public static func relu() -> Function {
        Function { (x) throws(TorchError) in try x.relu() }
    }
    /// The exponential linear unit.
    public static func elu() -> Function {
        Function { (x) throws(TorchError) in try x.elu() }
    }
    /// The rectifier with a slope below 0.
    public static func leakyReLU(slope: Double) -> Function {
        Function { (x) throws(TorchError) in try x.leakyReLU(slope: slope) }
    }
    /// The logistic function.
    public static func sigmoid() -> Function {
        Function { (x) throws(TorchError) in try x.sigmoid() }
    }
    /// The hyperbolic tangent.
    public static func tanh() -> Function {
        Function { (x) throws(TorchError) in try x.tanh() }
    }
    /// All axes but the first made one.
    public static func flatten() -> Function {
        Function { (x) throws(TorchError) in try x.flattened(from: 1) }
    }
}

/// Layers one after the other, named `0`, `1`, … as in `nn.Sequential`.
public final class Sequential: Layer {
    /// The layers in order.
    public let layers: [any Layer]

    /// Chains layers.
    public init(_ layers: [any Layer]) { self.layers = layers }

    /// The layers by their places.
    public var children: [(name: String, module: any Module)] {
        layers.enumerated().map { ("\($0.offset)", $0.element) }
    }

    /// What the last layer makes of it.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        var value = input
        for layer in layers { value = try layer(value) }
        return value
    }
}
