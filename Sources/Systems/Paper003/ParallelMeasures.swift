import Loading
internal import Symbolic
internal import Tensors
internal import Torch
internal import Training

/// Sums of hits and errors over segments, by stream.
struct StreamTally {
    private var totals = Totals()

    /// Compares segments with the true ones; velocities of the true onsets that are onsets in both.
    mutating func add(_ played: VoiceRolls, _ target: VoiceRolls) throws {
        let silence = Int64(VoiceRolls.pitchClasses - 1)
        let (predicted, wanted) = (try played.pitch.argmax(3), try target.pitch.argmax(3))
        let hits = try (predicted .== wanted).to(.f32)
        let sounds = try (wanted .!= Double(silence)).to(.f32)
        try totals.add("hits", hits)
        totals.add("cells", Double(hits.count))
        try totals.add("sounding hits", hits * sounds)
        try totals.add("sounding", sounds)
        try totals.add("played", (predicted .!= Double(silence)).to(.f32))
        let begins = try (target.velocity .> 0).to(.f32)
        let begun = try (played.velocity .> 0).to(.f32)
        try totals.add("onsets", begins)
        try totals.add("onsets played", begun)
        try totals.add("onsets found", begins * begun)
        try totals.add("velocity", (played.velocity - target.velocity).abs() * begins * begun * 254)
        let known = try target.instrument.sum([2])
        try totals.add("instruments", known)
        try totals.add(
            "instrument hits", (played.instrument.argmax(2) .== target.instrument.argmax(2)).to(.f32) * known)
    }

    var measures: [Measure] {
        let (hits, both) = (totals["sounding hits"], totals["sounding"] + totals["played"])
        return [
            Measure("pitch_f1", 2 * hits / max(both, 1)),
            Measure("pitch_accuracy", totals.ratio("hits", "cells")),
            Measure("pitch_accuracy_sounding", totals.ratio("sounding hits", "sounding")),
            Measure(
                "onset_f1",
                2 * totals["onsets found"] / max(totals["onsets"] + totals["onsets played"], 1)),
            Measure("velocity_error", totals.ratio("velocity", "onsets found")),
            Measure("instrument_accuracy", totals.ratio("instrument hits", "instruments")),
        ]
    }
}

extension ParallelVAE {
    /// A segment after the network, as it is and with another style.
    struct Converted {
        let plain: VoiceRolls
        let swapped: VoiceRolls
        let mean: TorchTensor
        /// The style that each was converted to.
        let targets: [Int]
        /// The mean with the dimensions of both styles exchanged.
        let exchanged: TorchTensor
    }

    /// Segments from their codes' means, plain and with the style after their own, in the order of the styles.
    func convert(_ part: Part, mean: TorchTensor) throws -> Converted {
        let count = labels.names.count
        let targets = part.styles.map { ($0 + 1) % count }
        let exchanged = try mean.exchangingStyles(part.styles, targets, of: count)
        func played(_ latent: TorchTensor) throws -> VoiceRolls {
            try model.generate(
                latent, after: before(latent, following: part.following), steps: part.rolls.steps,
                voices: voices
            ).rolls.asPlayed()
        }
        return Converted(
            plain: try played(mean), swapped: try played(exchanged), mean: mean, targets: targets,
            exchanged: exchanged)
    }

    /// The styles that the head says of latent vectors.
    func styles(of latent: TorchTensor) throws -> [Int] {
        try latent.narrowed(1, from: 0, count: labels.names.count).argmax(1).elements(as: Int64.self)
            .map { Int($0) }
    }

