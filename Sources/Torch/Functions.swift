internal import CTorch

/// Layers as functions of their weights; the modules hold those.
extension TorchTensor {
    /// `x · weightᵀ + bias`, over the last axis; weight `[out, in]`.
    public func linear(_ weight: TorchTensor, bias: TorchTensor? = nil) throws(TorchError) -> TorchTensor {
        try make("linear") { ctorch_linear(handle, weight.handle, bias?.handle, $0, $1) }
    }

    /// Convolution over the axes behind batch and channels, one or two; weight `[out, in / groups, kernel…]`.
    ///
    /// Each array has a number for each of those axes.
    public func convolved(
        _ weight: TorchTensor, bias: TorchTensor? = nil, stride: [Int], padding: [Int], dilation: [Int],
        groups: Int = 1
    ) throws(TorchError) -> TorchTensor {
        try make("convolution") {
            ctorch_convolution(
                handle, weight.handle, bias?.handle, Int32(stride.count), stride, padding, dilation, false,
                padding,
                groups, $0, $1)
        }
    }

    /// The transposed convolution; weight `[in, out / groups, kernel…]`.
    public func deconvolved(
        _ weight: TorchTensor, bias: TorchTensor? = nil, stride: [Int], padding: [Int], outputPadding: [Int],
        dilation: [Int], groups: Int = 1
    ) throws(TorchError) -> TorchTensor {
        try make("transposed convolution") {
            ctorch_convolution(
                handle, weight.handle, bias?.handle, Int32(stride.count), stride, padding, dilation, true,
                outputPadding, groups, $0, $1)
        }
    }

    /// The largest element of each window over the last axes, one for each number of the kernel.
    public func maxPooled(
        _ kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil
    ) throws(TorchError) -> TorchTensor {
        try pooled(maximum: true, kernel, stride, padding)
    }

    /// The mean of each window over the last axes, padding counted as 0.
    public func averagePooled(
        _ kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil
    ) throws(TorchError) -> TorchTensor {
        try pooled(maximum: false, kernel, stride, padding)
    }

    private func pooled(
        maximum: Bool, _ kernel: [Int], _ stride: [Int]?, _ padding: [Int]?
    ) throws(TorchError) -> TorchTensor {
        let padding = padding ?? kernel.map { _ in 0 }
        precondition(
            stride.map { $0.count == kernel.count } ?? true && padding.count == kernel.count,
            "kernel \(kernel), stride \(stride ?? kernel) and padding \(padding) must have one length")
        return try make(maximum ? "maxPooled" : "averagePooled") {
            ctorch_pool(handle, maximum, Int32(kernel.count), kernel, stride ?? kernel, padding, $0, $1)
        }
    }

    /// Normalises each channel over batch and time; `[N, C, …]`.
    ///
    /// In training with the batch's own statistics, which are mixed into the running ones by `momentum`; else with
    /// the running ones.
    public func batchNormalised(
        weight: TorchTensor?, bias: TorchTensor?, runningMean: TorchTensor?, runningVariance: TorchTensor?,
        training: Bool, momentum: Double = 0.1, epsilon: Double = 1e-5
    ) throws(TorchError) -> TorchTensor {
        try make("batchNormalised") {
            ctorch_batch_norm(
                handle, weight?.handle, bias?.handle, runningMean?.handle, runningVariance?.handle, training,
                momentum, epsilon, $0, $1)
        }
    }

    /// Normalises each channel of each example over time; `[N, C, …]`.
    public func instanceNormalised(
        weight: TorchTensor? = nil, bias: TorchTensor? = nil, epsilon: Double = 1e-5
    ) throws(TorchError) -> TorchTensor {
        try make("instanceNormalised") {
            ctorch_instance_norm(handle, weight?.handle, bias?.handle, nil, nil, true, 0, epsilon, $0, $1)
        }
    }

    /// Adaptive instance normalisation: each channel of each example gets a scale and a shift from elsewhere.
    ///
    /// Huang and Belongie, Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization, 2017,
    /// arXiv:1703.06868, equation 8; `self` is `[N, C, …]`, scale and shift are `[N, C]`.
    public func adaptiveInstanceNormalised(
        scale: TorchTensor, shift: TorchTensor, epsilon: Double = 1e-5
    ) throws(TorchError) -> TorchTensor {
        let aligned = scale.shape + Array(repeating: 1, count: rank - 2)
        return try instanceNormalised(epsilon: epsilon) * scale.reshaped(aligned) + shift.reshaped(aligned)
    }

    /// Adaptive instance normalisation to the deviation and the mean of a style's channels.
    public func adaptiveInstanceNormalised(
        toStyle style: TorchTensor, epsilon: Double = 1e-5
    ) throws(TorchError) -> TorchTensor {
        let flat = try style.flattened(from: 2)
        return try adaptiveInstanceNormalised(
            scale: (flat.variance([2], correction: 0) + epsilon).sqrt(), shift: flat.mean([2]),
            epsilon: epsilon)
    }

