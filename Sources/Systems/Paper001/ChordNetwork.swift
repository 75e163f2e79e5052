internal import Torch

/// The chord model of paper 001 for one style: an LSTM that says which keys are down in the next step.
///
/// 64 cells, whose memory begins as a sigmoid layer of the segment's 50 features; a sigmoid for each of the 59
/// columns. The authors' code compares its output with the next *song*, not the next step; here step t is compared
/// with step t + 1.
final class ChordNetwork: Module {
    static let hidden = 64

    let memory: Linear
    let lstm: LSTM
    let output: Linear
    /// What a column that is down adds to its own logit in the next step, `[columns]`; nil: nothing, as published.
    let keep: TorchTensor?

    init(columns: Int, keeps: Bool = false) throws {
        memory = try Linear(GenreNetwork.featureCount, Self.hidden)
        lstm = try LSTM(columns, Self.hidden)
        output = try Linear(Self.hidden, columns)
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
    func callAsFunction(
        _ roll: TorchTensor, from state: LSTM.State
    ) throws -> (logits: TorchTensor, state: LSTM.State) {
        let (hidden, state) = try lstm(roll, from: state)
        let logits = try output(hidden)
        return (try keep.map { try logits + roll * $0 } ?? logits, state)
    }

    /// Continues from a first step, each next one drawn, column by column, with the probability that the network says.
    ///
    /// Columns below the probability `floor` stay off; the authors draw against U(0.01, 1), which leaves out most notes
    /// that would begin. The result, `[N, steps, columns]` of 0 and 1, includes the first step.
    func sample(_ first: TorchTensor, features: TorchTensor, steps: Int, floor: Double = 0) throws
        -> TorchTensor
    {
        var state = try start(features)
        var roll = [try first.unsqueezed(1)]
        for _ in 1..<max(steps, 1) {
            let (logits, next) = try self(roll[roll.count - 1], from: state)
            // p > U(floor, 1) has the probability (p − floor) / (1 − floor).
            let chance = try ((logits.sigmoid() - floor) * (1 / (1 - floor))).clamped(low: 0, high: 1)
            roll.append(try chance.bernoulli())
            state = next
        }
        return try TorchTensor.concatenated(roll, axis: 1)
    }
}

/// A chord network for each style, named `styles.<number>` in the order of the styles.
final class ChordNetworks: Module {
    let styles: [ChordNetwork]
    init(_ styles: [ChordNetwork]) { self.styles = styles }
}
