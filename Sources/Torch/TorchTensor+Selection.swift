internal import CTorch

/// What orders, picks or places elements by their indices, which are `i64`.
extension TorchTensor {
    @inline(__always)
    private func pair(
        _ operation: StaticString,
        _ call: (
            UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<OpaquePointer?>,
            UnsafeMutablePointer<ctorch_message>
        ) -> Int32
    ) throws(TorchError) -> (values: TorchTensor, indices: TorchTensor) {
        var (values, indices): (OpaquePointer?, OpaquePointer?)
        try perform(operation) { call(&values, &indices, $0) }
        guard let values, let indices else { throw TorchError(.operation, "\(operation)", "no result") }
        return (TorchTensor(owning: values), TorchTensor(owning: indices))
    }

    /// The elements along an axis in order, and the place where each was; equal elements keep their order.
    public func sorted(
        _ axis: Int = -1, descending: Bool = false
    ) throws(TorchError) -> (values: TorchTensor, indices: TorchTensor) {
        try pair("sorted") { ctorch_sort(handle, axis, descending, $0, $1, $2) }
    }

    /// The `count` largest elements along an axis, the largest first, and their places; or the smallest.
    ///
    /// Of equal elements any may come first.
    public func top(
        _ count: Int, axis: Int = -1, largest: Bool = true
    ) throws(TorchError) -> (values: TorchTensor, indices: TorchTensor) {
        try pair("top") { ctorch_top(handle, count, axis, largest, $0, $1, $2) }
    }

    /// The largest element along an axis and its place; the gradient goes to that place alone.
    public func largestWithIndices(
        _ axis: Int, keep: Bool = false
    ) throws(TorchError) -> (values: TorchTensor, indices: TorchTensor) {
        try pair("largestWithIndices") { ctorch_extreme(handle, axis, true, keep, $0, $1, $2) }
    }

    /// The smallest element along an axis and its place; the gradient goes to that place alone.
    public func smallestWithIndices(
        _ axis: Int, keep: Bool = false
    ) throws(TorchError) -> (values: TorchTensor, indices: TorchTensor) {
        try pair("smallestWithIndices") { ctorch_extreme(handle, axis, false, keep, $0, $1, $2) }
    }

    /// Numbers from 0 to `classes - 1` (`i64`) to a new last axis with 1 at each number's place, else 0, as `i64`.
    ///
    /// - Throws: `torch.operation` for a number outside the classes.
    public func oneHot(_ classes: Int) throws(TorchError) -> TorchTensor {
        try make("oneHot") { ctorch_one_hot(handle, classes, $0, $1) }
    }

    /// A copy in which each element of `source` replaces the one at its index along an axis.
    ///
    /// `indices` and `source` have this rank. Where an index repeats, any of its elements may win.
    public func scattering(
        _ source: TorchTensor, _ axis: Int, at indices: TorchTensor
    ) throws(TorchError) -> TorchTensor {
        try make("scattering") {
            ctorch_scatter(handle, axis, indices.handle, source.handle, false, $0, $1)
        }
    }

    /// A copy in which each element of `source` is added to the one at its index along an axis.
    ///
    /// `indices` and `source` have this rank; an index may repeat.
    public func scatterAdding(
        _ source: TorchTensor, _ axis: Int, at indices: TorchTensor
    ) throws(TorchError) -> TorchTensor {
        try make("scatterAdding") {
            ctorch_scatter(handle, axis, indices.handle, source.handle, true, $0, $1)
        }
    }

    /// The rows of this table `[classes, features]` that numbers name, in a new last axis.
    ///
    /// The row `padding` never has a gradient; nil: all rows have.
    public func rows(at indices: TorchTensor, padding: Int? = nil) throws(TorchError) -> TorchTensor {
        try make("rows") { ctorch_embedding(handle, indices.handle, padding ?? -1, $0, $1) }
    }

    /// Draws places of the last axis, each with a probability in proportion to its element, as `i64`.
    ///
    /// This tensor is `[classes]` or `[N, classes]`, of non-negative elements with a positive sum.
    public func multinomial(_ count: Int, replacement: Bool = false) throws(TorchError) -> TorchTensor {
        try make("multinomial") { ctorch_multinomial(handle, count, replacement, $0, $1) }
    }
}
