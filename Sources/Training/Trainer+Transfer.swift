internal import Build
import Loading
public import Torch

extension Trainer {
    /// Converts a file to another style, by a run or by a recipe that is optimised.
    ///
    /// - Parameters:
    ///   - name: The run's or the recipe's name.
    ///   - dataset: The dataset that an optimised recipe works with; a run has its own.
    ///   - assignments: `key=value` each, of the recipe's `transferParameters`.
    ///   - device: Where to compute.
    ///   - request: Makes the request from the settings.
    ///   - finish: Takes the result; `isRun` says whether it can be kept beside a run of this name.
    /// - Returns: The new file, its numbers and pictures.
    /// - Throws: `train.usage` for a recipe that is trained and not optimised, for a run that cannot transfer, for a
    ///   dataset that is missing or not wanted; `train.unfit`; what opening a run and the transfer throw.
    public func transfer(
        by name: String, dataset: String? = nil, assignments: [String] = [], device: Device = .cpu,
        request: (Settings) throws -> TransferRequest,
        finish: (_ result: Transferred, _ request: TransferRequest, _ isRun: Bool) throws -> Void = {
            _, _, _ in
        }
    ) throws -> Transferred {
        if let recipe = recipes.first(where: { $0.name == name }), case .optimised(let kind) = recipe.kind {
            let reader = try dataset.map { try DatasetReader($0, cachePath: cachePath) }
            if let reader { try recipe.check(reader.snapshot) }
            guard reader != nil || !kind.needsDataset else {
                throw TrainingError(.usage, "\(name) works with a dataset; write --dataset DATASET")
            }
            let request = try request(Settings(transferBy: recipe, assignments: assignments))
            if request.settings.has("seed") {
                try RandomGenerator.seed(UInt64(request.settings.integer("seed")))
            }
            let result = try kind.optimise(
                request, OptimisationContext(reader: reader, device: device, trainer: self))
            try finish(result, request, false)
            return result
        }
        let run = try open(name, device: device)
        guard dataset == nil else {
            throw TrainingError(.usage, "\(name) is a run, which has its own dataset; leave --dataset out")
        }
        guard let transfer = try run.recipe.trained().transfer else {
            throw TrainingError(
                .usage, "\(run.recipe.name) measures or predicts; it does not convert files")
        }
        let request = try request(Settings(transferBy: run.recipe, assignments: assignments))
        let result = try transfer(request, run)
        try finish(result, request, true)
        return result
    }

    /// The snapshot that the first run among some names learned from; nil if none of them is a run.
    ///
    /// - Throws: `train.no-run` for a name that is neither a run nor a recipe.
    public func dataset(ofRunAmong names: [String]) throws -> String? {
        for name in names where !recipes.contains(where: { $0.name == name }) {
            return try RunRecord(RunFolder(named: name, in: cachePath)).snapshot.hex
        }
        return nil
    }
}
