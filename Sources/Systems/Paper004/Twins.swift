internal import Files
import Loading
internal import Tensors
internal import Torch
internal import Training

/// The twins of paper 004: a coder for each style of the dataset, with their losses and optimisers.
final class Twins: TrainableSystem {
    let networks: TwinNetworks
    let rules: TwinRules
    let styles: Styles
    let coding: Adam
    /// Of the discriminators, if there are any.
    let judging: Adam?
    let objective = Objective("l1")
    var network: any Module { networks }
    var optimisers: [any Optimiser] { [coding] + (judging.map { [$0] } ?? []) }

    init(_ kind: TwinKind, _ settings: Settings, _ context: SystemContext) throws {
        let styles = Styles(context.snapshot, of: .audio)
        self.styles = styles
        let asPublished = settings.word("variant") == "published-code"
        var rules = TwinRules(kind: kind, asPublished: asPublished)
        rules.code = settings.number("code_weight")
        rules.cycle = settings.number("cycle_weight")
        if kind == .variational { rules.divergence = settings.number("divergence_weight") }
        if kind.hasDiscriminators {
            rules.style = settings.number("style_weight")
            rules.adversarial = settings.number("adversarial_weight")
        }
        self.rules = rules
        let shape = context.snapshot.melShape
        var parts = TwinParts(sizes: TwinSizes(bands: shape.bands, frames: shape.frames, halvings: 2))
        parts.network = TwinParts.Network(rawValue: settings.word("network")) ?? .published
        (parts.width, parts.blocks) = (settings.integer("width"), settings.integer("blocks"))
        let coders: [any TwinCoder] = try styles.names.map { _ in
            switch kind {
            case .plain: try PlainTwinCoder(parts)
            case .variational: try VariationalTwinCoder(parts, isSigned: !asPublished)
            case .adversarial: try StyleTwinCoder(parts)
            case .multimodal:
                try MultimodalTwinCoder(
                    parts, style: settings.integer("style_numbers"), asPublished: asPublished)
            }
        }
        var discriminators: [any TwinDiscriminator] = []
        if kind.hasDiscriminators {
            discriminators = try styles.names.map { _ -> any TwinDiscriminator in
                settings.word("discriminator") == "multiscale"
                    ? try MultiscaleTwinDiscriminator()
                    : try PublishedTwinDiscriminator(
                        bands: shape.bands, frames: shape.frames, isProbability: !asPublished)
            }
        }
        networks = TwinNetworks(coders: coders, discriminators: discriminators)
        // Keras's first weights, but for the deviation of a drawn code. Where that begins at 1, the code says nothing:
        // the decoder learns to say silence, and stays there.
        try networks.initialise { name, _ in
            if name.hasSuffix("variance.output.bias") { return .constant(Self.firstLogVariance) }
            return name.hasSuffix("bias") ? .constant(0) : name.hasSuffix("weight") ? .glorotUniform : nil
        }
        try networks.lay(out: .channelsLast)
        try networks.move(to: context.device)
        let parameters = networks.parameters
        let rate = settings.number("rate")
        coding = try Adam(
            parameters.filter { $0.name.hasPrefix("coders.") }, rate: rate, epsilon: 1e-7)
        judging =
            discriminators.isEmpty
            ? nil
            : try Adam(
                parameters.filter { $0.name.hasPrefix("discriminators.") }, rate: rate, epsilon: 1e-7)
    }

    /// A deviation of 0.05.
    private static let firstLogVariance = -6.0

    /// Every recording has a style, and the train split at least two.
    static let need = Need("recordings with a label 'style' of two values or more") { snapshot in
        if let fault = Styles.unlabelled(snapshot.recordings) ?? snapshot.severalValues(of: Styles.label) {
            return fault
        }
        let names = Styles(snapshot, of: .audio).names
        return names.count > 1
            ? nil
            : "the recordings of its train split have \(names.count == 1 ? "the style '\(names[0])' only" : "no style"); write 'splits: {method: exact, stratify: style}' in the manifest"
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        let mels = try styles.names.indices.map { try batch[LoaderView.mel.name, set: $0].unsqueezed(1) }
        try coding.clearGradients()
        let pass = try TwinPass(mels, networks, rules) { try $0.randomLike(.normal) }
        var judged: TorchTensor?
        if let judging {
            try judging.clearGradients()
            let loss = try pass.discriminatorLoss(networks)
            try loss.backward()
            try update(judging, loss)
            judged = try loss.detach()
        }
        // No gradient of the coders' loss is wanted for a discriminator's weights.
        for discriminator in networks.discriminators { try discriminator.freeze() }
        let losses = try pass.losses(networks, rules)
        let loss = try TwinPass.sum(losses, rules)
        try loss.backward()
        for discriminator in networks.discriminators { try discriminator.freeze(false) }
        try update(coding, loss)
        return [("loss", loss)] + losses + (judged.map { [("discriminator", $0)] } ?? [])
    }

