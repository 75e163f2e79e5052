import Loading
internal import Torch

/// The genre classifier of paper 001, with the 50-unit layer whose output is a segment's feature.
///
/// Li and Zhang, Dilated CNN and LSTM for music style transfer; sizes as in the authors' saved model: convolutions of
/// 4 filters (width 32, dilation 4, same) and 16 (width 16, dilation 2, valid), each followed by mean pooling
/// (4, 2), batch normalisation and a rectifier; 50 sigmoid units; dropout; one logit.
final class GenreNetwork: Module {
    static let featureCount = 50

    let conv1: Conv1d
    let norm1: BatchNorm
    let conv2: Conv1d
    let norm2: BatchNorm
    let features: Linear
    let dropout: Dropout
    let output: Linear

    /// The network for segments of so many steps and columns, with Keras's first weights; `momentum` is the share of
    /// a batch in the running statistics.
    init(steps: Int, columns: Int, dropout: Double = 0.5, momentum: Double) throws {
        conv1 = try Conv1d(columns, 4, kernel: 32, padding: .same, dilation: 4)
        // Keras's epsilon.
        norm1 = try BatchNorm(4, momentum: momentum, epsilon: 1e-3)
        conv2 = try Conv1d(4, 16, kernel: 16, dilation: 2)
        norm2 = try BatchNorm(16, momentum: momentum, epsilon: 1e-3)
        features = try Linear(16 * Self.flatLength(steps), Self.featureCount)
        self.dropout = Dropout(dropout)
        output = try Linear(Self.featureCount, 1)
        try initialise { name, shape in
            name.hasPrefix("norm") ? nil : name.hasSuffix("bias") ? .constant(0) : .glorotUniform
        }
    }

    /// The time axis after both convolutions and poolings.
    static func flatLength(_ steps: Int) -> Int { (steps / 4 - 2 * 15) / 2 }

    /// `[N, steps, columns]` to the feature `[N, 50]`, in (0, 1).
    func feature(_ roll: TorchTensor) throws -> TorchTensor {
        let first = try norm1(conv1(roll.transposed(1, 2)).averagePooled([4])).relu()
        let second = try norm2(conv2(first).averagePooled([2])).relu()
        return try features(second.flattened(from: 1)).sigmoid()
    }

    /// `[N, steps, columns]` to a logit for the second style `[N]`.
    func callAsFunction(_ roll: TorchTensor) throws -> TorchTensor {
        try output(dropout(feature(roll))).squeezed(1)
    }
}
