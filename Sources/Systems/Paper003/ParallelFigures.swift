internal import Torch
internal import Training

extension ParallelVAE {
    /// How much each latent dimension is used, and the first segments of each style after the network.
    func figures(on feed: any Feed) throws -> [Figure] {
        var codes = CodeTally(dimensions: latent)
        var parts: [Int: (original: [VoiceRolls], plain: [VoiceRolls], swapped: [VoiceRolls])] = [:]
        let wanted = 8
        try feed.forEachBatch { batch in
            let part = try part(batch)
            let code = try model.encode(part.rolls)
            try codes.add(mean: code.mean, logVariance: code.logVariance)
            guard labels.names.indices.contains(where: { (parts[$0]?.original.count ?? 0) < wanted }) else {
                return
            }
            let converted = try convert(part, mean: code.mean)
            for (segment, style) in part.styles.enumerated()
            where (parts[style]?.original.count ?? 0) < wanted {
                var kept = parts[style] ?? ([], [], [])
                kept.original.append(try part.rolls.segment(segment))
                kept.plain.append(try converted.plain.segment(segment))
                kept.swapped.append(try converted.swapped.segment(segment))
                parts[style] = kept
            }
        }
        let divergences = codes.divergences
        let rest = divergences[labels.names.count...].sorted(by: >)
        let styles = labels.names
        return [
            Figure(
                name: "divergence", title: "Divergence of each latent dimension from the prior, in nats",
                .curves(
                    horizontal: "dimension: those of the styles, then the others by their divergence",
                    [Figure.Curve("divergence", Array(divergences[..<styles.count]) + rest)]))
        ]
            + (try parts.sorted { $0.key < $1.key }.map { style, kept in
                let other = styles[(style + 1) % styles.count]
                func roll(_ title: String, _ rolls: [VoiceRolls]) throws -> Figure.Roll {
                    let length = rolls.count * VoiceRolls.steps
                    return try VoiceNotes(VoiceRolls(joining: rolls), length: length).roll(
                        title, steps: 0..<length)
                }
                return Figure(
                    name: "segments-\(styles[style])",
                    title: "Segments of \(styles[style]), decoded, and converted to \(other)",
                    .rolls([
                        try roll("as played", kept.original), try roll("decoded", kept.plain),
                        try roll("converted to \(other)", kept.swapped),
                    ]))
            })
    }
}

extension VoiceRolls {
    /// One segment.
    func segment(_ place: Int) throws -> VoiceRolls {
        VoiceRolls(
            pitch: try pitch.narrowed(0, from: place, count: 1),
            velocity: try velocity.narrowed(0, from: place, count: 1),
            instrument: try instrument.narrowed(0, from: place, count: 1))
    }
}
