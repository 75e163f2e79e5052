internal import Files
internal import Loading
internal import Tensors
internal import Torch

/// What a recipe builds on: a run, or a file of weights.
///
/// A parameter names it: a run of the base recipe on the same snapshot; a file `*.safetensors` with the weights of that
/// recipe's network under its default settings; or nothing: then a run that was trained to its end with the same seed
/// is used again, and only where there is none is one trained first.
extension Trainer {
    /// Settles what each parameter names, and the hashes of the weights.
    func foundations(
        of recipe: Recipe, _ settings: inout Settings, _ request: TrainingRequest, _ reader: DatasetReader,
        _ report: (TrainingProgress) -> Void
    ) throws -> [String: Digest] {
        var hashes: [String: Digest] = [:]
        let needed = try recipe.trained().foundations(for: settings)
        for (parameter, base) in needed.sorted(by: { $0.key < $1.key }) {
            if settings.word(parameter).isEmpty {
                settings.set(
                    parameter, try run(of: base, for: recipe, settings, request, reader, report))
            }
            hashes[parameter] = try foundationHash(settings.word(parameter), base, reader.digest)
            if WeightsFile.isNamed(settings.word(parameter)) {
                // Refused before there is a folder: whatever does not fit.
                _ = try foundation(settings.word(parameter), base, reader, .cpu)
                log(
                    "\(recipe.name) builds on \(settings.word(parameter)); whether that learned from this test split cannot be known"
                )
            }
        }
        return hashes
    }

    /// A run of a base recipe with the same seed: one that there is, or a new one.
    private func run(
        of base: String, for recipe: Recipe, _ settings: Settings, _ request: TrainingRequest,
        _ reader: DatasetReader, _ report: (TrainingProgress) -> Void
    ) throws -> String {
        let foundation = try self.recipe(base)
        var first = request
        (first.recipe, first.epochs) = (base, nil)
        first.assignments = ["seed=\(settings.integer("seed"))"]
        first.limits.steps = nil
        if !foundation.presets.keys.contains(request.preset ?? "") { first.preset = nil }
        let wanted = try Settings(foundation, preset: first.preset, assignments: first.assignments)
        // A run records the runs that it builds on; the settings wanted here do not name them yet.
        let free = Set(try foundation.trained().foundations.keys)
        if let kept = keptRuns(of: foundation, reader.digest, wanted, but: free).first(where: \.isOver) {
            log("\(recipe.name) builds on \(base): \(kept.run), which has the same seed")
            return kept.run
        }
        log("\(recipe.name) builds on \(base): training that first")
        return try begin(first, report).run
    }

    /// The hash of the weights that may be built on.
    func foundationHash(_ name: String, _ recipe: String, _ snapshot: Digest) throws -> Digest {
        if WeightsFile.isNamed(name) { return try WeightsFile(name).hash }
        let folder = try RunFolder(named: name, in: cachePath)
        let record = try RunRecord(folder)
        guard record.recipe == recipe else {
            throw TrainingError(.usage, "\(name) is a run of \(record.recipe); one of \(recipe) is needed")
        }
        guard record.snapshot == snapshot else {
            throw TrainingError(
                .usage,
                "\(name) was trained on snapshot \(record.snapshot.short), not \(snapshot.short): its training data may contain this run's test pieces; train \(recipe) on the same dataset"
            )
        }
        return try folder.bestDigest
    }

    /// The system that a parameter names, with its weights, in use.
    func foundation(
        _ name: String, _ base: String, _ reader: DatasetReader, _ device: Device
    ) throws -> any TrainableSystem {
        guard WeightsFile.isNamed(name) else { return try open(name, device: device).system }
        let recipe = try self.recipe(base)
        let settings = try Settings(recipe)
        let system = try recipe.trained().make(settings, context(recipe, settings, reader, device))
        do {
            try system.network.load(WeightsFile(name).tensors)
        } catch let error as TorchError {
            throw TrainingError(.file, "\(name) does not hold the weights of \(base): \(error.message)")
        }
        system.network.setTraining(false)
        return system
    }
}
