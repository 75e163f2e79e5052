internal import CTorch

/// RMSprop: steps divided by a running root mean square of the gradients.
///
/// Tieleman and Hinton, Lecture 6.5, 2012; centred as in Graves 2013, arXiv:1308.0850. Numerically PyTorch's
/// `RMSprop`: epsilon is added outside the root (Keras adds it inside).
public final class RMSprop: Optimiser {
    /// What it changes.
    public let parameters: [NamedParameter]
    /// For each parameter `square_avg` and `step`, `grad_avg` where centred, `momentum_buffer` with momentum.
    public let stateTensors: [NamedParameter]
    private var options: ctorch_rmsprop_options
    private let handles, squares, means, buffers, steps: [OpaquePointer]

    /// Prepares to change parameters.
    ///
    /// - Parameters:
    ///   - parameters: What to change.
    ///   - rate: The learning rate.
    ///   - alpha: What remains of the running mean at each step.
    ///   - epsilon: Added to the root.
    ///   - momentum: What remains of the last step; 0: nothing.
    ///   - weightDecay: Adds the weight, times this number, to its gradient.
    ///   - centred: Whether gradients are taken from their own running mean.
    /// - Throws: `torch.out-of-memory`.
    public init(
        _ parameters: [NamedParameter], rate: Double = 0.01, alpha: Double = 0.99, epsilon: Double = 1e-8,
        momentum: Double = 0, weightDecay: Double = 0, centred: Bool = false
    ) throws(TorchError) {
        self.parameters = parameters
        options = ctorch_rmsprop_options(
            rate: rate, alpha: alpha, epsilon: epsilon, momentum: momentum, weight_decay: weightDecay,
            centred: centred)
        var state: [NamedParameter] = []
        func remember(_ name: String, when wanted: Bool = true) throws(TorchError) -> [OpaquePointer] {
            guard wanted else { return [] }
            var handles: [OpaquePointer] = []
            for item in parameters {
                let tensor =
                    name == "step"
                    ? try TorchTensor.zeros([], on: item.tensor.device)
                    : try item.tensor.detach().fullLike(0)
                state.append(.init("\(item.name).\(name)", tensor))
                handles.append(tensor.handle)
            }
            return handles
        }
        squares = try remember("square_avg")
        means = try remember("grad_avg", when: centred)
        buffers = try remember("momentum_buffer", when: momentum > 0)
        steps = try remember("step")
        stateTensors = state
        handles = parameters.map(\.tensor.handle)
    }

    /// The learning rate.
    public var rate: Double {
        get { options.rate }
        set { options.rate = newValue }
    }

    /// Makes one step.
    public func step() throws(TorchError) {
        try perform("RMSprop") { message in
            means.withUnsafeBufferPointer { means in
                buffers.withUnsafeBufferPointer { buffers in
                    ctorch_rmsprop_step(
                        handles, squares, means.isEmpty ? nil : means.baseAddress,
                        buffers.isEmpty ? nil : buffers.baseAddress, steps, handles.count, &options, message)
                }
            }
        }
    }

    /// Forgets the gradients.
    public func clearGradients() throws(TorchError) {
        try perform("clearGradients") { ctorch_clear_gradients(handles, handles.count, $0) }
    }
}
