internal import CTorch

/// The discrete Fourier transform of real numbers, as `torch.fft.rfft` and `irfft` with their default scale.
extension TorchTensor {
    /// The transform along an axis: bins 0 to `count / 2` in its place, and a new last axis of real and imaginary part.
    ///
    /// The axis is cut or padded with 0 to `count` elements (nil: as many as it has); nothing is scaled.
    public func realFourier(_ count: Int? = nil, axis: Int = -1) throws(TorchError) -> TorchTensor {
        let shape = shape
        let count = count ?? shape[axis < 0 ? axis + shape.count : axis]
        return try make("realFourier") { ctorch_real_fourier(handle, count, axis, $0, $1) }
    }

    /// The inverse: bins `count / 2 + 1` along an axis, and a last axis of real and imaginary part, to `count` real
    /// elements, scaled by 1 / `count`.
    ///
    /// A negative axis is counted from the end of the result, so that -1 is the axis before the pairs. Bins beyond
    /// `count / 2` are ignored; missing ones, and the imaginary parts of bin 0 and of the middle one, are taken as 0.
    public func inverseRealFourier(_ count: Int, axis: Int = -1) throws(TorchError) -> TorchTensor {
        try make("inverseRealFourier") { ctorch_inverse_real_fourier(handle, count, axis, $0, $1) }
    }
}
