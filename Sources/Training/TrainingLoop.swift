public import Files
import Loading
internal import Tensors
internal import Torch

/// When a training stops before its epochs are over.
public struct TrainingLimits: Sendable {
    /// Steps in all, those before an interruption included.
    public var steps: Int?
    /// Minutes of this sitting.
    public var minutes: Double?
    /// Checkpoints after every so many steps; nil: after each epoch, and every five minutes.
    public var stepsBetweenCheckpoints: Int?
    /// Asks to stop; the run is kept.
    public var cancellation: Cancellation

    /// No limits.
    public init(
        steps: Int? = nil, minutes: Double? = nil, stepsBetweenCheckpoints: Int? = nil,
        cancellation: Cancellation = .bySignal
    ) {
        self.steps = steps
        self.minutes = minutes
        self.stepsBetweenCheckpoints = stepsBetweenCheckpoints
        self.cancellation = cancellation
    }
}

/// How far a training is, for a bar.
public struct TrainingProgress: Sendable {
    /// The epoch, from 1.
    public let epoch: Int
    /// The epochs in all.
    public let epochs: Int
    /// Steps made.
    public let step: Int
    /// Steps at which it ends, by epochs or limits.
    public let steps: Int
    /// The last step's loss.
    public let loss: Double
    /// Examples a second, of this sitting.
    public let rate: Double
    /// Seconds to the end, if it continues so.
    public let secondsLeft: Double
}

/// The one loop that trains: it knows batches, losses and checkpoints, and nothing of what is learned.
///
/// The state between two steps is the system's tensors, the generator and `Progress`; whatever else happens
/// (validation, printing, saving) changes none of it, so that a run that was stopped anywhere continues bit for bit.
final class TrainingLoop {
    let system: any TrainableSystem
    let feed: any Feed
    let validation: (any Feed)?
    let folder: RunFolder
    let settings: Settings
    let device: Device
    private(set) var progress: Progress

    /// The network's tensors and layers, found once: finding them reflects on every module.
    private let network: ModuleTensors
    private let metrics: GrowingFile
    private let events: GrowingFile
    private let baseRates: [Double]
    /// One for each optimiser.
    private let schedules: [Schedule]
    private let objectives: [Objective]
    private let clip: Double
    private let epochs: Int
    private let patience: Int
    /// Takes lines for the user.
    private let log: (String) -> Void
    /// Called with every checkpoint, after it is safe.
    private let saved: (Progress) throws -> Void

    /// Prepares a system to be trained, or to resume from the folder's last checkpoint.
    ///
    /// - Throws: `train.bad-run` when the checkpoint does not fit.
    /// - Precondition: the optimisers partition the network's parameters that are trained.
    init(
        _ system: any TrainableSystem, feed: any Feed, validation: (any Feed)?, folder: RunFolder,
        settings: Settings, device: Device = .cpu, log: @escaping (String) -> Void = { _ in },
        saved: @escaping (Progress) throws -> Void = { _ in }
    ) throws {
        self.system = system
        network = ModuleTensors(system.network)
        Self.checkPartition(of: network.parameters, among: system.optimisers)
        self.log = log
        self.feed = feed
        self.validation = validation
        self.folder = folder
        self.settings = settings
        self.device = device
        self.saved = saved
        baseRates = system.optimisers.map(\.rate)
        epochs = settings.integer("epochs")
        patience = settings.integer("patience")
        clip = settings.number("clip")
        let total = max(1, epochs * feed.batchesPerEpoch)
        let common: Schedule =
            switch settings.word("annealing") {
            case "linear": .linear(from: 1, to: 0, over: total)
            case "cosine": .cosine(end: 0, over: total)
            case "half-linear":
                .sequence(
                    .constant, steps: total / 2,
                    then: .linear(from: 1, to: 0, over: max(1, total - total / 2)))
            default: .constant
            }
        schedules = system.optimisers.indices.map { system.schedule(of: $0, over: total) ?? common }
        objectives = validation == nil ? [] : [system.objective] + system.furtherObjectives
        precondition(
            Set(objectives.map(\.measure)).count == objectives.count,
            "objectives \(objectives.map(\.measure)) name a measure twice")
        progress = try Checkpoint.loadLast(into: system, device: device, from: folder) ?? Progress()
        let batches = feed.batchesPerEpoch
        guard progress.batch < max(batches, 1), progress.step == progress.epoch * batches + progress.batch
        else {
            throw TrainingError(
                .badRun,
                "\(folder.path)/\(Checkpoint.last): 'progress' is at step \(progress.step), epoch \(progress.epoch), batch \(progress.batch); an epoch has \(batches) batches"
            )
        }
        metrics = try GrowingFile(folder, "metrics.jsonl", length: progress.metricsLength)
        events = try GrowingFile(folder, "events.out.tfevents.0.reprise", length: progress.eventsLength)
        if events.length == 0 { events.append(EventRecord.version(time: Clock.seconds)) }
        try feed.seek(epoch: progress.epoch, batch: progress.batch)
    }

