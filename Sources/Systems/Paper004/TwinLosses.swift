internal import Torch

/// The losses of the twins.
enum TwinLosses {
    /// The mean of |a − b| over all cells: what equations 1 and 2 mean by bars.
    static func distance(_ first: TorchTensor, _ second: TorchTensor) throws -> TorchTensor {
        try (first - second).abs().mean()
    }

    /// Equation 4, the mean over the numbers of a code.
    static func divergence(_ code: TwinCode) throws -> TorchTensor {
        guard let logVariance = code.logVariance else { preconditionFailure("the code has no variance") }
        return try TorchTensor.gaussianDivergence(mean: code.content, logVariance: logVariance).mean()
    }

    /// Equation 5: a discriminator wants real segments 1 above the mean made one, and made ones 1 below the mean real
    /// one.
    static func discriminator(real: TorchTensor, made: TorchTensor) throws -> TorchTensor {
        try relativistic(above: real, below: made)
    }

    /// Equation 6: a coder wants the opposite.
    static func adversarial(real: TorchTensor, made: TorchTensor) throws -> TorchTensor {
        try relativistic(above: made, below: real)
    }

    /// Jolicoeur-Martineau, "The Relativistic Discriminator", 2018, arXiv:1807.00734, with squares.
    private static func relativistic(above: TorchTensor, below: TorchTensor) throws -> TorchTensor {
        let first = try (above - 1 - below.mean()).square().mean()
        let second = try (below + 1 - above.mean()).square().mean()
        return try (first + second) * 0.5
    }
}
