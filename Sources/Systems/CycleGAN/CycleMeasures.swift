internal import Tensors
internal import Torch
internal import Training

extension CycleGAN {
    /// From which value a cell of an output sounds, as published.
    static let threshold = 0.5

    /// Something that takes rolls of a side to the other style: the networks, or a baseline.
    typealias Converter = (_ roll: TorchTensor, _ side: Int) throws -> TorchTensor

    func measure(on feed: any Feed) throws -> [Measure] {
        try measure(on: feed) { roll, side in try networks.generator(from: side)(roll) }
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        [
            "copy": try measure(on: feed) { roll, _ in roll },
            "all silent": try measure(on: feed) { roll, _ in try roll.fullLike(0) },
        ]
    }

    /// Measures what a converter makes of a pass, with noise that is the same each time.
    private func measure(on feed: any Feed, _ convert: Converter) throws -> [Measure] {
        var totals = Totals()
        try RandomGenerator.seeded(0, restoring: device) {
            try forEachPart(of: feed) { roll, side in try add(roll, side, convert, to: &totals) }
        }
        var measures: [Measure] = []
        for name in [
            "cycle_loss", "identity_loss", "adversarial_loss", "cycle_f1", "content_f1", "density_ratio",
            "flip_rate", "transfer_strength", "probe_accuracy",
        ] {
            measures.append(Measure(name, mean(name, totals)))
        }
        let (strength, content) = (mean("transfer_strength", totals), mean("content_f1", totals))
        measures.append(Measure("transfer_score", Self.score(strength: strength, content: content)))
        for side in 0...1 where totals["rolls \(side)"] > 0 {
            let direction = "\(styles.names[side])_to_\(styles.names[1 - side])"
            for name in ["cycle_f1", "content_f1", "density_ratio", "flip_rate", "transfer_strength"] {
                measures.append(Measure("\(name)_\(direction)", value(name, side, totals)))
            }
        }
        return measures + [Measure("segments", totals["rolls 0"] + totals["rolls 1"])]
    }

    /// The harmonic mean of the strength of a transfer, where it is positive, and of the content that is kept.
    static func score(strength: Double, content: Double) -> Double {
        guard strength > 0, content > 0 else { return strength.isNaN || content.isNaN ? .nan : 0 }
        return 2 * strength * content / (strength + content)
    }

    private func add(
        _ roll: TorchTensor, _ side: Int, _ convert: Converter, to totals: inout Totals
    ) throws {
        func on(_ rolls: TorchTensor) throws -> TorchTensor { try (rolls .> Self.threshold).to(.f32) }
        let output = try convert(roll, side)
        let back = try convert(output, 1 - side)
        let same = try convert(roll, 1 - side)
        totals.add("rolls \(side)", Double(roll.shape[0]))
        totals.add("cells \(side)", Double(roll.count))
        try totals.add("cycle_loss \(side)", (back - roll).abs())
        try totals.add("identity_loss \(side)", (same - roll).abs())
        let map = try networks.discriminator(1 - side)(
            drawNoise(like: roll).map { try output + $0 } ?? output)
        try totals.add("adversarial_loss \(side)", (map - 1).square().mean([1, 2, 3]))
        let (kept, cycled) = (try on(output), try on(back))
        try totals.add("on \(side)", roll)
        for (name, cells) in [("output", kept), ("cycle", cycled)] {
            try totals.add("\(name) on \(side)", cells)
            try totals.add("\(name) hits \(side)", cells * roll)
        }
        // The probability of the other style, before and after.
        let sign = side == 0 ? 1.0 : -1
        let (before, after) = (try networks.probe(roll) * sign, try networks.probe(kept) * sign)
        try totals.add("flips \(side)", (after .> 0).to(.f32))
        try totals.add("right \(side)", (before .< 0).to(.f32))
        try totals.add("strength \(side)", after.sigmoid() - before.sigmoid())
    }

    /// A measure of one direction; NaN where it has no segment.
    private func value(_ name: String, _ side: Int, _ totals: Totals) -> Double {
        func f1(_ what: String) -> Double {
            let sum = totals["\(what) on \(side)"] + totals["on \(side)"]
            // Silence for silence is right.
            return sum > 0 ? 2 * totals["\(what) hits \(side)"] / sum : 1
        }
        switch name {
        case "cycle_loss", "identity_loss": return totals.ratio("\(name) \(side)", "cells \(side)")
        case "adversarial_loss": return totals.ratio("\(name) \(side)", "rolls \(side)")
        case "cycle_f1": return f1("cycle")
        case "content_f1": return f1("output")
        case "density_ratio": return totals.ratio("output on \(side)", "on \(side)")
        case "flip_rate": return totals.ratio("flips \(side)", "rolls \(side)")
        case "probe_accuracy": return totals.ratio("right \(side)", "rolls \(side)")
        default: return totals.ratio("strength \(side)", "rolls \(side)")
        }
    }

    /// The mean of both directions, as in the paper; of one where a pass has no segment of the other style.
    private func mean(_ name: String, _ totals: Totals) -> Double {
        let values = (0...1).filter { totals["rolls \($0)"] > 0 }.map { value(name, $0, totals) }
        return values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
    }

    /// For each direction the first segment with notes, what the generator makes of it, and that brought back.
    func figures(on feed: any Feed) throws -> [Figure] {
        var figures: [Int: Figure] = [:]
        try forEachPart(of: feed) { rolls, side in
            guard figures[side] == nil else { return }
            let counts = try rolls.sum([1, 2]).elements(as: Float.self)
            guard let place = counts.firstIndex(where: { $0 > 0 }) else { return }
            let roll = try rolls.narrowed(0, from: place, count: 1)
            let output = try networks.generator(from: side)(roll)
            let back = try networks.generator(from: 1 - side)(output)
            let (from, to) = (styles.names[side], styles.names[1 - side])
            figures[side] = Self.figure(
                name: "\(from)-to-\(to)", title: "A segment of \(from) brought to \(to), and back",
                try [("content", roll), ("transferred", output), ("cycled", back)].map { name, roll in
                    (name, try (roll .> Self.threshold).to(.f32).elements(as: Float.self).map { $0 > 0 })
                })
        }
        return figures.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Rolls `[steps, 84]` of the same length, one above the other.
    static func figure(name: String, title: String, _ rolls: [(title: String, cells: [Bool])]) -> Figure {
        Figure(
            name: name, title: title,
            .rolls(rolls.map { Figure.Roll($0.title, timeFirst: $0.cells, pitches: pitches) }))
    }
}
