internal import Files
internal import Torch
internal import Training

/// The terms of a transfer's loss at a place.
struct StyleTerms: DescentTerms {
    /// How far from the content.
    let content: TorchTensor
    /// How far from the style.
    let style: TorchTensor
    /// The total variation, over that of the content.
    let variation: TorchTensor
    /// The weighted sum.
    let total: TorchTensor

    /// The names of `values`.
    static let names = ["content", "style", "variation", "total"]

    /// The terms as numbers.
    var values: [Double] {
        get throws { try [content, style, variation, total].map { try $0.item() } }
    }
}

/// Lowers the loss of a transfer by moving free numbers.
struct StyleDescent {
    /// What moves them.
    enum Method: String {
        case lbfgs
        case adam
    }

    let method: Method
    let iterations: Int
    /// Adam's learning rate.
    let rate: Double
    /// Iterations whose places are kept.
    let snapshots: Set<Int>

    /// Where it went.
    struct Path {
        /// The terms at the start and after each iteration, in the order of `StyleTerms.names`.
        var losses: [[Double]]
        /// The places after some iterations; where it ended earlier, its end.
        var places: [Int: TorchTensor] = [:]
        /// The last place.
        var end: TorchTensor
    }

    /// Moves a point `[count]`, along one axis.
    ///
    /// - Throws: what the terms throw; `train.not-finite`.
    func run(from start: TorchTensor, _ terms: (TorchTensor) throws -> StyleTerms) throws -> Path {
        let first = try withoutGradients { try terms(start).values }
        var path = Path(losses: [first], end: try start.detach().clone())
        func keep(_ place: TorchTensor, _ values: [Double], after iteration: Int) throws {
            try Cancellation.bySignal.check()
            path.losses.append(values)
            if snapshots.contains(iteration) { path.places[iteration] = try place.detach().clone() }
        }
        switch method {
        case .lbfgs:
            var search = LBFGS()
            search.maximumIterations = iterations
            search.gradientTolerance = 1e-9
            _ = try StyleTerms.lower(path.end, by: search, terms, keep: keep)
        case .adam:
            let point = path.end
            try StyleTerms.lower(point, bySteps: iterations, rate: rate, terms, keep: keep)
            path.end = try point.detach()
        }
        guard path.losses.last?.last?.isFinite == true else {
            throw TrainingError(.notFinite, "the loss is not a number; lower rate or ratio")
        }
        for iteration in snapshots where iteration <= iterations && path.places[iteration] == nil {
            path.places[iteration] = path.end
        }
        return path
    }
}