    /// Stops the program unless every parameter that is trained belongs to exactly one optimiser, and every parameter
    /// of an optimiser to the network: another would stay as it is, be changed twice a step, or be left out of
    /// checkpoints.
    private static func checkPartition(
        of parameters: [NamedParameter], among optimisers: [any Optimiser]
    ) {
        var owners: [ObjectIdentifier: Int] = [:]
        for item in optimisers.flatMap(\.parameters) {
            owners[ObjectIdentifier(item.tensor), default: 0] += 1
        }
        for item in parameters where item.tensor.requiresGradient {
            let count = owners[ObjectIdentifier(item.tensor)] ?? 0
            precondition(count == 1, "'\(item.name)' belongs to \(count) optimisers, expected 1")
        }
        let known = Set(parameters.map { ObjectIdentifier($0.tensor) })
        for item in optimisers.flatMap(\.parameters) {
            precondition(
                known.contains(ObjectIdentifier(item.tensor)),
                "an optimiser changes '\(item.name)', which the network does not have")
        }
    }

    /// Whether all epochs are done, or the validation has not improved for long.
    var isOver: Bool {
        progress.epoch >= epochs || (patience > 0 && progress.epochsSinceBest >= patience)
    }

    /// Trains until the epochs are over, or a limit is met.
    ///
    /// - Throws: `build.interrupted` when asked to stop, `train.not-finite`; the run is kept, and can be resumed.
    func run(_ limits: TrainingLimits, report: (TrainingProgress) -> Void) throws {
        let (start, secondsBefore) = (Clock.seconds, progress.seconds)
        var examples = 0
        var lastSaved = start
        let end = min(limits.steps ?? .max, epochs * feed.batchesPerEpoch)
        while !isOver, progress.step < end {
            if limits.cancellation.isRequested {
                try save()
                throw BuildError(
                    .interrupted,
                    "interrupted at step \(progress.step); resume it with --resume \(folder.name)",
                    canRetry: true)
            }
            if let minutes = limits.minutes, Clock.seconds - start >= minutes * 60 { break }
            let before = Clock.seconds
            let batch = try feed.next()
            let fetched = Clock.seconds
            progress.waited += fetched - before
            let losses = try learn(from: batch)
            examples += batch.count
            let now = Clock.seconds
            progress.seconds = secondsBefore + now - start
            note(losses, items: Double(batch.count) / max(now - before, 1e-9))
            let pace = (now - start) / Double(max(1, progress.step - firstStep))
            report(
                TrainingProgress(
                    epoch: progress.epoch + 1, epochs: epochs, step: progress.step, steps: end,
                    loss: losses.first?.value ?? 0, rate: Double(examples) / max(now - start, 1e-9),
                    secondsLeft: pace * Double(end - progress.step)))
            let epochIsOver = progress.batch == feed.batchesPerEpoch
            if epochIsOver { try finishEpoch() }
            let isDue =
                limits.stepsBetweenCheckpoints.map { progress.step % $0 == 0 } ?? (now - lastSaved > 300)
            if epochIsOver || isDue {
                try save()
                lastSaved = Clock.seconds
            }
        }
        try save()
        // Stopped within an epoch: validated for the metrics alone, and a resumed run drops that line again. The
        // weights are no candidate for the best, since a run that nothing stopped never had them. They are kept only
        // where there are no others, so that the run can be used.
        if !isOver, progress.batch > 0 {
            let measures = try validate(epoch: progress.epoch + 1)
            if progress.best == nil, let value = objective(in: measures), value.isFinite {
                try Checkpoint.writeBest(network, progress, in: folder)
                progress.best = (value, progress.epoch + 1)
            }
            try metrics.flush()
            try events.flush()
            try saved(progress)
        }
    }

    private lazy var firstStep = progress.step

    // MARK: One step

    private func learn(from batch: Batch) throws -> [Measure] {
        _ = firstStep
        let step = LearningStep(
            number: progress.step, total: max(1, epochs * feed.batchesPerEpoch), epoch: progress.epoch,
            factors: schedules.map { $0.factor(at: progress.step) })
        for (place, optimiser) in system.optimisers.enumerated() {
            optimiser.rate = baseRates[place] * step.factors[place]
        }
        network.setTraining(true)
        let losses = try system.learn(from: batch, at: step) { optimiser, loss in
            let value = try loss.item()
            guard value.isFinite else { throw try notFinite("loss", value, batch) }
            if clip > 0 { try clipGradientNorm(optimiser.parameters, to: clip) }
            try optimiser.step()
        }
        var measures: [Measure] = []
        for loss in losses {
            let value = try loss.value.item()
            guard value.isFinite else { throw try notFinite(loss.name, value, batch) }
            measures.append(Measure(loss.name, value))
        }
        progress.step += 1
        progress.batch += 1
        progress.lossSum += measures.first?.value ?? 0
        return measures
    }

