internal import Tensors

/// Batch normalisation with running statistics: `[N, C]`, `[N, C, length]` or `[N, C, height, width]`.
///
/// Ioffe and Szegedy, Batch Normalization, 2015, arXiv:1502.03167. In training it uses the batch's own statistics
/// and mixes them into the running ones (the variance over n - 1 there); in use it takes the running ones.
public final class BatchNorm: Layer, ModeDependent {
    private let weight: TorchTensor
    private let bias: TorchTensor
    private let runningMean: TorchTensor
    private let runningVariance: TorchTensor
    private let batchCount: TorchTensor
    private let momentum: Double
    private let epsilon: Double
    /// Whether it behaves as in training.
    public var isTraining = true

    /// Makes a layer for so many channels.
    public init(_ channels: Int, momentum: Double = 0.1, epsilon: Double = 1e-5) throws(TorchError) {
        weight = try parameter([channels], .constant(1))
        bias = try parameter([channels], .constant(0))
        runningMean = try .zeros([channels])
        runningVariance = try .ones([channels])
        batchCount = try .zeros([], type: .i64)
        self.momentum = momentum
        self.epsilon = epsilon
    }

    /// `weight` and `bias`.
    public var ownParameters: [NamedParameter] { [.init("weight", weight), .init("bias", bias)] }

    /// `running_mean`, `running_var` and `num_batches_tracked`.
    public var ownBuffers: [NamedParameter] {
        [
            .init("running_mean", runningMean), .init("running_var", runningVariance),
            .init("num_batches_tracked", batchCount),
        ]
    }

    /// Any of the shapes above to the same.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        // Nothing here reads the count, but PyTorch's loader expects it.
        if isTraining { try batchCount.add(1) }
        return try input.batchNormalised(
            weight: weight, bias: bias, runningMean: runningMean, runningVariance: runningVariance,
            training: isTraining, momentum: momentum, epsilon: epsilon)
    }
}

/// Instance normalisation: each channel of each example on its own, `[N, C, length…]`.
///
/// Ulyanov, Vedaldi and Lempitsky, Instance Normalization, 2016, arXiv:1607.08022. The same in training and use.
public final class InstanceNorm: Layer {
    private let weight: TorchTensor?
    private let bias: TorchTensor?
    private let epsilon: Double

    /// Makes a layer for so many channels, with or without a trained scale and shift.
    public init(_ channels: Int, affine: Bool = false, epsilon: Double = 1e-5) throws(TorchError) {
        weight = affine ? try parameter([channels], .constant(1)) : nil
        bias = affine ? try parameter([channels], .constant(0)) : nil
        self.epsilon = epsilon
    }

    /// `[N, C, length…]` to the same.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        try input.instanceNormalised(weight: weight, bias: bias, epsilon: epsilon)
    }
}

/// Layer normalisation: each example over its last axes, of lengths that are fixed.
///
/// Ba, Kiros and Hinton, Layer Normalization, 2016, arXiv:1607.06450. The same in training and use.
public final class LayerNorm: Layer {
    private let weight: TorchTensor
    private let bias: TorchTensor
    private let lengths: [Int]
    private let epsilon: Double

    /// Makes a layer for last axes of these lengths, with a trained scale and shift for each element.
    public init(_ lengths: [Int], epsilon: Double = 1e-5) throws(TorchError) {
        weight = try parameter(lengths, .constant(1))
        bias = try parameter(lengths, .constant(0))
        self.lengths = lengths
        self.epsilon = epsilon
    }

    /// `[…, lengths…]` to the same.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        try input.layerNormalised(lengths, weight: weight, bias: bias, epsilon: epsilon)
    }
}

/// Group normalisation: each group of channels of each example on its own, `[N, C, length…]`.
///
/// Wu and He, Group Normalization, 2018, arXiv:1803.08494. The same in training and use.
public final class GroupNorm: Layer {
    private let weight: TorchTensor
    private let bias: TorchTensor
    private let groups: Int
    private let epsilon: Double

    /// Makes a layer for so many groups, which divide the channels, with a trained scale and shift for each channel.
    public init(_ groups: Int, _ channels: Int, epsilon: Double = 1e-5) throws(TorchError) {
        precondition(
            groups > 0 && channels % groups == 0, "\(groups) groups do not divide \(channels) channels")
        weight = try parameter([channels], .constant(1))
        bias = try parameter([channels], .constant(0))
        self.groups = groups
        self.epsilon = epsilon
    }

    /// `[N, C, length…]` to the same.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        try input.groupNormalised(groups, weight: weight, bias: bias, epsilon: epsilon)
    }
}
