internal import Torch

/// Tells segments of a style from those that a coder made; `[N, 1, bands, frames]` to `[N, judgements]`.
protocol TwinDiscriminator: Module {
    func callAsFunction(_ mel: TorchTensor) throws -> TorchTensor
}

/// The published discriminator: two convolutions of 3 × 3 with 2 and 4 filters, behind each the largest of 4 × 4 cells, then
/// two dense layers.
///
/// The paper's equations 5 and 6 are of probabilities; in the author's code the sigmoid is never applied.
final class PublishedTwinDiscriminator: TwinDiscriminator {
    let convolutions: [Conv2d]
    let hidden: Linear
    let output: Linear
    private let isProbability: Bool

    init(bands: Int, frames: Int, isProbability: Bool) throws {
        self.isProbability = isProbability
        convolutions = try [(1, 2), (2, 4)].map { try Conv2d($0, $1, kernel: [3], padding: .same) }
        let cells = (bands / 4 / 4) * (frames / 4 / 4) * 4
        // The geometric mean of 1 and the number that the author estimates, which is not rounded at each pooling.
        let units = Int((Double(bands * frames) / 64).rounded().squareRoot().rounded())
        hidden = try Linear(cells, max(units, 1))
        output = try Linear(max(units, 1), 1)
    }

    func callAsFunction(_ mel: TorchTensor) throws -> TorchTensor {
        let maps = try convolutions.reduce(mel) { try $1($0).relu().maxPooled([4, 4]) }
        let logits = try output(hidden(maps.flattened(from: 1)).relu())
        return isProbability ? try logits.sigmoid() : logits
    }
}

/// What the paper's discussion points to: discriminators of patches at two scales, with spectral normalisation.
///
/// Wang et al., "High-Resolution Image Synthesis with Conditional GANs", 2018, arXiv:1711.11585, section 3.2; Miyato et al.,
/// 2018, arXiv:1802.05957. Probabilities, as the paper's equations have them.
final class MultiscaleTwinDiscriminator: TwinDiscriminator {
    let scales: [PatchDiscriminator]

    init(widths: [Int] = [16, 32, 64]) throws {
        scales = try (0..<2).map { _ in try PatchDiscriminator(widths: widths) }
    }

    func callAsFunction(_ mel: TorchTensor) throws -> TorchTensor {
        let results = try scales.enumerated().map { scale, network in
            try network(scale == 0 ? mel : mel.averagePooled([2, 2])).flattened(from: 1)
        }
        return try TorchTensor.concatenated(results, axis: 1).sigmoid()
    }
}

/// One scale: four convolutions of 4 × 4 with stride 2, leaky rectifiers, a logit for each patch.
final class PatchDiscriminator: Module {
    let convolutions: [SpectralNorm]
    let output: SpectralNorm

    init(widths: [Int]) throws {
        convolutions = try zip([1] + widths, widths).map {
            try SpectralNorm(Conv2d($0, $1, kernel: [4], stride: [2], padding: .by(1)))
        }
        output = try SpectralNorm(Conv2d(widths[widths.count - 1], 1, kernel: [3], padding: .same))
    }

    func callAsFunction(_ mel: TorchTensor) throws -> TorchTensor {
        try output(convolutions.reduce(mel) { try $1($0).leakyReLU(slope: 0.2) })
    }
}
