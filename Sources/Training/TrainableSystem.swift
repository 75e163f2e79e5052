public import Files
public import Loading
public import Torch

/// A batch on its way into a network: named tensors with the examples along the first axis.
///
/// Its tensors may lie in memory that is lent for as long as the batch is held; what is to be kept longer is cloned.
public struct Batch {
    /// How many examples.
    public let count: Int
    private let tensors: [String: TorchTensor]
    private let lender: AnyObject?

    /// Names tensors; `lender` owns their memory, if they do not.
    public init(count: Int, _ tensors: [String: TorchTensor], lentBy lender: AnyObject? = nil) {
        self.count = count
        self.tensors = tensors
        self.lender = lender
    }

    /// A tensor of the batch.
    ///
    /// - Precondition: the feed was asked for it.
    public subscript(name: String) -> TorchTensor {
        guard let tensor = tensors[name] else {
            preconditionFailure("the batch has \(tensors.keys.sorted()), not '\(name)'")
        }
        return tensor
    }

    /// The first tensor that holds a number that is not finite.
    func firstNotFinite() throws(TorchError) -> String? {
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) where try !tensor.allFinite() {
            return name
        }
        return nil
    }
}

/// Where batches come from, in an order that (seed, epoch, position) decides, so that it can continue anywhere.
public protocol Feed: AnyObject {
    /// How many batches an epoch has.
    var batchesPerEpoch: Int { get }
    /// The split whose segments it gives; nil, by default: it is not known.
    var split: Split? { get }
    /// Goes to a batch of an epoch, both from 0; what follows is as if all before had been taken.
    func seek(epoch: Int, batch: Int) throws
    /// The next batch; behind an epoch's last comes the next epoch's first.
    func next() throws -> Batch
}

extension Feed {
    /// Not known.
    public var split: Split? { nil }
}

/// A named number that a step or a validation gives.
public struct Measure: Sendable, Hashable {
    /// Its name, such as `loss`.
    public let name: String
    /// Its value.
    public let value: Double
    /// Names a number.
    public init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }
}

extension [Measure] {
    /// Those that are finite, as an object; of several of one name the last.
    public var json: JSONValue {
        .object(
            Dictionary(
                filter(\.value.isFinite).map { ($0.name, .number($0.value)) }, uniquingKeysWith: { $1 }))
    }
}

/// What a validation aims at.
public struct Objective: Sendable, Hashable {
    /// The measure.
    public let measure: String
    /// Whether more of it is better.
    public let higherIsBetter: Bool
    /// Names a measure.
    public init(_ measure: String, higherIsBetter: Bool = false) {
        self.measure = measure
        self.higherIsBetter = higherIsBetter
    }

    /// Whether a value improves on the best so far; what is not finite never does.
    func improves(_ value: Double, on best: Double?) -> Bool {
        value.isFinite && (best.map { higherIsBetter ? value > $0 : value < $0 } ?? true)
    }
}

/// Where a training is when a step begins.
public struct LearningStep: Sendable {
    /// Steps made before it.
    public let number: Int
    /// The steps of all epochs.
    public let total: Int
    /// The epoch, from 0.
    public let epoch: Int
    /// What each optimiser's rate is multiplied by in this step.
    public let factors: [Double]

    /// Describes a step.
    public init(number: Int = 0, total: Int = 1, epoch: Int = 0, factors: [Double] = []) {
        self.number = number
        self.total = total
        self.epoch = epoch
        self.factors = factors
    }

    /// The share of the training before it, from 0 to 1: what the weight of a loss may be annealed by.
    public var share: Double { min(1, Double(number) / Double(max(total, 1))) }
}

/// A network with its way to learn.
///
/// The loop that trains it knows nothing else of it.
///
/// Everything of it that changes while it learns is in `network`, `optimisers` and `memory`, so that a checkpoint of
/// these, the generator and the feed's position is whole.
public protocol TrainableSystem: AnyObject {
    /// All networks as one module, whose names are those of the weights in files.
    var network: any Module { get }
    /// What changes the weights; no two change the same one.
    var optimisers: [any Optimiser] { get }
    /// What it remembers beside weights, such as a pool of earlier outputs; nil, by default: nothing.
    ///
    /// Checkpoints have its tensors, so that a run resumes to the same bytes. `best.safetensors` has not: they are no
    /// part of the network in use.
    var memory: (any Module)? { get }
    /// What is validated for: `best.safetensors` has the weights that are best in it.
    var objective: Objective { get }
    /// What is validated for as well: each keeps its best weights in a file of its own, and patience waits until none
    /// of all objectives improves. By default none.
    var furtherObjectives: [Objective] { get }

    /// How the rate of an optimiser changes over the steps of a training; nil, by default: as the parameter
    /// `annealing` says.
    ///
    /// - Parameters:
    ///   - optimiser: The optimiser's place in `optimisers`.
    ///   - steps: The steps of all epochs.
    /// - Returns: The schedule, which begins at the rate that the optimiser was made with.
    func schedule(of optimiser: Int, over steps: Int) -> Schedule?

    /// Sets first weights from the train split, once, before the first step of a new run; by default nothing.
    ///
    /// The result is part of the checkpoint: a run that resumes is not prepared again.
    ///
    /// - Parameter train: Every segment of the train split once, in the views that are measured on; autograd is off.
    /// - Throws: what the feed throws, and `TorchError`.
    func prepare(from train: any Feed) throws

    /// Learns from a batch: clears gradients, computes losses, goes backward.
    ///
    /// - Parameters:
    ///   - batch: What to learn from.
    ///   - step: Where the training is.
    ///   - update: To be called with an optimiser and the loss that it lowers, once the gradients are there: it looks
    ///     at the loss, clips the gradients as set, and lets the optimiser make its step.
    /// - Returns: Scalars by name, the first of them `loss`.
    /// - Throws: what `update` throws, and `TorchError`.
    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)]

    /// Measures the network, in use, on one pass over a feed; autograd is off.
    func measure(on feed: any Feed) throws -> [Measure]

    /// What needs no network reaches on the same pass, by the name of the baseline, after a pass over the train split.
    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]]

    /// The confusion matrix of a pass over a feed; autograd is off. By default nil: the network is no classifier.
    func confusion(on feed: any Feed) throws -> Confusion?

    /// Pictures of what the network says of a pass over a feed, but for a confusion matrix, which is drawn for every
    /// system that has one; autograd is off. By default none.
    func figures(on feed: any Feed) throws -> [Figure]
}

extension TrainableSystem {
    /// No classifier.
    public func confusion(on feed: any Feed) throws -> Confusion? { nil }
    /// None.
    public func figures(on feed: any Feed) throws -> [Figure] { [] }
    /// Nothing.
    public func prepare(from train: any Feed) throws {}
    /// Nothing.
    public var memory: (any Module)? { nil }
    /// None.
    public var furtherObjectives: [Objective] { [] }
    /// As the parameter `annealing` says.
    public func schedule(of optimiser: Int, over steps: Int) -> Schedule? { nil }
}
