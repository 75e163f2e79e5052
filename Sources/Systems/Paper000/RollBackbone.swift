internal import Files
internal import Loading
internal import Storage
internal import Tensors
internal import Torch
internal import Training

/// A backbone that sees rolls or codes.
protocol RollBackbone: StyleBackbone {
    /// An image's rows are a multiple of this.
    var rowMultiple: Int { get }
}

extension RollBackbone {
    /// So many rows, and those that lack to a whole multiple; at least one multiple.
    func padded(_ rows: Int) -> Int { max(1, (rows + rowMultiple - 1) / rowMultiple) * rowMultiple }
}

/// VGG-19 over three equal channels, columns by time, as in experiments 1 and 3.
struct VGGBackbone: RollBackbone {
    let network: VGG19
    let contentLayers: Set = ["conv5_2"]
    let styleLayers: Set = ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"]
    // Four poolings lie before the last block, so that an image has at least 16 × 16 cells.
    let rowMultiple = 16

    func maps(of image: TorchTensor) throws -> [String: TorchTensor] {
        let channels = try image.transposed(1, 2).unsqueezed(1).expanded([-1, 3, -1, -1])
        return try network.maps(of: channels, contentLayers.union(styleLayers))
    }
}

/// A trained composer classifier, as in experiments 2 and 4.
struct ComposerBackbone: RollBackbone {
    /// What it makes of an image before its first convolution.
    enum Input {
        /// Onsets, computed from the roll.
        case onsets
        /// Onsets and offsets, computed from the roll.
        case onsetsAndOffsets
        /// The image as it is: rows of codes.
        case codes
    }

    let network: any ComposerNetwork
    let input: Input
    let layers: Int
    // A window of one row has no variation over time; of codes a row is many steps.
    var rowMultiple: Int { input == .codes ? 2 : 16 }
    var contentLayers: Set<String> { ["\(layers - 1)"] }
    var styleLayers: Set<String> { Set((0..<layers).map { "\($0)" }) }

    /// A classifier that sees so many columns.
    init(_ network: any ComposerNetwork, _ input: Input, columns: Int, on device: Device = .cpu) throws {
        (self.network, self.input) = (network, input)
        layers = try withoutGradients { try network.maps(of: .zeros([1, 16, columns], on: device)).count }
    }

    func maps(of image: TorchTensor) throws -> [String: TorchTensor] {
        let maps = try network.maps(of: seen(of: image))
        return Dictionary(uniqueKeysWithValues: maps.enumerated().map { ("\($0)", $1) })
    }

    private func seen(of image: TorchTensor) throws -> TorchTensor {
        guard input != .codes else { return image }
        let before = try image.narrowed(1, from: 0, count: image.shape[1] - 1)
        let after = try image.narrowed(1, from: 1, count: image.shape[1] - 1)
        let first = try image.narrowed(1, from: 0, count: 1)
        let begins = try TorchTensor.concatenated([first, (after - before).relu()], axis: 1)
        // Onsets are marked a step to each side.
        let onsets = try begins.transposed(1, 2).maxPooled([3], stride: [1], padding: [1]).transposed(1, 2)
        guard input == .onsetsAndOffsets else { return onsets }
        let offsets = try TorchTensor.concatenated([first.fullLike(0), (before - after).relu()], axis: 1)
        return try .concatenated([onsets, offsets], axis: 2)
    }
}
