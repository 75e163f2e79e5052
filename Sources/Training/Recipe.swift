public import Build
public import Dataset
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

/// A system to train, declared once: what it needs, what can be set, and how it is made.
public struct Recipe: Sendable {
    /// Its name, such as `genre-cnn`.
    public let name: String
    /// The paper it stands for, such as `001`.
    public let paper: String
    /// What it learns, in a line.
    public let summary: String
    /// What a snapshot must have.
    public let needs: [Need]
    /// What can be set: its own, then those that every recipe has.
    public let parameters: [Parameter]
    /// Values that differ from the standard, under `published` and `cpu`.
    public let presets: [String: [String: JSONValue]]
    /// Recipes whose runs it builds on, by the parameter that names such a run.
    public let foundations: [String: String]
    /// Says what of the snapshot a batch shows; split, batch size, seed and order are the loop's.
    public let plan: @Sendable (Settings, Snapshot, FeedPurpose) -> LoaderPlan
    /// Makes the system, untrained, on the Torch thread.
    public let make: @Sendable (Settings, SystemContext) throws -> any TrainableSystem
    /// What can be set of a transfer.
    public let transferParameters: [Parameter]
    /// Turns a raw file into one in another style; nil where a run of it alone cannot.
    public let transfer: (@Sendable (TransferRequest, TrainedRun) throws -> Transferred)?

    /// Declares a recipe; `overrides` are standard values of the common parameters that differ for it.
    public init(
        name: String, paper: String, summary: String, needs: [Need], parameters: [Parameter],
        overrides: [String: JSONValue] = [:], presets: [String: [String: JSONValue]],
        foundations: [String: String] = [:],
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
        self.foundations = foundations
        self.plan = plan
        self.make = make
        self.transferParameters = transferParameters
        self.transfer = transfer
        for (preset, values) in presets {
            let unknown = Set(values.keys).subtracting(self.parameters.map(\.name))
            precondition(unknown.isEmpty, "\(name): preset \(preset) sets \(unknown), which are not declared")
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

    /// Refuses a snapshot that lacks something, naming everything at once.
    ///
    /// - Throws: `train.unfit`.
    public func check(_ snapshot: Snapshot) throws(TrainingError) {
        let faults = needs.compactMap { $0.fault(snapshot) }
        guard faults.isEmpty else {
            throw TrainingError(
                .unfit, "\(name) cannot learn from '\(snapshot.dataset)': \(faults.joined(separator: "; "))")
        }
    }

    /// The recipe as `reprise recipes --json` lists it.
    public var json: JSONValue {
        [
            "name": .string(name), "paper": .string(paper), "summary": .string(summary),
            "needs": .array(needs.map { .string($0.summary) }),
            "parameters": .object(
                Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.standard) })),
            "presets": .object(presets.mapValues { .object($0) }),
            "transfers": .bool(transfer != nil),
            "transfer_parameters": .object(
                Dictionary(uniqueKeysWithValues: transferParameters.map { ($0.name, $0.standard) })),
        ]
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

/// What to transfer, and how.
public struct TransferRequest: Sendable {
    /// The bytes of the content's file.
    public let content: [UInt8]
    /// Its path, for messages.
    public let path: String
    /// The style to bring it to; nil if not said.
    public let style: String?
    /// The style it has; nil if not said.
    public let contentStyle: String?
    /// The values of the recipe's `transferParameters`.
    public let settings: Settings

    /// Asks for a file in another style.
    public init(
        content: [UInt8], path: String, style: String?, contentStyle: String? = nil, settings: Settings
    ) {
        self.content = content
        self.path = path
        self.style = style
        self.contentStyle = contentStyle
        self.settings = settings
    }

    /// The style to bring it to: the one asked for, else the only one that is not the content's.
    ///
    /// - Throws: `train.usage` when that is none of the styles, or more than one.
    public func target(among styles: [String]) throws(TrainingError) -> String {
        for named in [style, contentStyle].compactMap({ $0 }) where !styles.contains(named) {
            throw TrainingError(
                .usage, "the run knows no style '\(named)'; it knows \(styles.joined(separator: ", "))")
        }
        if let style { return style }
        let others = styles.filter { $0 != contentStyle }
        guard others.count == 1, let other = others.first else {
            throw TrainingError(.usage, "say which style: --style \(others.joined(separator: " or "))")
        }
        return other
    }
}

/// A file in another style.
public struct Transferred: Sendable {
    /// Its bytes.
    public let bytes: [UInt8]
    /// What can be said of it in numbers.
    public let measures: [Measure]
    /// Pictures of the content and of it.
    public let figures: [Figure]

    /// A file, its numbers and pictures.
    public init(bytes: [UInt8], measures: [Measure], figures: [Figure] = []) {
        self.bytes = bytes
        self.measures = measures
        self.figures = figures
    }
}
