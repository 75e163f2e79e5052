internal import Torch
internal import Training

extension VelocityCNN {
    /// Figure V.1: for the first segment of each style, its velocities, and what the network of each style says of its
    /// notes.
    func figures(on feed: any Feed) throws -> [Figure] {
        var figures: [Figure] = []
        try forEachPart(of: feed) { part, own in
            guard !figures.contains(where: { $0.name == "velocities-\(styles[own])" }) else { return }
            func first(_ tensor: TorchTensor) throws -> TorchTensor {
                try tensor.narrowed(0, from: 0, count: 1)
            }
            let (sounding, onsets) = (try first(part.sounding), try first(part.onsets))
            let steps = sounding.shape[1]
            func roll(_ title: String, _ velocities: TorchTensor) throws -> Figure.Roll {
                Figure.Roll(
                    title: title, values: try held(velocities, sounding, onsets), columns: steps,
                    firstPitch: Int(PianoRolls.pitches.lowerBound))
            }
            figures.append(
                Figure(
                    name: "velocities-\(styles[own])", title: "Velocities of a segment of \(styles[own])",
                    .rolls(
                        try [roll("as played", first(part.velocities))]
                            + styles.indices.map { style in
                                try roll(
                                    "as \(styles[style]) says",
                                    velocities(sounding, onsets: onsets, style: style))
                            })))
        }
        return figures
    }

    /// Velocities `[1, steps, 59]` at onsets, held while their notes sound: [57][steps].
    private func held(
        _ velocities: TorchTensor, _ sounding: TorchTensor, _ onsets: TorchTensor
    ) throws -> [Float] {
        let (steps, columns, pitches) = (sounding.shape[1], PianoRolls.columns, PianoRolls.pitches.count)
        let struck = try onsets.elements(as: Float.self)
        let down = try sounding.elements(as: Float.self)
        let loud = try velocities.contiguous().elements(as: Float.self)
        var result = [Float](repeating: 0, count: pitches * steps)
        for column in 0..<pitches {
            var velocity: Float = 0
            for step in 0..<steps {
                let cell = step * columns + column
                if struck[cell] > 0 { velocity = max(loud[cell], 1) }
                if down[cell] == 0 { velocity = 0 }
                result[column * steps + step] = velocity
            }
        }
        return result
    }
}

extension ChordLSTM {
    /// Figure V.3: how long the sustain pedal is held in each style, and in what each style's network draws from
    /// segments of another.
    func figures(on feed: any Feed) throws -> [Figure] {
        try RandomGenerator.seed(0)
        var lengths = [String: [Int]]()
        var drawn = [Int](repeating: 0, count: styles.count)
        try forEachPart(of: feed) { roll, own in
            for segment in 0..<roll.shape[0] {
                let one = try roll.narrowed(0, from: segment, count: 1)
                let pedal = try one.selected(2, PianoRolls.columns - 2).contiguous().elements(as: Float.self)
                lengths[styles[own], default: []] += Self.runs(pedal.map { $0 > 0.5 })
                // Sixteen pieces a style are enough for a picture.
                guard let other = styles.indices.first(where: { $0 != own }), drawn[other] < 16 else {
                    continue
                }
                drawn[other] += 1
                let piece = try generate(from: one, style: other, segmentSteps: roll.shape[1])
                let down = stride(from: 0, to: piece.pedals.count, by: 3).map { piece.pedals[$0] != 0 }
                lengths["drawn as \(styles[other]) from \(styles[own])", default: []] += Self.runs(down)
            }
        }
        let limits = [1, 2, 4, 8, 16, 32, 64, 128, 256]
        let series = lengths.sorted { $0.key < $1.key }.map { name, runs in
            Figure.Series(
                "\(name): \(runs.count) presses",
                limits.map { limit in
                    Double(runs.count { $0 >= limit && $0 < 2 * limit }) / Double(max(runs.count, 1))
                })
        }
        return [
            Figure(
                name: "pedal-lengths",
                title: "Presses of the sustain pedal by length in steps, within segments",
                .histogram(classes: limits.map { $0 == 1 ? "1" : "\($0)+" }, series: series))
        ]
    }

    /// The lengths of runs of true.
    static func runs(_ isDown: [Bool]) -> [Int] {
        isDown.split(separator: false).map(\.count)
    }
}