    /// Normalises each example over its last axes, which have these lengths.
    ///
    /// Ba, Kiros and Hinton, Layer Normalization, 2016, arXiv:1607.06450.
    public func layerNormalised(
        _ lengths: [Int], weight: TorchTensor? = nil, bias: TorchTensor? = nil, epsilon: Double = 1e-5
    ) throws(TorchError) -> TorchTensor {
        try make("layerNormalised") {
            ctorch_layer_norm(
                handle, lengths, Int32(lengths.count), weight?.handle, bias?.handle, epsilon, $0, $1)
        }
    }

    /// Normalises each of so many groups of channels of each example; `[N, C, …]`.
    ///
    /// Wu and He, Group Normalization, 2018, arXiv:1803.08494.
    public func groupNormalised(
        _ groups: Int, weight: TorchTensor? = nil, bias: TorchTensor? = nil, epsilon: Double = 1e-5
    ) throws(TorchError) -> TorchTensor {
        try make("groupNormalised") {
            ctorch_group_norm(handle, groups, weight?.handle, bias?.handle, epsilon, $0, $1)
        }
    }

    /// Sets elements to 0 with a probability and scales the others up, in training only.
    public func droppedOut(_ probability: Double, training: Bool) throws(TorchError) -> TorchTensor {
        try make("droppedOut") { ctorch_dropout(handle, probability, training, $0, $1) }
    }
}

/// Losses: `self` is what the network says, then comes what it should say.
extension TorchTensor {
    /// What becomes of the losses of all elements.
    public enum LossReduction: Sendable {
        /// They stay as they are.
        case none
        /// Their mean; with class weights the weighted mean.
        case mean
        /// Their sum.
        case sum

        var kind: ctorch_loss_reduction {
            switch self {
            case .none: CTORCH_EACH
            case .mean: CTORCH_REDUCE_MEAN
            case .sum: CTORCH_REDUCE_SUM
            }
        }
    }

    @inline(__always)
    private func loss(
        _ operation: StaticString, _ kind: ctorch_loss_kind, _ target: TorchTensor, _ weight: TorchTensor?,
        _ reduction: LossReduction
    ) throws(TorchError) -> TorchTensor {
        try make(operation) {
            ctorch_loss(handle, target.handle, weight?.handle, kind, reduction.kind, $0, $1)
        }
    }

    /// Binary cross entropy of probabilities in [0, 1].
    public func binaryCrossEntropy(
        _ target: TorchTensor, weight: TorchTensor? = nil, reduction: LossReduction = .mean
    ) throws(TorchError) -> TorchTensor {
        try loss("binaryCrossEntropy", CTORCH_BCE, target, weight, reduction)
    }
    /// Binary cross entropy of logits, the stable form.
    public func binaryCrossEntropyWithLogits(
        _ target: TorchTensor, weight: TorchTensor? = nil, reduction: LossReduction = .mean
    ) throws(TorchError) -> TorchTensor {
        try loss("binaryCrossEntropyWithLogits", CTORCH_BCE_LOGITS, target, weight, reduction)
    }
    /// Cross entropy of logits `[N, C, …]` against classes `[N, …]` (`i64`), with an optional weight a class.
    public func crossEntropy(
        _ target: TorchTensor, weight: TorchTensor? = nil, reduction: LossReduction = .mean
    ) throws(TorchError) -> TorchTensor {
        try loss("crossEntropy", CTORCH_CROSS_ENTROPY, target, weight, reduction)
    }
    /// The negative of log probabilities `[N, C, …]` at classes `[N, …]` (`i64`).
    public func negativeLogLikelihood(
        _ target: TorchTensor, weight: TorchTensor? = nil, reduction: LossReduction = .mean
    ) throws(TorchError) -> TorchTensor {
        try loss("negativeLogLikelihood", CTORCH_NLL, target, weight, reduction)
    }
    /// The squared error.
    public func squaredError(
        _ target: TorchTensor, reduction: LossReduction = .mean
    ) throws(TorchError) -> TorchTensor {
        try loss("squaredError", CTORCH_MSE, target, nil, reduction)
    }
    /// The absolute error.
    public func absoluteError(
        _ target: TorchTensor, reduction: LossReduction = .mean
    ) throws(TorchError) -> TorchTensor {
        try loss("absoluteError", CTORCH_L1, target, nil, reduction)
    }
    /// The squared error below 1, the absolute above (Huber's loss at 1).
    public func smoothAbsoluteError(
        _ target: TorchTensor, reduction: LossReduction = .mean
    ) throws(TorchError) -> TorchTensor {
        try loss("smoothAbsoluteError", CTORCH_SMOOTH_L1, target, nil, reduction)
    }

    /// The divergence of N(mean, exp(logVariance)) from N(0, 1), for each element.
    ///
    /// Kingma and Welling, Auto-Encoding Variational Bayes, 2014, arXiv:1312.6114, appendix B: never negative.
    public static func gaussianDivergence(
        mean: TorchTensor, logVariance: TorchTensor
    ) throws(TorchError) -> TorchTensor {
        try (mean.square() + logVariance.exp() - logVariance - 1) * 0.5
    }
}
