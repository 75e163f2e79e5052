public import Files
public import Loading
public import Torch

/// Something that a snapshot must have for a recipe.
public struct Need: Sendable {
    /// What it is, in a few words.
    public let summary: String
    /// Why a snapshot does not have it, with the line of the manifest to change; nil if it has.
    public let fault: @Sendable (Snapshot) -> String?

    /// Declares a need.
    public init(_ summary: String, fault: @escaping @Sendable (Snapshot) -> String?) {
        self.summary = summary
        self.fault = fault
    }
}

/// A system, declared once: what it needs, what can be set, and what it does.
public struct Recipe: Sendable {
    /// Its name, such as `genre-cnn`.
    public let name: String
    /// The paper it stands for, such as `001`; `none` where there is none.
    public let paper: String
    /// What it does, in a line.
    public let summary: String
    /// What a snapshot must have.
    public let needs: [Need]
    /// What can be set of a training: its own, then those that every trained recipe has; none where it is not trained.
    public let parameters: [Parameter]
    /// Values that differ from the standard, under `published` and `cpu`.
    public let presets: [String: [String: JSONValue]]
    /// What can be set of a transfer.
    public let transferParameters: [Parameter]
    /// How it comes to its results.
    public let kind: Kind

    /// The two kinds of system.
    public enum Kind: Sendable {
        /// It learns from a dataset; a run of it is used.
        case trained(TrainedKind)
        /// It improves its own output for one content and one style; `transfer` takes its name.
        case optimised(OptimisedKind)
    }

    /// Declares a recipe that is trained; `overrides` are standard values of the common parameters that differ for it.
    ///
    /// `needsFoundation` says whether some settings use the foundation that a parameter names; another is neither trained
    /// nor opened.
    public init(
        name: String, paper: String, summary: String, needs: [Need], parameters: [Parameter],
        overrides: [String: JSONValue] = [:], presets: [String: [String: JSONValue]],
        foundations: [String: String] = [:],
        needsFoundation: @escaping @Sendable (_ parameter: String, Settings) -> Bool = { _, _ in true },
        fault: @escaping @Sendable (Settings, Snapshot) -> String? = { _, _ in nil },
        plan: @escaping @Sendable (Settings, Snapshot, FeedPurpose) -> LoaderPlan,
        make: @escaping @Sendable (Settings, SystemContext) throws -> any TrainableSystem,
        transferParameters: [Parameter] = [],
        transfer: (@Sendable (TransferRequest, TrainedRun) throws -> Transferred)? = nil
    ) {
        self.name = name
        self.paper = paper
        self.summary = summary
        self.needs = needs
        self.parameters = parameters + Self.common(overrides)
        self.presets = presets
        self.transferParameters = transferParameters
        kind = .trained(
            TrainedKind(
                foundations: foundations, needsFoundation: needsFoundation, fault: fault, plan: plan,
                make: make, transfer: transfer))
        for (preset, values) in presets {
            let unknown = Set(values.keys).subtracting(self.parameters.map(\.name))
            precondition(unknown.isEmpty, "\(name): preset \(preset) sets \(unknown), which are not declared")
        }
    }

    /// Declares a recipe that is optimised; a parameter `seed` of its transfers seeds the generator before each.
    ///
    /// With presets, a parameter `preset` names one; its values count before those that are set one by one.
    public init(
        name: String, paper: String, summary: String, needs: [Need] = [], needsDataset: Bool = false,
        transferParameters: [Parameter], presets: [String: [String: JSONValue]] = [:],
        optimise: @escaping @Sendable (TransferRequest, OptimisationContext) throws -> Transferred
    ) {
        self.name = name
        self.paper = paper
        self.summary = summary
        self.needs = needs
        parameters = []
        self.presets = presets
        self.transferParameters = transferParameters
        kind = .optimised(OptimisedKind(needsDataset: needsDataset, optimise: optimise))
        for (preset, values) in presets {
            let unknown = Set(values.keys).subtracting(transferParameters.map(\.name))
            precondition(unknown.isEmpty, "\(name): preset \(preset) sets \(unknown), which are not declared")
        }
    }

    /// What the recipe is as one that is trained.
    ///
    /// - Throws: `train.usage` for a recipe that is not.
    func trained() throws(TrainingError) -> TrainedKind {
        switch kind {
        case .trained(let trained): return trained
        case .optimised:
            throw TrainingError(
                .usage,
                "\(name) is not trained: it optimises its output; write 'reprise transfer \(name) --content FILE --style FILE --out FILE'"
            )
        }
    }

    /// Refuses a recipe that is not trained, or whose runs do not convert files.
    ///
    /// - Throws: `train.usage`.
    func checkTransfers() throws(TrainingError) {
        guard try trained().transfer != nil else {
            throw TrainingError(.usage, "\(name) measures or predicts; it does not convert files")
        }
    }

