internal import Torch

/// The loss of a transfer for one window of the content.
struct StyleObjective {
    private let canvas: any Canvas
    private let backbone: any RollBackbone
    private let loss: StyleLoss
    private let variation: Double
    /// The total variation of the content's image.
    private let contentVariation: TorchTensor

    /// - Parameters:
    ///   - experiment: What looks at images, and how style is compared.
    ///   - content: The content's image.
    ///   - style: What `StyleExperiment` has of the style: Gram matrices, or maps.
    ///   - ratio: What style counts, where content counts 1.
    ///   - variation: What the total variation, over that of the content, counts.
    init(
        _ experiment: StyleExperiment, content: TorchTensor, style: [String: TorchTensor], ratio: Double,
        variation: Double
    ) throws {
        (canvas, backbone, self.variation) = (experiment.canvas, experiment.backbone, variation)
        let layers = backbone.contentLayers
        let maps = try withoutGradients {
            try experiment.backbone.maps(of: content).filter { layers.contains($0.key) }
        }
        contentVariation = try withoutGradients {
            try experiment.canvas.variation(of: content).clamped(low: 1e-12)
        }
        loss = StyleLoss(content: maps, style: style, ratio: ratio, comparison: experiment.comparison)
    }

    /// The terms of an image.
    func terms(of image: TorchTensor) throws -> StyleTerms {
        let (content, style) = try loss.terms(backbone.maps(of: image))
        let tv = try canvas.variation(of: image) / contentVariation
        return StyleTerms(
            content: content, style: style, variation: tv,
            total: try content + style * loss.ratio + tv * variation)
    }

    /// The rolls that are written for an image, and the terms of their own image; without a threshold it is of those
    /// of the canvas the one whose rolls have the least loss.
    func written(
        _ image: TorchTensor, from threshold: Double?
    ) throws -> (rolls: TorchTensor, terms: StyleTerms) {
        let cells = try canvas.cells(of: image)
        let tries = try (threshold.map { [$0] } ?? canvas.thresholds(of: cells)).map { threshold in
            let rolls = try canvas.rolls(cells, from: threshold)
            return (rolls: rolls, terms: try terms(of: canvas.image(of: rolls)))
        }
        let losses = try tries.map { try $0.terms.total.item() }
        return tries[losses.indices.min { losses[$0] < losses[$1] } ?? 0]
    }
}

extension StyleExperiment {
    /// The mean of the Gram matrices of a style's windows of so many rows; nil where these are not compared.
    ///
    /// Where the style ends within a window, it begins again.
    func grams(
        of style: StyleSource, window: Int, on device: Device
    ) throws -> [String: TorchTensor]? {
        guard case .gram = comparison else { return nil }
        let rows = (style.rolls.shape[1] + canvas.stepsPerRow - 1) / canvas.stepsPerRow
        return try StyleLoss.mean(
            stride(from: 0, to: rows, by: window).map { start in
                try maps(
                    of: style, from: start * canvas.stepsPerRow,
                    count: backbone.padded(min(window, rows - start)) * canvas.stepsPerRow, on: device
                ).mapValues { try StyleLoss.gram($0) }
            })
    }

    /// A style's maps of so many steps from a step on; where it ends, it begins again.
    func maps(
        of style: StyleSource, from start: Int, count: Int, on device: Device
    ) throws -> [String: TorchTensor] {
        try withoutGradients {
            let image = try canvas.image(of: style.rolls(from: start, count: count).to(device))
            return try backbone.maps(of: image).filter { backbone.styleLayers.contains($0.key) }
        }
    }
}
