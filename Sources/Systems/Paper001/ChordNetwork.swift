internal import Torch

/// The chord model of paper 001 for one style: an LSTM that says which keys are down in the next step.
///
/// 64 cells as published, whose memory begins as a sigmoid layer of the segment's 50 features; a sigmoid for each of the
/// 59 columns. Beyond the paper it can see the place of each step in four beats. The authors' code compares its output with the next *song*, not the next step; here step t is compared
/// with step t + 1.
final class ChordNetwork: Module {
    /// The steps of four beats of 8, which are told apart.
    static let places = 32

    let memory: Linear
    let lstm: LSTM
    let output: Linear
    /// What a column that is down adds to its own logit in the next step, `[columns]`; nil: nothing, as published.
    let keep: TorchTensor?
    private let seesPlace: Bool

    /// A network of so many hidden units.
    init(columns: Int, keeps: Bool = false, hidden: Int = 64, seesPlace: Bool = false) throws {
        memory = try Linear(GenreNetwork.featureCount, hidden)
        lstm = try LSTM(columns + (seesPlace ? Self.places : 0), hidden)
        output = try Linear(hidden, columns)
        self.seesPlace = seesPlace
        keep = keeps ? try TorchTensor.full(6, [columns]) : nil
        // It begins as nearly the copy of the last step: what is held stays with a probability of 0.88, what is up
        // comes with one of 0.02.
        try keep?.requireGradient(true)
        if keeps { try initialise { name, _ in name == "output.bias" ? .constant(-4) : nil } }
    }

    /// The state before the first step, from features `[N, 50]`.
    func start(_ features: TorchTensor) throws -> LSTM.State {
        let cell = try memory(features).sigmoid().unsqueezed(0)
        return LSTM.State(hidden: try cell.fullLike(0), cell: cell)
    }

    /// Roll `[N, steps, columns]` to the logits of the step that follows each `[N, steps, columns]`.
    ///
    /// `place` is the first step's, counted from the segment's start.
    func callAsFunction(
        _ roll: TorchTensor, from state: LSTM.State, at place: Int = 0
    ) throws -> (logits: TorchTensor, state: LSTM.State) {
        var seen = roll
        if seesPlace {
            let (count, steps) = (roll.shape[0], roll.shape[1])
            let numbers = (0..<steps).map { Int64(($0 + place) % Self.places) }
            let places = try TorchTensor(numbers, shape: [1, steps], on: roll.device).oneHot(Self.places)
            seen = try .concatenated([roll, places.to(roll.type).expanded([count, -1, -1])], axis: 2)
        }
        let (hidden, state) = try lstm(seen, from: state)
        let logits = try output(hidden)
        return (try keep.map { try logits + roll * $0 } ?? logits, state)
    }

    /// Continues from a first step, each next one drawn, column by column, with the probability that the network says.
    ///
    /// Columns below the probability `floor` stay off; the authors draw against U(0.01, 1), which leaves out most notes
    /// that would begin. The result, `[N, steps, columns]` of 0 and 1, includes the first step.
    /// `place` is that of the first step.
    func sample(
        _ first: TorchTensor, features: TorchTensor, steps: Int, floor: Double = 0, at place: Int = 0
    ) throws -> TorchTensor {
        var state = try start(features)
        var roll = [try first.unsqueezed(1)]
        for step in 1..<max(steps, 1) {
            let (logits, next) = try self(roll[roll.count - 1], from: state, at: place + step - 1)
            // p > U(floor, 1) has the probability (p − floor) / (1 − floor).
            let chance = try ((logits.sigmoid() - floor) * (1 / (1 - floor))).clamped(low: 0, high: 1)
            roll.append(try chance.bernoulli())
            state = next
        }
        return try TorchTensor.concatenated(roll, axis: 1)
    }
}

/// A chord network for each style, named `styles.<number>` in the order of the styles, and the discriminators beside
/// them, `discriminators.<number>`, if there are any.
final class ChordNetworks: Module {
    let styles: [ChordNetwork]
    let discriminators: [VelocityJudge]

    init(_ styles: [ChordNetwork], discriminators: [VelocityJudge] = []) {
        (self.styles, self.discriminators) = (styles, discriminators)
    }
}
