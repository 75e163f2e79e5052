import Dataset
import Files
import Foundation
import Loading
import Tensors
import Torch

@testable import Training

/// A feed of random numbers that (epoch, batch) decides.
final class ToyFeed: Feed {
    let batchesPerEpoch: Int
    private var (epoch, batch) = (0, 0)
    /// The batch, counted over all epochs, that holds a number that is not finite.
    var broken: Int?

    init(batchesPerEpoch: Int) { self.batchesPerEpoch = batchesPerEpoch }

    func seek(epoch: Int, batch: Int) { (self.epoch, self.batch) = (epoch, batch) }

    func next() throws -> Batch {
        let number = epoch * batchesPerEpoch + batch
        batch += 1
        if batch == batchesPerEpoch { (epoch, batch) = (epoch + 1, 0) }
        var state = UInt64(number &* 7919 &+ 17)
        func draw() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24)
        }
        var values = (0..<4 * 12 * 6).map { _ in draw() }
        if number == broken { values[3] = .nan }
        let labels = (0..<4).map { Int64(values[$0 * 72] > 0.5 ? 1 : 0) }
        return Batch(
            count: 4,
            [
                "roll": try TorchTensor(values, shape: [4, 12, 6]),
                "style": try TorchTensor(labels, shape: [4]),
            ])
    }
}

/// A network with all that keeps a state: batch normalisation, dropout, an LSTM.
final class ToyNetwork: Module {
    let conv: Conv1d
    let norm: BatchNorm
    let dropout = Dropout(0.3)
    let lstm: LSTM
    let output: Linear

    init() throws {
        conv = try Conv1d(6, 5, kernel: 3, padding: .same)
        norm = try BatchNorm(5)
        lstm = try LSTM(5, 7, layers: 2, dropout: 0.2)
        output = try Linear(7, 2)
    }

    func callAsFunction(_ roll: TorchTensor) throws -> TorchTensor {
        let seen = try dropout(norm(conv(roll.transposed(1, 2))).relu()).transposed(1, 2)
        return try output(lstm(seen).output.selected(1, 11))
    }
}

/// Remembers the mean of the rolls that were learned from, and how many.
final class ToyMemory: Module {
    let mean: TorchTensor
    let count: TorchTensor

    init() throws {
        mean = try .zeros([6])
        count = try .zeros([], type: .i64)
    }

    var ownParameters: [NamedParameter] { [] }
    var ownBuffers: [NamedParameter] { [.init("mean", mean), .init("count", count)] }

    func note(_ roll: TorchTensor) throws {
        try mean.assign(mean * 0.5 + roll.mean([0, 1]) * 0.5)
        try count.add(1)
    }
}

/// The network with its loss; two optimisers of two kinds.
final class ToySystem: TrainableSystem {
    let toy: ToyNetwork
    let optimisers: [any Optimiser]
    let objective = Objective("loss")
    var network: any Module { toy }
    /// What it adds to its inputs, if it remembers anything.
    var remembered: ToyMemory?
    var memory: (any Module)? { remembered }
    /// The steps it was given.
    private(set) var steps: [LearningStep] = []
    /// The schedule of the second optimiser, if it is not the common one.
    var secondSchedule: Schedule?
    var furtherObjectives: [Objective] = []
    /// The values of a further measure, one for each validation.
    var further: [Double] = []
    func schedule(of optimiser: Int, over steps: Int) -> Schedule? { optimiser == 1 ? secondSchedule : nil }
    /// The validations, counted from 1, whose measure is not a number.
    var brokenValidations: Set<Int> = []
    private var validations = 0

    init(rate: Double) throws {
        toy = try ToyNetwork()
        let (head, rest) = (toy.parameters.filter { $0.name.hasPrefix("output") }, toy.parameters)
        optimisers = [
            try Adam(rest.filter { !$0.name.hasPrefix("output") }, rate: rate),
            try SGD(head, rate: rate, momentum: 0.9),
        ]
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        steps.append(step)
        for optimiser in optimisers { try optimiser.clearGradients() }
        var roll = batch["roll"]
        if let remembered {
            roll = try roll + remembered.mean
            try remembered.note(batch["roll"])
        }
        let loss = try toy(roll).crossEntropy(batch["style"])
        try loss.backward()
        for optimiser in optimisers { try update(optimiser, loss) }
        return [("loss", loss)]
    }

