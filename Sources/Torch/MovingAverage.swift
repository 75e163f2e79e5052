internal import CTorch

/// An exponential moving average of a network's weights, kept in a second network of the same kind.
///
/// Polyak and Juditsky 1992, doi:10.1137/0330046; as `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn`:
/// parameters are averaged, buffers copied. The second network is frozen; as a part of the module that is trained it
/// is in its checkpoints.
public struct MovingAverage {
    private let sources, averages: [NamedParameter]
    private let sourceBuffers, averageBuffers: [NamedParameter]
    /// The share of the average that stays at each update, from 0 to 1.
    public let decay: Double

    /// Copies the weights of a network into another, which is frozen.
    ///
    /// - Parameters:
    ///   - average: Holds the average from now on.
    ///   - source: The network that is trained.
    ///   - decay: The share of the average that stays at each update.
    /// - Throws: `torch.state` unless both have the same names and shapes.
    public init(_ average: any Module, of source: any Module, decay: Double) throws(TorchError) {
        precondition((0...1).contains(decay), "a decay is in [0, 1], got \(decay)")
        (sources, averages) = (source.parameters, average.parameters)
        (sourceBuffers, averageBuffers) = (source.buffers, average.buffers)
        self.decay = decay
        func facts(_ items: [NamedParameter]) -> [String] { items.map { "\($0.name) \($0.tensor.shape)" } }
        guard facts(sources + sourceBuffers) == facts(averages + averageBuffers) else {
            throw TorchError(.state, "MovingAverage", "the two networks have other names or shapes")
        }
        try average.freeze()
        for (target, item) in zip(averages, sources) { try target.tensor.assign(item.tensor) }
        try copyBuffers()
    }

    /// Moves the average towards the network's weights: after each step of its optimiser.
    public func update() throws(TorchError) {
        try perform("MovingAverage") {
            ctorch_move_averages(
                averages.map(\.tensor.handle), sources.map(\.tensor.handle), averages.count, decay, $0)
        }
        try copyBuffers()
    }

    private func copyBuffers() throws(TorchError) {
        for (target, item) in zip(averageBuffers, sourceBuffers) { try target.tensor.assign(item.tensor) }
    }
}
