internal import Torch

/// The sizes of a mel spectrogram through the levels of an encoder: each level has half of the bands and frames of the
/// one before, rounded up.
struct TwinSizes: Hashable {
    /// Bands and frames, from the spectrogram's to the code's.
    let levels: [[Int]]

    /// The sizes for a spectrogram of so many bands and frames, halved so often.
    init(bands: Int, frames: Int, halvings: Int) {
        var levels = [[bands, frames]]
        for _ in 0..<halvings { levels.append(levels[levels.count - 1].map { ($0 + 1) / 2 }) }
        self.levels = levels
    }

    /// Bands and frames of a code.
    var code: [Int] { levels[levels.count - 1] }
    /// Bands and frames of a spectrogram.
    var mel: [Int] { levels[0] }
}

extension TorchTensor {
    /// Zeros behind the bands and frames of maps `[N, C, bands, frames]` up to these numbers of them.
    func filledUp(to lengths: [Int]) throws -> TorchTensor {
        let missing = [lengths[1] - shape[3], lengths[0] - shape[2]]
        guard missing != [0, 0] else { return self }
        return try padded([0, missing[0], 0, missing[1]])
    }

    /// The first bands and frames of maps `[N, C, bands, frames]`.
    func cropped(to lengths: [Int]) throws -> TorchTensor {
        try narrowed(2, from: 0, count: lengths[0]).narrowed(3, from: 0, count: lengths[1])
    }
}

/// Four convolutions of 5 × 5 with a ReLU behind each; the first one's output is added to the last one's.
///
/// The paper's section 3.1; sizes, ReLUs and the sum are those of the author's code.
final class TwinBlock: Module {
    let convolutions: [Convolution]

    init(_ inputs: Int, _ outputs: Int, isTransposed: Bool = false) throws {
        convolutions = try (0..<4).map { place in
            let inputs = place == 0 ? inputs : outputs
            return isTransposed
                ? try ConvTranspose2d(inputs, outputs, kernel: [5], padding: [2])
                : try Conv2d(inputs, outputs, kernel: [5], padding: .same)
        }
    }

    func callAsFunction(_ input: TorchTensor) throws -> TorchTensor {
        let first = try convolutions[0](input).relu()
        return try convolutions.dropFirst().reduce(first) { try $1($0).relu() } + first
    }
}

/// Two convolutions of 3 × 3 around which the input is added: He et al., "Identity Mappings in Deep Residual Networks",
/// 2016, arXiv:1603.05027, without normalisation, which would take the level of a segment away.
final class TwinResidual: Module {
    let conv1: Conv2d
    let conv2: Conv2d

    init(_ channels: Int) throws {
        conv1 = try Conv2d(channels, channels, kernel: [3], padding: .same)
        conv2 = try Conv2d(channels, channels, kernel: [3], padding: .same)
    }

    func callAsFunction(_ input: TorchTensor) throws -> TorchTensor {
        try conv2(conv1(input.relu()).relu()) + input
    }
}

/// From mel spectrograms to maps of a quarter of the bands and frames.
protocol TwinEncoder: Module {
    /// `[N, 1, bands, frames]` to `[N, channels, bands / 4, frames / 4]`, rounded up.
    func callAsFunction(_ mel: TorchTensor) throws -> TorchTensor
}

/// From maps back to mel spectrograms, of at least 0.
protocol TwinDecoder: Module {
    /// `[N, channels, bands / 4, frames / 4]` to `[N, 1, bands, frames]`.
    func callAsFunction(_ code: TorchTensor) throws -> TorchTensor
}

/// The published encoder: blocks of 2 and 4 filters, each followed by the means of 2 × 2 cells, then a block of 4.
final class PublishedTwinEncoder: TwinEncoder {
    let blocks: [TwinBlock]
    /// Gives values of both signs, where the code's are those of a distribution; nil: they are at least 0, as published.
    let output: Conv2d?
    private let sizes: TwinSizes

    static let filters = [2, 4]

    init(_ sizes: TwinSizes, isSigned: Bool) throws {
        self.sizes = sizes
        let channels = [1] + Self.filters + [4]
        blocks = try zip(channels, channels.dropFirst()).map { try TwinBlock($0, $1) }
        output = isSigned ? try Conv2d(4, 4, kernel: [1]) : nil
    }

    func callAsFunction(_ mel: TorchTensor) throws -> TorchTensor {
        var values = mel
        for (level, block) in blocks.enumerated() {
            values = try block(values)
            guard level + 1 < sizes.levels.count else { break }
            values = try values.filledUp(to: sizes.levels[level + 1].map { 2 * $0 }).averagePooled([2, 2])
        }
        return try output.map { try $0(values) } ?? values
    }
}

/// The published decoder: twice, each cell is repeated to 2 × 2, and a block of transposed convolutions follows, of 2
/// filters and of 1.
final class PublishedTwinDecoder: TwinDecoder {
    let blocks: [TwinBlock]
    private let sizes: TwinSizes

    init(_ sizes: TwinSizes) throws {
        self.sizes = sizes
        blocks = [try TwinBlock(4, 2, isTransposed: true), try TwinBlock(2, 1, isTransposed: true)]
    }

    func callAsFunction(_ code: TorchTensor) throws -> TorchTensor {
        var values = code
        for (place, block) in blocks.enumerated() {
            values = try block(
                values.upsampled(by: 2).cropped(to: sizes.levels[sizes.levels.count - 2 - place]))
        }
        return values
    }
}

/// A larger encoder, which the paper's discussion asks for: one convolution takes each patch of 4 × 4 cells to
/// `width` channels, residual blocks work on these, and the code has as many channels as the published one.
final class PatchTwinEncoder: TwinEncoder {
    let entry: Conv2d
    let blocks: [TwinResidual]
    let output: Conv2d
    private let sizes: TwinSizes

    init(_ sizes: TwinSizes, width: Int, blocks: Int) throws {
        self.sizes = sizes
        entry = try Conv2d(1, width, kernel: [4], stride: [4])
        self.blocks = try (0..<blocks).map { _ in try TwinResidual(width) }
        output = try Conv2d(width, 4, kernel: [1])
    }

    func callAsFunction(_ mel: TorchTensor) throws -> TorchTensor {
        let patches = try entry(mel.filledUp(to: sizes.code.map { 4 * $0 }))
        return try output(blocks.reduce(patches) { try $1($0) }.relu())
    }
}

/// The decoder beside it.
final class PatchTwinDecoder: TwinDecoder {
    let entry: Conv2d
    let blocks: [TwinResidual]
    let output: ConvTranspose2d
    private let sizes: TwinSizes

    init(_ sizes: TwinSizes, width: Int, blocks: Int) throws {
        self.sizes = sizes
        entry = try Conv2d(4, width, kernel: [1])
        self.blocks = try (0..<blocks).map { _ in try TwinResidual(width) }
        output = try ConvTranspose2d(width, 1, kernel: [4], stride: [4])
    }

    func callAsFunction(_ code: TorchTensor) throws -> TorchTensor {
        let values = try blocks.reduce(try entry(code)) { try $1($0) }.relu()
        // A normalised mel spectrogram is never negative.
        return try output(values).cropped(to: sizes.mel).relu()
    }
}
