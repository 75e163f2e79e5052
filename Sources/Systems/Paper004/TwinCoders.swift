internal import Torch

/// What an encoder makes of segments: maps, and what belongs to them in some systems.
struct TwinCode {
    /// `[N, 4, bands / 4, frames / 4]`: the code, its mean, or its content.
    var content: TorchTensor
    /// The logarithm of the code's variance, of the same shape; nil where a code is not drawn.
    var logVariance: TorchTensor?
    /// The style: maps of the same shape, or `[N, numbers]`; nil where a code is not divided.
    var style: TorchTensor?

    /// A code without what autograd knows of it.
    func detached() throws -> TwinCode {
        TwinCode(
            content: try content.detach(), logVariance: try logVariance?.detach(),
            style: try style?.detach())
    }
}

/// The autoencoder of one style.
protocol TwinCoder: Module {
    /// Mel spectrograms `[N, 1, bands, frames]` to codes.
    func encode(_ mel: TorchTensor) throws -> TwinCode
    /// Content `[N, 4, …]`, with a style where codes have one, to mel spectrograms `[N, 1, bands, frames]`.
    func decode(_ content: TorchTensor, style: TorchTensor?) throws -> TorchTensor
}

/// What a coder is made of.
struct TwinParts {
    /// The networks of a coder.
    enum Network: String {
        /// The author's, of some thousand weights.
        case published
        /// Of patches, with some ten or hundred thousand.
        case patches
    }

    var network = Network.published
    let sizes: TwinSizes
    /// Channels and residual blocks of the network of patches.
    var width = 32
    var blocks = 2

    func encoder(isSigned: Bool) throws -> any TwinEncoder {
        network == .published
            ? try PublishedTwinEncoder(sizes, isSigned: isSigned)
            : try PatchTwinEncoder(sizes, width: width, blocks: blocks)
    }

    func decoder() throws -> any TwinDecoder {
        network == .published
            ? try PublishedTwinDecoder(sizes) : try PatchTwinDecoder(sizes, width: width, blocks: blocks)
    }
}

/// A plain autoencoder: the paper's section 3.1.
final class PlainTwinCoder: TwinCoder {
    let encoder: any TwinEncoder
    let decoder: any TwinDecoder

    init(_ parts: TwinParts) throws {
        encoder = try parts.encoder(isSigned: false)
        decoder = try parts.decoder()
    }

    func encode(_ mel: TorchTensor) throws -> TwinCode { TwinCode(content: try encoder(mel)) }

    func decode(_ content: TorchTensor, style: TorchTensor?) throws -> TorchTensor { try decoder(content) }
}

/// A variational autoencoder: the paper's section 3.2.
///
/// One encoder gives the mean, another the logarithm of the variance. In the author's code both end in a ReLU, so that neither is ever negative.
final class VariationalTwinCoder: TwinCoder {
    let mean: any TwinEncoder
    let variance: any TwinEncoder
    let decoder: any TwinDecoder

    init(_ parts: TwinParts, isSigned: Bool) throws {
        mean = try parts.encoder(isSigned: isSigned)
        variance = try parts.encoder(isSigned: isSigned)
        decoder = try parts.decoder()
    }

    func encode(_ mel: TorchTensor) throws -> TwinCode {
        TwinCode(content: try mean(mel), logVariance: try variance(mel))
    }

    func decode(_ content: TorchTensor, style: TorchTensor?) throws -> TorchTensor { try decoder(content) }
}

/// An autoencoder with adaptive instance normalisation: the paper's section 3.3.
///
/// Content and style have an encoder each; content is brought to the mean and deviation that the channels of the style have (equation 7).
final class StyleTwinCoder: TwinCoder {
    let content: any TwinEncoder
    let style: any TwinEncoder
    let decoder: any TwinDecoder

    init(_ parts: TwinParts) throws {
        content = try parts.encoder(isSigned: false)
        style = try parts.encoder(isSigned: false)
        decoder = try parts.decoder()
    }

