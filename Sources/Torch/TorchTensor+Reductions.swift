internal import CTorch

/// Reductions over axes, or over all of them when none is named, and products of matrices.
extension TorchTensor {
    @inline(__always)
    private func reduce(
        _ operation: StaticString, _ kind: ctorch_reduction_kind, _ axes: [Int], _ keep: Bool
    ) throws(TorchError) -> TorchTensor {
        try make(operation) { ctorch_reduce(handle, kind, axes, Int32(axes.count), keep, $0, $1) }
    }

    /// The sum along some axes, which stay with length 1 if kept.
    public func sum(_ axes: [Int] = [], keep: Bool = false) throws(TorchError) -> TorchTensor {
        try reduce("sum", CTORCH_SUM, axes, keep)
    }
    /// The mean along some axes, which stay with length 1 if kept.
    public func mean(_ axes: [Int] = [], keep: Bool = false) throws(TorchError) -> TorchTensor {
        try reduce("mean", CTORCH_MEAN, axes, keep)
    }
    /// The largest element along some axes, which stay with length 1 if kept.
    public func largest(_ axes: [Int] = [], keep: Bool = false) throws(TorchError) -> TorchTensor {
        try reduce("largest", CTORCH_LARGEST, axes, keep)
    }
    /// The smallest element along some axes, which stay with length 1 if kept.
    public func smallest(_ axes: [Int] = [], keep: Bool = false) throws(TorchError) -> TorchTensor {
        try reduce("smallest", CTORCH_SMALLEST, axes, keep)
    }
    /// The logarithm of the sum of exponentials along some axes, which stay with length 1 if kept.
    public func logSumExp(_ axes: [Int] = [], keep: Bool = false) throws(TorchError) -> TorchTensor {
        try reduce("logSumExp", CTORCH_LOG_SUM_EXP, axes, keep)
    }
    /// The Euclidean norm along some axes, which stay with length 1 if kept.
    public func norm(_ axes: [Int] = [], keep: Bool = false) throws(TorchError) -> TorchTensor {
        try reduce("norm", CTORCH_NORM, axes, keep)
    }
    /// Whether no element is 0 along some axes, which stay with length 1 if kept.
    public func all(_ axes: [Int] = [], keep: Bool = false) throws(TorchError) -> TorchTensor {
        try reduce("all", CTORCH_ALL, axes, keep)
    }
    /// Whether an element is not 0 along some axes, which stay with length 1 if kept.
    public func any(_ axes: [Int] = [], keep: Bool = false) throws(TorchError) -> TorchTensor {
        try reduce("any", CTORCH_ANY, axes, keep)
    }
    /// The variance along some axes: squares over the count less `correction`.
    public func variance(
        _ axes: [Int] = [], correction: Double = 1, keep: Bool = false
    ) throws(TorchError) -> TorchTensor {
        try make("variance") { ctorch_variance(handle, axes, Int32(axes.count), correction, keep, $0, $1) }
    }
    /// Where along an axis the largest element stands, as `i64`.
    public func argmax(_ axis: Int, keep: Bool = false) throws(TorchError) -> TorchTensor {
        try make("argmax") { ctorch_argmax(handle, axis, keep, $0, $1) }
    }
    /// The running sum along an axis.
    public func cumulativeSum(_ axis: Int) throws(TorchError) -> TorchTensor {
        try make("cumulativeSum") { ctorch_cumulative_sum(handle, axis, $0, $1) }
    }
    /// Exponentials along an axis, scaled to sum 1.
    public func softmax(_ axis: Int) throws(TorchError) -> TorchTensor {
        try make("softmax") { ctorch_softmax(handle, axis, false, $0, $1) }
    }
    /// The logarithm of `softmax`.
    public func logSoftmax(_ axis: Int) throws(TorchError) -> TorchTensor {
        try make("logSoftmax") { ctorch_softmax(handle, axis, true, $0, $1) }
    }
    /// The product of matrices in the last two axes; those before them broadcast.
    public func matmul(_ other: TorchTensor) throws(TorchError) -> TorchTensor {
        try make("matmul") { ctorch_matmul(handle, other.handle, $0, $1) }
    }
    /// Whether every element is a finite number.
    public func allFinite() throws(TorchError) -> Bool {
        try isFinite().all().item() != 0
    }
}
