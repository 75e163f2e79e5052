internal import Files
internal import Tensors
internal import Torch

/// Where a training stands, but for its tensors.
struct Progress: Equatable {
    /// Steps made.
    var step = 0
    /// The epoch of the next batch, from 0.
    var epoch = 0
    /// The next batch's place in the epoch, from 0.
    var batch = 0
    /// The best validation so far.
    var best: (value: Double, epoch: Int)?
    /// The best validation of each further objective.
    var furtherBest: [String: (value: Double, epoch: Int)] = [:]
    /// Epochs since then.
    var epochsSinceBest = 0
    /// The sum of the epoch's losses so far.
    var lossSum = 0.0
    /// How long the growing files are.
    var metricsLength = 0
    var eventsLength = 0
    /// Seconds of training so far, interruptions left out, and those spent waiting for batches.
    var seconds = 0.0
    var waited = 0.0

    static func == (left: Progress, right: Progress) -> Bool { left.json == right.json }

    var json: JSONValue {
        func object(_ best: (value: Double, epoch: Int)) -> JSONValue {
            ["value": .number(best.value), "epoch": JSONValue(best.epoch)]
        }
        return [
            "step": JSONValue(step), "epoch": JSONValue(epoch), "batch": JSONValue(batch),
            "best": best.map(object) ?? .null, "further_best": .object(furtherBest.mapValues(object)),
            "epochs_since_best": JSONValue(epochsSinceBest), "loss_sum": .number(lossSum),
            "metrics_length": JSONValue(metricsLength), "events_length": JSONValue(eventsLength),
            "seconds": .number(seconds), "waited": .number(waited),
        ]
    }

    init() {}

    /// Reads what `json` wrote.
    ///
    /// - Throws: `train.bad-run` for a number that no training writes.
    init(_ fields: CheckedFields) throws(TrainingError) {
        step = try fields.integer("step", in: 0...Self.largestCount)
        epoch = try fields.integer("epoch", in: 0...Self.largestEpoch)
        batch = try fields.integer("batch", in: 0...Self.largestBatch)
        epochsSinceBest = try fields.integer("epochs_since_best", in: 0...epoch)
        lossSum = try fields.number("loss_sum", in: -Self.largestNumber...Self.largestNumber)
        metricsLength = try fields.integer("metrics_length", in: 0...Self.largestCount)
        eventsLength = try fields.integer("events_length", in: 0...Self.largestCount)
        seconds = try fields.number("seconds", in: 0...Self.largestNumber)
        waited = try fields.number("waited", in: 0...Self.largestNumber)
        func best(_ fields: CheckedFields) throws(TrainingError) -> (value: Double, epoch: Int) {
            (try fields.number("value"), try fields.integer("epoch", in: 1...Self.largestEpoch))
        }
        if fields.has("best") { self.best = try best(fields.fields("best")) }
        // Older runs have only one objective.
        if fields.has("further_best") {
            let further = try fields.fields("further_best")
            for name in further.all.keys { furtherBest[name] = try best(further.fields(name)) }
        }
    }

    /// What a parameter `epochs` allows.
    static let largestEpoch = 1_000_000_000
    /// More batches than a loader's epoch has, so that no product with a batch's size overflows.
    private static let largestBatch = 1 << 31
    /// No sum or product with it is infinite.
    private static let largestNumber = 1e100
    /// Steps and bytes that every double holds exactly.
    private static let largestCount = 1 << 53
}

/// The two checkpoints of a run, each a safetensors file.
///
/// `best.safetensors` holds weights and buffers by PyTorch's names and nothing else, so that `load_state_dict` takes
/// it as it is. `last.safetensors` holds all that training needs to resume: `network.<name>`,
/// `optimiser.<parameter>.<name>`, `memory.<name>` of a system that has one, `generator`, and under `progress` in the
/// metadata where it stands.
enum Checkpoint {
    static let best = "best.safetensors"
    static let last = "last.safetensors"

    /// The file of an objective's best weights; nil: the first one's.
    static func best(in objective: String?) -> String { objective.map { "best.\($0).safetensors" } ?? best }

    static func writeBest(
        _ tensors: ModuleTensors, _ progress: Progress, in folder: RunFolder, objective: String? = nil
    ) throws {
        let bytes = TensorFile.encode(
            try tensors.state(),
            metadata: ["format": "pt", "step": "\(progress.step)", "run": folder.name])
        try folder.replace(best(in: objective), with: bytes)
    }

