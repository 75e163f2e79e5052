internal import Files
internal import Loading
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
    /// - Returns: The new file, its numbers and pictures.
    /// - Throws: What `TransferSystem` throws.
    public func transfer(
        by name: String, dataset: String? = nil, assignments: [String] = [], device: Device = .cpu,
        request: (Settings) throws -> TransferRequest
    ) throws -> Transferred {
        try TransferSystem(name, dataset: dataset, assignments: assignments, device: device, of: self)
            .transfer(request)
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
