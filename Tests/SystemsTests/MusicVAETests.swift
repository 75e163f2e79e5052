import Files
import Foundation
import Loading
import Tensors
import Testing
import Torch

@testable import Systems
@testable import Training

struct MusicVAETests {
    /// Float64 within rounding of another order of sums, float32 within what its 24 bits leave after a few thousand.
    static let limits: [(String, ElementType, Double)] = [("f64", .f64, 1e-9), ("f32", .f32, 1e-4)]

    @Test(arguments: [0, 1])
    func theAutoencoderIsPyTorchs(_ precision: Int) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-000-vae")
            let sizes = VAENetwork.Sizes(
                steps: 12, parts: 3, columns: 10, latents: 6, encoder: 7, conductor: 5, decoder: 8)
            let network = try VAENetwork(sizes)
            try network.load(golden.weights(of: "vae"))
            try network.convert(to: type)
            let roll = try golden.tensor("vae/input.roll", type)
            let (mean, deviation) = try network.posterior(roll)
            let logits = try network.decode(mean + deviation * golden.tensor("vae/input.noise", type))
            let parts = try VAELoss(beta: 0.3, freeBits: 0.17, warmup: 0)
                .parts(logits, roll, mean: mean, deviation: deviation, at: 0)
            let each = try VAELoss.divergence(mean: mean, deviation: deviation).mean([0])
            #expect(try golden.deviation(each, "vae/\(label)/kl") <= limit)
            #expect(try golden.deviation(parts.reconstruction, "vae/\(label)/reconstruction") <= limit)
            #expect(try golden.deviation(parts.divergence, "vae/\(label)/divergence") <= limit)
            try check(network, "vae/\(label)", logits, parts.loss, golden, limit)
        }
    }

    @Test(arguments: [0, 1], ["codes-published", "codes-deep"])
    func classifiersOfCodesArePyTorchs(_ precision: Int, _ name: String) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-000-vae")
            let network: any ComposerNetwork =
                name == "codes-published"
                ? try PublishedComposerNetwork(
                    steps: 5, columns: 6, isSingle: true, classes: 3, seesCodes: true)
                : try DeepComposerNetwork(
                    columns: 6, classes: 3, dropout: 0, widths: [8, 8, 16, 16], seesCodes: true)
            try network.load(golden.weights(of: name))
            try network.convert(to: type)
            let logits = try network(golden.tensor("codes/input.codes", type))
            let loss = try logits.crossEntropy(golden.tensor("codes/input.class", .i64))
            try check(
                network, "\(name)/\(label)", logits, loss, golden, limit,
                cancelling: name == "codes-deep" ? Paper000Tests.deepCancels : [])
        }
    }

    // MARK: The loss

    @Test func theWeightOfTheDivergenceRises() {
        let loss = VAELoss(beta: 0.4, freeBits: 0, warmup: 0.5)
        let weights = [0, 0.125, 0.25, 0.5, 0.75, 1].map { loss.weight(at: $0) }
        #expect(zip(weights, [0, 0.1, 0.2, 0.4, 0.4, 0.4]).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(VAELoss(beta: 0.4, freeBits: 0, warmup: 0).weight(at: 0) == 0.4)
    }

    /// Two codes of three dimensions: at the prior, within the free bits in the mean over examples, and beyond them.
    @Test func freeBitsAreNotCharged() async throws {
        let (divergence, charged, gradients) = try await onTorch {
            let mean = try TorchTensor([0, 1, 2, 0, -0.2, -2], shape: [2, 3], on: .cpu).to(.f64)
            let deviation = try TorchTensor([1, 1, 0.5, 1, 1, 0.5], shape: [2, 3], on: .cpu).to(.f64)
            try mean.requireGradient()
            let divergence = try VAELoss.divergence(mean: mean, deviation: deviation)
            let charged = try VAELoss(beta: 1, freeBits: 0.3, warmup: 0).charged(divergence)
            let gradients = try charged.gradients(of: [mean], keepingGraph: true)[0]
            return (
                try divergence.detach().elements(as: Double.self), try charged.item(),
                try gradients.elements(as: Double.self)
            )
        }
        // ½ (μ² + σ² − 1) − ln σ; of μ = 2 and σ = ½ that is 1.625 + ln 2.
        let last = 1.625 + 0.693_147_180_559_945_3
        #expect(zip(divergence, [0, 0.5, last, 0, 0.02, last]).allSatisfy { abs($0 - $1) < 1e-12 })
        // The second dimension has 0.26 in the mean, so that only the third costs more than its free bits.
        #expect(abs(charged - (0.3 + 0.3 + last)) < 1e-12)
        #expect(gradients == [0, 0, 1, 0, 0, -1])
    }

    // MARK: Learning

    private static func system(_ assignments: [String], steps: Int = 64) throws -> MusicVAE {
        try RandomGenerator.seed(3)
        return try MusicVAE(
            try Settings(
                .musicVAE,
                assignments: [
                    "steps=8", "parts=2", "encoder=16", "conductor=16", "decoder=32", "rate=0.01", "warmup=0",
                ]
                    + assignments),
            SystemContext(
                snapshot: try snapshot(steps: steps, styles: ["a", "b", "c", "d"], label: "composer"))
        )
    }

    /// Windows of random onsets, each of which sounds for two steps.
    static func windows(_ count: Int, density: Double) throws -> Batch {
        try RandomGenerator.seed(5)
        let onset = try (TorchTensor.random(.uniform, [count, 8, 128]) .< density).to(.f32)
        let sounding = try onset.maximum(onset.delayed(along: 1))
        return Batch(count: count, ["onset": onset, "sounding": sounding])
    }

    @Test(arguments: ["onset", "onset+sounding"])
    func eightWindowsAreMemorised(_ input: String) async throws {
        let (before, after, loss) = try await onTorch {
            let system = try Self.system(["input=\(input)", "beta=0.0001", "threshold=0.5"])
            let batch = try Self.windows(8, density: 0.02)
            func f1() throws -> Double {
                system.network.setTraining(false)
                let measures = try withoutGradients { try system.measure(on: OneBatch(batch)) }
                return try #require(measures.first { $0.name == "f1" }).value
            }
            try withoutGradients { try system.prepare(from: OneBatch(batch)) }
            let before = try f1()
            let loss = try losses(system, on: batch, steps: 300)
            return (before, try f1(), loss)
        }
        #expect(loss.last < 0.05 * loss.first, "\(loss)")
        #expect(before < 0.05 && after > 0.98, "\(before) to \(after)")
    }

    /// The same few steps on the same windows: with the whole divergence from the start the code is left unused, with free
    /// bits it is not.
    @Test func freeBitsPreventCollapse() async throws {
        let measures = try await onTorch {
            try ["free_bits=0", "free_bits=0.5"].map { bits in
                let system = try Self.system(["beta=1", bits, "latents=16"])
                let batch = try Self.windows(32, density: 0.01)
                try withoutGradients { try system.prepare(from: OneBatch(batch)) }
                _ = try losses(system, on: batch, steps: 100)
                system.network.setTraining(false)
                let measures = try withoutGradients { try system.measure(on: OneBatch(batch)) }
                return Dictionary(uniqueKeysWithValues: measures.map { ($0.name, $0.value) })
            }
        }
        let kl = measures.map { $0["kl"] ?? .nan }
        let active = measures.map { $0["active_units"] ?? .nan }
        #expect(kl[0] < 0.1 && kl[1] > 5, "\(kl)")
        #expect(active[0] == 0 && active[1] >= 10, "\(active)")
        // Steadily the same picture is no interpolation.
        #expect(measures[0]["interpolation_spearman"] == 0)
    }

    @Test(arguments: ["published", "deep"])
    func codesAreClassified(_ depth: String) async throws {
        let (columns, rows, loss, isUnchanged) = try await onTorch {
            let autoencoder = try Self.system(["latents=24"], steps: 20)
            let before = try autoencoder.autoencoder.parameters[0].tensor.detach().clone()
            let system = try ComposerCNN(
                try Settings(
                    .composerCNN, assignments: ["input=codes", "depth=\(depth)", "dropout=0", "rate=0.005"]),
                SystemContext(
                    snapshot: try snapshot(steps: 20, styles: ["a", "b", "c", "d"], label: "composer"),
                    foundations: ["codes": autoencoder]))
            // Twenty steps are two windows and a half.
            let roll = try Self.windows(24, density: 0.05)["onset"].reshaped([8, 24, 128])
                .narrowed(1, from: 0, count: 20)
            let batch = Batch(
                count: 8,
                [
                    "onset": try roll.contiguous(),
                    "composer": try TorchTensor([0, 1, 2, 3, 0, 1, 2, 3] as [Int64], shape: [8]),
                ])
            let seen = try system.input.roll { batch[$0.name] }
            let loss = try losses(system, on: batch, steps: 150)
            let after = autoencoder.autoencoder.parameters[0].tensor
            return (
                system.input.columns, seen.shape, loss, try (before - after).abs().largest().item() == 0
            )
        }
        #expect(columns == 24 && rows == [8, 3, 24])
        // As published the ELU behind the logits holds them above -1, and with them the loss above 0.
        #expect(loss.last < (depth == "deep" ? 0.05 : 0.6) * loss.first, "\(loss)")
        #expect(isUnchanged)
    }

    // MARK: Measures

    /// Two windows of four steps, worked out by hand.
    @Test func baselinesAreThoseWorkedOutByHand() async throws {
        let (baselines, marginal) = try await onTorch {
            let system = try Self.system(["steps=4", "parts=2", "threshold=0.2"])
            // Pitch 0 begins in the steps 0, 1 and 3 of the first window, and pitch 1 in the step 2 of the second.
            var cells = [Float](repeating: 0, count: 2 * 4 * 128)
            for (window, step, pitch) in [(0, 0, 0), (0, 1, 0), (0, 3, 0), (1, 2, 1)] {
                cells[(window * 4 + step) * 128 + pitch] = 1
            }
            let feed = OneBatch(
                Batch(count: 2, ["onset": try TorchTensor(cells, shape: [2, 4, 128])]))
            return try withoutGradients {
                try system.prepare(from: feed)
                return (
                    try system.baselines(on: feed, train: feed),
                    try system.autoencoder.marginal.elements(as: Float.self)
                )
            }
        }
        #expect(marginal[0] == 3.5 / 9 && marginal[1] == 1.5 / 9 && marginal[2] == 0.5 / 9)
        func measure(_ name: String, _ baseline: String) -> Double {
            baselines[baseline]?.first { $0.name == name }?.value ?? .nan
        }
        // By its shares it names both pitches in every step: 4 of 16 are right, and 4 are wanted.
        let constant = "each column as often as in training"
        #expect(abs(measure("f1", constant) - 2 * 4.0 / (16 + 4)) < 1e-12)
        #expect(measure("bce_of_marginal", constant) == 1)
        // The copy names pitch 0 in the steps 1 and 2, and pitch 1 in the step 3: one is right.
        #expect(
            abs(measure("f1", "copy the last step, kept as often as in training") - 2 * 1.0 / (3 + 4)) < 1e-12
        )
        // Four certain misses at a ten-thousandth.
        let off = (4 * 9.210_340_371_976_182 + 1020 * 1.000_05e-4) / 1024
        #expect(abs(measure("bce", "all off") - off) < 1e-6 && measure("f1", "all off") == 0)
        // Pitch 0 is kept once in two and begins once in four, pitch 1 never in one and once in five, of the others none
        // begins in six; each is taken together with one cell of the mean pitch.
        let (kept, begun) = (1.5 / 4, 2.5 / 766)
        let (kept0, kept1) = ((1 + kept) / 3, kept / 2)
        let (begun0, begun1, others) = ((1 + begun) / 5, (1 + begun) / 6, begun / 7)
        let first = -log(3.5 / 9) - log(5.5 / 9) - 2 * log(7.5 / 9) - 252 * log(8.5 / 9)
        let pitch0 = -log(kept0) - log(1 - kept0) - log(begun0) - 3 * log(1 - begun0)
        let pitch1 = -log(1 - kept1) - log(begun1) - 4 * log(1 - begun1)
        let cost = (first + pitch0 + pitch1 - 756 * log(1 - others)) / 1024
        #expect(abs(measure("bce", "copy the last step, kept as often as in training") - cost) < 1e-6)
    }

    /// Four cells on, in the bins 2, 4, 5 and 9 of ten: from bin 4 on F1 is 2 · 3 / (4 + 4).
    @Test func theThresholdIsTheBestOfTheTrainSplit() async throws {
        let counts = try await onTorch {
            let roll = try TorchTensor([0, 1, 1, 0, 1, 0] as [Float], shape: [1, 1, 6])
            let probabilities = try TorchTensor(
                [0, 0.039, 0.04, 0.5, 1, 0.999] as [Float], shape: [1, 1, 6])
            return try NoteThreshold.count(probabilities, roll).elements(as: Float.self)
        }
        var expected = [Float](repeating: 0, count: 100)
        (expected[1], expected[2], expected[49]) = (1, 1, 1)
        (expected[50], expected[51], expected[52], expected[75], expected[99]) = (1, 1, 1, 1, 2)
        #expect(counts == expected)
        let on: [Double] = [0, 0, 1, 0, 1, 1, 0, 0, 0, 1]
        let all: [Double] = [500, 90, 20, 5, 1, 2, 0, 0, 0, 1]
        #expect(NoteThreshold.best(on: on, all: all) == 0.4)
        #expect(NoteThreshold.best(on: [0, 0], all: [5, 0]) == 0.5)
        // F1 of the most frequent is 2 · 0.5 / 1.95, of two 2 · 0.9 / 2.95, of three 2 · 0.95 / 3.95.
        #expect(NoteThreshold.mostFrequent([0.05, 0.4, 0.5]) == [0, 1, 1])
    }

    @Test func theMostProbableCellsAreNotes() {
        // They add up to 1.9; of two equal ones the first is taken.
        #expect(MusicVAETransfer.expected([0.1, 0.5, 0.2, 0.6, 0.5]) == [false, true, false, true, false])
        #expect(MusicVAETransfer.expected([0.1, 0.2, 0.1]) == [false, false, false])
    }

    @Test func placesAreCorrelatedByRanks() {
        #expect(MusicVAE.correlationWithPlace([-3, -1, 0, 5]) == 1)
        #expect(MusicVAE.correlationWithPlace([4, 3, 2, 1]) == -1)
        #expect(MusicVAE.correlationWithPlace([2, 2, 2]) == 0)
        // Ranks 0.5, 0.5, 2: scipy.stats.spearmanr([0, 1, 2], [1, 1, 4]).
        #expect(abs(MusicVAE.correlationWithPlace([1, 1, 4]) - 0.866_025_403_784_438_6) < 1e-12)
    }

    /// Between (3, 0) and (0, 1): the arc goes over the diagonal of both, the line over their middle.
    @Test func pathsBeginAndEndAtTheirCodes() async throws {
        let codes = try await onTorch {
            let first = try TorchTensor([3, 0, 1, 1] as [Double], shape: [2, 2])
            let last = try TorchTensor([0, 1, 2, 2] as [Double], shape: [2, 2])
            return try [(CodePath.spherical, 0.0), (.spherical, 0.5), (.spherical, 1), (.linear, 0.5)].map {
                try $0.0.code(from: first, to: last, at: $0.1).elements(as: Double.self)
            }
        }
        let diagonal = 0.5.squareRoot()
        // The second pair is parallel: its arc is the line.
        let expected: [[Double]] = [
            [3, 0, 1, 1], [3 * diagonal, diagonal, 1.5, 1.5], [0, 1, 2, 2], [1.5, 0.5, 1.5, 1.5],
        ]
        for (code, wanted) in zip(codes, expected) {
            #expect(zip(code, wanted).allSatisfy { abs($0 - $1) < 1e-12 }, "\(code)")
        }
    }

    @Test func sizesThatDoNotFitAreRefused() throws {
        func fault(_ assignments: [String], steps: Int) throws -> String? {
            let settings = try Settings(.musicVAE, assignments: assignments)
            return #expect(throws: TrainingError.self) {
                try Recipe.musicVAE.check(snapshot(steps: steps), settings)
            }?.message
        }
        #expect(try fault([], steps: 16)?.contains("write 'midi: segment: {steps: 256}'") == true)
        #expect(try fault(["parts=5"], steps: 64)?.contains("parts is 5, which does not divide 32") == true)
        try Recipe.musicVAE.check(snapshot(steps: 32), Settings(.musicVAE))
    }
}