    /// Codes without noise, and what their own coder makes of them; `[N, bands, frames]`.
    func reconstruct(_ mel: TorchTensor, style: Int) throws -> TorchTensor {
        let coder = networks.coders[style]
        let code = try coder.encode(mel.unsqueezed(1))
        return try coder.decode(code.content, style: code.style).squeezed(1)
    }

    func measure(on feed: any Feed) throws -> [Measure] {
        try measure(on: feed) { mel, style in try reconstruct(mel, style: style) }
    }

    /// The mean absolute error of answers, of each style and over styles.
    private func measure(
        on feed: any Feed, _ answer: (TorchTensor, Int) throws -> TorchTensor
    ) throws -> [Measure] {
        var totals = Totals()
        try forEachPart(of: feed) { mel, style in
            try totals.add("error \(style)", (answer(mel, style) - mel).abs())
            try totals.add("level \(style)", mel.abs())
            totals.add("cells \(style)", Double(mel.count))
            totals.add("segments", Double(mel.shape[0]))
        }
        let present = styles.names.indices.filter { totals["cells \($0)"] > 0 }
        func mean(_ name: String) -> Double {
            present.reduce(0) { $0 + totals.ratio("\(name) \($1)", "cells \($1)") } / Double(present.count)
        }
        return [
            Measure("l1", mean("error")), Measure("l1_of_silence", mean("error") / mean("level")),
            Measure("segments", totals["segments"]),
        ]
            + present.map {
                Measure("l1_\(styles.names[$0])", totals.ratio("error \($0)", "cells \($0)"))
            }
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        var sums: [Int: TorchTensor] = [:]
        var counts: [Int: Double] = [:]
        try forEachPart(of: train) { mel, style in
            let sum = try mel.to(.f64).sum([0, 2], keep: true)
            sums[style] = try sums[style].map { try $0 + sum } ?? sum
            counts[style, default: 0] += Double(mel.shape[0] * mel.shape[2])
        }
        let means = try sums.map { ($0, try ($1 * (1 / max(counts[$0] ?? 1, 1))).to(.f32)) }
        let bands = Dictionary(uniqueKeysWithValues: means)
        return [
            "silence": try measure(on: feed) { mel, _ in try mel.fullLike(0) },
            "mean of each band, of the style": try measure(on: feed) { mel, style in
                try bands[style].map { try $0.expanded(mel.shape) } ?? mel.fullLike(0)
            },
            "mean of each band, of the segment": try measure(on: feed) { mel, _ in
                try mel.mean([2], keep: true).expanded(mel.shape)
            },
        ]
    }

    private func forEachPart(of feed: any Feed, _ body: (TorchTensor, Int) throws -> Void) throws {
        try styles.forEachPart(of: feed, views: [LoaderView.mel.name]) {
            try body($0[LoaderView.mel.name], $1)
        }
    }

    /// The first segment of each style: as it is, from its own coder, and converted to the next style.
    func figures(on feed: any Feed) throws -> [Figure] {
        var figures: [Figure] = []
        var seen: Set<Int> = []
        try forEachPart(of: feed) { mel, style in
            guard seen.insert(style).inserted else { return }
            let first = try mel.narrowed(0, from: 0, count: 1)
            let target = TwinPass.next(style, of: styles.names.count)
            let parts = [
                ("segment of \(styles.names[style])", first),
                ("its reconstruction", try reconstruct(first, style: style)),
                ("converted to \(styles.names[target])", try convert(first, from: style, to: target)),
            ]
            figures.append(
                Figure(
                    name: "spectrograms-\(styles.names[style])",
                    title: "\(styles.names[style]): normalised mel spectrograms",
                    .spectrograms(
                        try parts.map { title, mel in
                            Figure.Spectrogram(
                                title: title, values: try mel.contiguous().elements(as: Float.self),
                                columns: mel.shape[2])
                        })))
        }
        return figures.sorted { $0.name < $1.name }
    }

    /// Segments `[N, bands, frames]` of a style converted to another.
    ///
    /// `drawn` is the target's style, of each segment or one for all; nil: that of the segments themselves where a style
    /// is read of maps, and zeros, the mean of what is drawn in training, where it is a few numbers.
    func convert(
        _ mel: TorchTensor, from source: Int, to target: Int, style drawn: TorchTensor? = nil
    ) throws -> TorchTensor {
        let code = try networks.coders[source].encode(mel.unsqueezed(1))
        var style = code.style
        if let own = code.style {
            style = try drawn ?? (rules.kind == .multimodal ? own.fullLike(0) : own)
        }
        return try networks.coders[target].decode(code.content, style: style).squeezed(1)
    }
}

extension Snapshot {
    /// Bands and frames of a segment's mel spectrogram.
    fileprivate var melShape: (bands: Int, frames: Int) {
        let shape = (features[LoaderView.mel.name]?["shape"]?.array ?? []).compactMap(\.integer)
        return shape.count == 2 ? (shape[0], shape[1]) : (1, 1)
    }
}
