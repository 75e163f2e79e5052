internal import Build
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
        [
            "step": JSONValue(step), "epoch": JSONValue(epoch), "batch": JSONValue(batch),
            "best": best.map { ["value": .number($0.value), "epoch": JSONValue($0.epoch)] } ?? .null,
            "epochs_since_best": JSONValue(epochsSinceBest), "loss_sum": .number(lossSum),
            "metrics_length": JSONValue(metricsLength), "events_length": JSONValue(eventsLength),
            "seconds": .number(seconds), "waited": .number(waited),
        ]
    }

    init() {}

    init?(json: JSONValue) {
        guard let step = json["step"]?.integer, let epoch = json["epoch"]?.integer,
            let batch = json["batch"]?.integer, let since = json["epochs_since_best"]?.integer,
            let lossSum = json["loss_sum"]?.double, let metrics = json["metrics_length"]?.integer,
            let events = json["events_length"]?.integer, let seconds = json["seconds"]?.double,
            let waited = json["waited"]?.double,
            [step, epoch, batch, since, metrics, events].allSatisfy({ (0...(1 << 50)).contains($0) }),
            seconds >= 0, waited >= 0
        else { return nil }
        self.step = step
        self.epoch = epoch
        self.batch = batch
        epochsSinceBest = since
        self.lossSum = lossSum
        metricsLength = metrics
        eventsLength = events
        self.seconds = seconds
        self.waited = waited
        if let value = json["best"]?["value"]?.double, let epoch = json["best"]?["epoch"]?.integer,
            (0...(1 << 50)).contains(epoch)
        {
            best = (value, epoch)
        }
    }
}

/// The two checkpoints of a run, each a safetensors file.
///
/// `best.safetensors` holds weights and buffers by PyTorch's names and nothing else, so that `load_state_dict` takes
/// it as it is. `last.safetensors` holds all that training needs to go on: `network.<name>`,
/// `optimiser.<parameter>.<name>`, `generator`, and under `progress` in the metadata where it stands.
enum Checkpoint {
    static let best = "best.safetensors"
    static let last = "last.safetensors"

    static func writeBest(_ system: any TrainableSystem, _ progress: Progress, in folder: RunFolder) throws {
        let bytes = TensorFile.encode(
            try system.network.state(),
            metadata: ["format": "pt", "step": "\(progress.step)", "run": folder.name])
        try folder.replace(best, with: bytes)
    }

    static func writeLast(
        _ system: any TrainableSystem, _ progress: Progress, device: Device, in folder: RunFolder
    ) throws {
        var tensors = try (system.network.parameters + system.network.buffers).map {
            try $0.tensor.named("network." + $0.name)
        }
        for optimiser in system.optimisers {
            tensors += try optimiser.stateTensors.map { try $0.tensor.named("optimiser." + $0.name) }
        }
        tensors.append(NamedTensor("generator", try RandomGenerator.state()))
        if device != .cpu {
            tensors.append(NamedTensor("generator.device", try RandomGenerator.state(of: device)))
        }
        let bytes = TensorFile.encode(
            tensors, metadata: ["run": folder.name, "progress": progress.json.canonical])
        try folder.replace(last, with: bytes)
    }

    static func loadBest(into system: any TrainableSystem, from folder: RunFolder) throws {
        if folder.has(best) {
            try system.network.load(try TensorFile(path: folder.path + "/" + best))
        } else if folder.has(last) {
            // Interrupted before its first validation.
            try system.network.load(try TensorFile(path: folder.path + "/" + last), prefix: "network.")
        } else {
            throw TrainingError(
                .noRun, "\(folder.name) has no checkpoint yet; train it on with --resume \(folder.name)")
        }
    }

    /// Puts a system back where the last checkpoint has it; nil when there is none.
    static func loadLast(
        into system: any TrainableSystem, device: Device, from folder: RunFolder
    ) throws -> Progress? {
        guard folder.has(last) else { return nil }
        let file = try TensorFile(path: folder.path + "/" + last)
        guard let text = file.metadata["progress"], let json = try? JSONValue(parsing: Array(text.utf8)),
            let progress = Progress(json: json)
        else { throw TrainingError(.badRun, "\(folder.path)/\(last) does not say where it stands") }
        try system.network.load(file, prefix: "network.")
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
