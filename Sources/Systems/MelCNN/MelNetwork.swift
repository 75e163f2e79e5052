internal import Torch

/// A small classifier of mel spectrograms of any size.
///
/// Blocks of a 3 × 3 convolution, batch normalisation and a rectifier, of 16, 32, 64 and 128 channels; behind
/// each but the last the largest of 2 × 2 cells. The mean and the maximum of each channel over all cells decide,
/// as in the pooling of Pons and Serra, "musicnn", 2019, arXiv:1909.06654, section 2. Some 98,000 weights.
final class MelNetwork: Module {
    let blocks: [MelBlock]
    let dropout: Dropout
    let output: Linear

    static let widths = [16, 32, 64, 128]

    /// The network for so many classes, in channels-last format.
    init(classes: Int, dropout: Double, widths: [Int] = MelNetwork.widths) throws {
        var inputs = 1
        blocks = try widths.map { width in
            defer { inputs = width }
            return try MelBlock(inputs, width)
        }
        self.dropout = Dropout(dropout)
        output = try Linear(2 * inputs, classes)
        try initialise { name, shape in
            shape.count == 4 ? .kaimingNormal(slope: 0) : name == "output.bias" ? .constant(0) : nil
        }
        try lay(out: .channelsLast)
    }

    /// Mel spectrograms `[N, bands, frames]` to logits `[N, classes]`.
    func callAsFunction(_ mel: TorchTensor) throws -> TorchTensor {
        guard let values = try maps(of: mel).last else { preconditionFailure("a network without blocks") }
        let pooled = try TorchTensor.concatenated([values.mean([2, 3]), values.largest([2, 3])], axis: 1)
        return try output(dropout(pooled))
    }

    /// What each block makes of mel spectrograms `[N, bands, frames]`: `[N, channels, bands / 2^b, frames / 2^b]`.
    func maps(of mel: TorchTensor) throws -> [TorchTensor] {
        var values = try mel.unsqueezed(1)
        return try blocks.enumerated().map { place, block in
            // An axis of one cell has no half.
            let window = values.shape[2...].map { min($0, 2) }
            if place > 0 { values = try values.maxPooled(window) }
            values = try block(values)
            return values
        }
    }
}

/// A convolution with its normalisation and rectifier.
final class MelBlock: Module {
    /// Without a bias, which the normalisation would subtract.
    let conv: Conv2d
    let norm: BatchNorm

    init(_ inputs: Int, _ outputs: Int) throws {
        conv = try Conv2d(inputs, outputs, kernel: [3, 3], padding: .same, bias: false)
        norm = try BatchNorm(outputs)
    }

    func callAsFunction(_ input: TorchTensor) throws -> TorchTensor { try norm(conv(input)).relu() }
}
