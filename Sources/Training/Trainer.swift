import Files
public import Loading
public import Storage
internal import Tensors
public import Torch

/// What to train.
public struct TrainingRequest: Sendable {
    /// The recipe's name; nil to continue with a run.
    public var recipe: String?
    /// The dataset; nil to continue with a run.
    public var dataset: String?
    /// A preset of the recipe.
    public var preset: String?
    /// `key=value` each.
    public var assignments: [String]
    /// Epochs in place of the recipe's.
    public var epochs: Int?
    /// The run to continue with.
    public var resume: String?
    /// Threads of one operation; nil: libtorch's choice, or the run's.
    public var threads: Int?
    /// `cpu` or `cuda:N`; nil: the run's, or the CPU.
    public var device: String?
    /// When to stop.
    public var limits: TrainingLimits

    /// A training of a recipe on a dataset, or the next part of a run.
    public init(
        recipe: String? = nil, dataset: String? = nil, preset: String? = nil, assignments: [String] = [],
        epochs: Int? = nil, resume: String? = nil, threads: Int? = nil, device: String? = nil,
        limits: TrainingLimits = TrainingLimits()
    ) {
        self.recipe = recipe
        self.dataset = dataset
        self.preset = preset
        self.assignments = assignments
        self.epochs = epochs
        self.resume = resume
        self.threads = threads
        self.device = device
        self.limits = limits
    }
}

/// A run whose best weights are loaded, ready for use.
public struct TrainedRun {
    /// What `run.json` says.
    public let record: RunRecord
    /// Its recipe.
    public let recipe: Recipe
    /// Its settings.
    public let settings: Settings
    /// The dataset it learned from.
    public let reader: DatasetReader
    /// The system, switched to use.
    public let system: any TrainableSystem

    /// The system by its own type, where it is the one that a recipe makes.
    ///
    /// - Throws: `train.bad-run` when it is another's.
    public func system<System: TrainableSystem>(of recipe: Recipe) throws(TrainingError) -> System {
        guard let system = system as? System else {
            throw TrainingError(.badRun, "\(record.run) is not a run of \(recipe.name)")
        }
        return system
    }
}

/// Trains recipes on the datasets of a cache, and opens what was trained.
///
/// All of it runs on the Torch thread.
public struct Trainer: Sendable {
    /// The recipes that there are.
    public let recipes: [Recipe]
    /// The cache's folder.
    public let cachePath: String
    /// Has the datasets and snapshots that the cache lacks.
    public let remote: (any RemoteStore)?
    /// The libraries' numerics tag, on which a transfer's result depends.
    let numerics: String
    /// Takes lines that tell what continues.
    let log: @Sendable (String) -> Void

    /// A trainer of some recipes.
    public init(
        recipes: [Recipe], cachePath: String, remote: (any RemoteStore)? = nil, numerics: String = "",
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.recipes = recipes
        self.cachePath = cachePath
        self.remote = remote
        self.numerics = numerics
        self.log = log
    }

    /// A recipe by its name.
    ///
    /// - Throws: `train.usage`.
    public func recipe(_ name: String) throws(TrainingError) -> Recipe {
        guard let recipe = recipes.first(where: { $0.name == name }) else {
            throw TrainingError(
                .usage,
                "no recipe '\(name)'; there are \(recipes.map(\.name).sorted().joined(separator: ", "))")
        }
        return recipe
    }

    /// Trains, from the start or from a run's last checkpoint.
    ///
    /// - Throws: `TrainingError`, `BuildError`, `LoaderError`, `TorchError`.
    public func train(
        _ request: TrainingRequest, report: (TrainingProgress) -> Void = { _ in }
    ) throws -> TrainingSummary {
        try request.resume.map { try resume($0, request, report) } ?? begin(request, report)
    }

    /// What a new run is made of.
    struct Beginning {
        let recipe: Recipe
        var settings: Settings
        let reader: DatasetReader
        /// The hashes of what it builds on.
        var foundations: [String: Digest] = [:]
    }

    /// What a request asks for, and that the dataset has what it needs; what it builds on is not settled yet.
    func checked(_ request: TrainingRequest) throws -> Beginning {
        guard let name = request.recipe, let dataset = request.dataset else {
            throw TrainingError(.usage, "a recipe and --dataset are needed, or --resume RUN")
        }
        let recipe = try recipe(name)
        _ = try recipe.trained()
        var settings = try Settings(recipe, preset: request.preset, assignments: request.assignments)
        if let epochs = request.epochs { try settings.setEpochs(epochs, of: recipe) }
        let reader = try DatasetReader(
            dataset, cachePath: cachePath, remote: remote, holdingFor: "train \(name)")
        try recipe.check(reader.snapshot, settings)
        return Beginning(recipe: recipe, settings: settings, reader: reader)
    }

