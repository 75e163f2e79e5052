internal import Torch

/// The hierarchical variational autoencoder that paper 000 describes in sections 2.2 and 5.2.
///
/// Volker and Paskova, after Roberts et al., "A Hierarchical Latent Vector Model for Learning Long-Term Structure in
/// Music", 2018, arXiv:1803.05428. Two bidirectional LSTM layers read a roll; their last states give a mean and, by a
/// softplus, a standard deviation (equation 3). The code begins a conductor LSTM through a dense layer and tanh, and is
/// its input at every step; each of its outputs begins the decoder LSTM, through another such layer, for one
/// subsequence of the roll, and is its input at each of the subsequence's steps. A dense layer gives a logit for each
/// cell. The decoder never sees the roll, so that whatever it draws comes from the code.
final class VAENetwork: Module {
    /// The sizes of a network.
    struct Sizes {
        /// The steps of a roll, and the subsequences that it is decoded in.
        var steps = 32
        var parts = 4
        /// The cells of a step.
        var columns = 128
        /// The numbers of a code.
        var latents = 64
        /// The state of each direction of the encoder, of the conductor and of the decoder.
        var encoder = 128
        var conductor = 128
        var decoder = 128
    }

    let encoder: LSTM
    let mean: Linear
    let spread: Linear
    let start: Linear
    let conductor: LSTM
    let begin: Linear
    let decoder: LSTM
    let output: Linear
    /// The share of each column's cells that are 1 in the train split: `[columns]`; not trained.
    let marginal: TorchTensor
    private let steps: Int
    private let parts: Int

    /// A network with PyTorch's first weights.
    ///
    /// - Precondition: the steps are a multiple of the parts.
    init(_ sizes: Sizes) throws {
        precondition(sizes.steps % sizes.parts == 0, "\(sizes.steps) steps in \(sizes.parts) parts")
        (steps, parts) = (sizes.steps, sizes.parts)
        encoder = try LSTM(sizes.columns, sizes.encoder, layers: 2, bidirectional: true)
        mean = try Linear(2 * sizes.encoder, sizes.latents)
        spread = try Linear(2 * sizes.encoder, sizes.latents)
        start = try Linear(sizes.latents, 2 * sizes.conductor)
        conductor = try LSTM(sizes.latents, sizes.conductor)
        begin = try Linear(sizes.conductor, 2 * sizes.decoder)
        decoder = try LSTM(sizes.conductor, sizes.decoder)
        output = try Linear(sizes.decoder, sizes.columns)
        marginal = try TorchTensor.full(0.5, [sizes.columns])
    }

    var ownParameters: [NamedParameter] { [] }
    var ownBuffers: [NamedParameter] { [NamedParameter("marginal", marginal)] }

    /// Rolls `[N, steps, columns]` to the mean and the standard deviation of their codes, both `[N, latents]`.
    func posterior(_ roll: TorchTensor) throws -> (mean: TorchTensor, deviation: TorchTensor) {
        let hidden = try encoder(roll).state.hidden
        // The states behind the last layer: that of the forward direction, then that of the backward one.
        let last = try TorchTensor.concatenated(
            [hidden.selected(0, hidden.shape[0] - 2), hidden.selected(0, hidden.shape[0] - 1)], axis: 1)
        return (try mean(last), try spread(last).softplus())
    }

    /// Rolls `[N, steps, columns]` to their codes, the posterior's means: `[N, latents]`.
    func encode(_ roll: TorchTensor) throws -> TorchTensor { try posterior(roll).mean }

    /// Codes `[N, latents]` to logits `[N, steps, columns]`.
    func decode(_ code: TorchTensor) throws -> TorchTensor {
        let count = code.shape[0]
        let embeddings = try conductor(
            code.unsqueezed(1).expanded([-1, parts, -1]), from: Self.state(start(code))
        ).output.reshaped([count * parts, conductor.hidden])
        let hidden = try decoder(
            embeddings.unsqueezed(1).expanded([-1, steps / parts, -1]), from: Self.state(begin(embeddings))
        ).output
        return try output(hidden).reshaped([count, steps, -1])
    }

    /// The first state of an LSTM from a dense layer's output `[N, 2 · hidden]`.
    private static func state(_ values: TorchTensor) throws -> LSTM.State {
        let half = values.shape[1] / 2
        let parts = try values.tanh().split(1, into: [half, half]).map { try $0.unsqueezed(0).contiguous() }
        return LSTM.State(hidden: parts[0], cell: parts[1])
    }
}

/// The evidence lower bound's two parts, and what training makes of them.
struct VAELoss {
    /// What the divergence counts, where the reconstruction counts 1: β of equation 2.
    let beta: Double
    /// Nats of each dimension that cost nothing more to spend: Kingma et al., "Improved Variational Inference with
    /// Inverse Autoregressive Flow", 2016, arXiv:1606.04934, equation 15 with a group for each dimension.
    let freeBits: Double
    /// The share of the training over which `beta` rises from 0: Bowman et al., "Generating Sentences from a Continuous
    /// Space", 2016, arXiv:1511.06349, section 3.1, here linearly; 0: at once.
    let annealing: Double

    /// The weight of the divergence after a share of the training, 0 to 1.
    func weight(at share: Double) -> Double {
        annealing > 0 ? beta * min(1, share / annealing) : beta
    }

    /// The divergence of each dimension from the standard normal distribution, in nats: `[N, latents]`.
    static func divergence(mean: TorchTensor, deviation: TorchTensor) throws -> TorchTensor {
        try (mean.square() + deviation.square() - 1) * 0.5 - deviation.log()
    }

    /// The divergence that is charged: of each dimension the mean over the examples, but at least the free bits.
    func charged(_ divergence: TorchTensor) throws -> TorchTensor {
        try divergence.mean([0]).clamped(low: freeBits).sum()
    }

    /// The parts of the loss of logits and rolls `[N, steps, columns]`: nats of the mean example, and their weighted sum
    /// over the number of cells.
    func parts(
        _ logits: TorchTensor, _ roll: TorchTensor, mean: TorchTensor, deviation: TorchTensor,
        at share: Double
    ) throws -> (loss: TorchTensor, reconstruction: TorchTensor, divergence: TorchTensor) {
        let cost =
            try logits.binaryCrossEntropyWithLogits(roll, reduction: .sum) * (1 / Double(roll.shape[0]))
        let penalty = try charged(Self.divergence(mean: mean, deviation: deviation))
        let cells = Double(roll.shape[1] * roll.shape[2])
        return (try (cost + penalty * weight(at: share)) * (1 / cells), cost, penalty)
    }
}