    /// The error that names the first tensor with a number that is not finite: of the batch, the weights, the
    /// gradients.
    private func notFinite(_ name: String, _ value: Double, _ batch: Batch) throws -> TrainingError {
        var culprit = "every weight and gradient is finite, so the loss itself overflows"
        let weights = network.parameters + network.buffers.filter { $0.tensor.type != .i64 }
        if let found = try batch.firstNotFinite() {
            culprit = "'\(found)' of the batch is not finite"
        } else if let found = try weights.first(where: { try !$0.tensor.detach().allFinite() }) {
            culprit = "'\(found.name)' is not finite"
        } else if let found = try network.parameters.first(where: {
            try $0.tensor.gradient().map { try !$0.allFinite() } ?? false
        }) {
            culprit = "the gradient of '\(found.name)' is not finite"
        }
        let kept =
            folder.has(Checkpoint.last) ? "the last checkpoint is kept" : "there is no checkpoint yet"
        return TrainingError(
            .notFinite,
            "step \(progress.step + 1): the \(name) is \(value): \(culprit); \(kept); try a lower rate, or --set clip=1"
        )
    }

    private func note(_ losses: [Measure], items: Double) {
        let rates = system.optimisers.map(\.rate)
        var shown = losses + [Measure("rate", rates.first ?? 0)]
        // Where optimisers differ in their rates, each has its own.
        for (place, rate) in rates.enumerated() where place > 0 && rate != rates[0] {
            shown.append(Measure("rate_\(place)", rate))
        }
        line("train", epoch: progress.epoch + 1, shown)
        event("train", shown + [Measure("items_per_second", items)])
    }

    private func line(_ split: String, epoch: Int, _ measures: [Measure]) {
        var object: [String: JSONValue] = [
            "step": JSONValue(progress.step), "epoch": JSONValue(epoch), "split": .string(split),
        ]
        for measure in measures {
            object[measure.name] = measure.value.isFinite ? .number(measure.value) : .null
        }
        metrics.append(JSONValue.object(object).canonicalBytes + [UInt8(ascii: "\n")])
    }

    private func event(_ split: String, _ measures: [Measure]) {
        events.append(
            EventRecord.scalars(
                measures.map { Measure("\(split)/\($0.name)", $0.value) }, step: progress.step,
                time: Clock.seconds))
    }

    // MARK: An epoch's end

    private func finishEpoch() throws {
        let epoch = progress.epoch + 1
        let measures = try validate(epoch: epoch)
        let meanLoss = progress.lossSum / Double(feed.batchesPerEpoch)
        progress.epoch = epoch
        progress.batch = 0
        progress.lossSum = 0
        progress.epochsSinceBest += 1
        if validation == nil {
            // Nothing says which weights are better, so the newest are the ones to use.
            progress.best = (meanLoss, epoch)
            progress.epochsSinceBest = 0
            try checkWeights()
            try Checkpoint.writeBest(network, progress, in: folder)
        }
        for (place, objective) in objectives.enumerated() {
            guard let value = measures.first(where: { $0.name == objective.measure })?.value else {
                preconditionFailure("\(objective.measure) is not in \(measures.map(\.name))")
            }
            if !value.isFinite {
                log(
                    "epoch \(epoch): the validation's \(objective.measure) is \(value); it counts as no improvement"
                )
            }
            let best = place == 0 ? progress.best : progress.furtherBest[objective.measure]
            guard objective.improves(value, on: best?.value) else { continue }
            if place == 0 {
                progress.best = (value, epoch)
            } else {
                progress.furtherBest[objective.measure] = (value, epoch)
            }
            progress.epochsSinceBest = 0
            try checkWeights()
            try Checkpoint.writeBest(
                network, progress, in: folder, objective: place == 0 ? nil : objective.measure)
        }
    }

    private func validate(epoch: Int) throws -> [Measure] {
        guard let validation else { return [] }
        try validation.seek(epoch: 0, batch: 0)
        network.setTraining(false)
        let measures = try withoutGradients { try system.measure(on: validation) }
        line("validation", epoch: epoch, measures)
        event("validation", measures)
        return measures
    }

    private func objective(in measures: [Measure]) -> Double? {
        validation == nil
            ? (progress.batch > 0 ? progress.lossSum / Double(progress.batch) : nil)
            : measures.first { $0.name == system.objective.measure }?.value
    }

    private func checkWeights() throws {
        for item in network.parameters where try !item.tensor.detach().allFinite() {
            throw TrainingError(
                .notFinite,
                "step \(progress.step): '\(item.name)' is not finite; the checkpoint before is kept; try a lower rate, or --set clip=1"
            )
        }
    }

    private func save() throws {
        try checkWeights()
        try metrics.flush(toDisk: true)
        try events.flush(toDisk: true)
        progress.metricsLength = metrics.length
        progress.eventsLength = events.length
        try Checkpoint.writeLast(network, of: system, progress, device: device, in: folder)
        try saved(progress)
    }
}