    /// What a request asks for, with the runs that it builds on, which are trained where there are none.
    func settled(
        _ request: TrainingRequest, _ report: (TrainingProgress) -> Void
    ) throws -> Beginning {
        var beginning = try checked(request)
        // Refused before anything is trained.
        _ = try device(request.device ?? "cpu", beginning.settings)
        if let threads = request.threads { try TorchRuntime.setThreadCount(threads) }
        beginning.foundations = try foundations(
            of: beginning.recipe, &beginning.settings, request, beginning.reader, report)
        return beginning
    }

    func begin(
        _ request: TrainingRequest, _ report: (TrainingProgress) -> Void
    ) throws -> TrainingSummary {
        try begin(settled(request, report), request, report)
    }

    func begin(
        _ beginning: Beginning, _ request: TrainingRequest, _ report: (TrainingProgress) -> Void
    ) throws -> TrainingSummary {
        let (recipe, settings, reader) = (beginning.recipe, beginning.settings, beginning.reader)
        // Again, since the training of what it builds on may have set another mode.
        let device = try self.device(request.device ?? "cpu", settings)
        // Refused before there is a folder: whatever the loader cannot feed.
        let feed = try self.feed(.train, .learning, recipe, settings, reader, device)
        let folder = try RunFolder(creatingFor: recipe.name, in: cachePath)
        let record = try RunRecord(
            run: folder.name, recipe: recipe.name, dataset: reader.snapshot.dataset,
            snapshot: reader.digest, preset: request.preset, settings: settings,
            threads: TorchRuntime.threadCount(), device: device, foundations: beginning.foundations)
        try folder.replace("run.json", with: record.json.canonicalBytes + [UInt8(ascii: "\n")])
        return try run(record, recipe, settings, reader, feed, folder, device, request.limits, report)
    }

    private func resume(
        _ name: String, _ request: TrainingRequest, _ report: (TrainingProgress) -> Void
    ) throws -> TrainingSummary {
        let folder = try RunFolder(named: name, in: cachePath)
        var record = try RunRecord(folder)
        let recipe = try recipe(record.recipe)
        guard request.recipe == nil || request.recipe == record.recipe else {
            throw TrainingError(
                .usage, "\(name) is a run of \(record.recipe), not of \(request.recipe ?? "")")
        }
        guard request.preset == nil, request.assignments.isEmpty else {
            throw TrainingError(.usage, "a run resumes with its own parameters; leave --preset and --set out")
        }
        var settings = try Settings(recipe, recorded: record.settings, file: folder.path + "/run.json")
        if let epochs = request.epochs { try settings.setEpochs(epochs, of: recipe) }
        record.settings = settings.values
        let device: Device
        do {
            device = try self.device(request.device ?? record.device ?? "cpu", settings)
        } catch let error as TorchError where error.code == .device && request.device == nil {
            throw TrainingError(
                .usage,
                "\(name) was trained on \(record.device ?? ""), which is not available here: \(error.message); write --device cpu"
            )
        }
        if let former = record.device, former != device.description {
            log(
                "\(name) was trained on \(former) and resumes on \(device): the results will differ from those of a run on one device"
            )
        }
        record.device = device.description
        let reader = try DatasetReader(
            record.snapshot.hex, cachePath: cachePath, remote: remote, holdingFor: "train \(name)")
        if let dataset = request.dataset {
            let named = try DatasetReader(dataset, cachePath: cachePath, remote: remote)
            guard named.digest == record.snapshot else {
                throw TrainingError(
                    .usage,
                    "\(name) was trained on snapshot \(record.snapshot.short), and '\(dataset)' is \(named.digest.short) now; leave --dataset out"
                )
            }
        }
        for (parameter, hash) in record.foundations {
            let found = try foundationHash(
                settings.word(parameter), recipe.trained().foundations[parameter] ?? "", reader.digest)
            guard found == hash else {
                throw TrainingError(.badRun, "\(settings.word(parameter)) has changed since \(name) began")
            }
        }
        // The thread count is part of what makes a run the same to the last bit.
        try TorchRuntime.setThreadCount(request.threads ?? record.threads)
        let feed = try self.feed(.train, .learning, recipe, settings, reader, device)
        return try run(record, recipe, settings, reader, feed, folder, device, request.limits, report)
    }