    func measure(on feed: any Feed) throws -> [Measure] {
        var (tally, totals, codes) = (StreamTally(), Totals(), CodeTally(dimensions: latent))
        try feed.forEachBatch { batch in
            let part = try part(batch)
            let code = try model.encode(part.rolls)
            let losses = try losses(of: part, code, latent: code.mean)
            let weight = Double(part.rolls.count)
            totals.add("segments", weight)
            for (name, value) in [
                ("loss", try total(losses)), ("pitch_loss", losses.pitch), ("velocity_loss", losses.velocity),
                ("instrument_loss", losses.instrument), ("style_loss", losses.style),
            ] {
                totals.add(name, try value.item() * weight)
            }
            try codes.add(mean: code.mean, logVariance: code.logVariance)
            let converted = try convert(part, mean: code.mean)
            try tally.add(converted.plain, part.rolls)
            let moved = try converted.plain.pitch.argmax(3) .!= converted.swapped.pitch.argmax(3)
            try totals.add("moved", moved.to(.f32))
            totals.add("cells", Double(moved.count))
            func count(_ name: String, _ styles: [Int], _ wanted: [Int]) {
                totals.add(name, Double(zip(styles, wanted).count { $0 == $1 }))
            }
            count("style_accuracy", try styles(of: code.mean), part.styles)
            count("style_accuracy_swapped", try styles(of: converted.exchanged), converted.targets)
            for (name, rolls) in [("plain", converted.plain), ("swapped", converted.swapped)] {
                count(
                    "target_\(name)_encoded", try styles(of: model.encode(rolls).mean), converted.targets)
            }
            for stream in StyleCounts.Stream.allCases {
                let name = stream.rawValue
                count("style_accuracy_\(name)", try counts.styles(of: part.rolls, by: stream), part.styles)
                for (kind, rolls) in [("plain", converted.plain), ("swapped", converted.swapped)] {
                    count(
                        "target_\(kind)_\(name)", try counts.styles(of: rolls, by: stream),
                        converted.targets)
                }
            }
        }
        func share(_ name: String) -> Measure { Measure(name, totals.ratio(name, "segments")) }
        return tally.measures
            + ["loss", "pitch_loss", "velocity_loss", "instrument_loss", "style_loss"].map(share)
            + [
                Measure("divergence", codes.divergences.reduce(0, +)),
                Measure("active_units", Double(codes.active)),
            ]
            + ["style_accuracy", "style_accuracy_swapped"].map(share)
            + [Measure("swap_changes", totals.ratio("moved", "cells"))]
            + ["encoded", "pitch", "velocity", "instrument"].flatMap { name in
                (name == "encoded" ? [] : [share("style_accuracy_\(name)")])
                    + [share("target_plain_\(name)"), share("target_swapped_\(name)")]
            }
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        var sums: [String: TorchTensor] = [:]
        func add(_ name: String, _ value: TorchTensor) throws {
            sums[name] = try sums[name].map { try $0 + value.to(.f64) } ?? value.to(.f64)
        }
        var (velocity, styles) = (Totals(), [Int](repeating: 0, count: labels.names.count))
        try train.forEachBatch { batch in
            let part = try part(batch)
            try add("pitch", part.rolls.pitch.sum([0, 1, 2]))
            try add("instrument", part.rolls.instrument.sum([0]))
            try velocity.add("sum", part.rolls.velocity)
            try velocity.add("onsets", (part.rolls.velocity .> 0).to(.f32))
            for style in part.styles { styles[style] += 1 }
        }
        let mean = velocity.ratio("sum", "onsets")
        let most = styles.firstIndex(of: styles.max() ?? 0) ?? 0
        guard let pitch = try sums["pitch"]?.argmax(0).item(), let instrument = sums["instrument"] else {
            return [:]
        }
        var (silent, frequent, repeated, here) = (StreamTally(), StreamTally(), StreamTally(), Totals())
        try feed.forEachBatch { batch in
            let part = try part(batch)
            let target = part.rolls
            func constant(_ place: Int, velocity: TorchTensor) throws -> VoiceRolls {
                let pitch = try TorchTensor.full(Double(place), [1], type: .i64, on: target.pitch.device)
                return VoiceRolls(
                    pitch: try pitch.oneHot(VoiceRolls.pitchClasses).to(.f32).reshaped([1, 1, 1, -1])
                        .expanded(target.pitch.shape),
                    velocity: velocity,
                    // The most frequent family of each voice.
                    instrument: try instrument.argmax(1).oneHot(VoiceRolls.families).to(.f32).unsqueezed(0)
                        .expanded(target.instrument.shape))
            }
            try silent.add(
                constant(VoiceRolls.pitchClasses - 1, velocity: target.velocity.fullLike(0)), target)
            // Velocities alone: every onset is known, and its velocity the mean.
            try frequent.add(
                constant(Int(pitch), velocity: (target.velocity .> 0).to(.f32) * mean), target)
            try repeated.add(Self.repeating(target, mean: mean), target)
            here.add("segments", Double(part.styles.count))
            here.add("hits", Double(part.styles.count { $0 == most }))
        }
        return [
            "all silent": silent.measures.filter { $0.name.hasPrefix("pitch") },
            "most frequent class of the train split": frequent.measures.filter {
                $0.name.hasPrefix("pitch") || $0.name.hasPrefix("instrument")
            } + [Measure("style_accuracy", here.ratio("hits", "segments"))],
            "mean velocity of the train split at the true onsets": frequent.measures.filter {
                $0.name == "velocity_error"
            },
            "repeat the true last step": repeated.measures.filter { $0.name.hasPrefix("pitch") },
            "repeat the true last velocity at the true onsets": repeated.measures.filter {
                $0.name == "velocity_error"
            },
        ]
    }

    /// Each step as the one before, the first silent; at each onset the velocity of the voice's last, at its first the
    /// mean.
    private static func repeating(_ target: VoiceRolls, mean: Double) throws -> VoiceRolls {
        let (count, steps, voices) = (target.count, target.steps, target.voices)
        let silence = try TorchTensor.full(Double(VoiceRolls.pitchClasses - 1), [1], type: .i64)
            .to(target.pitch.device).oneHot(VoiceRolls.pitchClasses).to(.f32)
        let first = try silence.reshaped([1, 1, 1, -1]).expanded([count, 1, voices, -1])
        let before = try target.pitch.narrowed(1, from: 0, count: steps - 1)
        var velocities = try target.velocity.elements(as: Float.self)
        for segment in 0..<count {
            for voice in 0..<voices {
                var last = Float(mean)
                for step in 0..<steps {
                    let cell = (segment * steps + step) * voices + voice
                    guard velocities[cell] > 0 else { continue }
                    (last, velocities[cell]) = (velocities[cell], last)
                }
            }
        }
        return VoiceRolls(
            pitch: try .concatenated([first, before], axis: 1),
            velocity: try TorchTensor(velocities, shape: target.velocity.shape, on: target.velocity.device),
            instrument: target.instrument)
    }
}
