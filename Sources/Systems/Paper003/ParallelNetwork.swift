internal import Tensors
internal import Torch

/// Three recurrent encoders and three decoders around one latent vector.
///
/// Zhou, "Music Style Transfer with Deep Learning Method", 2019, after Brunner et al., "MIDI-VAE: Modeling Dynamics and
/// Instrumentation of Music with Applications to Style Transfer", 2018, arXiv:1809.07600, section 3. The first dimensions
/// of the latent vector, one for each style, are the logits of the style.
final class ParallelNetwork: Module {
    /// The sizes of a network.
    struct Shape {
        var cell = RecurrentCell.gru
        var hidden = 256
        var latent = 256
        /// The voices of a row of pitches or velocities: 1, or all.
        var voicesPerRow = 1
        /// Whether the decoders see the latent vector of the segment before as well.
        var seesHistory = false
        /// What the decoders see of the row before.
        var input = DecoderInput.previous
        /// Whether the decoder of velocities says apart whether a note begins, and how loud it is.
        var splitsOnsets = false
    }

    let encoder: StreamEncoder
    let pitch: StreamDecoder
    let velocity: StreamDecoder
    let instrument: StreamDecoder
    /// How often each style plays what, counted in the train split; nil where nothing is measured.
    let counts: StyleCounts?
    private let voicesPerRow: Int
    private let input: DecoderInput
    private let seesHistory: Bool
    private let splitsOnsets: Bool

    init(_ shape: Shape, counts: StyleCounts? = nil) throws {
        let (pitches, velocities) = (shape.voicesPerRow * VoiceRolls.pitchClasses, shape.voicesPerRow)
        let latent = shape.latent * (shape.seesHistory ? 2 : 1)
        func decoder(_ width: Int, outputs: Int? = nil, layers: Int) throws -> StreamDecoder {
            try StreamDecoder(
                shape.cell, width: width, outputs: outputs, hidden: shape.hidden, latent: latent,
                layers: layers)
        }
        encoder = try StreamEncoder(
            shape.cell, pitches: pitches, velocities: velocities, hidden: shape.hidden, latent: shape.latent)
        pitch = try decoder(pitches, layers: 2)
        velocity = try decoder(
            velocities, outputs: velocities * (shape.splitsOnsets ? 2 : 1), layers: 1)
        instrument = try decoder(VoiceRolls.families, layers: 1)
        self.counts = counts
        (voicesPerRow, input, seesHistory) = (shape.voicesPerRow, shape.input, shape.seesHistory)
        splitsOnsets = shape.splitsOnsets
    }

    /// Draws weights as MIDI-VAE's library does: evenly by Glorot and Bengio, 2010, each gate by itself, and
    /// biases of 0, but 1 for an LSTM's gate of forgetting.
    ///
    /// PyTorch's own are 1.7 times smaller in every dense layer. Five of these follow each other from an encoder to a row, so
    /// that the pitches of a segment hardly reach the decoders, and for long only the style is learned. (Keras draws the
    /// recurrent weights as orthogonal matrices, of the same size.)
    func drawWeights() throws {
        for item in parameters {
            let weight = try item.tensor.detach()
            if item.name.contains("bias") {
                try weight.fill(0)
                // An LSTM begins by remembering: the second of its gates.
                if item.name.contains(".lstm.bias_ih") {
                    let size = weight.shape[0] / 4
                    try weight.narrowed(0, from: size, count: size).fill(1)
                }
            } else if item.name.contains(".weight_") {
                let gates = item.name.contains(".lstm.") ? 4 : 3
                let size = weight.shape[0] / gates
                for gate in 0..<gates {
                    try Initialiser.glorotUniform.apply(
                        to: weight.narrowed(0, from: gate * size, count: size))
                }
            } else {
                try Initialiser.glorotUniform.apply(to: weight)
            }
        }
    }