    private func run(
        _ record: RunRecord, _ recipe: Recipe, _ settings: Settings, _ reader: DatasetReader,
        _ feed: LoaderFeed, _ folder: RunFolder, _ device: Device, _ limits: TrainingLimits,
        _ report: (TrainingProgress) -> Void
    ) throws -> TrainingSummary {
        try folder.acquire()
        let context = try context(recipe, settings, reader, device)
        try RandomGenerator.seed(UInt64(settings.integer("seed")))
        let system = try recipe.trained().make(settings, context)
        let validation =
            reader.snapshot.segmentCount(.validation) > 0
            ? try self.feed(.validation, .measuring, recipe, settings, reader, device) : nil
        let metric = validation == nil ? "loss" : system.objective.measure
        func summary(_ progress: Progress, isOver: Bool) -> TrainingSummary {
            TrainingSummary(
                run: folder.name, recipe: recipe.name, snapshot: reader.digest, epochs: progress.epoch,
                steps: progress.step, best: progress.best.map { (metric, $0.value, $0.epoch) },
                furtherBest: progress.furtherBest,
                seconds: progress.seconds, waiting: progress.waited / max(progress.seconds, 1e-9),
                isOver: isOver)
        }
        // The folder knows how far it is, also for readers without libtorch.
        func note(_ progress: Progress, isOver: Bool) throws {
            var record = record
            record.result = summary(progress, isOver: isOver)
            try folder.replace("run.json", with: record.json.canonicalBytes + [UInt8(ascii: "\n")])
        }
        let loop = try TrainingLoop(
            system, feed: feed, validation: validation, folder: folder, settings: settings, device: device,
            log: log, saved: { try note($0, isOver: false) })
        log("run \(folder.name)")
        if loop.progress.step == 0 {
            try withoutGradients {
                try system.prepare(from: self.feed(.train, .measuring, recipe, settings, reader, device))
            }
        }
        try loop.run(limits, report: report)
        try note(loop.progress, isOver: loop.isOver)
        return summary(loop.progress, isOver: loop.isOver)
    }

    // MARK: What was trained

    /// What a run's `run.json` says.
    ///
    /// - Throws: `train.no-run`, `train.bad-run`; `train.usage` for the name of a recipe.
    func record(of name: String) throws(TrainingError) -> RunRecord {
        guard !recipes.contains(where: { $0.name == name }) else {
            throw TrainingError(
                .usage, "\(name) is a recipe; name a run of it ('reprise runs' lists them), such as \(name)-1"
            )
        }
        return try RunRecord(RunFolder(named: name, in: cachePath))
    }

    /// Opens a run with the weights that are best in an objective; nil: in the first.
    ///
    /// - Throws: `train.no-run`, `train.bad-run`, and what opening its dataset throws.
    public func open(
        _ name: String, device: Device = .cpu, objective: String? = nil
    ) throws -> TrainedRun {
        let record = try record(of: name)
        let folder = try RunFolder(named: name, in: cachePath)
        let recipe = try recipe(record.recipe)
        let settings = try Settings(recipe, recorded: record.settings, file: folder.path + "/run.json")
        let reader = try DatasetReader(
            record.snapshot.hex, cachePath: cachePath, remote: remote, holdingFor: "use \(name)")
        try RandomGenerator.seed(UInt64(settings.integer("seed")))
        let system = try recipe.trained().make(settings, context(recipe, settings, reader, device))
        try Checkpoint.loadBest(into: system, from: folder, objective: objective)
        system.network.setTraining(false)
        return TrainedRun(
            record: record, recipe: recipe, settings: settings, reader: reader, system: system)
    }

    /// A device by its name, after libtorch was told to be deterministic there or not.
    private func device(_ name: String, _ settings: Settings) throws -> Device {
        try TorchRuntime.setDeterministic(settings.flag("deterministic"))
        return try Device(name)
    }

    func feed(
        _ split: Split, _ purpose: FeedPurpose, _ recipe: Recipe, _ settings: Settings,
        _ reader: DatasetReader, _ device: Device
    ) throws -> LoaderFeed {
        var plan = try recipe.trained().plan(settings, reader.snapshot, purpose)
        plan.split = split
        plan.batchSize = settings.integer("batch")
        plan.seed = UInt64(settings.integer("seed"))
        plan.isShuffled = purpose == .learning
        if purpose == .measuring { plan.augmentation = LoaderPlan.Augmentation() }
        return try LoaderFeed(reader, plan, on: device)
    }

    func context(
        _ recipe: Recipe, _ settings: Settings, _ reader: DatasetReader, _ device: Device
    ) throws -> SystemContext {
        var foundations: [String: any TrainableSystem] = [:]
        for (parameter, base) in try recipe.trained().foundations(for: settings) {
            foundations[parameter] = try foundation(settings.word(parameter), base, reader, device)
        }
        return SystemContext(snapshot: reader.snapshot, device: device, foundations: foundations)
    }
}
