internal import Tensors
internal import Torch

/// The terms of a transfer's loss at a picture.
struct PictureTerms: DescentTerms {
    /// How far from the content, from the style, from the autocorrelations of rows and of columns; the total variation.
    let content, style, row, column, variation: TorchTensor
    /// The weighted sum.
    let total: TorchTensor

    /// The names of `values`.
    static let names = ["content", "style", "row", "column", "variation", "loss"]

    /// The terms as numbers.
    var values: [Double] {
        get throws { try [content, style, row, column, variation, total].map { try $0.item() } }
    }
}

/// What the terms of a loss count.
struct PictureWeights {
    var content, style, row, column, variation: Double

    /// Those of paper 002, section 3; the total variation's is in the authors' code only.
    static let published = Self(content: 1e-3, style: 2e5, row: 1e-9, column: 1e-9, variation: 1e-8)
}

/// The loss of paper 002 over a picture: content and Gram matrices of a network's maps (Gatys et al., 2015), the
/// autocorrelations of the picture's rows and columns, and the total variation.
struct PictureObjective {
    /// How terms are measured.
    enum Measure: String {
        /// By the formulas of the paper and its code, sums over cells.
        ///
        /// Content ½ Σ (F − P)²; style Σ over layers of Σ (G − A)² / (4 N² M²), with N channels and M cells; rows and columns
        /// Σ (R − R′)² / (C · H · W); variation Σ (dx² + dy²)^1.25. Maps are divided by the mean size of their channel over
        /// content and style, as the authors' network was normalised over ImageNet.
        case published
        /// Each over the size of what it compares with, so that a weight means the same for every network and picture.
        case relative
    }

    /// Which maps' autocorrelations are compared.
    enum Depth: String {
        /// The picture's, as published.
        case picture
        /// The picture's and those of all style layers: the sum (published), or the mean (relative).
        case layers
    }

    /// What of a row or column its autocorrelation is of.
    enum Centring: String {
        /// The cells less one grey for all, as published: mostly of how loud the line is.
        case grey
        /// The cells less the line's mean: of how they change along it.
        case line
    }

    /// What is taken from which recording.
    struct Plan {
        var measure = Measure.published
        var depth = Depth.picture
        var centring = Centring.grey
        /// Whether the mean of all rows is a row too.
        ///
        /// Rows alone do not know of each other: each can have the beat at a time of its own.
        var joinsRows = false
        var weights = PictureWeights.published
        /// Whether rows are compared with the content's, and not with the style's.
        var rowsOfContent = false
        /// The same of columns.
        var columnsOfContent = false
    }

    /// The names of the picture, and of the mean of its rows, among layers.
    private static let picture = "picture"
    private static let joined = "joined rows"
    /// The mean of ImageNet's three channels, which the authors subtract.
    private static let grey = (103.939 + 116.779 + 123.68) / 3

    private let backbone: any StyleBackbone
    private let plan: Plan
    private let scales: [String: TorchTensor]
    private let content: [String: TorchTensor]
    private let grams: [String: TorchTensor]
    private let rows: [String: (Autocorrelation, aim: TorchTensor)]
    private let columns: [String: (Autocorrelation, aim: TorchTensor)]
    private let contentVariation: Double

    /// The loss of pictures `[1, rows, columns]` of the content's and the style's shape.
    init(_ backbone: any StyleBackbone, content: TorchTensor, style: TorchTensor, _ plan: Plan) throws {
        (self.backbone, self.plan) = (backbone, plan)
        let made = try withoutGradients {
            let (own, others) = (
                try Self.maps(content, backbone, [:]), try Self.maps(style, backbone, [:])
            )
            let layers = backbone.contentLayers.union(backbone.styleLayers)
            let scales = try own.filter { layers.contains($0.key) }.reduce(into: [String: TorchTensor]()) {
                $0[$1.key] = try Self.scale($1.value, others[$1.key] ?? $1.value)
            }
            return (
                scales: scales, content: try Self.maps(content, backbone, scales),
                style: try Self.maps(style, backbone, scales)
            )
        }
        scales = made.scales
        self.content = made.content.filter { backbone.contentLayers.contains($0.key) }
        let styled = made.style.filter { backbone.styleLayers.contains($0.key) }
        grams = try withoutGradients { try styled.mapValues { try StyleLoss.gram($0) } }
        let compared = Set(plan.depth == .layers ? Array(backbone.styleLayers) : []).union([Self.picture])
        func aims(
            _ direction: Autocorrelation.Direction, of names: Set<String>, ofContent: Bool
        ) throws -> [String: (Autocorrelation, aim: TorchTensor)] {
            try withoutGradients {
                try (ofContent ? made.content : made.style).filter { names.contains($0.key) }.mapValues {
                    let autocorrelation = try Autocorrelation(
                        direction, like: $0, lessMean: plan.centring == .line)
                    return (autocorrelation, aim: try autocorrelation.powers(of: $0))
                }
            }
        }
        rows = try aims(
            .row, of: plan.joinsRows ? compared.union([Self.joined]) : compared,
            ofContent: plan.rowsOfContent)
        columns = try aims(.column, of: compared, ofContent: plan.columnsOfContent)
        contentVariation = try withoutGradients {
            try max(TotalVariation.alongBoth(content).item(), 1e-12)
        }
    }

