internal import Torch

/// The convolutions of VGG-19: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
/// Recognition", 2015, arXiv:1409.1556, table 1, column E.
///
/// Sixteen convolutions of 3 × 3 in blocks of 2, 2, 4, 4, 4, each followed by a rectifier, a pooling of 2 × 2 between blocks.
/// Weights are named as in torchvision (`features.0.weight`, …), so that its state dictionary without `classifier`
/// fits.
final class VGG19: Module {
    let features: [String: Conv2d]
    private let pooling: Pooling

    /// What lies between blocks.
    enum Pooling: String {
        /// As published.
        case maximum = "max"
        /// As Gatys et al., 2016, prefer for style transfer.
        case average
    }

    /// Every convolution: its name, the block, and its place among torchvision's layers.
    static let layers: [(name: String, block: Int, place: Int)] = {
        var layers: [(name: String, block: Int, place: Int)] = []
        var place = 0
        for (block, count) in [2, 2, 4, 4, 4].enumerated() {
            for number in 1...count {
                layers.append(("conv\(block + 1)_\(number)", block, place))
                place += 2
            }
            place += 1
        }
        return layers
    }()

    /// The network; `channels` are those of the first block, 64 as published.
    init(channels: Int = 64, pooling: Pooling = .maximum) throws {
        self.pooling = pooling
        var inputs = 3
        var features: [String: Conv2d] = [:]
        for layer in Self.layers {
            let outputs = channels * [1, 2, 4, 8, 8][layer.block]
            features["\(layer.place)"] = try Conv2d(inputs, outputs, kernel: [3], padding: .same)
            inputs = outputs
        }
        self.features = features
    }

    /// Draws weights that keep the size of what goes through (He et al., 2015), in the order of the layers.
    func drawWeights() throws {
        for layer in Self.layers {
            try features["\(layer.place)"]?.initialise { name, _ in
                name == "bias" ? .constant(0) : .kaimingNormal(slope: 0)
            }
        }
    }

    /// What the rectifiers behind some convolutions give.
    ///
    /// - Parameters:
    ///   - image: `[N, 3, height, width]`, at least 16 × 16.
    ///   - names: The convolutions, such as `conv5_1`; those behind the last of them are not computed.
    /// - Returns: By name, `[N, channels, height / 2^b, width / 2^b]`.
    /// - Throws: `TorchError`.
    func maps(of image: TorchTensor, _ names: Set<String>) throws -> [String: TorchTensor] {
        var maps: [String: TorchTensor] = [:]
        var (values, block) = (image, 0)
        for layer in Self.layers where maps.count < names.count {
            if layer.block != block {
                values =
                    try pooling == .maximum ? values.maxPooled([2, 2]) : values.averagePooled([2, 2])
                block = layer.block
            }
            guard let convolution = features["\(layer.place)"] else { continue }
            values = try convolution(values).relu()
            if names.contains(layer.name) { maps[layer.name] = values }
        }
        return maps
    }
}
