#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// How a learning rate, or the weight of a loss, changes: a factor for each step or epoch, and nothing to remember.
public indirect enum Schedule: Sendable, Hashable {
    /// Always 1.
    case constant
    /// Times `factor` after every so many steps (`StepLR`).
    case steps(every: Int, factor: Double)
    /// Times `factor` after each step (`ExponentialLR`).
    case exponential(factor: Double)
    /// Down half a cosine from 1 to `end` over so many steps, where it stays (`CosineAnnealingLR`).
    case cosine(end: Double, over: Int)
    /// Straight from one factor to another over so many steps, where it stays (`LinearLR`).
    case linear(from: Double, to: Double, over: Int)
    /// One schedule for so many steps, then another from its own step 0 (`SequentialLR`).
    case sequence(Schedule, steps: Int, then: Schedule)

    /// The factor at a step, counted from 0.
    public func factor(at step: Int) -> Double {
        switch self {
        case .constant: 1
        case .steps(let every, let factor): pow(factor, Double(step / every))
        case .exponential(let factor): pow(factor, Double(step))
        case .cosine(let end, let over):
            step >= over ? end : end + (1 - end) * (1 + cos(.pi * Double(step) / Double(over))) / 2
        case .linear(let from, let to, let over):
            step >= over ? to : from + (to - from) * Double(step) / Double(over)
        case .sequence(let first, let steps, let second):
            step < steps ? first.factor(at: step) : second.factor(at: step - steps)
        }
    }
}

/// Lowers a factor when a metric has stopped falling (`ReduceLROnPlateau`); its values are its whole state.
public struct Plateau: Sendable, Hashable, Codable {
    /// What the factor is multiplied by each time.
    public let factor: Double
    /// How many updates without a better value are borne.
    public let patience: Int
    /// By what share of the best value a better one must be lower.
    public let threshold: Double
    /// The factor now.
    public private(set) var value = 1.0
    /// The best metric so far.
    public private(set) var best = Double.infinity
    /// Updates since then.
    public private(set) var badCount = 0

    /// Begins at factor 1.
    public init(factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4) {
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
    }

    /// Notes a metric for which less is better.
    public mutating func update(_ metric: Double) {
        if metric < best * (1 - threshold) {
            best = metric
            badCount = 0
        } else {
            badCount += 1
        }
        if badCount > patience {
            value *= factor
            badCount = 0
        }
    }
}