    /// The size that each channel's cells have on average in both.
    private static func scale(_ map: TorchTensor, _ other: TorchTensor) throws -> TorchTensor {
        let size =
            try (map.abs().mean([0, 2, 3], keep: true) + other.abs().mean([0, 2, 3], keep: true)) * 0.5
        // A channel that hardly answers is not blown up.
        return try size.clamped(low: max(size.mean().item() * 0.01, 1e-12)).reciprocal()
    }

    private static func maps(
        _ picture: TorchTensor, _ backbone: any StyleBackbone, _ scales: [String: TorchTensor]
    ) throws -> [String: TorchTensor] {
        var maps = try backbone.maps(of: picture.transposed(1, 2))
        for (name, map) in maps { if let scale = scales[name] { maps[name] = try map * scale } }
        let centred = try picture.unsqueezed(1) - Self.grey
        maps[Self.picture] = centred
        maps[Self.joined] = try centred.mean([2], keep: true)
        return maps
    }

    /// The terms of a picture.
    func terms(of picture: TorchTensor) throws -> PictureTerms {
        let maps = try Self.maps(picture, backbone, scales)
        let (near, like) = try networkTerms(maps)
        let row = try autocorrelationTerm(rows, maps)
        let column = try autocorrelationTerm(columns, maps)
        var variation = try TotalVariation.alongBoth(picture)
        variation =
            try plan.measure == .relative
            ? variation * (1 / contentVariation)
            : variation * Double((picture.shape[1] - 1) * (picture.shape[2] - 1))
        let weights = plan.weights
        var total = try near * weights.content + like * weights.style
        // What counts nothing is told, and costs no gradient.
        for (term, weight) in [
            (row, weights.row), (column, weights.column), (variation, weights.variation),
        ] where weight != 0 { total = try total + term * weight }
        return PictureTerms(
            content: near, style: like, row: row, column: column, variation: variation, total: total)
    }

    private func networkTerms(
        _ maps: [String: TorchTensor]
    ) throws -> (content: TorchTensor, style: TorchTensor) {
        guard plan.measure == .published else {
            return try StyleLoss(content: content, style: grams, ratio: 1).terms(maps)
        }
        let near = try content.sorted { $0.key < $1.key }.map { name, aim in
            try ((maps[name] ?? aim) - aim).square().sum() * 0.5
        }
        let like = try grams.sorted { $0.key < $1.key }.compactMap { name, aim in
            try maps[name].map {
                try (StyleLoss.gram($0) - aim).square().sum() * (0.25 / Double(aim.shape[0] * aim.shape[0]))
            }
        }
        return (try TorchTensor.stacked(near).sum(), try TorchTensor.stacked(like).sum())
    }

    private func autocorrelationTerm(
        _ aims: [String: (Autocorrelation, aim: TorchTensor)], _ maps: [String: TorchTensor]
    ) throws -> TorchTensor {
        let terms = try aims.sorted { $0.key < $1.key }.compactMap { name, pair in
            try maps[name].map { map in
                let (autocorrelation, aim) = pair
                let distance = try autocorrelation.distance(autocorrelation.powers(of: map), aim)
                return switch plan.measure {
                case .published: try distance * (1 / Double(map.count))
                case .relative: try distance / autocorrelation.size(aim).clamped(low: 1e-12)
                }
            }
        }
        let all = try TorchTensor.stacked(terms)
        return try plan.measure == .published ? all.sum() : all.mean()
    }

    // MARK: Measuring

    /// The autocorrelations of a picture alone.
    static func autocorrelation(
        _ direction: Autocorrelation.Direction, of picture: TorchTensor, _ centring: Centring = .grey
    ) throws -> (Autocorrelation, powers: TorchTensor) {
        try withoutGradients {
            let centred = try picture.to(.f64) - grey
            let autocorrelation = try Autocorrelation(
                direction, like: centred, lessMean: centring == .line)
            return (autocorrelation, try autocorrelation.powers(of: centred))
        }
    }

    /// The squared distance of a picture's autocorrelations from another's, over these's squared size.
    static func distance(
        _ direction: Autocorrelation.Direction, _ picture: TorchTensor, from other: TorchTensor,
        _ centring: Centring = .grey
    ) throws -> Double {
        let (autocorrelation, powers) = try autocorrelation(direction, of: picture, centring)
        let aim = try Self.autocorrelation(direction, of: other, centring).powers
        return try autocorrelation.distance(powers, aim).item()
            / max(autocorrelation.size(aim).item(), 1e-12)
    }
}
