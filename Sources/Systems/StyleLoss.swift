internal import Torch

/// The losses of neural style transfer over the maps of a network.
///
/// Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", 2016, equations 1 to 7, and what
/// paper 000, section 6, puts in the place of Gram matrices. Each term is divided by the size of what it compares with,
/// so that the ratio of content and style means the same for every network, trained or random: with Gram matrices 1 is as
/// far away as a map of zeros; with dot products 0 is the same direction, 1 a right angle, and 2 the opposite.
struct StyleLoss {
    /// How the maps of a style are compared.
    enum Comparison {
        /// By their Gram matrices, which do not know when something sounds: the squared distance.
        case gram
        /// By their dot product with maps of the same time. It grows with likeness, and with the size of a map, without
        /// end: it is divided by both sizes, and subtracted from 1.
        case dotProduct
    }

    /// Maps of the content, by layer.
    let content: [String: TorchTensor]
    /// Of the style, by layer: Gram matrices, or maps as long as the content's.
    let style: [String: TorchTensor]
    /// What style counts, where content counts 1.
    let ratio: Double
    /// What `style` holds.
    var comparison = Comparison.gram

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

    /// How far maps are from the content's, and from the style: the mean over the layers of each.
    func terms(_ maps: [String: TorchTensor]) throws -> (content: TorchTensor, style: TorchTensor) {
        (
            try Self.mean(content, maps, Self.distance),
            try Self.mean(style, maps) { aim, map in
                switch comparison {
                case .gram: try Self.distance(aim, Self.gram(map))
                case .dotProduct: try Self.angle(aim, map)
                }
            }
        )
    }

    /// The mean of a distance over layers, in the order of their names, so that sums are the same at every run.
    private static func mean(
        _ aims: [String: TorchTensor], _ maps: [String: TorchTensor],
        _ distance: (TorchTensor, TorchTensor) throws -> TorchTensor
    ) throws -> TorchTensor {
        let terms = try aims.sorted { $0.key < $1.key }.compactMap { name, aim in
            try maps[name].map { try distance(aim, $0) }
        }
        return try TorchTensor.stacked(terms).mean()
    }

    /// The squared distance over the squared size of what is aimed at.
    private static func distance(_ aim: TorchTensor, _ value: TorchTensor) throws -> TorchTensor {
        try (value - aim).square().sum() / aim.square().sum().clamped(low: 1e-12)
    }

    /// 1 less the cosine of the angle between two maps, taken as vectors.
    private static func angle(_ aim: TorchTensor, _ value: TorchTensor) throws -> TorchTensor {
        let sizes = try (aim.square().sum() * value.square().sum()).clamped(low: 1e-12).sqrt()
        return try 1 - (aim * value).sum() / sizes
    }
}
