/// Limited-memory BFGS over one flat tensor, with a search for a step that meets the strong Wolfe conditions.
///
/// Nocedal and Wright, Numerical Optimization, 2nd edition, algorithm 7.4 (two-loop recursion) and 7.5. First step,
/// tolerances and restarts are those of L-BFGS-B (Byrd, Lu, Nocedal and Zhu, 1995, doi:10.1137/0916069) without
/// bounds, so that it takes the steps that scipy's `fmin_l_bfgs_b` takes.
public struct LBFGS: Sendable {
    /// How many steps are remembered.
    public var history = 10
    /// How many steps are made at most.
    public var maximumIterations = 15_000
    /// How often the function is computed at most; a search that has begun may end first.
    public var maximumEvaluations = 15_000
    /// Ends when no element of the gradient is larger.
    public var gradientTolerance = 1e-5
    /// Ends when a step lowers the value by no more than this share of it (of 1, if it is less).
    public var valueTolerance = 2.220_446_049_250_313e-09

    /// Settings as scipy's defaults.
    public init() {}

    /// Why it ended.
    public enum Reason: String, Sendable {
        /// The gradient is small enough.
        case gradient
        /// The value falls no more.
        case value
        /// As many steps or evaluations as were allowed.
        case limit
        /// No step in the direction of steepest descent lowers the value.
        case search
    }

    /// How it ended.
    public struct Outcome: Sendable {
        /// The function's value at the point reached.
        public let value: Double
        /// How many steps were made.
        public let iterations: Int
        /// How often the function was computed.
        public let evaluations: Int
        /// Why it ended.
        public let reason: Reason
    }

    /// Moves a point to where a function is (locally) least.
    ///
    /// - Parameters:
    ///   - point: A tensor of one axis; it holds the place reached in the end.
    ///   - progress: Called after each step with the value there.
    ///   - function: Yields a scalar, by operations that autograd records.
    /// - Returns: How it ended.
    /// - Throws: what the function throws.
    public func minimise(
        _ point: TorchTensor, progress: (_ iteration: Int, _ value: Double) throws -> Void = { _, _ in },
        _ function: (TorchTensor) throws -> TorchTensor
    ) throws -> Outcome {
        precondition(point.rank == 1, "L-BFGS wants one axis, got \(point.shape)")
        var evaluations = 0
        func evaluate(_ place: TorchTensor) throws -> (value: Double, gradient: TorchTensor) {
            evaluations += 1
            let leaf = try place.detach()
            try leaf.requireGradient()
            let value = try function(leaf)
            return (try value.item(), try value.gradients(of: [leaf])[0])
        }

        var here = try point.detach().clone()
        var (value, gradient) = try evaluate(here)
        var memory = Memory(capacity: history)
        var iteration = 0
        var reason: Reason? = try gradient.abs().largest().item() <= gradientTolerance ? .gradient : nil
        while reason == nil {
            if iteration >= maximumIterations || evaluations >= maximumEvaluations {
                reason = .limit
                break
            }
            let direction = try memory.direction(gradient)
            let slope = try gradient.matmul(direction).item()
            let first =
                memory.pairs.isEmpty && iteration == 0 ? min(1 / (try direction.norm().item()), 1e10) : 1
            var found: (step: Double, place: TorchTensor, value: Double, gradient: TorchTensor)?
            if slope < 0 {
                var search = WolfeSearch(value: value, slope: slope, step: first)
                while search.trials < 20 {
                    let place = try here.plus(direction, scale: search.step)
                    let there = try evaluate(place)
                    let end = search.report(
                        value: there.value, slope: try there.gradient.matmul(direction).item())
                    if end {
                        found = (search.step, place, there.value, there.gradient)
                        break
                    }
                }
            }
            guard let found, found.value.isFinite else {
                // Bad curvature may be the memory's fault: once more from steepest descent, then it is over.
                if memory.pairs.isEmpty { reason = .search }
                memory = Memory(capacity: history)
                continue
            }
            iteration += 1
            let change = try found.gradient - gradient
            try memory.add(
                step: direction * found.step, change: change, threshold: -slope * found.step * .ulpOfOne)
            let fall = value - found.value
            let scale = max(abs(value), abs(found.value), 1)
            (here, value, gradient) = (found.place, found.value, found.gradient)
            try progress(iteration, value)
            if try gradient.abs().largest().item() <= gradientTolerance {
                reason = .gradient
            } else if fall <= valueTolerance * scale {
                reason = .value
            }
        }
        try point.assign(here)
        return Outcome(
            value: value, iterations: iteration, evaluations: evaluations, reason: reason ?? .limit)
    }

    /// The last steps and what they changed in the gradient.
    private struct Memory {
        struct Pair {
            let step: TorchTensor
            let change: TorchTensor
            let inverse: Double
        }
        let capacity: Int
        var pairs: [Pair] = []
        private var scale = 1.0

        init(capacity: Int) { self.capacity = capacity }

        mutating func add(step: TorchTensor, change: TorchTensor, threshold: Double) throws(TorchError) {
            let curvature = try step.matmul(change).item()
            guard curvature > threshold else { return }
            if pairs.count == capacity { pairs.removeFirst() }
            pairs.append(Pair(step: step, change: change, inverse: 1 / curvature))
            scale = curvature / (try change.matmul(change).item())
        }

        /// The two-loop recursion: the gradient times the approximate inverse Hessian, reversed.
        func direction(_ gradient: TorchTensor) throws(TorchError) -> TorchTensor {
            let direction = try gradient.negated()
            var factors: [Double] = []
            for pair in pairs.reversed() {
                let factor = try pair.step.matmul(direction).item() * pair.inverse
                try direction.add(pair.change, scale: -factor)
                factors.append(factor)
            }
            try direction.multiply(by: scale)
            for (pair, factor) in zip(pairs, factors.reversed()) {
                let other = try pair.change.matmul(direction).item() * pair.inverse
                try direction.add(pair.step, scale: factor - other)
            }
            return direction
        }
    }
}
