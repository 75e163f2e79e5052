internal import Tensors
internal import Torch

/// The autocorrelations R[lag] = Σ x[i]·x[i + lag] of the rows or columns of maps, by way of their power spectra.
///
/// Wiener and Khinchin: the transform of R is |X|², where X is the transform of x followed by as many zeros. By Parseval's
/// theorem the squared distance of two autocorrelations is that of their power spectra over the transform's length, so that
/// a loss needs no inverse transform.
struct Autocorrelation {
    /// What x runs along.
    enum Direction: String {
        /// A row: one frequency over time.
        case row
        /// A column: one instant over frequency.
        case column
    }

    let direction: Direction
    /// The elements of x.
    let length: Int
    /// The elements of the transform, an even number of at least 2·length − 1.
    private let count: Int
    private let weights: TorchTensor
    private let lessMean: Bool

    /// Of maps `[…, rows, columns]` of a shape, in an element type; `lessMean` subtracts each x's mean first.
    init(_ direction: Direction, like maps: TorchTensor, lessMean: Bool = false) throws {
        (self.direction, self.lessMean) = (direction, lessMean)
        length = maps.shape[maps.rank - (direction == .row ? 1 : 2)]
        count = Self.transformLength(for: 2 * length)
        // Each bin but the first and the last stands for its mirror image too.
        let doubled = try TorchTensor.full(2, [count / 2 - 1], type: maps.type, on: maps.device)
        let single = try TorchTensor.ones([1], type: maps.type, on: maps.device)
        weights = try .concatenated([single, doubled, single])
    }

    /// The least even product of 2, 3 and 5 that is not less.
    static func transformLength(for length: Int) -> Int {
        var count = max(2, length + length % 2)
        while true {
            var rest = count
            for factor in [2, 3, 5] { while rest.isMultiple(of: factor) { rest /= factor } }
            if rest == 1 { return count }
            count += 2
        }
    }

    /// The power spectra of maps `[…, rows, columns]`: `[…, rows or columns, bins]`.
    func powers(of maps: TorchTensor) throws -> TorchTensor {
        var lines = try direction == .row ? maps : maps.transposed(maps.rank - 2, maps.rank - 1)
        if lessMean { lines = try lines - lines.mean([lines.rank - 1], keep: true) }
        let bins = try lines.contiguous().realFourier(count, axis: lines.rank - 1)
        return try bins.square().sum([bins.rank - 1])
    }

    /// Σ (R − R′)² over all lines and all lags of both signs, of the power spectra of two maps.
    func distance(_ powers: TorchTensor, _ others: TorchTensor) throws -> TorchTensor {
        try ((powers - others).square() * weights).sum() * (1 / Double(count))
    }

    /// Σ R² of power spectra.
    func size(_ powers: TorchTensor) throws -> TorchTensor {
        try (powers.square() * weights).sum() * (1 / Double(count))
    }

    /// R by lag, from 0 to length − 1, its mean over all lines.
    func mean(_ powers: TorchTensor) throws -> [Double] {
        let mean = try powers.flattened(from: 0, through: powers.rank - 2).mean([0]).to(.f64)
        let pairs = try TorchTensor.stacked([mean, mean.fullLike(0)], axis: 1)
        return try pairs.inverseRealFourier(count).narrowed(0, from: 0, count: length).contiguous()
            .elements(as: Double.self)
    }

    /// How much the mean autocorrelation changes from lag to lag: figure 4 of paper 002.
    func slopes(_ powers: TorchTensor) throws -> [Double] {
        let lags = try mean(powers)
        return zip(lags.dropFirst(), lags).map { $0 - $1 }
    }
}