    /// What the encoder makes of segments: mean and log variance, both `[N, latent]`.
    func encode(_ rolls: VoiceRolls) throws -> (mean: TorchTensor, logVariance: TorchTensor) {
        try encoder(
            pitch: rolls.pitch.reshaped([rolls.count, rows(rolls), -1]),
            velocity: rolls.velocity.reshaped([rolls.count, rows(rolls), -1]), instrument: rolls.instrument)
    }

    private func rows(_ rolls: VoiceRolls) -> Int { rolls.steps * rolls.voices / voicesPerRow }

    /// The latent vectors as the decoders see them; without a segment before, that one is zeros.
    private func seen(_ latent: TorchTensor, after previous: TorchTensor?) throws -> TorchTensor {
        guard seesHistory else { return latent }
        return try .concatenated([latent, previous ?? latent.fullLike(0)], axis: 1)
    }

    /// What the decoders put out.
    struct Output {
        /// Logits, `[N, steps, voices, 61]`.
        let pitch: TorchTensor
        /// 0 to 1, `[N, steps, voices]`; where onsets are split off, of a note that begins.
        let velocity: TorchTensor
        /// Logits of onsets, `[N, steps, voices]`, where they are split off.
        let onset: TorchTensor?
        /// Logits, `[N, voices, 17]`.
        let instrument: TorchTensor
    }

    /// Decodes latent vectors `[N, latent]` as in training: rows that see the row before see that of `target`, or the
    /// decoder's own.
    func decode(
        _ latent: TorchTensor, after previous: TorchTensor? = nil, toward target: VoiceRolls
    ) throws -> Output {
        let latent = try seen(latent, after: previous)
        func decoded(
            _ decoder: StreamDecoder, _ rows: TorchTensor, _ own: (TorchTensor) throws -> TorchTensor
        ) throws -> TorchTensor {
            let count = rows.shape[1]
            switch input {
            case .none: return try decoder(latent, rows: count, after: nil)
            case .previous: return try decoder(latent, rows: count, after: rows)
            case .free: return try decoder.unrolled(latent, rows: count, feed: own)
            }
        }
        let (count, rows) = (target.count, rows(target))
        let velocities = try decoded(velocity, target.velocity.reshaped([count, rows, -1])) {
            try velocity(of: $0)
        }
        let shape = target.velocity.shape
        return Output(
            pitch: try decoded(pitch, target.pitch.reshaped([count, rows, -1])) {
                try Self.shares($0, VoiceRolls.pitchClasses)
            }.reshaped(target.pitch.shape),
            velocity: try level(velocities).reshaped(shape),
            onset: try splitsOnsets ? onset(velocities).reshaped(shape) : nil,
            instrument: try decoded(instrument, target.instrument) {
                try Self.shares($0, VoiceRolls.families)
            })
    }

    /// The levels in an output of the decoder of velocities, 0 to 1.
    private func level(_ output: TorchTensor) throws -> TorchTensor {
        try (splitsOnsets ? output.narrowed(2, from: voicesPerRow, count: voicesPerRow) : output).sigmoid()
    }

    /// The logits of onsets in an output of the decoder of velocities that splits them off.
    private func onset(_ output: TorchTensor) throws -> TorchTensor {
        try output.narrowed(2, from: 0, count: voicesPerRow)
    }

    /// The velocities that an output means on average: levels, times the probability of an onset where that is split off.
    private func velocity(of output: TorchTensor) throws -> TorchTensor {
        try splitsOnsets ? level(output) * onset(output).sigmoid() : level(output)
    }

    /// The velocities of an output where a note begins, else 0.
    private func playedVelocity(of output: TorchTensor) throws -> TorchTensor {
        let level = try level(output)
        guard splitsOnsets else { return try level * (level .>= VoiceRolls.onset).to(level.type) }
        return try level.clamped(low: VoiceRolls.onset) * (onset(output) .>= 0).to(level.type)
    }

