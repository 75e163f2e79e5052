internal import Files
internal import Torch
internal import Training

/// Lowers the loss of a picture by moving its free numbers, within a budget of evaluations.
struct PictureDescent {
    let method: StyleDescent.Method
    /// How often the loss and its gradient are computed; a line search that has begun may end first.
    let evaluations: Int
    /// After how many evaluations L-BFGS begins with an empty memory, as the authors' does by its calls of 40 each; 0: never.
    let restart: Int
    /// Adam's learning rate, in steps of a picture of 0 to 255.
    let rate: Double

    /// Where it went.
    struct Path {
        /// The terms at the start and after each step, in the order of `PictureTerms.names`.
        var losses: [[Double]]
        /// How often the loss was computed.
        var evaluations = 0
        /// The last place.
        var end: TorchTensor
    }

    /// Moves a point of any shape.
    ///
    /// - Parameters:
    ///   - start: Where it begins.
    ///   - progress: Told of the evaluations so far and the terms after each step.
    ///   - terms: The loss at a place.
    /// - Returns: The losses on the way, and the last place.
    /// - Throws: what the terms throw; `train.not-finite`.
    func run(
        from start: TorchTensor, progress: (_ evaluations: Int, _ values: [Double]) -> Void = { _, _ in },
        _ terms: (TorchTensor) throws -> PictureTerms
    ) throws -> Path {
        let shape = start.shape
        let first = try withoutGradients { try terms(start).values }
        var path = Path(losses: [first], end: try start.detach().flattened().clone())
        func keep(_: TorchTensor, _ values: [Double], _: Int) throws {
            try Cancellation.bySignal.check()
            path.losses.append(values)
            progress(path.evaluations, values)
        }
        func evaluate(_ place: TorchTensor) throws -> PictureTerms {
            path.evaluations += 1
            return try terms(place.reshaped(shape))
        }
        switch method {
        case .lbfgs:
            var isStuck = false
            while path.evaluations < evaluations, !isStuck {
                let left = evaluations - path.evaluations
                var search = LBFGS()
                // A loss near 1 over a million numbers has small slopes everywhere.
                search.gradientTolerance = 0
                search.maximumEvaluations = restart > 0 ? min(restart, left) : left
                let outcome = try PictureTerms.lower(path.end, by: search, evaluate, keep: keep)
                isStuck = outcome.reason != .limit && (restart == 0 || outcome.iterations == 0)
            }
        case .adam:
            let point = path.end
            try PictureTerms.lower(point, bySteps: evaluations, rate: rate) {
                try terms($0.reshaped(shape))
            } keep: { place, values, step in
                path.evaluations = step
                try keep(place, values, step)
            }
            path.end = try point.detach()
        }
        path.end = try path.end.reshaped(shape)
        guard path.losses.allSatisfy({ $0.last?.isFinite == true }) else {
            throw TrainingError(
                .notFinite, "the loss is not a number; lower rate, or the weights of the terms")
        }
        return path
    }
}
