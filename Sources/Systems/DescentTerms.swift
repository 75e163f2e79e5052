internal import Torch
internal import Training

/// The terms of a transfer's loss at a place, and the ways to a place where they are less.
protocol DescentTerms {
    /// The weighted sum.
    var total: TorchTensor { get }
    /// All terms as numbers, the sum last.
    var values: [Double] { get throws }
}

extension DescentTerms {
    /// Moves a point by L-BFGS.
    ///
    /// - Parameters:
    ///   - point: A tensor of one axis; it holds the last place in the end.
    ///   - search: How far.
    ///   - terms: The loss at a place.
    ///   - keep: Told of each step's place, its terms, and how many steps there were.
    /// - Returns: How it ended.
    /// - Throws: what the closures throw.
    static func lower(
        _ point: TorchTensor, by search: LBFGS, _ terms: (TorchTensor) throws -> Self,
        keep: (_ place: TorchTensor, _ values: [Double], _ step: Int) throws -> Void
    ) throws -> LBFGS.Outcome {
        // The last place computed before a step is reported is the one that the step leads to.
        var latest: (place: TorchTensor, terms: Self)?
        return try search.minimise(point) { step, _ in
            if let latest { try keep(latest.place, withoutGradients { try latest.terms.values }, step) }
        } _: { place in
            let here = try terms(place)
            latest = (place, here)
            return here.total
        }
    }

    /// Moves a point by Adam.
    ///
    /// - Parameters:
    ///   - point: A tensor without a gradient; it holds the last place in the end.
    ///   - steps: How many.
    ///   - rate: The learning rate.
    ///   - terms: The loss at a place.
    ///   - keep: As for L-BFGS.
    /// - Throws: what the closures throw.
    static func lower(
        _ point: TorchTensor, bySteps steps: Int, rate: Double, _ terms: (TorchTensor) throws -> Self,
        keep: (_ place: TorchTensor, _ values: [Double], _ step: Int) throws -> Void
    ) throws {
        try point.requireGradient()
        let adam = try Adam([NamedParameter("point", point)], rate: rate)
        for step in 0...steps {
            try adam.clearGradients()
            let here = try terms(point)
            if step > 0 { try keep(point, withoutGradients { try here.values }, step) }
            if step < steps {
                try here.total.backward()
                try adam.step()
            }
        }
    }
}