    /// The probabilities of logits, a class of so many after the other in the last axis.
    private static func shares(_ logits: TorchTensor, _ classes: Int) throws -> TorchTensor {
        let shape = logits.shape
        return try logits.reshaped([shape[0], shape[1], -1, classes]).softmax(3).reshaped(shape)
    }

    /// What the network puts out for segments of so many steps and voices, without a target.
    ///
    /// - Parameters:
    ///   - latent: `[N, latent]`.
    ///   - previous: The latent vectors of the segments before.
    ///   - steps: The steps of a segment.
    ///   - voices: Its voices.
    ///   - temperature: What pitch logits are divided by before a pitch is drawn; 0: the most probable.
    /// - Returns: Segments whose pitches and instruments are one-hot; the instrument of each voice is there even
    ///   where the voice is silent; beside them the probabilities of the instruments, `[N, voices, 17]`.
    /// - Throws: `TorchError`.
    func generate(
        _ latent: TorchTensor, after previous: TorchTensor? = nil, steps: Int, voices: Int,
        temperature: Double = 0
    ) throws -> (rolls: VoiceRolls, instruments: TorchTensor) {
        let latent = try seen(latent, after: previous)
        func chosen(_ logits: TorchTensor, _ classes: Int, _ temperature: Double) throws -> TorchTensor {
            let flat = try logits.reshaped([-1, classes])
            let places =
                temperature > 0
                ? try (flat * (1 / temperature)).softmax(1).multinomial(1).squeezed(1) : try flat.argmax(1)
            return try places.oneHot(classes).to(logits.type).reshaped(logits.shape)
        }
        /// The chosen rows, and the outputs that they were chosen from.
        func written(
            _ decoder: StreamDecoder, rows: Int, own: (TorchTensor) throws -> TorchTensor,
            choose: (TorchTensor) throws -> TorchTensor
        ) throws -> (chosen: TorchTensor, outputs: TorchTensor) {
            switch input {
            case .none:
                let outputs = try decoder(latent, rows: rows, after: nil)
                return (try choose(outputs), outputs)
            case .free:
                let outputs = try decoder.unrolled(latent, rows: rows, feed: own)
                return (try choose(outputs), outputs)
            case .previous:
                var all: [TorchTensor] = []
                let outputs = try decoder.unrolled(latent, rows: rows) { output in
                    all.append(try choose(output))
                    return all[all.count - 1]
                }
                all.append(try choose(outputs.narrowed(1, from: rows - 1, count: 1)))
                return (try .concatenated(all, axis: 1), outputs)
            }
        }
        let rows = steps * voices / voicesPerRow
        let pitches = try written(
            pitch, rows: rows, own: { try Self.shares($0, VoiceRolls.pitchClasses) },
            choose: { try chosen($0, VoiceRolls.pitchClasses, temperature) })
        let velocities = try written(
            velocity, rows: rows, own: { try velocity(of: $0) }, choose: { try playedVelocity(of: $0) })
        let instruments = try written(
            instrument, rows: voices, own: { try Self.shares($0, VoiceRolls.families) },
            choose: { try chosen($0, VoiceRolls.families, 0) })
        let count = latent.shape[0]
        return (
            VoiceRolls(
                pitch: try pitches.chosen.reshaped([count, steps, voices, -1]),
                velocity: try velocities.chosen.reshaped([count, steps, voices]),
                instrument: instruments.chosen),
            try instruments.outputs.softmax(2)
        )
    }

    /// The squared error of all velocities; where onsets are split off, their cross-entropy and the squared error at true
    /// onsets.
    private static func velocityLoss(_ output: Output, _ target: VoiceRolls) throws -> TorchTensor {
        guard let onset = output.onset else { return try output.velocity.squaredError(target.velocity) }
        let begins = try (target.velocity .> 0).to(onset.type)
        let error = try ((output.velocity - target.velocity).square() * begins).sum()
        return try onset.binaryCrossEntropyWithLogits(begins) + error / begins.sum().clamped(low: 1)
    }