    static func writeLast(
        _ network: ModuleTensors, of system: any TrainableSystem, _ progress: Progress, device: Device,
        in folder: RunFolder
    ) throws {
        var tensors = try (network.parameters + network.buffers).map {
            try $0.tensor.named("network." + $0.name)
        }
        for optimiser in system.optimisers {
            tensors += try optimiser.stateTensors.map { try $0.tensor.named("optimiser." + $0.name) }
        }
        if let memory = system.memory {
            tensors += try (memory.parameters + memory.buffers).map {
                try $0.tensor.named("memory." + $0.name)
            }
        }
        tensors.append(NamedTensor("generator", try RandomGenerator.state()))
        if device != .cpu {
            tensors.append(NamedTensor("generator.device", try RandomGenerator.state(of: device)))
        }
        let bytes = TensorFile.encode(
            tensors, metadata: ["run": folder.name, "progress": progress.json.canonical])
        try folder.replace(last, with: bytes)
    }

    /// Loads the weights that are best in an objective; nil: in the first.
    static func loadBest(
        into system: any TrainableSystem, from folder: RunFolder, objective: String? = nil
    ) throws {
        func load(_ file: String, prefix: String = "") throws {
            try system.network.load(try TensorFile(path: folder.path + "/" + file), prefix: prefix)
            try check(system.network, from: folder, file)
        }
        if let objective, objective != system.objective.measure {
            let known = system.furtherObjectives.map(\.measure)
            guard known.contains(objective) else {
                throw TrainingError(
                    .usage,
                    "\(folder.name) is not validated for '\(objective)'; it is for \(([system.objective.measure] + known).joined(separator: ", "))"
                )
            }
            guard folder.has(best(in: objective)) else {
                throw TrainingError(.noRun, "\(folder.name) has no weights for '\(objective)' yet")
            }
            try load(best(in: objective))
        } else if folder.has(best) {
            try load(best)
        } else if folder.has(last) {
            // Interrupted before its first validation.
            try load(last, prefix: "network.")
        } else {
            throw TrainingError(
                .noRun,
                "\(folder.name) has no checkpoint yet; resume it with 'reprise train --resume \(folder.name)'"
            )
        }
    }

    /// Refuses weights that are not finite: no training saves such, and no use of them gives numbers.
    private static func check(_ network: any Module, from folder: RunFolder, _ file: String) throws {
        for item in network.parameters + network.buffers where item.tensor.type != .i64 {
            if try item.tensor.detach().allFinite() { continue }
            throw TrainingError(.badRun, "\(folder.path)/\(file): '\(item.name)' is not finite")
        }
    }

    /// Puts a system back where the last checkpoint has it; nil when there is none.
    static func loadLast(
        into system: any TrainableSystem, device: Device, from folder: RunFolder
    ) throws -> Progress? {
        guard folder.has(last) else { return nil }
        let path = folder.path + "/" + last
        let file = try TensorFile(path: path)
        guard let text = file.metadata["progress"], let json = try? JSONValue(parsing: Array(text.utf8))
        else {
            throw TrainingError(.badRun, "\(path): 'progress' is missing from its metadata, or is not JSON")
        }
        let progress = try Progress(CheckedFields(json, file: path, prefix: "progress."))
        try system.network.load(file, prefix: "network.")
        try check(system.network, from: folder, last)
        if let memory = system.memory {
            try memory.load(file, prefix: "memory.")
            try check(memory, from: folder, last)
        }
        // An optimiser refuses what is not its own; the tensors of the others are taken out of its sight.
        for optimiser in system.optimisers {
            let own = try optimiser.stateTensors.map { item in
                try TorchTensor(reading: "optimiser." + item.name, from: file).named(item.name)
            }
            try optimiser.load(try TensorFile(bytes: TensorFile.encode(own)))
        }
        try RandomGenerator.setState(try file.tensor("generator", as: UInt8.self).elements)
        if device != .cpu, file.entries["generator.device"] != nil {
            try RandomGenerator.setState(
                try file.tensor("generator.device", as: UInt8.self).elements, of: device)
        }
        return progress
    }
}
