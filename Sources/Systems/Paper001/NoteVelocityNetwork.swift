internal import Torch

/// A network of velocities that sees each note by itself, with what is around it as numbers (`VelocityNotes`), for one
/// style.
///
/// Two layers of 128 over the 111 numbers, brought to mean 0 and deviation 1 of the train split, and vectors of 8 for
/// the key and the place in four beats. It begins at the mean velocity of the style.
final class NoteVelocityNetwork: VelocityPredictor {
    /// The velocities that an output of 1 means.
    static let unit = 20.0
    private static let width = 8

    let reach = VelocityNotes.reach
    let needsStatistics = true
    let place: Embedding
    let key: Embedding
    let hidden: [Linear]
    let output: Linear
    let dropout: Dropout
    private let size: Int
    private let mean: TorchTensor
    private let deviation: TorchTensor

    /// A network for rolls of so many columns; `dropout` is the share of numbers, and of a hidden layer's units, that
    /// are left out in training.
    init(columns: Int, dropout: Double, hidden size: Int = 128) throws {
        let count = VelocityNotes.featureCount
        place = try Embedding(VelocityNotes.places, Self.width)
        key = try Embedding(columns - 2, Self.width)
        hidden = [try Linear(count + 2 * Self.width, size), try Linear(size, size)]
        output = try Linear(size, 1)
        self.dropout = Dropout(dropout)
        self.size = size
        mean = try .zeros([count])
        deviation = try .ones([count])
        try initialise { name, _ in name.hasPrefix("output.") ? .constant(0) : nil }
    }

    /// None: `mean` and `deviation` are not trained.
    var ownParameters: [NamedParameter] { [] }

    /// `mean` and `deviation` of the features, `[111]` each.
    var ownBuffers: [NamedParameter] { [.init("mean", mean), .init("deviation", deviation)] }

    func begin(with statistics: VelocityStatistics) throws {
        try output.parameters.first { $0.name == "bias" }?.tensor.detach().fill(
            statistics.velocity / Self.unit)
        guard let features = statistics.features else { return }
        for (buffer, value) in [(mean, features.mean), (deviation, features.deviation)] {
            try buffer.fill(0)
            try buffer.add(value.to(buffer.type).to(buffer.device))
        }
    }

    func callAsFunction(_ sounding: TorchTensor, onsets: TorchTensor) throws -> TorchTensor {
        let notes = try VelocityNotes(sounding: sounding, onsets: onsets)
        // Silence has no velocities, but a loss has something to go back through.
        guard notes.count > 0 else {
            return try output(mean.fullLike(0).narrowed(0, from: 0, count: 1).expanded([1, 1, size])) * onsets
        }
        func numbers(_ values: [Int64]) throws -> TorchTensor {
            try TorchTensor(values, shape: [notes.count], on: onsets.device)
        }
        let features = try ((notes.tensor(like: mean) - mean) / deviation).clamped(low: -4, high: 4)
        var values = try TorchTensor.concatenated(
            [dropout(features), place(numbers(notes.steps)), key(numbers(notes.keys))], axis: 1)
        for layer in hidden { values = try dropout(layer(values).relu()) }
        let velocities = try output(values).squeezed(1) * Self.unit
        return try onsets.fullLike(0).flattened()
            .scatterAdding(velocities, 0, at: numbers(notes.cells)).reshaped(onsets.shape)
    }
}
