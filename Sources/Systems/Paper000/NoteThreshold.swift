internal import Tensors
internal import Torch

/// The probability from which cells are taken for notes: the one at which F1 is largest on the train split.
///
/// Few cells are on, so that a network which is unsure of them gives low probabilities, and a half would find none. Cells
/// are counted in bins of the probability as the network learns; what it gave long ago is forgotten.
enum NoteThreshold {
    /// The bins of the probability, equally wide.
    static let bins = 50
    /// What a count is multiplied by before the next is added.
    static let memory = 0.95
    /// Every so many steps are counted.
    static let interval = 8

    /// Counts the cells of a view `[N, steps, 128]` by their probability: those that are on, and all, `[2, bins]`.
    static func count(_ probabilities: TorchTensor, _ roll: TorchTensor) throws -> TorchTensor {
        let places = try (probabilities * Double(bins)).floor().clamped(low: 0, high: Double(bins - 1))
            .to(.i64).flattened()
        let none = try TorchTensor.zeros([bins], on: roll.device)
        let cells = try roll.flattened()
        return try .stacked([
            none.scatterAdding(cells, 0, at: places), none.scatterAdding(cells.fullLike(1), 0, at: places),
        ])
    }

    /// The lower edge of a bin from which F1 is largest, the lowest of equal ones; a half where nothing was counted.
    static func best(on: [Double], all: [Double]) -> Double {
        let wanted = on.reduce(0, +)
        var (best, threshold) = (0.0, 0.5)
        var (hits, named) = (0.0, 0.0)
        for bin in stride(from: on.count - 1, to: 0, by: -1) {
            hits += on[bin]
            named += all[bin]
            let f1 = 2 * hits / max(named + wanted, 1e-9)
            if f1 > 0, f1 >= best { (best, threshold) = (f1, Double(bin) / Double(on.count)) }
        }
        return threshold
    }

    /// The columns that a constant names for the largest F1 on cells with such shares: 1 for the most frequent, else 0.
    static func mostFrequent(_ shares: [Double]) -> [Float] {
        let order = shares.indices.sorted { (shares[$1], $0) < (shares[$0], $1) }
        let all = shares.reduce(0, +)
        var (hits, best, count) = (0.0, 0.0, 0)
        for (place, column) in order.enumerated() {
            hits += shares[column]
            let f1 = 2 * hits / (Double(place + 1) + all)
            if f1 > best { (best, count) = (f1, place + 1) }
        }
        let named = Set(order.prefix(count))
        return shares.indices.map { named.contains($0) ? 1 : 0 }
    }
}
