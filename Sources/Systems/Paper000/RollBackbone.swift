internal import Build
internal import Loading
internal import Tensors
internal import Torch
internal import Training

/// A network whose maps say what a roll's content and style are.
protocol RollBackbone {
    /// The layer whose map is the content.
    var contentLayers: Set<String> { get }
    /// The layers whose Gram matrices are the style.
    var styleLayers: Set<String> { get }
    /// A roll's steps are a multiple of this.
    var stepMultiple: Int { get }
    /// The maps of both kinds of layers of a roll `[1, steps, 128]`, 0 to 1, differentiable.
    func maps(of roll: TorchTensor) throws -> [String: TorchTensor]
}

extension RollBackbone {
    /// So many steps, and those that lack to a whole multiple; at least one multiple.
    func padded(_ steps: Int) -> Int { max(1, (steps + stepMultiple - 1) / stepMultiple) * stepMultiple }
}

/// VGG-19 over the roll as an image of three equal channels, pitch by time, as in paper 000's first experiment.
struct VGGBackbone: RollBackbone {
    let network: VGG19
    let contentLayers: Set = ["conv5_2"]
    let styleLayers: Set = ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"]
    // Four poolings lie before the last block.
    let stepMultiple = 16

    func maps(of roll: TorchTensor) throws -> [String: TorchTensor] {
        let image = try roll.transposed(1, 2).unsqueezed(1).expanded([-1, 3, -1, -1])
        return try network.maps(of: image, contentLayers.union(styleLayers))
    }
}

/// A trained composer classifier, as in paper 000's second experiment: onsets and offsets are computed from the roll.
struct ComposerBackbone: RollBackbone {
    let network: any ComposerNetwork
    let seesOffsets: Bool
    let layers: Int
    // A roll of one step has no variation over time.
    let stepMultiple = 16
    var contentLayers: Set<String> { ["\(layers - 1)"] }
    var styleLayers: Set<String> { Set((0..<layers).map { "\($0)" }) }

    /// - Throws: `train.usage` for a classifier of rolls that do not follow from one roll.
    init(_ run: TrainedRun) throws {
        let system: ComposerCNN = try run.system(of: .composerCNN)
        guard system.input.autoencoder == nil else {
            throw TrainingError(
                .usage,
                "\(run.record.run) sees codes; train composer-cnn with --set input=onset, or onset+offset")
        }
        guard system.input.views.count <= 2 else {
            throw TrainingError(
                .usage,
                "\(run.record.run) sees seven rolls, which do not follow from one; train composer-cnn with --set input=onset, or onset+offset"
            )
        }
        network = system.classifier
        seesOffsets = system.input.views.count == 2
        layers = try withoutGradients {
            try system.classifier.maps(of: .zeros([1, 16, system.input.columns])).count
        }
        try network.freeze()
    }

    func maps(of roll: TorchTensor) throws -> [String: TorchTensor] {
        let before = try roll.narrowed(1, from: 0, count: roll.shape[1] - 1)
        let after = try roll.narrowed(1, from: 1, count: roll.shape[1] - 1)
        let first = try roll.narrowed(1, from: 0, count: 1)
        let begins = try TorchTensor.concatenated([first, (after - before).relu()], axis: 1)
        // Onsets are marked a step to each side.
        let onsets = try begins.transposed(1, 2).maxPooled([3], stride: [1], padding: [1]).transposed(1, 2)
        var rolls = [onsets]
        if seesOffsets {
            rolls.append(try .concatenated([first.fullLike(0), (before - after).relu()], axis: 1))
        }
        let maps = try network.maps(of: .concatenated(rolls, axis: 2))
        return Dictionary(uniqueKeysWithValues: maps.enumerated().map { ("\($0)", $1) })
    }
}