    func encode(_ mel: TorchTensor) throws -> TwinCode {
        TwinCode(content: try content(mel), style: try style(mel))
    }

    func decode(_ content: TorchTensor, style: TorchTensor?) throws -> TorchTensor {
        guard let style else { preconditionFailure("a style is decoded with its content") }
        return try decoder(content.adaptiveInstanceNormalised(toStyle: style, epsilon: Self.epsilon))
    }

    /// Keras's.
    static let epsilon = 1e-7
}

/// An autoencoder whose style is a few numbers: the paper's section 3.4.
///
/// After Huang et al., "Multimodal Unsupervised Image-to-Image Translation", 2018, arXiv:1804.04732. A convolution and the mean over all cells reduce the style's maps;
/// a perceptron makes scale and shift of the content's channels of it.
final class MultimodalTwinCoder: TwinCoder {
    let content: any TwinEncoder
    let style: any TwinEncoder
    let reduction: Conv2d
    let hidden: Linear
    let output: Linear
    let decoder: any TwinDecoder
    /// The author's normalisation by running statistics, `[channels]` each; nil: that of each example, as in the paper.
    let running: RunningStatistics?
    private let isSigned: Bool

    init(_ parts: TwinParts, style numbers: Int, asPublished: Bool) throws {
        content = try parts.encoder(isSigned: false)
        style = try parts.encoder(isSigned: false)
        // A small code has fewer than 5 × 5 cells.
        reduction = try Conv2d(4, numbers, kernel: parts.sizes.code.map { min(5, $0) })
        hidden = try Linear(numbers, 4)
        output = try Linear(4, 8)
        decoder = try parts.decoder()
        running = asPublished ? try RunningStatistics(4) : nil
        isSigned = !asPublished
    }

    func encode(_ mel: TorchTensor) throws -> TwinCode {
        let reduced = try reduction(style(mel))
        // A style is drawn from a normal distribution, so that one that is read must have both signs.
        return TwinCode(
            content: try content(mel), style: try (isSigned ? reduced : reduced.relu()).mean([2, 3]))
    }

    func decode(_ content: TorchTensor, style: TorchTensor?) throws -> TorchTensor {
        guard let style else { preconditionFailure("a style is decoded with its content") }
        let numbers = try output(hidden(style).relu())
        let shift = try numbers.narrowed(1, from: 0, count: 4)
        let scale = try numbers.narrowed(1, from: 4, count: 4)
        guard let running else {
            return try decoder(content.adaptiveInstanceNormalised(scale: scale, shift: shift))
        }
        let normalised = try running(content)
        return try decoder(
            normalised * scale.reshaped([-1, 4, 1, 1]) + shift.reshaped([-1, 4, 1, 1]))
    }
}

/// The normalisation of the author's code: by means and deviations that move with each batch, and which the batch is
/// normalised by only after it has moved them.
final class RunningStatistics: ModeDependent {
    private let mean: TorchTensor
    private let deviation: TorchTensor
    var isTraining = true

    private static let (momentum, epsilon) = (0.1, 1e-5)

    init(_ channels: Int) throws {
        mean = try .zeros([1, channels, 1, 1])
        deviation = try .ones([1, channels, 1, 1])
    }

    var ownParameters: [NamedParameter] { [] }
    var ownBuffers: [NamedParameter] { [.init("mean", mean), .init("deviation", deviation)] }

    func callAsFunction(_ maps: TorchTensor) throws -> TorchTensor {
        if isTraining {
            try withoutGradients {
                let share = Self.momentum
                let spread = try maps.variance([0, 2, 3], correction: 0, keep: true).sqrt()
                try mean.assign(mean * (1 - share) + maps.mean([0, 2, 3], keep: true) * share)
                try deviation.assign(deviation * (1 - share) + spread * share)
            }
        }
        return try (maps - mean.clone()) / (deviation.clone() + Self.epsilon)
    }
}
