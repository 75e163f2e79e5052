internal import CTorch

/// Views, copies and joins: an axis may be counted from the end, -1 being the last.
extension TorchTensor {
    /// The same elements in another shape; one length may be -1.
    public func reshaped(_ shape: [Int]) throws(TorchError) -> TorchTensor {
        try make("reshaped") { ctorch_reshape(handle, shape, Int32(shape.count), $0, $1) }
    }

    /// Repeats axes of length 1 without copying; -1 keeps an axis.
    public func expanded(_ shape: [Int]) throws(TorchError) -> TorchTensor {
        try make("expanded") { ctorch_expand(handle, shape, Int32(shape.count), $0, $1) }
    }

    /// Repeats the tensor so many times along each axis, copying.
    public func repeated(_ times: [Int]) throws(TorchError) -> TorchTensor {
        try make("repeated") { ctorch_repeat(handle, times, Int32(times.count), $0, $1) }
    }

    /// The axes in another order.
    public func permuted(_ axes: [Int]) throws(TorchError) -> TorchTensor {
        try make("permuted") { ctorch_permute(handle, axes, Int32(axes.count), $0, $1) }
    }

    /// Two axes exchanged.
    public func transposed(_ axis: Int, _ other: Int) throws(TorchError) -> TorchTensor {
        try make("transposed") { ctorch_transpose(handle, axis, other, $0, $1) }
    }

    /// The elements along some axes in reverse.
    public func flipped(_ axes: [Int]) throws(TorchError) -> TorchTensor {
        try make("flipped") { ctorch_flip(handle, axes, Int32(axes.count), $0, $1) }
    }

    /// Without an axis of length 1.
    public func squeezed(_ axis: Int) throws(TorchError) -> TorchTensor {
        try make("squeezed") { ctorch_squeeze(handle, axis, $0, $1) }
    }

    /// With a new axis of length 1 at this place.
    public func unsqueezed(_ axis: Int) throws(TorchError) -> TorchTensor {
        try make("unsqueezed") { ctorch_unsqueeze(handle, axis, $0, $1) }
    }

    /// The axes from the first to the last made one.
    public func flattened(from first: Int = 0, through last: Int = -1) throws(TorchError) -> TorchTensor {
        try make("flattened") { ctorch_flatten(handle, first, last, $0, $1) }
    }

    /// The part of an axis that begins at `start`, a view.
    public func narrowed(_ axis: Int, from start: Int, count: Int) throws(TorchError) -> TorchTensor {
        try make("narrowed") { ctorch_narrow(handle, axis, start, count, $0, $1) }
    }

    /// One place of an axis, which is gone then; a view.
    public func selected(_ axis: Int, _ index: Int) throws(TorchError) -> TorchTensor {
        try make("selected") { ctorch_select(handle, axis, index, $0, $1) }
    }

    /// The places of an axis that an `i64` tensor lists.
    public func selected(_ axis: Int, at indices: TorchTensor) throws(TorchError) -> TorchTensor {
        try make("selected") { ctorch_index_select(handle, axis, indices.handle, $0, $1) }
    }

    /// For each place of `indices` (`i64`, of this rank) the element at that index of the axis.
    public func gathered(_ axis: Int, at indices: TorchTensor) throws(TorchError) -> TorchTensor {
        try make("gathered") { ctorch_gather(handle, axis, indices.handle, $0, $1) }
    }

    /// How the elements of a tensor lie in memory.
    public enum MemoryFormat: Sendable {
        /// In the order of the axes.
        case rowByRow
        /// `[N, C, height, width]` with the channels of one place side by side: on CPU, convolutions of few channels
        /// are 1.5 to 6 times as fast.
        case channelsLast

        var kind: ctorch_memory_format { self == .channelsLast ? CTORCH_CHANNELS_LAST : CTORCH_ROW_BY_ROW }
    }

    /// Itself with its elements in a memory format, copied if need be; the shape stays.
    ///
    /// - Throws: `torch.operation` for `.channelsLast` unless it has 4 axes.
    public func contiguous(_ format: MemoryFormat = .rowByRow) throws(TorchError) -> TorchTensor {
        try make("contiguous") { ctorch_contiguous(handle, format.kind, $0, $1) }
    }

