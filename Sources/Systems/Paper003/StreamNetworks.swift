internal import Torch

/// The kind of a recurrent cell.
enum RecurrentCell: String {
    case gru
    case lstm
}

/// A GRU or an LSTM, under the name of its kind.
final class StreamRecurrence: Module {
    let gru: GRU?
    let lstm: LSTM?

    /// What a recurrence is in after a step: each tensor `[layers, N, hidden]`.
    struct State {
        let hidden: TorchTensor
        /// The memory of an LSTM; nil for a GRU.
        let cell: TorchTensor?
    }

    init(_ cell: RecurrentCell, _ inputs: Int, _ hidden: Int, layers: Int) throws {
        gru = cell == .gru ? try GRU(inputs, hidden, layers: layers) : nil
        lstm = cell == .lstm ? try LSTM(inputs, hidden, layers: layers) : nil
    }

    /// `[N, rows, inputs]` to `[N, rows, hidden]`, with the state after the last row.
    func callAsFunction(
        _ input: TorchTensor, from state: State? = nil
    ) throws -> (output: TorchTensor, state: State) {
        if let lstm {
            let start = state.flatMap { state in
                state.cell.map { LSTM.State(hidden: state.hidden, cell: $0) }
            }
            let (output, after) = try lstm(input, from: start)
            return (output, State(hidden: after.hidden, cell: after.cell))
        }
        guard let gru else { preconditionFailure("a recurrence has a GRU or an LSTM") }
        let (output, after) = try gru(input, from: state?.hidden)
        return (output, State(hidden: after, cell: nil))
    }
}

/// Reads the three streams of a segment into the mean and the variance of its latent vector.
///
/// A recurrence for each stream (two layers for pitches); their last outputs go through two dense tanh layers, of which
/// the first half gives the mean, the second the logarithm of the variance.
final class StreamEncoder: Module {
    let pitch: StreamRecurrence
    let velocity: StreamRecurrence
    let instrument: StreamRecurrence
    let joint: Linear
    let extra: Linear
    let mean: Linear
    let logVariance: Linear

    /// Rows of so many columns of pitches and of velocities; instruments of 17 columns.
    init(_ cell: RecurrentCell, pitches: Int, velocities: Int, hidden: Int, latent: Int) throws {
        pitch = try StreamRecurrence(cell, pitches, hidden, layers: 2)
        velocity = try StreamRecurrence(cell, velocities, hidden, layers: 1)
        instrument = try StreamRecurrence(cell, VoiceRolls.families, hidden, layers: 1)
        joint = try Linear(3 * hidden, hidden)
        extra = try Linear(hidden, hidden)
        mean = try Linear(hidden / 2, latent)
        logVariance = try Linear(hidden - hidden / 2, latent)
    }

    /// Rows `[N, rows, columns]` of each stream to mean and log variance, both `[N, latent]`.
    func callAsFunction(
        pitch: TorchTensor, velocity: TorchTensor, instrument: TorchTensor
    ) throws -> (mean: TorchTensor, logVariance: TorchTensor) {
        func last(_ network: StreamRecurrence, _ rows: TorchTensor) throws -> TorchTensor {
            try network(rows).output.selected(1, rows.shape[1] - 1)
        }
        let streams = try [
            last(self.pitch, pitch), last(self.velocity, velocity), last(self.instrument, instrument),
        ]
        let all = try extra(joint(.concatenated(streams, axis: 1)).tanh()).tanh()
        let half = all.shape[1] / 2
        return (
            try mean(all.narrowed(1, from: 0, count: half)),
            try logVariance(all.narrowed(1, from: half, count: all.shape[1] - half))
        )
    }
}

/// What a decoder sees of the row before.
enum DecoderInput: String {
    /// Zeros: the latent vector alone decides.
    case none
    /// The true row in training, in use the decoder's choice.
    case previous
    /// The decoder's own output, in training as in use: probabilities or velocities.
    case free
}

/// Writes one stream from a latent vector, row by row.
///
/// A dense tanh layer of the latent vector gives the first state of each recurrent layer (of an LSTM another gives its
/// memory); a dense layer gives the row.
final class StreamDecoder: Module {
    let start: [Linear]
    let memory: [Linear]
    let recurrence: StreamRecurrence
    let output: Linear
    /// The columns of a row that it sees.
    let width: Int

    init(
        _ cell: RecurrentCell, width: Int, outputs: Int? = nil, hidden: Int, latent: Int, layers: Int
    ) throws {
        self.width = width
        start = try (0..<layers).map { _ in try Linear(latent, hidden) }
        memory = cell == .lstm ? try (0..<layers).map { _ in try Linear(latent, hidden) } : []
        recurrence = try StreamRecurrence(cell, width, hidden, layers: layers)
        output = try Linear(hidden, outputs ?? width)
    }

    private func firstState(_ latent: TorchTensor) throws -> StreamRecurrence.State {
        func stacked(_ layers: [Linear]) throws -> TorchTensor {
            try .stacked(layers.map { try $0(latent).tanh() })
        }
        return StreamRecurrence.State(
            hidden: try stacked(start), cell: memory.isEmpty ? nil : try stacked(memory))
    }

    private func zeros(_ latent: TorchTensor, rows: Int) throws -> TorchTensor {
        try .zeros([latent.shape[0], rows, width], type: latent.type, on: latent.device)
    }

    /// Outputs `[N, rows, columns]`, each row after the true one before it, or after zeros where `target` is nil.
    func callAsFunction(_ latent: TorchTensor, rows: Int, after target: TorchTensor?) throws -> TorchTensor {
        let inputs: TorchTensor
        if let target {
            let before = try target.narrowed(1, from: 0, count: rows - 1)
            inputs = try .concatenated([zeros(latent, rows: 1), before], axis: 1)
        } else {
            inputs = try zeros(latent, rows: rows)
        }
        return try output(recurrence(inputs, from: firstState(latent)).output)
    }

    /// Outputs `[N, rows, columns]`, each row after what `feed` makes of the output `[N, 1, columns]` before it.
    func unrolled(
        _ latent: TorchTensor, rows: Int, feed: (TorchTensor) throws -> TorchTensor
    ) throws -> TorchTensor {
        var state = try firstState(latent)
        var input = try zeros(latent, rows: 1)
        var outputs: [TorchTensor] = []
        for row in 0..<rows {
            let (hidden, next) = try recurrence(input, from: state)
            outputs.append(try output(hidden))
            if row < rows - 1 { input = try feed(outputs[row]) }
            state = next
        }
        return try .concatenated(outputs, axis: 1)
    }
}
