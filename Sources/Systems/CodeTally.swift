internal import Tensors
internal import Torch

/// What the dimensions of the codes of a pass are used for.
struct CodeTally {
    private var count = 0.0
    /// By dimension, of the divergences, the means and the squares of the means.
    private var sums: [[Double]]

    /// The variance over codes from which a dimension's mean is active: Burda, Grosse and Salakhutdinov, "Importance
    /// Weighted Autoencoders", 2016, arXiv:1509.00519, section 5.2.
    private static let activeVariance = 0.01

    init(dimensions: Int) {
        sums = [[Double]](repeating: [Double](repeating: 0, count: dimensions), count: 3)
    }

    /// Adds codes by their means and divergences from the prior, `[N, dimensions]` each.
    mutating func add(mean: TorchTensor, divergence: TorchTensor) throws {
        count += Double(mean.shape[0])
        let mean = try mean.to(.f64)
        for (place, values) in try [divergence.to(.f64), mean, mean.square()].enumerated() {
            for (dimension, sum) in try values.sum([0]).elements(as: Double.self).enumerated() {
                sums[place][dimension] += sum
            }
        }
    }

    /// Adds codes with the standard normal distribution as prior.
    mutating func add(mean: TorchTensor, logVariance: TorchTensor) throws {
        let divergence = try TorchTensor.gaussianDivergence(
            mean: mean.to(.f64), logVariance: logVariance.to(.f64))
        try add(mean: mean, divergence: divergence)
    }

    /// The mean divergence of each dimension from the prior, in nats.
    var divergences: [Double] { sums[0].map { $0 / max(count, 1) } }

    /// How many dimensions have a mean that varies with what is coded.
    var active: Int {
        sums[1].indices.count { dimension in
            let mean = sums[1][dimension] / max(count, 1)
            return sums[2][dimension] / max(count, 1) - mean * mean > Self.activeVariance
        }
    }
}
