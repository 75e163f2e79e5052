internal import CTorch

/// What LSTM and GRU have in common: stacked, perhaps bidirectional weights by PyTorch's names.
public class Recurrent: Module, ModeDependent {
    /// The size of the state in each direction.
    public let hidden: Int
    /// How many layers are stacked.
    public let layers: Int
    /// Whether a second network reads from the end; its outputs follow the first's.
    public let bidirectional: Bool
    let dropout: Double
    /// Whether it behaves as in training.
    public var isTraining = true
    let weights: [NamedParameter]
    /// The weights as the boundary takes them; `weights` keeps them alive.
    let handles: [OpaquePointer]

    /// Draws all weights from ±1 / √hidden, in PyTorch's order.
    fileprivate init(
        gates: Int, _ inputs: Int, _ hidden: Int, layers: Int, bidirectional: Bool, dropout: Double
    ) throws(TorchError) {
        self.hidden = hidden
        self.layers = layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        let initialiser = Initialiser.uniform(1 / Double(max(hidden, 1)).squareRoot())
        var weights: [NamedParameter] = []
        for layer in 0..<layers {
            for suffix in bidirectional ? ["", "_reverse"] : [""] {
                let width = layer == 0 ? inputs : hidden * (bidirectional ? 2 : 1)
                for (name, shape) in [
                    ("weight_ih", [gates * hidden, width]), ("weight_hh", [gates * hidden, hidden]),
                    ("bias_ih", [gates * hidden]), ("bias_hh", [gates * hidden]),
                ] {
                    weights.append(.init("\(name)_l\(layer)\(suffix)", try parameter(shape, initialiser)))
                }
            }
        }
        self.weights = weights
        handles = weights.map(\.tensor.handle)
    }

    /// The weights, by PyTorch's names.
    public var ownParameters: [NamedParameter] { weights }

    /// The first state of a batch when none is given: zeros `[layers · directions, N, hidden]`.
    func zeroState(for input: TorchTensor) throws(TorchError) -> TorchTensor {
        try .zeros(
            [layers * (bidirectional ? 2 : 1), input.shape[0], hidden], type: input.type, on: input.device)
    }
}

/// A long short-term memory; sequences are `[N, time, features]`.
///
/// Hochreiter and Schmidhuber, 1997, doi:10.1162/neco.1997.9.8.1735, with the forget gate; gates in PyTorch's
/// order (input, forget, cell, output). Dropout lies between stacked layers.
public final class LSTM: Recurrent {
    /// What an LSTM is in: both `[layers · directions, N, hidden]`.
    public struct State {
        /// The output of the last step.
        public let hidden: TorchTensor
        /// The memory.
        public let cell: TorchTensor

        /// Pairs an output with a memory.
        public init(hidden: TorchTensor, cell: TorchTensor) {
            self.hidden = hidden
            self.cell = cell
        }
    }

    /// Makes a network from so many features to so many.
    public init(
        _ inputs: Int, _ hidden: Int, layers: Int = 1, bidirectional: Bool = false, dropout: Double = 0
    ) throws(TorchError) {
        try super.init(
            gates: 4, inputs, hidden, layers: layers, bidirectional: bidirectional, dropout: dropout)
    }

    /// `[N, time, features]` to `[N, time, directions · hidden]`, with the state after the last step.
    public func callAsFunction(
        _ input: TorchTensor, from state: State? = nil
    ) throws(TorchError) -> (output: TorchTensor, state: State) {
        let start =
            if let state { state } else {
                State(hidden: try zeroState(for: input), cell: try zeroState(for: input))
            }
        var output: OpaquePointer?
        var hiddenAfter: OpaquePointer?
        var cellAfter: OpaquePointer?
        try perform("LSTM") {
            ctorch_lstm(
                input.handle, start.hidden.handle, start.cell.handle, handles, handles.count, true,
                Int32(layers),
                dropout, isTraining, bidirectional, true, &output, &hiddenAfter, &cellAfter, $0)
        }
        guard let output, let hiddenAfter, let cellAfter else {
            throw TorchError(.operation, "LSTM", "no result")
        }
        return (
            TorchTensor(owning: output),
            State(hidden: TorchTensor(owning: hiddenAfter), cell: TorchTensor(owning: cellAfter))
        )
    }
}

/// A gated recurrent unit; sequences are `[N, time, features]`.
///
/// Cho et al., 2014, arXiv:1406.1078, with the reset gate after the matrix product, as PyTorch and cuDNN have it;
/// gates in PyTorch's order (reset, update, new).
public final class GRU: Recurrent {
    /// Makes a network from so many features to so many.
    public init(
        _ inputs: Int, _ hidden: Int, layers: Int = 1, bidirectional: Bool = false, dropout: Double = 0
    ) throws(TorchError) {
        try super.init(
            gates: 3, inputs, hidden, layers: layers, bidirectional: bidirectional, dropout: dropout)
    }

    /// `[N, time, features]` to `[N, time, directions · hidden]`, with the state after the last step.
    ///
    /// A state is `[layers · directions, N, hidden]`, zeros if not given.
    public func callAsFunction(
        _ input: TorchTensor, from state: TorchTensor? = nil
    ) throws(TorchError) -> (output: TorchTensor, state: TorchTensor) {
        let start = if let state { state } else { try zeroState(for: input) }
        var output: OpaquePointer?
        var stateAfter: OpaquePointer?
        try perform("GRU") {
            ctorch_gru(
                input.handle, start.handle, handles, handles.count, true, Int32(layers), dropout, isTraining,
                bidirectional, true, &output, &stateAfter, $0)
        }
        guard let output, let stateAfter else { throw TorchError(.operation, "GRU", "no result") }
        return (TorchTensor(owning: output), TorchTensor(owning: stateAfter))
    }
}