    /// The parameters that every recipe has.
    private static func common(_ overrides: [String: JSONValue]) -> [Parameter] {
        [
            Parameter("epochs", overrides["epochs"] ?? 10, "passes over the train split", in: 1...1e9),
            Parameter("batch", overrides["batch"] ?? 32, "examples a step", in: 1...65_536),
            Parameter("rate", overrides["rate"] ?? 1e-3, "learning rate", in: 1e-12...1e3),
            Parameter("seed", overrides["seed"] ?? 0, "of first weights, order, dropout and augmentation"),
            Parameter(
                "patience", overrides["patience"] ?? 0,
                "epochs without an improvement in validation after which training stops; 0: never"),
            Parameter(
                "annealing", overrides["annealing"] ?? "none",
                "how the rate descends to 0 over the epochs; half-linear: constant for the first half",
                choices: ["none", "linear", "cosine", "half-linear"]),
            Parameter("clip", overrides["clip"] ?? 0.0, "largest norm of the gradients; 0: any"),
            Parameter(
                "deterministic", overrides["deterministic"] ?? true,
                "whether an operation that can differ from run to run is refused (CUDA has some)"),
        ]
    }

    /// Refuses a snapshot that lacks something, naming everything at once; `settings` may ask for more.
    ///
    /// - Throws: `train.unfit`.
    public func check(_ snapshot: Snapshot, _ settings: Settings? = nil) throws(TrainingError) {
        var faults = needs.compactMap { $0.fault(snapshot) }
        if let settings, case .trained(let trained) = kind, let fault = trained.fault(settings, snapshot) {
            faults.append(fault)
        }
        guard faults.isEmpty else {
            throw TrainingError(
                .unfit,
                "\(name) cannot be trained on '\(snapshot.dataset)': \(faults.joined(separator: "; "))")
        }
    }

    /// The recipe as `reprise recipes --json` lists it.
    public var json: JSONValue {
        let (kindName, foundations, transfers): (String, [String: String], Bool) =
            switch kind {
            case .trained(let trained): ("trained", trained.foundations, trained.transfer != nil)
            case .optimised: ("optimised", [:], true)
            }
        return [
            "name": .string(name), "kind": .string(kindName), "paper": .string(paper),
            "summary": .string(summary),
            "needs": .array(needs.map { .string($0.summary) }),
            "parameters": .object(
                Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.standard) })),
            "presets": .object(presets.mapValues { .object($0) }),
            "foundations": .object(foundations.mapValues { .string($0) }), "transfers": .bool(transfers),
            "transfer_parameters": .object(
                Dictionary(uniqueKeysWithValues: transferParameters.map { ($0.name, $0.standard) })),
        ]
    }
}

/// What a recipe that is trained does.
public struct TrainedKind: Sendable {
    /// Recipes whose runs it builds on, by the parameter that names such a run.
    public let foundations: [String: String]
    /// Whether some settings use the foundation that a parameter names.
    public let needsFoundation: @Sendable (_ parameter: String, Settings) -> Bool
    /// Why a snapshot does not have what some settings ask for, such as a label; nil if it has.
    public let fault: @Sendable (Settings, Snapshot) -> String?
    /// Says what of the snapshot a batch shows; split, batch size, seed and order are the loop's.
    public let plan: @Sendable (Settings, Snapshot, FeedPurpose) -> LoaderPlan
    /// Makes the system, untrained, on the Torch thread.
    public let make: @Sendable (Settings, SystemContext) throws -> any TrainableSystem
    /// Turns a raw file into one in another style; nil where a run of it alone cannot.
    public let transfer: (@Sendable (TransferRequest, TrainedRun) throws -> Transferred)?

    /// The foundations that some settings use.
    func foundations(for settings: Settings) -> [String: String] {
        foundations.filter { needsFoundation($0.key, settings) }
    }
}

/// What a recipe that is optimised does.
public struct OptimisedKind: Sendable {
    /// Whether it works only with a dataset, such as one whose statistics it uses.
    public let needsDataset: Bool
    /// Turns a raw file into one in another style, on the Torch thread.
    public let optimise: @Sendable (TransferRequest, OptimisationContext) throws -> Transferred
}

/// What an optimisation works with.
public struct OptimisationContext {
    /// The dataset, if one was named.
    public let reader: DatasetReader?
    /// Where to compute.
    public let device: Device
    /// Opens runs, and says things.
    private let trainer: Trainer

    init(reader: DatasetReader?, device: Device, trainer: Trainer) {
        self.reader = reader
        self.device = device
        self.trainer = trainer
    }

    /// The cache's folder.
    public var cachePath: String { trainer.cachePath }

    /// Tells the user something in a line.
    public func log(_ line: String) { trainer.log(line) }

    /// A run to build on, with the hash of its best weights.
    ///
    /// - Throws: as `Trainer.open`.
    public func open(_ run: String) throws -> (run: TrainedRun, weights: Digest) {
        let opened = try trainer.open(run, device: device)
        return (
            opened, try WeightsFile(RunFolder(named: run, in: cachePath).path + "/" + Checkpoint.best).hash
        )
    }
}

/// What batches are for.
public enum FeedPurpose: Sendable {
    /// To learn from, in an order of its own each epoch.
    case learning
    /// To measure on: every segment once.
    case measuring
}

/// What a system is made for.
public struct SystemContext {
    /// The snapshot it learns from, or learned from.
    public let snapshot: Snapshot
    /// Where it is computed; a system moves its network there before it makes optimisers.
    public let device: Device
    /// The systems it builds on, trained, by the parameters that name their runs.
    public let foundations: [String: any TrainableSystem]

    /// Describes a snapshot.
    public init(
        snapshot: Snapshot, device: Device = .cpu, foundations: [String: any TrainableSystem] = [:]
    ) {
        self.snapshot = snapshot
        self.device = device
        self.foundations = foundations
    }
}
