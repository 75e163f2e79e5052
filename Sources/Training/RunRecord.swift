public import Files
internal import Torch

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What `run.json` says: from what and how a run was made, and how far it is.
public struct RunRecord: Sendable {
    /// The run's name.
    public let run: String
    /// The recipe's name.
    public let recipe: String
    /// The dataset's name.
    public let dataset: String
    /// The snapshot's hash.
    public let snapshot: Digest
    /// The preset, if one was chosen.
    public let preset: String?
    /// Every parameter's value.
    public var settings: [String: JSONValue]
    /// The threads of one operation.
    public let threads: Int
    /// The hash of the best weights of each run that it builds on, by the parameter that names it.
    public let foundations: [String: Digest]
    /// The program's version.
    static let version = "0.1.0"

    /// Versions of the program and of libtorch.
    let versions: JSONValue
    /// The machine it was begun on.
    let machine: JSONValue
    /// Where it was computed last: `cpu` or `cuda:N`; nil for a run that an older version began.
    var device: String?
    /// Whether it was trained to its end, when it was read.
    private(set) var isOver = false
    /// How far it is; nil before the first checkpoint.
    var result: TrainingSummary?

    var json: JSONValue {
        [
            "format": 1, "run": .string(run), "recipe": .string(recipe), "dataset": .string(dataset),
            "snapshot": JSONValue(snapshot), "preset": preset.map { .string($0) } ?? .null,
            "parameters": .object(settings), "seed": settings["seed"] ?? 0, "threads": JSONValue(threads),
            "foundations": .object(foundations.mapValues { JSONValue($0) }), "versions": versions,
            "machine": machine, "device": device.map { .string($0) } ?? .null,
            "result": result?.json ?? .null,
        ]
    }

    init(
        run: String, recipe: String, dataset: String, snapshot: Digest, preset: String?, settings: Settings,
        threads: Int, device: Device, foundations: [String: Digest]
    ) throws {
        self.run = run
        self.recipe = recipe
        self.dataset = dataset
        self.snapshot = snapshot
        self.preset = preset
        self.settings = settings.values
        self.threads = threads
        self.foundations = foundations
        versions = ["reprise": .string(Self.version), "torch": .string(try TorchRuntime.version())]
        machine = Self.thisMachine
        self.device = device.description
    }

    /// Reads a run's `run.json`.
    ///
    /// - Throws: `train.bad-run`, naming the file and the member that no version of Reprise writes so. The parameters'
    ///   values are checked by `Settings`, which knows the recipe.
    init(_ folder: RunFolder) throws(TrainingError) {
        let path = folder.path + "/run.json"
        guard let bytes = folder.contents("run.json"), let json = try? JSONValue(parsing: bytes) else {
            throw TrainingError(.badRun, "\(path) cannot be read, or is not JSON")
        }
        let fields = try CheckedFields(json, file: path)
        _ = try fields.integer("format", in: 1...1)
        run = folder.name
        recipe = try fields.text("recipe")
        dataset = try fields.text("dataset")
        snapshot = try fields.digest("snapshot")
        preset = fields.has("preset") ? try fields.text("preset") : nil
        settings = try fields.fields("parameters").all
        threads = try fields.integer("threads", in: 1...Self.mostThreads)
        let bases = try fields.fields("foundations")
        var foundations: [String: Digest] = [:]
        for name in bases.all.keys { foundations[name] = try bases.digest(name) }
        self.foundations = foundations
        versions = .object(try fields.fields("versions").all)
        machine = .object(try fields.fields("machine").all)
        device = fields.has("device") ? try fields.text("device") : nil
        isOver = json["result"]?["over"]?.bool ?? false
        result = nil
    }

    /// More threads than this no machine runs, and asking for them would exhaust its memory.
    private static let mostThreads = 4096

    private static var thisMachine: JSONValue {
        var name = utsname()
        uname(&name)
        func text<Tuple>(_ field: Tuple) -> JSONValue {
            withUnsafeBytes(of: field) { bytes in
                .string(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
            }
        }
        return [
            "system": text(name.sysname), "release": text(name.release), "architecture": text(name.machine),
            "processors": JSONValue(Workers.processors),
        ]
    }
}

/// How far a run is.
public struct TrainingSummary: Sendable {
    /// The run's name.
    public let run: String
    /// The recipe's name.
    public let recipe: String
    /// The snapshot's hash.
    public let snapshot: Digest
    /// Whole epochs.
    public let epochs: Int
    /// Steps.
    public let steps: Int
    /// What the best weights reached, and in which epoch, from 1; nil before the first validation.
    public let best: (metric: String, value: Double, epoch: Int)?
    /// The same of each further objective, by its measure.
    public let furtherBest: [String: (value: Double, epoch: Int)]
    /// Seconds of training, all sittings together.
    public let seconds: Double
    /// The share of these spent waiting for batches.
    public let waiting: Double
    /// Whether all epochs are done, or the validation stopped improving.
    public let isOver: Bool

    /// The object that `reprise train --json` prints.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "run": .string(run), "recipe": .string(recipe), "snapshot": JSONValue(snapshot),
            "epochs": JSONValue(epochs), "steps": JSONValue(steps),
            "best": best.map {
                ["metric": .string($0.metric), "value": .number($0.value), "epoch": JSONValue($0.epoch)]
            } ?? .null,
            "seconds": .number((seconds * 1000).rounded() / 1000),
            "waiting": .rounded(waiting), "over": .bool(isOver),
        ]
        if !furtherBest.isEmpty {
            members["further_best"] = .object(
                furtherBest.mapValues { ["value": .number($0.value), "epoch": JSONValue($0.epoch)] })
        }
        return .object(members)
    }
}
