internal import Torch

/// The coders of all styles, and the discriminators beside them, if there are any: `coders.<number>`,
/// `discriminators.<number>`.
final class TwinNetworks: Module {
    let coders: [any TwinCoder]
    let discriminators: [any TwinDiscriminator]

    init(coders: [any TwinCoder], discriminators: [any TwinDiscriminator]) {
        (self.coders, self.discriminators) = (coders, discriminators)
    }
}

/// The four systems of the paper.
enum TwinKind: String {
    case plain = "twin-cae"
    case variational = "twin-vae"
    case adversarial = "twin-gan"
    case multimodal = "twin-vargan"

    /// Whether discriminators learn beside the coders.
    var hasDiscriminators: Bool { self == .adversarial || self == .multimodal }
}

/// What a step weighs and draws.
struct TwinRules {
    let kind: TwinKind
    /// Whether the faults of the author's code are kept.
    let asPublished: Bool
    /// What the return to a code counts (equation 2), where the reconstruction counts 1.
    var code = 1.0
    /// What the return to a style counts.
    var style = 0.01
    /// What the divergence counts.
    var divergence = 0.0
    /// What the discriminators' verdict counts.
    var adversarial = 0.02
    /// What the way there and back counts: the segment made of a returned code, against the segment.
    var cycle = 0.0
}

/// One step's segments on their way through the coders: section 3.1's four steps, for any number of styles.
///
/// The segments of each style are converted to the next one.
struct TwinPass {
    /// For each style: its segments, their codes, what is decoded from them, and what is converted.
    let mels: [TorchTensor]
    let codes: [TwinCode]
    let drawn: [TorchTensor]
    let own: [TorchTensor]
    /// `converted[i]` has the content of style i and the style i + 1.
    let converted: [TorchTensor]
    /// The styles that `converted` was decoded with; nil where codes have none.
    let styles: [TorchTensor?]
    let returned: [TwinCode]

    /// The style that segments of a style are converted to.
    static func next(_ style: Int, of count: Int) -> Int { (style + 1) % count }

    /// Passes segments `[N, 1, bands, frames]`, as many of each style.
    ///
    /// - Parameters:
    ///   - mels: For each style.
    ///   - networks: The coders.
    ///   - rules: What is drawn.
    ///   - noise: Draws numbers from the standard normal distribution, in the shape of a tensor.
    /// - Throws: `TorchError`.
    init(
        _ mels: [TorchTensor], _ networks: TwinNetworks, _ rules: TwinRules,
        noise: (TorchTensor) throws -> TorchTensor
    ) throws {
        let (coders, count) = (networks.coders, mels.count)
        self.mels = mels
        codes = try zip(coders, mels).map { try $0.encode($1) }
        let codes = codes
        drawn = try codes.map { code in
            try code.logVariance.map {
                try Self.draw(code.content, logVariance: $0, noise: noise, asPublished: rules.asPublished)
            } ?? code.content
        }
        let drawn = drawn
        own = try coders.indices.map { try coders[$0].decode(drawn[$0], style: codes[$0].style) }
        styles = try coders.indices.map { style in
            let next = Self.next(style, of: count)
            guard let target = codes[next].style else { return nil }
            // The paper's section 3.3 swaps styles, and 3.4 draws them; the author's code draws both.
            return rules.kind == .multimodal || rules.asPublished
                ? try Self.drawStyle(like: target, noise: noise, asPublished: rules.asPublished) : target
        }
        let styles = styles
        converted = try coders.indices.map {
            try coders[Self.next($0, of: count)].decode(drawn[$0], style: styles[$0])
        }
        let converted = converted
        returned = try coders.indices.map { try coders[Self.next($0, of: count)].encode(converted[$0]) }
    }

    /// A code drawn from its distribution: equation 3.
    private static func draw(
        _ mean: TorchTensor, logVariance: TorchTensor, noise: (TorchTensor) throws -> TorchTensor,
        asPublished: Bool
    ) throws -> TorchTensor {
        guard asPublished else { return try mean + (logVariance * 0.5).exp() * noise(mean) }
        // One draw for the whole batch, and as deviation the variance, which is never below 1.
        return try mean + logVariance.clamped(low: 0, high: 10).exp()
            * noise(mean.narrowed(0, from: 0, count: 1))
    }

