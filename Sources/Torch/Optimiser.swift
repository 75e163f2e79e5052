internal import CTorch

/// Changes parameters by their gradients.
public protocol Optimiser: AnyObject {
    /// What it changes; those without a gradient stay as they are.
    var parameters: [NamedParameter] { get }
    /// The learning rate, to be set by a schedule.
    var rate: Double { get set }
    /// The tensors it remembers, `<parameter>.<PyTorch's name>`.
    var stateTensors: [NamedParameter] { get }
    /// Makes one step.
    func step() throws(TorchError)
    /// Forgets the gradients of all its parameters, as `zero_grad` does.
    func clearGradients() throws(TorchError)
}

/// Adam, or AdamW where weight decay is decoupled; one fused call a step.
///
/// Kingma and Ba, Adam, 2015, arXiv:1412.6980, algorithm 1; Loshchilov and Hutter, Decoupled Weight Decay
/// Regularization, 2019, arXiv:1711.05101, algorithm 2. Numerically PyTorch's `Adam` and `AdamW`.
public final class Adam: Optimiser {
    /// What it changes.
    public let parameters: [NamedParameter]
    /// For each parameter `exp_avg`, `exp_avg_sq` and `step`.
    public let stateTensors: [NamedParameter]
    private var options: ctorch_adam_options
    private let handles, averages, squares, steps: [OpaquePointer]

    /// How large weights are made smaller.
    public enum WeightDecay: Sendable {
        /// Adds the weight, times this number, to its gradient: Adam.
        case gradient(Double)
        /// Takes the weight, times this number and the rate, from itself: AdamW.
        case decoupled(Double)
    }

    /// Remembers nothing yet of these parameters.
    public init(
        _ parameters: [NamedParameter], rate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999,
        epsilon: Double = 1e-8, weightDecay: WeightDecay = .gradient(0)
    ) throws(TorchError) {
        self.parameters = parameters
        let (decay, decoupled) =
            switch weightDecay {
            case .gradient(let decay): (decay, false)
            case .decoupled(let decay): (decay, true)
            }
        options = ctorch_adam_options(
            rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: decay,
            decoupled: decoupled)
        var state: [NamedParameter] = []
        for item in parameters {
            state.append(.init(item.name + ".exp_avg", try item.tensor.detach().fullLike(0)))
            state.append(.init(item.name + ".exp_avg_sq", try item.tensor.detach().fullLike(0)))
            state.append(.init(item.name + ".step", try .zeros([], on: item.tensor.device)))
        }
        stateTensors = state
        handles = parameters.map(\.tensor.handle)
        averages = stride(from: 0, to: state.count, by: 3).map { state[$0].tensor.handle }
        squares = stride(from: 1, to: state.count, by: 3).map { state[$0].tensor.handle }
        steps = stride(from: 2, to: state.count, by: 3).map { state[$0].tensor.handle }
    }

    /// The learning rate.
    public var rate: Double {
        get { options.rate }
        set { options.rate = newValue }
    }

    /// Makes one step.
    public func step() throws(TorchError) {
        try perform("Adam") {
            ctorch_adam_step(handles, averages, squares, steps, handles.count, &options, $0)
        }
    }

    /// Forgets the gradients.
    public func clearGradients() throws(TorchError) {
        try perform("clearGradients") { ctorch_clear_gradients(handles, handles.count, $0) }
    }
}

/// Stochastic gradient descent, with momentum if wanted; numerically PyTorch's `SGD` without dampening.
public final class SGD: Optimiser {
    /// What it changes.
    public let parameters: [NamedParameter]
    /// For each parameter `momentum_buffer`, zero before the first step; none without momentum.
    public let stateTensors: [NamedParameter]
    private var options: ctorch_sgd_options
    private let handles, buffers: [OpaquePointer]

    /// Remembers nothing yet of these parameters.
    public init(
        _ parameters: [NamedParameter], rate: Double, momentum: Double = 0, nesterov: Bool = false,
        weightDecay: Double = 0
    ) throws(TorchError) {
        self.parameters = parameters
        options = ctorch_sgd_options(
            rate: rate, momentum: momentum, weight_decay: weightDecay, nesterov: nesterov)
        var state: [NamedParameter] = []
        for item in parameters where momentum != 0 {
            state.append(.init(item.name + ".momentum_buffer", try item.tensor.detach().fullLike(0)))
        }
        stateTensors = state
        handles = parameters.map(\.tensor.handle)
        buffers = state.map(\.tensor.handle)
    }

    /// The learning rate.
    public var rate: Double {
        get { options.rate }
        set { options.rate = newValue }
    }

    /// Makes one step.
    public func step() throws(TorchError) {
        try perform("SGD") { message in
            buffers.isEmpty
                ? ctorch_sgd_step(handles, nil, handles.count, &options, message)
                : ctorch_sgd_step(handles, buffers, handles.count, &options, message)
        }
    }

    /// Forgets the gradients.
    public func clearGradients() throws(TorchError) {
        try perform("clearGradients") { ctorch_clear_gradients(handles, handles.count, $0) }
    }
}
