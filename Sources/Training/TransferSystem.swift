internal import Files
internal import Loading
public import Torch

/// What converts files: a run, or a recipe that is optimised.
///
/// A run is opened before the first file, and its weights are hashed once. Each file is converted as if it were the
/// first. Use it on the Torch thread.
public final class TransferSystem {
    /// The run's or the recipe's name.
    public let name: String
    /// Whether it is a run.
    public var isRun: Bool { record != nil }

    let trainer: Trainer
    private let recipe: Recipe
    private let record: RunRecord?
    private let reader: DatasetReader?
    private let settings: Settings
    private let device: Device
    private var opened: (run: TrainedRun, generators: [(device: Device, state: [UInt8])])?
    private var described: [String: JSONValue]?
    /// The keys of the transfers that are kept beside the run; nil before they are asked for.
    var keptKeys: Set<String>?

    /// Finds a run or a recipe.
    ///
    /// - Parameters:
    ///   - name: The run's or the recipe's name.
    ///   - dataset: The dataset that an optimised recipe works with; a run has its own.
    ///   - assignments: `key=value` each, of the recipe's `transferParameters`.
    ///   - device: Where to compute.
    ///   - trainer: Knows the recipes and the cache.
    /// - Throws: `train.usage` for a recipe that is trained and not optimised, for a run that cannot transfer, for a
    ///   dataset that is missing or not wanted; `train.unfit`, `train.no-run`, `train.bad-run`; errors of the dataset.
    public init(
        _ name: String, dataset: String? = nil, assignments: [String] = [], device: Device = .cpu,
        of trainer: Trainer
    ) throws {
        (self.name, self.trainer, self.device) = (name, trainer, device)
        if let recipe = trainer.recipes.first(where: { $0.name == name }),
            case .optimised(let kind) = recipe.kind
        {
            reader = try dataset.map {
                try DatasetReader($0, cachePath: trainer.cachePath, remote: trainer.remote)
            }
            if let reader { try recipe.check(reader.snapshot) }
            guard reader != nil || !kind.needsDataset else {
                throw TrainingError(.usage, "\(name) works with a dataset; write --dataset DATASET")
            }
            (self.recipe, record) = (recipe, nil)
        } else {
            let record = try trainer.record(of: name)
            guard dataset == nil else {
                throw TrainingError(
                    .usage, "\(name) is a run, which has its own dataset; leave --dataset out")
            }
            recipe = try trainer.recipe(record.recipe)
            try recipe.checkTransfers()
            (self.record, reader) = (record, nil)
        }
        settings = try Settings(transferBy: recipe, assignments: assignments)
    }

    /// Converts a file.
    ///
    /// - Parameter request: Makes the request from the settings.
    /// - Returns: The new file, its numbers and pictures.
    /// - Throws: What opening the run and the transfer throw.
    public func transfer(_ request: (Settings) throws -> TransferRequest) throws -> Transferred {
        if case .optimised(let kind) = recipe.kind {
            let request = try request(settings)
            if settings.has("seed") { try RandomGenerator.seed(UInt64(settings.integer("seed"))) }
            return try kind.optimise(
                request, OptimisationContext(reader: reader, device: device, trainer: trainer))
        }
        let (run, generators) = try open()
        guard let transfer = try recipe.trained().transfer else {
            preconditionFailure("the initialiser refuses a run that cannot transfer")
        }
        for (device, state) in generators { try RandomGenerator.setState(state, of: device) }
        return try transfer(request(settings), run)
    }

    /// The run with the generators' states after opening it.
    private func open() throws -> (run: TrainedRun, generators: [(device: Device, state: [UInt8])]) {
        if let opened { return opened }
        let run = try trainer.open(name, device: device)
        let states = try Set([.cpu, device]).map { (device: $0, state: try RandomGenerator.state(of: $0)) }
        opened = (run, states)
        return (run, states)
    }

    // MARK: What a result depends on

    /// All that a result depends on; its SHA-256 is the key of the cached result.
    func description(of task: TransferTask) throws -> JSONValue {
        let common = try described ?? describe()
        described = common
        var members = common
        members["content"] = JSONValue(task.digest)
        members["ending"] = .string(task.ending)
        if let style = task.style { members["style"] = .string(style) }
        if let style = task.contentStyle { members["content_style"] = .string(style) }
        if let file = task.styleFile { members["style_file"] = JSONValue(Digest(of: file.bytes)) }
        if task.part.start != 0 { members["start"] = .number(task.part.start) }
        if let duration = task.part.duration { members["duration"] = .number(duration) }
        if task.isStereo { members["stereo"] = true }
        return .object(members)
    }

    /// What is the same for every content.
    private func describe() throws -> [String: JSONValue] {
        var members: [String: JSONValue] = [
            "recipe": .string(recipe.name), "settings": .object(settings.values),
            "program": .object(try program()),
        ]
        var named = Set(settings.values.values.compactMap(\.string))
        if let record {
            let folder = try RunFolder(named: name, in: trainer.cachePath)
            members["snapshot"] = JSONValue(record.snapshot)
            members["parameters"] = .object(record.settings)
            members["weights"] = JSONValue(try folder.bestDigest)
            named.formUnion(record.foundations.keys.compactMap { record.settings[$0]?.string })
        } else if let reader {
            members["snapshot"] = JSONValue(reader.digest)
        }
        members["seed"] = settings.values["seed"] ?? record?.settings["seed"]
        var foundations: [String: JSONValue] = [:]
        for word in named {
            if WeightsFile.isNamed(word) {
                foundations[word] = JSONValue(try WeightsFile(word).hash)
            } else if let folder = try? RunFolder(named: word, in: trainer.cachePath) {
                foundations[word] = JSONValue(try folder.bestDigest)
            }
        }
        if !foundations.isEmpty { members["foundations"] = .object(foundations) }
        // Which of them is used only the recipe knows.
        if settings.has("backbone") { members["backbones"] = backbones("\(trainer.cachePath)/backbones") }
        return members
    }

    /// Size and time of the files below a folder, by their names.
    private func backbones(_ folder: String) -> JSONValue {
        var members: [String: JSONValue] = [:]
        for name in names(inFolder: folder) ?? [] {
            guard let found = FileStat(path: "\(folder)/\(name)") else { continue }
            members[name] =
                found.isFolder
                ? backbones("\(folder)/\(name)") : .string("\(found.size) bytes, \(found.modified)")
        }
        return .object(members)
    }

    /// What tells builds of the program apart, and the numerics.
    private func program() throws -> [String: JSONValue] {
        var members: [String: JSONValue] = [
            "reprise": .string(RunRecord.version), "torch": .string(try TorchRuntime.version()),
            "cpu": .string(try TorchRuntime.processorCapability()), "device": .string(device.description),
            "threads": JSONValue(TorchRuntime.threadCount()), "numerics": .string(trainer.numerics),
        ]
        if let file = FileStat(path: "/proc/self/exe") ?? FileStat(path: CommandLine.arguments[0]) {
            members["size"] = JSONValue(file.size)
            members["modified"] = .string(String(file.modified))
        }
        return members
    }
}
