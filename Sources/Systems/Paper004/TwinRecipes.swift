internal import Files
import Loading
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// Paper 004, section 3.1.
    public static let twinCAE = twin(
        .plain, summary: "converts recordings by exchanging the decoders of two autoencoders",
        weights: [("code_weight", 1, 1, "the return to the code (equation 2)")])

    /// Paper 004, section 3.2.
    public static let twinVAE = twin(
        .variational, summary: "the same with variational autoencoders",
        weights: [
            ("code_weight", 0.1, 1e-5, "the return to the code (equation 2)"),
            ("divergence_weight", 1e-3, 1e-12, "the divergence from the normal distribution (equation 4)"),
        ])

    /// Paper 004, section 3.3.
    public static let twinGAN = twin(
        .adversarial,
        summary: "the same with discriminators and adaptive instance normalisation to the style's statistics",
        weights: [
            ("code_weight", 0.01, 0.01, "the return to the content"),
            ("style_weight", 0.01, 0.01, "the return to the style"),
            ("adversarial_weight", 0.02, 0.02, "the adversarial loss (equation 6)"),
        ])

    /// Paper 004, section 3.4.
    public static let twinVarGAN = twin(
        .multimodal, summary: "the same with a style of a few numbers that are drawn in training",
        weights: [
            ("code_weight", 0.01, 0.01, "the return to the content"),
            ("style_weight", 0.01, 0.01, "the return to the style"),
            ("adversarial_weight", 0.02, 0.02, "the adversarial loss (equation 6)"),
        ],
        parameters: [Parameter("style_numbers", 8, "numbers of a style", in: 1...1024)])

    private static func twin(
        _ kind: TwinKind, summary: String,
        weights: [(name: String, standard: Double, published: Double, of: String)],
        parameters: [Parameter] = []
    ) -> Recipe {
        var published: [String: JSONValue] = [
            "variant": "published-code", "network": "published", "epochs": 50, "patience": 0, "batch": 32,
            "cycle_weight": 0.0,
        ]
        for weight in weights { published[weight.name] = .number(weight.published) }
        if kind.hasDiscriminators { published["discriminator"] = "published" }
        let discriminator = Parameter(
            "discriminator", "published",
            "what tells segments from converted ones: the author's, or patches at two scales with spectral normalisation",
            choices: ["published", "multiscale"])
        return Recipe(
            name: kind.rawValue, paper: "004", summary: summary, needs: [.mel, Twins.need],
            parameters: [
                Parameter(
                    "variant", "paper", "the paper's equations, or what the author's code computes",
                    choices: ["paper", "published-code"]),
                Parameter(
                    "network", "patches",
                    "the coders' network: the author's, or a larger one of patches of 4 × 4 cells",
                    choices: ["published", "patches"]),
                Parameter("width", 32, "channels of the network of patches", in: 1...1024),
                Parameter("blocks", 2, "residual blocks of the network of patches, on each side", in: 0...64),
                Parameter(
                    "cycle_weight", 0.0,
                    "weight of the difference between a segment and its conversion there and back",
                    in: 0...1e6),
            ]
                + weights.map {
                    Parameter($0.name, .number($0.standard), "weight of \($0.of)", in: 0...1e6)
                } + (kind.hasDiscriminators ? [discriminator] : []) + parameters,
            overrides: ["epochs": 30, "batch": 8, "patience": 5],
            presets: ["published": published, "cpu": ["epochs": 8, "width": 24]],
            plan: { _, snapshot, purpose in
                let views: [LoaderView] = [.mel, .label(Styles.label)]
                return LoaderPlan(
                    kind: .audio, views: views,
                    sets: purpose == .learning ? Styles(snapshot, of: .audio).sets : [.init()], batchSize: 1)
            },
            make: { settings, context in try Twins(kind, settings, context) },
            transferParameters: TwinTransfer.parameters,
            transfer: { request, run in try TwinTransfer(run).run(request) })
    }
}
