internal import Torch

/// The discriminator that paper 001 would put beside its generator: it tells played velocities from
/// predicted ones.
///
/// Convolutions of width 7, dilated by 1, 2 and 4, over velocities and onsets, so that each step is seen with the 43
/// around it; leaky rectifiers; nothing that mixes the examples of a batch.
final class RollDiscriminator: Module {
    static let filters = 32

    let conv1: Conv1d
    let conv2: Conv1d
    let conv3: Conv1d
    let output: Conv1d

    private let largest: Double

    /// A discriminator of values up to `largest`, in so many columns.
    init(columns: Int, largest: Double = 127) throws {
        self.largest = largest
        conv1 = try Conv1d(2 * columns, Self.filters, kernel: 7, padding: .same)
        conv2 = try Conv1d(Self.filters, Self.filters, kernel: 7, padding: .same, dilation: 2)
        conv3 = try Conv1d(Self.filters, Self.filters, kernel: 7, padding: .same, dilation: 4)
        output = try Conv1d(Self.filters, 1, kernel: 1)
    }

    /// Velocities 0 to 127 and onsets, both `[N, steps, columns]`, to a logit for each step `[N, 1, steps]`.
    func callAsFunction(_ velocities: TorchTensor, onsets: TorchTensor) throws -> TorchTensor {
        let seen = try TorchTensor.concatenated([velocities * (1 / largest), onsets], axis: 2).transposed(
            1, 2)
        let first = try conv1(seen).leakyReLU(slope: 0.2)
        let second = try conv2(first).leakyReLU(slope: 0.2)
        return try output(conv3(second).leakyReLU(slope: 0.2))
    }
}

/// A discriminator and its optimiser.
///
/// Goodfellow et al., Generative Adversarial Nets, 2014, arXiv:1406.2661: the discriminator's loss of equation 1, the
/// generator's in the form that does not saturate.
struct Adversary {
    let discriminator: RollDiscriminator
    let adam: Adam

    /// Lets the discriminator learn to tell real values from predicted ones; its loss.
    func learn(
        real: TorchTensor, predicted: TorchTensor, onsets: TorchTensor,
        update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> TorchTensor {
        try adam.clearGradients()
        let ofReal = try discriminator(real, onsets: onsets)
        let ofPredicted = try discriminator(predicted.detach(), onsets: onsets)
        let loss =
            try ofReal.binaryCrossEntropyWithLogits(ofReal.detach().fullLike(1))
            + ofPredicted.binaryCrossEntropyWithLogits(ofPredicted.detach().fullLike(0))
        try loss.backward()
        try update(adam, loss)
        return try loss.detach()
    }

    /// The adversarial loss of predictions: small where they are taken for real.
    func adversarialLoss(_ predicted: TorchTensor, onsets: TorchTensor) throws -> TorchTensor {
        let logits = try discriminator(predicted, onsets: onsets)
        return try logits.binaryCrossEntropyWithLogits(logits.detach().fullLike(1))
    }
}
