import Files
import Foundation
import Tensors
import Testing
import Torch
import Training

@testable import Judging
@testable import Pretrained

/// Against numpy in float64 by `tools/oracles/musicnn.py`.
struct SoundMusicnnTests {
    /// Runs a body on the Torch thread with one worker.
    private static func onTorch<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await TorchThread.run {
            try TorchRuntime.setThreadCount(1)
            return try body()
        }
    }

    /// A small network of the golden file, with the poolings of the network of its name.
    private static func smallNetwork(_ name: String, _ golden: SoundGolden) throws -> Musicnn {
        let pools = [
            "MTT_vgg": "[[[4,1],[2,2]],[[2,2],[2,2]],[[2,2],[2,2]],[[2,2],[2,2]],[[4,4],[4,4]]]",
            "MSD_vgg": "[[[4,1],[4,1]],[[1,4],[1,4]],[[2,2],[2,2]],[[2,2],[2,2]],[[4,4],[4,4]]]",
        ]
        return try Musicnn(
            MusicnnWeights(golden.file, prefix: "small/\(name)/weight."), tags: nil, pools: pools[name],
            hash: nil, path: "small")
    }

    /// Every layer of small networks of the three graphs: whole arrays from the second pool on, and of the first
    /// mean and maximum of each channel.
    @Test(arguments: ["MSD_vgg", "MTT_vgg", "musicnn"])
    func smallNetworksAreTheOracles(_ name: String) async throws {
        let worst = try await Self.onTorch {
            let golden = try SoundGolden("musicnn")
            let network = try Self.smallNetwork(name, golden)
            return try Self.deviations(of: network, golden, "small/\(name)")
        }
        #expect(worst.count > 5)
        for (layer, deviation) in worst { #expect(deviation <= 1e-5, "\(name), \(layer): \(deviation)") }
    }

    /// What a system looks through: the same pools of what the first normalisation makes, and a gradient.
    @Test(arguments: ["MSD_vgg", "MTT_vgg"])
    func poolsOfNormalisedImagesAreTheLayers(_ name: String) async throws {
        try await Self.onTorch {
            let golden = try SoundGolden("musicnn")
            let network = try Self.smallNetwork(name, golden)
            let patches = try golden.file.tensor("patches", as: Float.self)
            let image = try TorchTensor(patches.elements, shape: patches.shape).narrowed(0, from: 0, count: 1)
            let mean = try network.weights("input_norm.running_mean").item()
            let variance = try network.weights("input_norm.running_var").item()
            let normalised = try ((image - mean) * (1 / (variance + 1e-3).squareRoot())).clone()
            try normalised.requireGradient()
            let seen = try network.pools(ofNormalised: normalised, 4)
            let known = try network(image).layers
            #expect(seen.map(\.name) == ["pool1", "pool2", "pool3", "pool4"])
            for (layer, other) in zip(seen, known) {
                let error = try (layer.values.detach() - other.values).abs().largest().item()
                #expect(try error < 1e-5 * other.values.abs().largest().item(), "\(layer.name): \(error)")
            }
            let last = try #require(seen.last).values.square().sum()
            #expect(try last.gradients(of: [normalised])[0].abs().largest().item() > 0)
        }
    }

    /// The largest deviation of each golden array of a network, over its largest element.
    private static func deviations(
        of network: Musicnn, _ golden: SoundGolden, _ prefix: String
    ) throws -> [String: Double] {
        let patches = try golden.file.tensor("patches", as: Float.self)
        let output = try network(TorchTensor(patches.elements, shape: patches.shape))
        let all = output.layers + [Musicnn.Layer(name: "tags", values: output.tags)]
        var found: [String: Double] = [:]
        for layer in all {
            let flat = layer.values.rank > 2 ? try layer.values.contiguous().flattened(from: 2) : layer.values
            for (name, value) in [
                (layer.name, { flat }), ("\(layer.name).mean", { try flat.mean([2]) }),
                ("\(layer.name).max", { try flat.largest([2]) }),
            ] as [(String, () throws -> TorchTensor)] where golden.file.entries["\(prefix)/\(name)"] != nil {
                let values = try value().contiguous().flattened().to(.f64).elements(as: Double.self)
                found[name] = try golden.deviation(values, "\(prefix)/\(name)")
            }
        }
        #expect(
            Set(found.keys)
                == Set(
                    golden.file.entries.keys.filter { $0.hasPrefix(prefix + "/") && !$0.contains("/weight.") }
                        .map { String($0.dropFirst(prefix.count + 1)) }))
        return found
    }

    /// Where `tools/fetch-weights` has put the weights: `REPRISE_CACHE`, or `cache` of the repository.
    private static let cache: String = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return ProcessInfo.processInfo.environment["REPRISE_CACHE"]
            ?? root.appendingPathComponent("cache").path
    }()
    private static let hasWeights = Musicnn.Network.allCases.allSatisfy {
        Musicnn.isPresent($0, cachePath: cache)
    }

    @Test(
        .enabled(if: hasWeights, "tools/fetch-weights has not been run"),
        arguments: Musicnn.Network.allCases)
    func networksAreTheOracles(_ network: Musicnn.Network) async throws {
        let (worst, tags) = try await Self.onTorch {
            let musicnn = try Musicnn(network, cachePath: Self.cache)
            return (
                try Self.deviations(of: musicnn, SoundGolden("musicnn"), "real/\(network.rawValue)"),
                musicnn.tags.count
            )
        }
        #expect(tags == 50 && worst.count > 5)
        for (layer, deviation) in worst { #expect(deviation <= 1e-5, "\(layer): \(deviation)") }
    }

    /// A file of 7 s gives two patches; its features are those of its layers, worked out another way.
    @Test func featuresSummariseLayers() async throws {
        try await Self.onTorch {
            let golden = try SoundGolden("musicnn")
            let network = try Musicnn(
                MusicnnWeights(golden.file, prefix: "small/musicnn/weight."), tags: #"["a","b","c","d","e"]"#,
                pools: nil, hash: nil, path: "small")
            let tone = (0..<7 * 16_000).map { Float(0.3 * sin(Double($0 * $0 % 9_000_000) / 4e5)) }
            let sound = Sound(samples: tone, sampleRate: 16_000)
            let features = try network.features(of: sound)
            let image = try MelImage(of: sound)
            // 438 frames hold two patches of 187.
            #expect(image.frames == 438)
            let output = try network(image.patches(at: [0, 187]))
            #expect(features.embeddings.count == 2)
            let hidden = try #require(output.layers.last).values.elements(as: Float.self)
            #expect(features.embeddings.flatMap { $0 } == hidden)
            let tags = try output.tags.to(.f64).mean([0]).elements(as: Double.self)
            #expect(zip(features.tags, tags).allSatisfy { abs($0 - $1) < 1e-6 })
            var expected: [Double] = []
            for layer in output.layers.dropLast() {
                let rows = try layer.values.to(.f64).transposed(0, 1).contiguous().flattened(from: 1)
                expected += try rows.mean([1]).elements(as: Double.self)
                expected += try rows.largest([1]).elements(as: Double.self)
                expected += try rows.variance([1], correction: 0).sqrt().elements(as: Double.self)
            }
            #expect(features.features.count == expected.count)
            #expect(zip(features.features, expected).allSatisfy { abs($0 - $1) < 1e-6 })
            let overlapping = try network.features(of: sound, hop: 100)
            #expect(overlapping.embeddings.count == 3)
            let error = #expect(throws: JudgingError.self) {
                try network.features(of: Sound(samples: Array(tone.prefix(40_000)), sampleRate: 16_000))
            }
            #expect(error?.code == .tooShort)
        }
    }

    @Test func absentWeightsAreNamed() async throws {
        try await Self.onTorch {
            let error = #expect(throws: TrainingError.self) {
                try Musicnn(.mttVGG, cachePath: "/tmp/no-such-cache")
            }
            #expect(error?.code == .badWeights)
            #expect(error?.message.contains("tools/fetch-weights") == true)
        }
    }
}
