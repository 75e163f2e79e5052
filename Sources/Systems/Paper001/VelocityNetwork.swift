import Loading
internal import Torch

/// The velocity network of paper 001 for one style: three dilated convolutions with only normalisation
/// between them.
///
/// Widths 64, 32, 16 and dilations 1, 2, 4 see 186 steps. The authors put all 185 zeros in front, so that a step
/// sees only what was before it; they wished to have put them on both sides.
final class VelocityNetwork: Module {
    let conv1: Conv1d
    let norm1: BatchNorm
    let conv2: Conv1d
    let norm2: BatchNorm
    let conv3: Conv1d
    let norm3: BatchNorm
    private let before: Int
    private let scale: Double

    static let reach = 185

    /// The network from 59 columns, or 118 where onsets are behind what sounds, to 59.
    ///
    /// `isCausal` puts all zeros in front; `scale` is the velocity that an output of 1 means; `momentum` is the share
    /// of a batch in the running statistics.
    init(inputs: Int, columns: Int, isCausal: Bool, scale: Double, momentum: Double) throws {
        conv1 = try Conv1d(inputs, columns, kernel: 64)
        norm1 = try BatchNorm(columns, momentum: momentum, epsilon: 1e-3)
        conv2 = try Conv1d(columns, columns, kernel: 32, dilation: 2)
        norm2 = try BatchNorm(columns, momentum: momentum, epsilon: 1e-3)
        conv3 = try Conv1d(columns, columns, kernel: 16, dilation: 4)
        norm3 = try BatchNorm(columns, momentum: momentum, epsilon: 1e-3)
        before = isCausal ? Self.reach : Self.reach / 2
        self.scale = scale
        // The authors draw the biases too.
        try initialise { name, _ in
            switch name {
            // Begun at 0, half of the outputs lie below the rectifier's corner and never learn, and the others need
            // a thousand steps a velocity. So unless it is as published it begins at `scale`, give or take a quarter.
            case "norm3.weight" where scale != 1: .constant(0.25)
            case "norm3.bias" where scale != 1: .constant(1)
            default: name.hasPrefix("conv") ? .glorotTruncatedNormal : nil
            }
        }
    }

    /// Makes every output one velocity, whatever the input: training then can only depart from it.
    ///
    /// - Parameter velocity: 0 to 127; at 0 nothing changes, since a rectifier learns nothing there.
    /// - Throws: `TorchError`.
    func begin(at velocity: Double) throws {
        guard velocity > 0 else { return }
        for item in parameters {
            switch item.name {
            case "norm3.weight": try item.tensor.detach().fill(0)
            case "norm3.bias": try item.tensor.detach().fill(velocity / scale)
            default: break
            }
        }
    }

    /// Roll `[N, steps, inputs]` and onsets `[N, steps, columns]` to velocities `[N, steps, columns]`, 0 where no
    /// note begins.
    func callAsFunction(_ roll: TorchTensor, onsets: TorchTensor) throws -> TorchTensor {
        let padded = try roll.transposed(1, 2).padded([before, Self.reach - before])
        let velocities = try norm3(conv3(norm2(conv2(norm1(conv1(padded)))))).relu() * scale
        return try velocities.transposed(1, 2) * onsets
    }
}

/// A velocity network for each style, named `styles.<number>` in the order of the styles, and the discriminators
/// beside them, `judges.<number>`, if there are any.
final class VelocityNetworks: Module {
    let styles: [VelocityNetwork]
    let judges: [VelocityJudge]

    init(_ styles: [VelocityNetwork], judges: [VelocityJudge]) {
        (self.styles, self.judges) = (styles, judges)
    }
}
