internal import Torch

/// The losses of neural style transfer over the maps of a network.
///
/// Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", 2016, equations 1 to 7. Each term
/// is divided by the size of what it compares with, so that the ratio of content and style means the same for every
/// network, trained or random: 1 is as far away as a map of zeros.
struct StyleLoss {
    /// Maps of the content, by layer.
    let content: [String: TorchTensor]
    /// Gram matrices of the style, by layer.
    let style: [String: TorchTensor]
    /// What style counts, where content counts 1.
    let ratio: Double

    /// The Gram matrix of a map `[1, C, …]`: `[C, C]`, over the number of places.
    static func gram(_ map: TorchTensor) throws -> TorchTensor {
        let rows = try map.squeezed(0).flattened(from: 1)
        return try rows.matmul(rows.transposed(0, 1)) * (1 / Double(rows.shape[1]))
    }

    /// The mean of Gram matrices, layer by layer.
    static func mean(_ grams: [[String: TorchTensor]]) throws -> [String: TorchTensor] {
        var sums = grams.first ?? [:]
        for gram in grams.dropFirst() {
            for (name, value) in gram { sums[name] = try sums[name].map { try $0 + value } }
        }
        return try sums.mapValues { try $0 * (1 / Double(grams.count)) }
    }

    /// How far maps are from the content's, and from the style.
    func terms(_ maps: [String: TorchTensor]) throws -> (content: TorchTensor, style: TorchTensor) {
        (
            try Self.distance(content, maps.filter { content[$0.key] != nil }),
            try Self.distance(
                style, maps.filter { style[$0.key] != nil }.mapValues { try Self.gram($0) })
        )
    }

    /// The mean over layers of the squared distance, over the squared size of what is aimed at.
    private static func distance(
        _ aims: [String: TorchTensor], _ values: [String: TorchTensor]
    ) throws -> TorchTensor {
        // In the order of names, so that sums are the same at every run.
        let terms = try aims.sorted { $0.key < $1.key }.compactMap { name, aim in
            try values[name].map { value in
                try (value - aim).square().sum() / aim.square().sum().clamped(low: 1e-12)
            }
        }
        return try TorchTensor.stacked(terms).mean()
    }
}
