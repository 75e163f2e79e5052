import Dataset
import Files
import Tensors
import Testing
import Torch

@testable import Training

/// Recipes that are optimised instead of trained.
struct OptimisedRecipeTests {
    /// Moves the content's bytes towards the style's, from a random start, as far as `pull` wants.
    private static func recipe(needsDataset: Bool = false) -> Recipe {
        Recipe(
            name: "pull", paper: "000", summary: "pulls bytes together", needsDataset: needsDataset,
            transferParameters: [
                Parameter("seed", 0, "of the start"),
                Parameter("pull", 1.0, "weight of the style", in: 0...100),
                Parameter("iterations", 50, "steps at most", in: 0...1000),
            ]
        ) { request, context in
            guard let style = request.styleFile, style.bytes.count == request.content.count else {
                throw TrainingError(.usage, "the style is a file as long as the content")
            }
            func tensor(_ bytes: [UInt8]) throws -> TorchTensor {
                try TorchTensor(bytes, shape: [bytes.count], on: context.device).to(.f64)
            }
            let (content, target) = (try tensor(request.content), try tensor(style.bytes))
            let point = try TorchTensor.random(.uniform, content.shape, type: .f64) * 255
            var search = LBFGS()
            search.maximumIterations = request.settings.integer("iterations")
            let outcome = try search.minimise(point) {
                try ($0 - content).square().sum() + ($0 - target).square().sum()
                    * request.settings.number("pull")
            }
            let bytes = try point.elements(as: Double.self).map { UInt8(min(max($0.rounded(), 0), 255)) }
            return Transferred(bytes: bytes, measures: [Measure("loss", outcome.value)])
        }
    }

    private static func trainer(_ place: RunPlace, needsDataset: Bool = false) -> Trainer {
        Trainer(recipes: [.toy, recipe(needsDataset: needsDataset)], cachePath: place.cache)
    }

    /// Converts two bytes to the style of two others.
    private static func transfer(
        _ trainer: Trainer, by name: String = "pull", dataset: String? = nil, _ assignments: [String] = []
    ) throws -> [UInt8] {
        try trainer.transfer(
            by: name, dataset: dataset, assignments: assignments,
            request: {
                TransferRequest(
                    content: [0, 100], path: "a.mid", style: "b.mid",
                    styleFile: RawInput(path: "b.mid", bytes: [200, 40]), settings: $0)
            }
        ).bytes
    }

    @Test func transferTakesTheRecipesName() async throws {
        let results = try await onTorch {
            let trainer = Self.trainer(try RunPlace())
            // The least sum of squares lies between content and style, by their weights.
            let even = try Self.transfer(trainer)
            let strong = try Self.transfer(trainer, ["pull=3"])
            // Only the seeded start.
            let starts = try ["1", "1", "2"].map {
                try Self.transfer(trainer, ["iterations=0", "seed=\($0)"])
            }
            return (even, strong, starts)
        }
        #expect(results.0 == [100, 70])
        #expect(results.1 == [150, 55])
        #expect(results.2[0] == results.2[1] && results.2[0] != results.2[2])
    }

    @Test func whatCannotBeIsRefused() async throws {
        let messages = try await onTorch {
            let place = try RunPlace()
            let trainer = Self.trainer(place)
            let attempts: [() throws -> Void] = [
                { _ = try trainer.train(TrainingRequest(recipe: "pull", dataset: "d")) },
                { _ = try Self.transfer(trainer, by: "toy") },
                { _ = try Self.transfer(trainer, by: "none-1") },
                { _ = try Self.transfer(trainer, ["pull=-1"]) },
                { _ = try Self.transfer(Self.trainer(place, needsDataset: true)) },
            ]
            return attempts.map { attempt in
                do {
                    try attempt()
                    return "done"
                } catch { return "\(error)" }
            }
        }
        #expect(messages[0].contains("pull is not trained") && messages[0].contains("reprise transfer pull"))
        #expect(messages[1].contains("toy is a recipe") && messages[1].contains("train.usage"))
        #expect(messages[2].contains("train.no-run"))
        #expect(messages[3].contains("pull") && messages[3].contains("from 0"))
        #expect(messages[4].contains("--dataset"))
    }

    @Test func recipesSayTheirKind() {
        let (toy, pull) = (Recipe.toy.json, Self.recipe().json)
        #expect(toy["kind"] == "trained" && pull["kind"] == "optimised")
        #expect(toy["transfers"] == false && pull["transfers"] == true)
        #expect(pull["parameters"] == [:] && pull["transfer_parameters"]?["iterations"] == 50)
    }
}
