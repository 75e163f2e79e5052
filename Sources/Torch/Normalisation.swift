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