    /// The parts of the loss before their weights.
    struct Losses {
        let pitch: TorchTensor
        let velocity: TorchTensor
        let instrument: TorchTensor
        let style: TorchTensor
        /// Of the latent distribution from the standard normal one, summed over dimensions; each dimension counts at least
        /// the free bits.
        let divergence: TorchTensor
    }

    /// Compares outputs with the segments that they should be.
    ///
    /// - Parameters:
    ///   - output: What the decoders put out.
    ///   - target: The segments.
    ///   - code: What the encoder put out.
    ///   - latent: The latent vectors that were decoded.
    ///   - style: The places of the styles, `i64` `[N]`.
    ///   - styles: How many styles there are.
    ///   - freeBits: Nats that each latent dimension has at no cost, on the mean over the batch (Kingma et al., 2016,
    ///     arXiv:1606.04934, section C.8).
    /// - Returns: Scalars: means over rows, voices and segments.
    /// - Throws: `TorchError`.
    static func losses(
        _ output: Output, _ target: VoiceRolls, code: (mean: TorchTensor, logVariance: TorchTensor),
        latent: TorchTensor, style: TorchTensor, styles: Int, freeBits: Double
    ) throws -> Losses {
        let classes = VoiceRolls.pitchClasses
        let divergence = try TorchTensor.gaussianDivergence(mean: code.mean, logVariance: code.logVariance)
            .mean([0])
        return Losses(
            pitch: try output.pitch.reshaped([-1, classes]).crossEntropy(
                target.pitch.reshaped([-1, classes]).argmax(1)),
            velocity: try velocityLoss(output, target),
            // A silent voice has no instrument.
            instrument: try (output.instrument.logSoftmax(2) * target.instrument).sum().negated()
                / target.instrument.sum().clamped(low: 1),
            style: try latent.narrowed(1, from: 0, count: styles).crossEntropy(style),
            divergence: try (freeBits > 0 ? divergence.clamped(low: freeBits) : divergence).sum())
    }
}

extension TorchTensor {
    /// Latent vectors whose dimensions of two styles are exchanged.
    ///
    /// - Parameters:
    ///   - first: The place of a style for each vector.
    ///   - second: The place of another.
    ///   - count: How many styles there are.
    /// - Returns: `[N, latent]`.
    /// - Throws: `TorchError`.
    func exchangingStyles(_ first: [Int], _ second: [Int], of count: Int) throws -> TorchTensor {
        var places: [Int64] = []
        for (i, j) in zip(first, second) {
            var row = (0..<count).map { Int64($0) }
            row.swapAt(i, j)
            places += row
        }
        let order = try TorchTensor(places, shape: [first.count, count], on: device)
        let styles = try narrowed(1, from: 0, count: count).gathered(1, at: order)
        return try .concatenated([styles, narrowed(1, from: count, count: shape[1] - count)], axis: 1)
    }

    /// Latent vectors whose dimensions of two styles stand for the second.
    ///
    /// - Parameters:
    ///   - first: The place of the source style.
    ///   - second: The place of the target style; if it is the source, nothing changes.
    ///   - strength: What the distance of the two dimensions is multiplied by; their mean stays.
    ///   - exchanges: Whether the dimensions are exchanged; else the target's is the greater.
    /// - Returns: `[N, latent]`.
    /// - Throws: `TorchError`.
    func movingStyles(
        from first: Int, to second: Int, strength: Double, exchanges: Bool
    ) throws -> TorchTensor {
        guard first != second else { return self }
        let (source, target) = (try selected(1, first), try selected(1, second))
        let middle = try (source + target) * 0.5
        let half = try (exchanges ? source - target : (source - target).abs()) * (0.5 * strength)
        let columns = try (0..<shape[1]).map { place in
            switch place {
            case first: try middle - half
            case second: try middle + half
            default: try selected(1, place)
            }
        }
        return try .stacked(columns, axis: 1)
    }
}
