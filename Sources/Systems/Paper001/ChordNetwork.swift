internal import Tensors
internal import Torch

/// The chord model of paper 001 for one style: an LSTM that says which keys are down in the next step.
///
/// 64 units as published, whose memory begins as a sigmoid layer of the segment's 50 features; a sigmoid for each of the
/// 59 columns. Beyond the paper it can see how long each key and pedal has been down or up. The authors' code compares its
/// output with the next *song*, not the next step; here step t is compared with step t + 1.
final class ChordNetwork: Module {
    let memory: Linear
    let lstm: LSTM
    let output: Linear
    /// What a column that is down adds to its own logit in the next step, `[columns]`; nil: nothing, as published.
    let keep: TorchTensor?
    /// What its age adds besides, while it is down and while it is up, `[columns]` each; nil: nothing.
    let held: TorchTensor?
    let rest: TorchTensor?

    /// A network of so many hidden units; `seesAges`: it sees `ChordAges` too.
    init(columns: Int, keeps: Bool = false, hidden: Int = 64, seesAges: Bool = false) throws {
        memory = try Linear(GenreNetwork.featureCount, hidden)
        lstm = try LSTM(seesAges ? 2 * columns + 1 : columns, hidden)
        output = try Linear(hidden, columns)
        keep = keeps ? try TorchTensor.full(6, [columns]) : nil
        held = seesAges ? try TorchTensor.zeros([columns]) : nil
        rest = seesAges ? try TorchTensor.zeros([columns]) : nil
        for weight in [keep, held, rest] { try weight?.requireGradient(true) }
        // It begins as nearly the copy of the last step: what is held stays with a probability of 0.88, what is up
        // comes with one of 0.02.
        if keeps { try initialise { name, _ in name == "output.bias" ? .constant(-4) : nil } }
    }

    /// The state before the first step, from features `[N, 50]`.
    func start(_ features: TorchTensor) throws -> LSTM.State {
        let cell = try memory(features).sigmoid().unsqueezed(0)
        return LSTM.State(hidden: try cell.fullLike(0), cell: cell)
    }

    /// Roll `[N, steps, columns]` to the logits of the step that follows each `[N, steps, columns]`.
    ///
    /// `ages` are those of the steps before, and then those of the roll's last.
    func callAsFunction(
        _ roll: TorchTensor, from state: LSTM.State, ages: inout ChordAges
    ) throws -> (logits: TorchTensor, state: LSTM.State) {
        guard let held, let rest else {
            let (hidden, state) = try lstm(roll, from: state)
            return (try logits(hidden, roll), state)
        }
        let seen = try ages.advanced(by: roll)
        let (hidden, state) = try lstm(.concatenated([roll, seen], axis: 2), from: state)
        let age = try seen.narrowed(2, from: 0, count: roll.shape[2])
        return (try logits(hidden, roll) + age * (roll * held + (1 - roll) * rest), state)
    }

    /// The same from the first step on.
    func callAsFunction(
        _ roll: TorchTensor, from state: LSTM.State
    ) throws -> (logits: TorchTensor, state: LSTM.State) {
        var ages = ChordAges()
        return try self(roll, from: state, ages: &ages)
    }

    private func logits(_ hidden: TorchTensor, _ roll: TorchTensor) throws -> TorchTensor {
        let logits = try output(hidden)
        return try keep.map { try logits + roll * $0 } ?? logits
    }

    /// Continues from a first step, each next one drawn, column by column, with the probability that the network says.
    ///
    /// Columns below the probability `floor` stay off; the authors draw against U(0.01, 1), which leaves out most notes
    /// that would begin. The result, `[N, steps, columns]` of 0 and 1, includes the first step.
    func sample(_ first: TorchTensor, features: TorchTensor, steps: Int, floor: Double = 0) throws
        -> TorchTensor
    {
        var (state, ages) = (try start(features), ChordAges())
        var roll = [try first.unsqueezed(1)]
        for _ in 1..<max(steps, 1) {
            let (logits, next) = try self(roll[roll.count - 1], from: state, ages: &ages)
            // p > U(floor, 1) has the probability (p − floor) / (1 − floor).
            let chance = try ((logits.sigmoid() - floor) * (1 / (1 - floor))).clamped(low: 0, high: 1)
            roll.append(try chance.bernoulli())
            state = next
        }
        return try TorchTensor.concatenated(roll, axis: 1)
    }
}

/// How long each key and pedal has been as it is, and how long ago the last one went down: what an LSTM of this size
/// would have to count.
struct ChordAges {
    /// The steps that are told apart; also what is unknown before the first change.
    static let limit = 64
    private var last: [Bool] = []
    private var ages: [Int] = []
    private var sinceBegin: [Int] = []

    /// The ages in each step of a roll `[N, steps, columns]` that continues the last, `[N, steps, columns + 1]`: the
    /// steps since each column changed, then since any went down; as ln(1 + steps) / 4.
    ///
    /// - Throws: `TorchError`.
    mutating func advanced(by roll: TorchTensor) throws -> TorchTensor {
        let (count, steps, columns) = (roll.shape[0], roll.shape[1], roll.shape[2])
        let down = try roll.to(.f32).contiguous().elements(as: Float.self).map { $0 > 0.5 }
        let isFirst = last.isEmpty
        if isFirst {
            last = [Bool](repeating: false, count: count * columns)
            ages = [Int](repeating: Self.limit, count: count * columns)
            sinceBegin = [Int](repeating: Self.limit, count: count)
        }
        var values = [Double](repeating: 0, count: count * steps * (columns + 1))
        for example in 0..<count {
            for step in 0..<steps {
                let isStart = isFirst && step == 0
                let (row, place) = (
                    (example * steps + step) * columns, (example * steps + step) * (columns + 1)
                )
                var begins = false
                for column in 0..<columns {
                    let (now, index) = (down[row + column], example * columns + column)
                    if !isStart {
                        let changes = now != last[index]
                        ages[index] = changes ? 0 : min(ages[index] + 1, Self.limit)
                        begins = begins || (changes && now)
                    }
                    last[index] = now
                    values[place + column] = Double(ages[index])
                }
                sinceBegin[example] = begins ? 0 : min(sinceBegin[example] + 1, Self.limit)
                values[place + columns] = Double(sinceBegin[example])
            }
        }
        let shape = [count, steps, columns + 1]
        return try (TorchTensor(values, shape: shape).log1p() * 0.25).to(roll.type).to(roll.device)
    }
}

/// A chord network for each style, named `styles.<number>` in the order of the styles, and the discriminators beside
/// them, `discriminators.<number>`, if there are any.
final class ChordNetworks: Module {
    let styles: [ChordNetwork]
    let discriminators: [RollDiscriminator]

    init(_ styles: [ChordNetwork], discriminators: [RollDiscriminator] = []) {
        (self.styles, self.discriminators) = (styles, discriminators)
    }
}
