import Files
import Tensors
import Testing
import Torch

@testable import Training

/// What the loop tells a system about its step, and what a system declares about rates and objectives.
struct ScheduleTests {
    /// The whole training of fifteen steps, as its system saw it, with the lines of its steps.
    private static func trained(
        _ settings: [String], prepare: @escaping @Sendable (ToySystem) -> Void = { _ in }
    ) async throws -> (steps: [LearningStep], lines: [JSONValue], place: RunPlace) {
        let place = try RunPlace()
        let steps = try await onTorch {
            let loop = try place.loop(settings: settings, prepare: prepare)
            try loop.run(TrainingLimits(), report: { _ in })
            return (loop.system as? ToySystem)?.steps ?? []
        }
        let lines = try String(decoding: place.file("metrics.jsonl"), as: UTF8.self).split(separator: "\n")
            .map { try JSONValue(parsing: Array($0.utf8)) }.filter { $0["split"]?.string == "train" }
        return (steps, lines, place)
    }

    @Test func systemsKnowTheirStep() async throws {
        let (steps, _, _) = try await Self.trained(["annealing=linear"])
        #expect(steps.map(\.number) == Array(0..<15))
        #expect(steps.map(\.epoch) == (0..<15).map { $0 / 5 })
        #expect(steps.allSatisfy { $0.total == 15 && $0.factors.count == 2 })
        #expect(steps.first?.share == 0 && abs((steps.last?.share ?? 0) - 14.0 / 15) < 1e-12)
        let descent = Schedule.linear(from: 1, to: 0, over: 15)
        #expect(steps.map { $0.factors[0] } == (0..<15).map(descent.factor))
    }

    /// A run that is resumed is told the steps of the whole.
    @Test func aResumedSystemKnowsItsStepToo() async throws {
        let place = try RunPlace()
        let steps = try await onTorch {
            try place.loop().run(TrainingLimits(steps: 7), report: { _ in })
            let loop = try place.loop(run: "toy-1")
            try loop.run(TrainingLimits(), report: { _ in })
            return (loop.system as? ToySystem)?.steps ?? []
        }
        #expect(steps.map(\.number) == Array(7..<15) && steps.first?.epoch == 1)
    }

    @Test func halfLinearIsConstantThenLinear() async throws {
        let (steps, _, _) = try await Self.trained(["annealing=half-linear"])
        let descent = Schedule.linear(from: 1, to: 0, over: 8)
        let expected = (0..<15).map { $0 < 7 ? 1 : descent.factor(at: $0 - 7) }
        #expect(steps.map { $0.factors[0] } == expected)
    }

    @Test func anOptimiserMayHaveItsOwnSchedule() async throws {
        let (_, lines, _) = try await Self.trained(["annealing=none"]) {
            $0.secondSchedule = .sequence(.constant, steps: 3, then: .exponential(factor: 0.5))
        }
        #expect(lines.allSatisfy { $0["rate"]?.double == 0.01 })
        // Only where it differs from the first.
        let second = lines.map { $0["rate_1"]?.double }
        let halved = Schedule.exponential(factor: 0.5)
        let expected: [Double?] = (0..<15).map { $0 < 4 ? nil : 0.01 * halved.factor(at: $0 - 3) }
        #expect(second == expected)
    }

    @Test func eachObjectiveKeepsItsBestWeights() async throws {
        let place = try RunPlace()
        let (best, further, progress) = try await onTorch {
            let prepare: (ToySystem) -> Void = {
                $0.furtherObjectives = [Objective("further", higherIsBetter: true)]
                $0.further = [3, 5, 4]
            }
            let loop = try place.loop(prepare: prepare)
            try loop.run(TrainingLimits(), report: { _ in })
            // Kept over a restart.
            let again = try place.loop(run: "toy-1", prepare: prepare)
            return (
                loop.progress.best?.epoch, again.progress.furtherBest["further"],
                loop.progress == again.progress
            )
        }
        #expect(further?.epoch == 2 && further?.value == 5 && progress)
        let weights = try TensorFile(bytes: place.file("best.further.safetensors"))
        #expect(weights.metadata["step"] == "10")
        #expect(
            try TensorFile(bytes: place.file("best.safetensors")).metadata["step"] == "\((best ?? 0) * 5)")
    }

    @Test func patienceWaitsForEveryObjective() async throws {
        let place = try RunPlace()
        let steps = try await onTorch {
            let loop = try place.loop(
                settings: ["epochs=9", "patience=2"], brokenValidations: Set(1...9),
                prepare: {
                    $0.furtherObjectives = [Objective("further")]
                    $0.further = [9, 8, 7, 7, 7, 1, 1, 1, 1]
                })
            try loop.run(TrainingLimits(), report: { _ in })
            return (loop.progress.step, loop.isOver)
        }
        #expect(steps == (25, true))
    }

    @Test func weightsAreLoadedByTheirObjective() async throws {
        let place = try RunPlace()
        let (same, faults) = try await onTorch {
            let prepare: (ToySystem) -> Void = {
                $0.furtherObjectives = [Objective("further"), Objective("batches")]
                $0.further = [1, 2, 3]
            }
            try place.loop(prepare: prepare).run(TrainingLimits(), report: { _ in })
            let system = try ToySystem(rate: 0.01)
            prepare(system)
            let folder = try RunFolder(named: "toy-1", in: place.cache)
            try Checkpoint.loadBest(into: system, from: folder, objective: "further")
            let want = try TensorFile(bytes: place.file("best.further.safetensors"))
            let same = try system.toy.parameters.allSatisfy {
                try $0.tensor.elements(as: Float.self) == want.tensor($0.name, as: Float.self).elements
            }
            let fault = #expect(throws: TrainingError.self) {
                try Checkpoint.loadBest(into: system, from: folder, objective: "accuracy")
            }
            return (same, fault)
        }
        #expect(same && faults?.code == .usage && faults?.message.contains("further") == true)
    }
}
