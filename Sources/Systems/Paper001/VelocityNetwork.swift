import Loading
internal import Torch

/// A network of one style's velocities.
protocol VelocityPredictor: Module {
    /// The steps around a note that its velocity depends on, on either side at most.
    var reach: Int { get }
    /// What rolls sound and where notes begin, `[N, steps, columns]` of 0 and 1 each, to velocities of the same shape, 0
    /// where no note begins.
    func callAsFunction(_ sounding: TorchTensor, onsets: TorchTensor) throws -> TorchTensor
    /// Whether it begins at what the train split has of the style.
    var needsStatistics: Bool { get }
    /// Begins there.
    func begin(with statistics: VelocityStatistics) throws
}

/// What is known of the notes of a style before the training.
struct VelocityStatistics {
    /// Their mean velocity; 0 without notes.
    let velocity: Double
    /// Means and deviations of what describes them, `[111]` each; nil where they were not asked for.
    let features: (mean: TorchTensor, deviation: TorchTensor)?
}

/// The velocity network of paper 001 for one style: three dilated convolutions with only normalisation
/// between them.
///
/// Widths 64, 32, 16 and dilations 1, 2, 4 see 186 steps. The authors put all 185 zeros in front, so that a step
/// sees only what was before it; they wished to have put them on both sides.
final class VelocityNetwork: VelocityPredictor {
    let conv1: Conv1d
    let norm1: BatchNorm
    let conv2: Conv1d
    let norm2: BatchNorm
    let conv3: Conv1d
    let norm3: BatchNorm
    private let before: Int
    private let scale: Double

    private static let padding = 185
    let reach = VelocityNetwork.padding
    private let seesOnsets: Bool
    private let startsAtMean: Bool
    var needsStatistics: Bool { startsAtMean }

    /// The network from 59 columns, or 118 where it also sees onsets, to 59.
    ///
    /// `isCausal` puts all zeros in front; `scale` is the velocity that an output of 1 means; `momentum` is the share
    /// of a batch in the running statistics; `startsAtMean`: it begins at the mean velocity of the style.
    init(
        columns: Int, seesOnsets: Bool, isCausal: Bool, scale: Double, momentum: Double,
        startsAtMean: Bool = false
    ) throws {
        self.seesOnsets = seesOnsets
        self.startsAtMean = startsAtMean
        conv1 = try Conv1d(columns * (seesOnsets ? 2 : 1), columns, kernel: 64)
        norm1 = try BatchNorm(columns, momentum: momentum, epsilon: 1e-3)
        conv2 = try Conv1d(columns, columns, kernel: 32, dilation: 2)
        norm2 = try BatchNorm(columns, momentum: momentum, epsilon: 1e-3)
        conv3 = try Conv1d(columns, columns, kernel: 16, dilation: 4)
        norm3 = try BatchNorm(columns, momentum: momentum, epsilon: 1e-3)
        before = isCausal ? Self.padding : Self.padding / 2
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

    /// Makes every output the mean velocity, whatever the input, if it is to start there: training then can only depart
    /// from it.
    func begin(with statistics: VelocityStatistics) throws {
        // At 0 a rectifier learns nothing.
        guard startsAtMean, statistics.velocity > 0 else { return }
        for item in parameters {
            switch item.name {
            case "norm3.weight": try item.tensor.detach().fill(0)
            case "norm3.bias": try item.tensor.detach().fill(statistics.velocity / scale)
            default: break
            }
        }
    }

    func callAsFunction(_ sounding: TorchTensor, onsets: TorchTensor) throws -> TorchTensor {
        try self(
            roll: seesOnsets ? .concatenated([sounding, onsets], axis: 2) : sounding, onsets: onsets)
    }

    /// Roll `[N, steps, columns or twice as many]` and onsets `[N, steps, columns]` to velocities.
    func callAsFunction(roll: TorchTensor, onsets: TorchTensor) throws -> TorchTensor {
        let padded = try roll.transposed(1, 2).padded([before, Self.padding - before])
        let velocities = try norm3(conv3(norm2(conv2(norm1(conv1(padded)))))).relu() * scale
        return try velocities.transposed(1, 2) * onsets
    }
}

/// A velocity network for each style, named `styles.<number>` in the order of the styles, and the discriminators
/// beside them, `judges.<number>`, if there are any.
final class VelocityNetworks: Module {
    let styles: [any VelocityPredictor]
    let judges: [RollDiscriminator]

    init(_ styles: [any VelocityPredictor], judges: [RollDiscriminator]) {
        (self.styles, self.judges) = (styles, judges)
    }
}
