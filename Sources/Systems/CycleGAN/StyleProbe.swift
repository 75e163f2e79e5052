internal import Loading
internal import Tensors
internal import Torch

/// A logistic regression on simple numbers of a roll: which of two styles it has.
///
/// It is fitted once, on the train split, and no gradient of it reaches a generator, so that it can judge outputs
/// cheaply at each validation. What it takes for style is what these numbers hold, and no more: density, register,
/// pitch classes, polyphony, intervals, and where in a bar and for how long notes sound.
final class StyleProbe: Module {
    /// The numbers of a roll.
    static let features = 2 + 7 + 12 + 7 + 12 + 16 + 2

    private let weight: TorchTensor
    private let bias: TorchTensor
    private let mean: TorchTensor
    private let deviation: TorchTensor

    /// A probe that has not been fitted: it takes every roll for either style alike.
    init() throws {
        weight = try .zeros([Self.features])
        bias = try .zeros([])
        mean = try .zeros([Self.features])
        deviation = try .ones([Self.features])
    }

    var ownParameters: [NamedParameter] { [] }
    var ownBuffers: [NamedParameter] {
        [
            .init("weight", weight), .init("bias", bias), .init("mean", mean),
            .init("deviation", deviation),
        ]
    }

    /// The numbers of binary rolls `[N, 64, 84]`: `[N, 58]`.
    static func features(of rolls: TorchTensor) throws -> TorchTensor {
        let (count, steps, pitches) = (rolls.shape[0], rolls.shape[1], rolls.shape[2])
        let onsets = try (rolls - rolls.delayed(along: 1)).relu()
        let cells = try rolls.sum([1, 2]).unsqueezed(1)
        let begun = try onsets.sum([1, 2]).unsqueezed(1)
        func shares(_ sums: TorchTensor, of whole: TorchTensor) throws -> TorchTensor {
            try sums / whole.clamped(low: 1)
        }
        let octaves = try rolls.sum([1]).reshaped([count, pitches / 12, 12])
        let voices = try rolls.sum([2])
        let polyphony = try TorchTensor.stacked(
            (0...5).map { try (voices .== Double($0)).to(rolls.type).mean([1]) }
                + [(voices .>= 6).to(rolls.type).mean([1])], axis: 1)
        let intervals = try TorchTensor.stacked(
            (1...12).map { lag in
                let low = try rolls.narrowed(2, from: 0, count: pitches - lag)
                return try (low * rolls.narrowed(2, from: lag, count: pitches - lag)).sum([1, 2])
            }, axis: 1)
        let places = try onsets.sum([2]).reshaped([count, steps / 16, 16]).sum([1])
        let together = try (onsets.sum([2]) .> 0).to(rolls.type).sum([1]).unsqueezed(1)
        return try .concatenated(
            [
                (cells + 1).log(), (begun + 1).log(),
                shares(octaves.sum([2]), of: cells), shares(octaves.sum([1]), of: cells), polyphony,
                shares(intervals, of: cells), shares(places, of: begun),
                // The mean length of a note, and of what begins together.
                shares(cells, of: begun), shares(begun, of: together),
            ], axis: 1)
    }

    /// The logit of the second style for binary rolls `[N, 64, 84]`: `[N]`.
    func callAsFunction(_ rolls: TorchTensor) throws -> TorchTensor {
        let standard = try (Self.features(of: rolls) - mean) / deviation
        return try (standard * weight).sum([1]) + bias
    }

    /// Fits it to numbers of rolls of the first and of the second style, `[N, 58]` each, both of equal weight.
    ///
    /// Newton's method on the mean cross-entropy of both styles with a penalty of 0.01 times the squared slopes.
    func fit(_ first: TorchTensor, _ second: TorchTensor) throws {
        let both = try TorchTensor.concatenated([first, second]).to(.f64)
        let center = try both.mean([0])
        let spread = try both.variance([0], correction: 0).sqrt().clamped(low: 1e-6)
        try mean.assign(center)
        try deviation.assign(spread)
        let (size, count) = (Self.features + 1, both.shape[0])
        let ones = try TorchTensor.ones([count, 1], type: .f64, on: both.device)
        let rows = try TorchTensor.concatenated([(both - center) / spread, ones], axis: 1)
        func column(_ values: (Double, Double)) throws -> TorchTensor {
            try .concatenated([
                .full(values.0, [first.shape[0]], type: .f64, on: both.device),
                .full(values.1, [second.shape[0]], type: .f64, on: both.device),
            ])
        }
        let targets = try column((0, 1))
        let shares = try column((0.5 / Double(first.shape[0]), 0.5 / Double(second.shape[0])))
        // The constant is not penalised.
        let penalties = (0..<size).map { $0 == Self.features ? 1e-9 : 0.02 }
        var point = [Double](repeating: 0, count: size)
        for _ in 0..<25 {
            let place = try TorchTensor(point, shape: [size], on: both.device)
            let chances = try rows.matmul(place).sigmoid()
            let slope = try ((chances - targets) * shares).matmul(rows).elements(as: Double.self)
            let curved = try rows * (chances * (1 - chances) * shares).unsqueezed(1)
            var matrix = try rows.transposed(0, 1).matmul(curved).contiguous().elements(as: Double.self)
            for index in 0..<size { matrix[index * size + index] += penalties[index] }
            let step = solved(matrix, (0..<size).map { slope[$0] + penalties[$0] * point[$0] })
            for index in 0..<size { point[index] -= step[index] }
            if step.allSatisfy({ abs($0) < 1e-10 }) { break }
        }
        try weight.assign(TorchTensor(Array(point.prefix(Self.features)), shape: [Self.features]))
        try bias.assign(TorchTensor.scalar(point[Self.features], type: .f64))
    }
}

/// Solves a system with a symmetric positive definite matrix, row by row, by Cholesky's method.
private func solved(_ matrix: [Double], _ right: [Double]) -> [Double] {
    let size = right.count
    var (factor, result) = (matrix, right)
    for row in 0..<size {
        for column in 0...row {
            var sum = factor[row * size + column]
            for index in 0..<column { sum -= factor[row * size + index] * factor[column * size + index] }
            factor[row * size + column] =
                row == column ? sum.squareRoot() : sum / factor[column * size + column]
        }
    }
    for row in 0..<size {
        for index in 0..<row { result[row] -= factor[row * size + index] * result[index] }
        result[row] /= factor[row * size + row]
    }
    for row in (0..<size).reversed() {
        for index in row + 1..<size { result[row] -= factor[index * size + row] * result[index] }
        result[row] /= factor[row * size + row]
    }
    return result
}