    /// Whether its elements lie in a memory format.
    public func isContiguous(_ format: MemoryFormat = .rowByRow) throws(TorchError) -> Bool {
        var contiguous = false
        try perform("isContiguous") { ctorch_is_contiguous(handle, format.kind, &contiguous, $0) }
        return contiguous
    }

    /// Joins tensors along an axis they have.
    public static func concatenated(_ tensors: [TorchTensor], axis: Int = 0) throws(TorchError) -> TorchTensor
    {
        try make("concatenated") { ctorch_concatenate(tensors.map(\.handle), tensors.count, axis, $0, $1) }
    }

    /// Joins tensors of one shape along a new axis.
    public static func stacked(_ tensors: [TorchTensor], axis: Int = 0) throws(TorchError) -> TorchTensor {
        try make("stacked") { ctorch_stack(tensors.map(\.handle), tensors.count, axis, $0, $1) }
    }

    /// Parts of these lengths along an axis, which they must fill.
    public func split(_ axis: Int, into lengths: [Int]) throws(TorchError) -> [TorchTensor] {
        var parts = [OpaquePointer?](repeating: nil, count: lengths.count)
        try perform("split") { ctorch_split(handle, lengths, lengths.count, axis, &parts, $0) }
        return parts.compactMap { $0.map(TorchTensor.init(owning:)) }
    }

    /// How `padded` fills.
    public enum Padding: Sendable {
        /// With a number.
        case constant(Double)
        /// With the elements mirrored at the edge, which itself is not repeated.
        case reflect
        /// With the element at the edge.
        case replicate
    }

    /// Pads as `torch.nn.functional.pad` does: how many before and after, the last axis first.
    ///
    /// Reflection and replication work on the last one or two axes behind batch and channels.
    public func padded(_ amounts: [Int], with padding: Padding = .constant(0)) throws(TorchError)
        -> TorchTensor
    {
        let (mode, value) =
            switch padding {
            case .constant(let value): (CTORCH_PAD_CONSTANT, value)
            case .reflect: (CTORCH_PAD_REFLECT, 0)
            case .replicate: (CTORCH_PAD_REPLICATE, 0)
            }
        return try make("padded") { ctorch_pad(handle, amounts, Int32(amounts.count), mode, value, $0, $1) }
    }

    /// Nearest neighbours at these lengths of the last one or two axes, behind batch and channels.
    public func upsampled(to lengths: [Int]) throws(TorchError) -> TorchTensor {
        try make("upsampled") { ctorch_upsample_nearest(handle, lengths, Int32(lengths.count), $0, $1) }
    }

    /// Each element of the axes behind batch and channels so many times.
    public func upsampled(by factor: Int) throws(TorchError) -> TorchTensor {
        try upsampled(to: shape.dropFirst(2).map { $0 * factor })
    }

    /// How `resized` finds values between elements.
    public enum Interpolation: Sendable {
        /// Straight lines.
        case linear
        /// Cubic convolution (Keys 1981, a = -0.75), over 4 elements of each of two axes.
        case cubic

        var kind: ctorch_interpolation { self == .linear ? CTORCH_LINEAR : CTORCH_CUBIC }
    }

    /// Interpolates to these lengths of the last one (linear only) or two axes, behind batch and channels.
    ///
    /// - Parameters:
    ///   - lengths: The new lengths, one for each axis.
    ///   - interpolation: Linear (bilinear on two axes) or cubic (bicubic).
    ///   - alignsCorners: Whether the first and last elements keep their places; else elements are areas.
    ///   - antialiases: Whether the kernel widens as the size shrinks, as Pillow's does; two axes only.
    /// - Returns: `[N, C, lengths…]`.
    /// - Throws: `torch.operation` for another number of axes.
    public func resized(
        to lengths: [Int], _ interpolation: Interpolation = .linear, alignsCorners: Bool = false,
        antialiases: Bool = false
    ) throws(TorchError) -> TorchTensor {
        try make("resized") {
            ctorch_resize(
                handle, lengths, Int32(lengths.count), interpolation.kind, alignsCorners, antialiases, $0, $1)
        }
    }
}