    func measure(on feed: any Feed) throws -> [Measure] {
        var sum = 0.0
        for _ in 0..<feed.batchesPerEpoch {
            let batch = try feed.next()
            sum += try toy(batch["roll"]).crossEntropy(batch["style"]).item()
        }
        validations += 1
        let mean = brokenValidations.contains(validations) ? .nan : sum / Double(feed.batchesPerEpoch)
        return [Measure("loss", mean), Measure("batches", Double(feed.batchesPerEpoch))]
            + (further.isEmpty ? [] : [Measure("further", further[validations - 1])])
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] { [:] }
}

/// A module that counts how often its parts are looked for.
final class WatchedModule: Module {
    let toy: ToyNetwork
    private(set) var looks = 0

    init() throws { toy = try ToyNetwork() }

    var ownParameters: [NamedParameter] {
        looks += 1
        return []
    }
    var children: [(name: String, module: any Module)] {
        looks += 1
        return [("toy", toy)]
    }
}

/// The toy system behind a watched module.
final class WatchedSystem: TrainableSystem {
    let watched: WatchedModule
    let adam: Adam
    let objective = Objective("loss")
    var network: any Module { watched }
    var optimisers: [any Optimiser] { [adam] }

    init(_ choose: ([NamedParameter]) throws -> [NamedParameter] = { $0 }) throws {
        watched = try WatchedModule()
        adam = try Adam(choose(watched.parameters))
    }

    /// Makes a loop for a system whose optimiser has the chosen parameters.
    static func start(_ choose: @escaping @Sendable ([NamedParameter]) throws -> [NamedParameter])
        async throws
    {
        try await onTorch {
            let place = try RunPlace()
            _ = try TrainingLoop(
                WatchedSystem(choose), feed: ToyFeed(batchesPerEpoch: 5), validation: nil,
                folder: RunFolder(creatingFor: "toy", in: place.cache), settings: Settings(.toy))
        }
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        try adam.clearGradients()
        let loss = try watched.toy(batch["roll"]).crossEntropy(batch["style"])
        try loss.backward()
        try update(adam, loss)
        return [("loss", loss)]
    }

    func measure(on feed: any Feed) throws -> [Measure] {
        try [Measure("loss", watched.toy(feed.next()["roll"]).mean().item())]
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] { [:] }
}

extension Recipe {
    static let toy = Recipe(
        name: "toy", paper: "000", summary: "a toy", needs: [],
        parameters: [Parameter("word", "a", "a word", choices: ["a", "b"])],
        presets: ["cpu": ["epochs": 2]],
        plan: { _, _, _ in LoaderPlan(kind: .midi, views: [], batchSize: 1) },
        make: { settings, _ in try ToySystem(rate: settings.number("rate")) })
}

/// A cache's folder with a run in it.
final class RunPlace: Sendable {
    let cache: String

    init() throws {
        cache = FileManager.default.temporaryDirectory.path + "/reprise-run-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: cache) }

    func file(_ name: String, run: String = "toy-1") -> [UInt8] {
        (try? [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(cache)/runs/\(run)/\(name)")))) ?? []
    }

    /// Opens the run, made if it is not there, and its loop, as a fresh process would.
    func loop(
        settings: [String] = [], run: String? = nil, broken: Int? = nil, validates: Bool = true,
        brokenValidations: Set<Int> = [], log: @escaping (String) -> Void = { _ in },
        prepare: (ToySystem) -> Void = { _ in }
    ) throws -> TrainingLoop {
        let settings = try Settings(
            .toy, assignments: ["epochs=3", "rate=0.01", "annealing=cosine"] + settings)
        let folder: RunFolder
        if let run {
            folder = try RunFolder(named: run, in: cache)
        } else {
            folder = try RunFolder(creatingFor: "toy", in: cache)
            try folder.replace("run.json", with: Array("{}".utf8))
        }
        try RandomGenerator.seed(UInt64(settings.integer("seed")))
        let system = try ToySystem(rate: settings.number("rate"))
        system.brokenValidations = brokenValidations
        prepare(system)
        let feed = ToyFeed(batchesPerEpoch: 5)
        feed.broken = broken
        return try TrainingLoop(
            system, feed: feed, validation: validates ? ToyFeed(batchesPerEpoch: 2) : nil, folder: folder,
            settings: settings, log: log)
    }
}

func onTorch<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await TorchThread.run {
        try TorchRuntime.setThreadCount(1)
        return try body()
    }
}
