internal import Torch

/// A classifier of pieces by their rolls, convolved along time.
protocol ComposerNetwork: Module {
    /// What each convolution makes of rolls `[N, steps, columns]`: `[N, channels, steps]` each, in order.
    func maps(of roll: TorchTensor) throws -> [TorchTensor]
    /// Rolls `[N, steps, columns]` to logits `[N, classes]`.
    func callAsFunction(_ roll: TorchTensor) throws -> TorchTensor
}

/// The 1-D convolutional composer classifier of Volker and Paskova, "Music Neural Style Transfer", section 5.1.
///
/// Sizes as in the authors' saved models for three widths of input: convolutions that keep the length, of filters ×
/// width 128 × 32, 64 × 16, 16 × 4, 1 × 4 for two rolls and more, 64 × 32, 16 × 8, 1 × 4 for one roll; the last one's
/// output over time goes through dense layers of 256, 32, and twice the number of classes. ELU behind every layer, the
/// last one too. Codes are few, a row for 32 steps, so that the widths are 3, 3 and 1 there.
final class PublishedComposerNetwork: ComposerNetwork {
    let convolutions: [Conv1d]
    let dense: [Linear]

    /// The network for segments of so many steps and columns, with Keras's first weights.
    init(steps: Int, columns: Int, isSingle: Bool, classes: Int, seesCodes: Bool = false) throws {
        let sizes =
            seesCodes
            ? [(filters: 64, width: 3), (16, 3), (1, 1)]
            : isSingle
                ? [(filters: 64, width: 32), (16, 8), (1, 4)]
                : [(filters: 128, width: 32), (64, 16), (16, 4), (1, 4)]
        var inputs = columns
        convolutions = try sizes.map { filters, width in
            defer { inputs = filters }
            return try Conv1d(inputs, filters, kernel: width, padding: .same)
        }
        inputs = steps
        dense = try [256, 32, classes, classes].map { outputs in
            defer { inputs = outputs }
            return try Linear(inputs, outputs)
        }
        try initialise { name, _ in name.hasSuffix("bias") ? .constant(0) : .glorotUniform }
    }

    func maps(of roll: TorchTensor) throws -> [TorchTensor] {
        var maps: [TorchTensor] = []
        for convolution in convolutions {
            maps.append(try convolution(maps.last ?? roll.transposed(1, 2)).elu())
        }
        return maps
    }

    func callAsFunction(_ roll: TorchTensor) throws -> TorchTensor {
        var values = try maps(of: roll)[convolutions.count - 1].squeezed(1)
        for layer in dense { values = try layer(values).elu() }
        return values
    }
}

/// A deeper classifier, as the paper's section 7 asks for: eight convolutions of width 5 in four residual blocks, each
/// block behind the first on half the steps; the mean over time decides, so that it works for any length.
///
/// Of codes, a row for 32 steps, the width is 3 and no block halves the rows, since a segment has few.
///
/// Group normalisation (Wu and He, 2018, arXiv:1803.08494), since batches are small; pre-activation blocks (He et al.,
/// 2016, arXiv:1603.05027).
final class DeepComposerNetwork: ComposerNetwork {
    let entry: Conv1d
    let blocks: [ComposerBlock]
    let norm: GroupNorm
    let dropout: Dropout
    let output: Linear

    private let seesCodes: Bool

    static let widths = [64, 64, 128, 128]

    init(
        columns: Int, classes: Int, dropout: Double, widths: [Int] = DeepComposerNetwork.widths,
        seesCodes: Bool = false
    ) throws {
        self.seesCodes = seesCodes
        entry = try Conv1d(columns, widths[0], kernel: 1)
        var inputs = widths[0]
        blocks = try widths.map { width in
            defer { inputs = width }
            return try ComposerBlock(inputs, width, kernel: seesCodes ? 3 : 5)
        }
        norm = try GroupNorm(8, inputs)
        self.dropout = Dropout(dropout)
        output = try Linear(inputs, classes)
        try initialise { name, shape in
            shape.count == 3 ? .kaimingNormal(slope: 0) : name.hasSuffix("bias") ? .constant(0) : nil
        }
    }

    func maps(of roll: TorchTensor) throws -> [TorchTensor] {
        var maps: [TorchTensor] = []
        for (number, block) in blocks.enumerated() {
            let input = try maps.last ?? entry(roll.transposed(1, 2))
            // A length of 1 has no half.
            maps.append(
                try block(
                    number == 0 || seesCodes || input.shape[2] < 2 ? input : input.averagePooled([2])))
        }
        return maps
    }

    func callAsFunction(_ roll: TorchTensor) throws -> TorchTensor {
        let last = try maps(of: roll)[blocks.count - 1]
        return try output(dropout(norm(last).relu().mean([2])))
    }
}

/// Two convolutions around which the input is added.
final class ComposerBlock: Module {
    let norm1: GroupNorm
    let conv1: Conv1d
    let norm2: GroupNorm
    let conv2: Conv1d
    /// Brings the input to the output's channels, where these differ.
    let shortcut: Conv1d?

    init(_ inputs: Int, _ outputs: Int, kernel: Int = 5) throws {
        norm1 = try GroupNorm(8, inputs)
        conv1 = try Conv1d(inputs, outputs, kernel: kernel, padding: .same)
        norm2 = try GroupNorm(8, outputs)
        conv2 = try Conv1d(outputs, outputs, kernel: kernel, padding: .same)
        shortcut = inputs == outputs ? nil : try Conv1d(inputs, outputs, kernel: 1)
    }

    func callAsFunction(_ input: TorchTensor) throws -> TorchTensor {
        let inner = try conv2(norm2(conv1(norm1(input).relu())).relu())
        return try inner + (shortcut.map { try $0(input) } ?? input)
    }
}