    private static func drawStyle(
        like style: TorchTensor, noise: (TorchTensor) throws -> TorchTensor, asPublished: Bool
    ) throws -> TorchTensor {
        guard asPublished else { return try noise(style.detach()) }
        let one = try noise(style.detach().narrowed(0, from: 0, count: 1))
        return try one.expanded(style.shape)
    }

    // MARK: Losses

    /// The parts of the coders' loss, each a scalar that is not weighted yet.
    ///
    /// - Parameters:
    ///   - networks: The discriminators, which are left as they are.
    ///   - rules: Which parts there are.
    /// - Returns: By name: `l1`, `code`, and where there are such `divergence`, `style`, `adversarial`, `cycle`.
    /// - Throws: `TorchError`.
    func losses(_ networks: TwinNetworks, _ rules: TwinRules) throws -> [(name: String, value: TorchTensor)] {
        let places = mels.indices
        func mean(_ parts: [TorchTensor]) throws -> TorchTensor { try TorchTensor.stacked(parts).mean() }
        var losses: [(name: String, value: TorchTensor)] = [
            ("l1", try mean(places.map { try TwinLosses.distance(mels[$0], own[$0]) }))
        ]
        if rules.kind == .plain, rules.asPublished {
            // The arguments are in the wrong order: codes of different segments are compared.
            let pairs = try [codes, returned].map { codes in
                try TwinLosses.distance(codes[0].content, codes[1 % codes.count].content)
            }
            losses.append(("code", try mean(pairs)))
        } else {
            losses.append(
                (
                    "code",
                    try mean(
                        places.map { try TwinLosses.distance(codes[$0].content, returned[$0].content) })
                ))
        }
        if rules.kind == .variational {
            let each = try places.map { place in
                rules.asPublished
                    ? try Self.publishedDivergence(codes[place]) : try TwinLosses.divergence(codes[place])
            }
            losses.append(("divergence", try mean(each)))
        }
        let each = try places.compactMap { place -> TorchTensor? in
            guard let style = styles[place], let found = returned[place].style else { return nil }
            // The author's loss counts the second style twice, and the first not at all.
            if rules.asPublished, place != 0 { return nil }
            return try TwinLosses.distance(style, found)
        }
        if !each.isEmpty { losses.append(("style", try mean(each))) }
        if !networks.discriminators.isEmpty {
            let verdicts = try places.map { place -> TorchTensor in
                let next = Self.next(place, of: mels.count)
                let network = networks.discriminators[next]
                return try TwinLosses.adversarial(
                    real: try network(mels[next]), made: try network(converted[place]))
            }
            losses.append(("adversarial", try mean(verdicts)))
        }
        if rules.cycle > 0 {
            let back = try places.map { place in
                try TwinLosses.distance(
                    mels[place],
                    try networks.coders[place].decode(returned[place].content, style: codes[place].style))
            }
            losses.append(("cycle", try mean(back)))
        }
        return losses
    }

    /// Equation 4 as in the author's code, whose variance is held above 1.
    private static func publishedDivergence(_ code: TwinCode) throws -> TorchTensor {
        guard let logVariance = code.logVariance else { preconditionFailure("the code has no variance") }
        let variance = try logVariance.clamped(low: 0, high: 10).exp()
        return try ((variance + code.content.square() - logVariance - 1) * 0.5).mean()
    }

    /// The weighted sum of losses.
    static func sum(
        _ losses: [(name: String, value: TorchTensor)], _ rules: TwinRules
    ) throws -> TorchTensor {
        let weights = [
            "l1": 1, "code": rules.code, "divergence": rules.divergence, "style": rules.style,
            "adversarial": rules.adversarial, "cycle": rules.cycle,
        ]
        return try losses.dropFirst().reduce(losses[0].value) { try $0 + $1.value * (weights[$1.name] ?? 0) }
    }

    /// The mean of the discriminators' losses (equation 5) on segments and on what was converted to their style.
    func discriminatorLoss(_ networks: TwinNetworks) throws -> TorchTensor {
        let each = try mels.indices.map { place -> TorchTensor in
            let next = Self.next(place, of: mels.count)
            let network = networks.discriminators[next]
            return try TwinLosses.discriminator(
                real: try network(mels[next]), made: try network(converted[place].detach()))
        }
        return try TorchTensor.stacked(each).mean()
    }
}
