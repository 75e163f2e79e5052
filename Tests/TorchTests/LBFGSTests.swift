import Tensors
import Testing
import Torch

@Suite struct LBFGSTests {
    /// The functions of the golden script.
    private static func function(_ name: String, _ x: TorchTensor) throws -> TorchTensor {
        func at(_ index: Int) throws -> TorchTensor { try x.selected(0, index) }
        switch name {
        case "rosenbrock2", "rosenbrock10":
            let count = x.count - 1
            let (head, tail) = (
                try x.narrowed(0, from: 0, count: count), try x.narrowed(0, from: 1, count: count)
            )
            return try ((tail - head.square()).square() * 100 + (1 - head).square()).sum()
        case "quadratic":
            let exponents = try TorchTensor.range(to: 12, type: .f64) * (4.0 / 11)
            let scales = try (exponents * 2.302_585_092_994_046).exp()
            return try (scales * (x - 1).square()).sum()
        case "beale":
            let (a, b) = (try at(0), try at(1))
            let first = try (1.5 - a + a * b).square()
            let second = try (2.25 - a + a * b.square()).square()
            return try first + second + (2.625 - a + a * b.power(3)).square()
        default:
            let (a, b, c, d) = (try at(0), try at(1), try at(2), try at(3))
            let first = try (a + b * 10).square() + (c - d).square() * 5
            return try first + (b - c * 2).power(4) + (a - d).power(4) * 10
        }
    }

    /// The same search and the same tolerances make the same steps.
    ///
    /// So the first values agree, and the counts too where rounding has no time to grow. The ill-conditioned quadratic takes 178 steps, over which the last bits of another
    /// width of vectors change the path; its count is only bounded.
    @Test(arguments: ["rosenbrock2", "rosenbrock10", "quadratic", "beale", "powell"])
    func endsWhereScipyEnds(name: String) async throws {
        let file = try Golden.training().file
        let facts = try file.tensor("lbfgs/\(name)/facts", as: Double.self).elements
        let end = try file.tensor("lbfgs/\(name)/end", as: Double.self).elements
        let (outcome, point, values) = try await onTorch {
            let point = try Golden.training().tensor("lbfgs/\(name)/start")
            var values: [Double] = []
            let outcome = try LBFGS().minimise(point, progress: { values.append($1) }) {
                try Self.function(name, $0)
            }
            return (outcome, try point.elements(as: Double.self), values)
        }
        // Powell's function is flat to the fourth power at its minimum, where x is known to the fourth root only.
        let tolerance = name == "powell" ? 1e-2 : 1e-4
        for (got, want) in zip(point, end) { #expect(abs(got - want) < tolerance) }
        #expect(abs(outcome.value - facts[0]) < 1e-7)
        let path = try Golden.operationsInTraining().file.tensor("lbfgs/\(name)/values", as: Double.self)
        // Powell's minimum is flat, so that rounding shows in the last of so few values.
        let precision = name == "powell" ? 1e-4 : 1e-6
        for (step, (got, want)) in zip(values, path.elements).enumerated() {
            #expect(abs(got - want) <= precision * abs(want) + 1e-12, "step \(step)")
        }
        #expect(path.elements.count >= 10 && values.count >= 10)
        let slack: Double = name == "quadratic" ? facts[1] / 2 : 2
        #expect(abs(Double(outcome.iterations) - facts[1]) <= slack, "\(outcome) \(facts)")
        #expect(abs(Double(outcome.evaluations) - facts[2]) <= slack, "\(outcome) \(facts)")
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 >= $1 }, "no step raises the value")
        #expect(outcome.reason == .gradient || outcome.reason == .value)
    }

    @Test func limitsAreKept() async throws {
        let (steps, evaluations) = try await onTorch {
            var settings = LBFGS()
            settings.maximumIterations = 3
            let steps = try settings.minimise(TorchTensor([-1.2, 1.0], shape: [2])) {
                try Self.function("rosenbrock2", $0)
            }
            settings = LBFGS()
            settings.maximumEvaluations = 5
            let evaluations = try settings.minimise(TorchTensor([-1.2, 1.0], shape: [2])) {
                try Self.function("rosenbrock2", $0)
            }
            return (steps, evaluations)
        }
        #expect(steps.iterations == 3 && steps.reason == .limit)
        #expect(evaluations.reason == .limit && (5..<25).contains(evaluations.evaluations))
    }

    @Test func alreadyLeastTakesNoStep() async throws {
        let outcome = try await onTorch {
            try LBFGS().minimise(TorchTensor([1.0, 1.0], shape: [2])) { try Self.function("rosenbrock2", $0) }
        }
        #expect(outcome.iterations == 0 && outcome.evaluations == 1 && outcome.reason == .gradient)
    }
}
