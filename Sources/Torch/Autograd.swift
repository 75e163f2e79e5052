internal import CTorch

/// Runs a body in which autograd records nothing.
///
/// The body is synchronous, so grad mode is put back on the thread it was taken from, also when the body throws.
public func withoutGradients<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    let former = setGradientMode(false)
    defer { setGradientMode(former) }
    return try body()
}

/// Whether autograd records on this thread at present.
public func recordsGradients() -> Bool {
    let former = setGradientMode(true)
    setGradientMode(former)
    return former
}

@discardableResult
private func setGradientMode(_ enabled: Bool) -> Bool {
    var former = false
    do { try perform("grad mode") { ctorch_set_grad_enabled(enabled, &former, $0) } } catch {
        preconditionFailure("libtorch refuses its own grad mode: \(error)")
    }
    return former
}

extension TorchTensor {
    /// Lets autograd record what is done to this tensor, or not.
    ///
    /// - Throws: `torch.operation` for whole numbers, and for results of recorded operations.
    public func requireGradient(_ wanted: Bool = true) throws(TorchError) {
        try perform("requireGradient") { ctorch_set_requires_grad(handle, wanted, $0) }
    }

    /// Adds the gradient of this scalar to `gradient` of every tensor it was computed from.
    ///
    /// The graph is freed unless kept. A tensor of more elements needs the gradient that flows into it.
    public func backward(_ gradient: TorchTensor? = nil, keepingGraph: Bool = false) throws(TorchError) {
        try perform("backward") { ctorch_backward(handle, gradient?.handle, keepingGraph, $0) }
    }

    /// What `backward` has added up so far, nil if nothing.
    public func gradient() throws(TorchError) -> TorchTensor? {
        var gradient: OpaquePointer?
        try perform("gradient") { ctorch_gradient(handle, &gradient, $0) }
        return gradient.map(TorchTensor.init(owning:))
    }

    /// Replaces the gradient; nil clears it.
    public func setGradient(_ gradient: TorchTensor?) throws(TorchError) {
        try perform("setGradient") { ctorch_set_gradient(handle, gradient?.handle, $0) }
    }

    /// The gradients of this scalar with respect to some tensors, leaving the accumulated ones alone.
    ///
    /// - Parameters:
    ///   - inputs: Tensors that this one was computed from.
    ///   - keepingGraph: Whether `backward` can be asked again afterwards.
    ///   - differentiable: Whether the gradients are recorded themselves, for a gradient penalty.
    /// - Returns: A gradient for each input, in its shape.
    /// - Throws: `torch.operation` when one of the inputs was not used.
    public func gradients(
        of inputs: [TorchTensor], keepingGraph: Bool = false, differentiable: Bool = false
    ) throws(TorchError) -> [TorchTensor] {
        var results = [OpaquePointer?](repeating: nil, count: inputs.count)
        try perform("gradients") {
            ctorch_gradients_of(
                handle, inputs.map(\.handle), inputs.count, keepingGraph, differentiable, &results, $0)
        }
        return results.compactMap { $0.map(TorchTensor.init(owning:)) }
    }
}

/// Scales the gradients so that their joint Euclidean norm is at most `limit`.
///
/// - Returns: The norm before, not finite if a gradient is not.
@discardableResult
public func clipGradientNorm(_ parameters: [NamedParameter], to limit: Double) throws(TorchError) -> Double {
    var norm = 0.0
    try perform("clipGradientNorm") {
        ctorch_clip_gradient_norm(parameters.map(\.tensor.handle), parameters.count, limit, &norm, $0)
    }
    return norm
}

/// Limits each element of the gradients to [-limit, limit].
public func clipGradientValue(_ parameters: [NamedParameter], to limit: Double) throws(TorchError) {
    try perform("clipGradientValue") {
        ctorch_clip_gradient_value(parameters.map(\.tensor.handle), parameters.count, limit, $0)
    }
}
