import Dataset
import Files
import Loading
import Tensors
import Testing
import Torch
import Training

@testable import Systems

/// A feed that gives the same batch again and again.
final class OneBatch: Feed {
    let batch: Batch
    let batchesPerEpoch = 1
    init(_ batch: Batch) { self.batch = batch }
    func seek(epoch: Int, batch: Int) {}
    func next() -> Batch { batch }
}

/// A snapshot of two styles with segments of so many steps.
func snapshot(
    steps: Int, styles: [String] = ["classical", "jazz"], pitches: [Int] = [32, 88], label: String = "style",
    voices: Int? = nil
)
    throws -> Snapshot
{
    let sources = styles.map { style -> JSONValue in
        [
            "sha256": .string(String(repeating: "0", count: 64)), "path": .string(style + ".mid"),
            "kind": "midi", "piece": .string(String(repeating: "0", count: 64)), "split": "train",
            "labels": [label: .string(style)],
            "segments": 1, "gain_db": nil, "warnings": [],
        ]
    }
    let shard: JSONValue = [
        "object": .string(String(repeating: "0", count: 64)), "bytes": 1_000_000,
        "segments": JSONValue(styles.count), "kind": "midi",
    ]
    let none: JSONValue = ["segments": 0, "shards": []]
    let json: JSONValue = [
        "format": 2, "dataset": "toy",
        "manifest": voices.map { ["midi": ["voices": JSONValue($0)]] } ?? [:], "stages": [:],
        "splits": [
            "train": ["segments": JSONValue(styles.count), "shards": [shard]], "validation": none,
            "test": none,
        ],
        "sources": [
            ["object": .string(String(repeating: "0", count: 64)), "count": JSONValue(sources.count)]
        ],
        "vocabularies": [label: .array(styles.map { .string($0) })],
        "statistics": nil,
        "quarantine": [],
        "features": ["rolls": ["steps": JSONValue(steps), "pitches": .array(pitches.map { JSONValue($0) })]],
    ]
    return try Snapshot(decoding: json.canonicalBytes) { _ in JSONValue.array(sources).canonicalBytes }
}

/// Eight segments that a network can memorise, four per style.
func segments(steps: Int, paired: Bool) throws -> Batch {
    try RandomGenerator.seed(5)
    func part(_ count: Int) throws -> [String: TorchTensor] {
        let sounding = try (TorchTensor.random(.uniform, [count, steps, 59]) .< 0.1).to(.f32)
        // Pedals are not struck.
        let isKey = try (TorchTensor.range(from: 0, to: 59, type: .f32) .< 57).to(.f32)
        let onsets = try sounding * (TorchTensor.random(.uniform, sounding.shape) .< 0.5).to(.f32) * isKey
        // Higher keys are struck harder, give or take.
        let keys = try TorchTensor.range(from: 30, to: 89, type: .f32)
        let velocities = try onsets * (keys + TorchTensor.random(in: 0..<20, sounding.shape).to(.f32))
        return ["sounding": sounding, "onsets": onsets, "velocities": velocities]
    }
    if paired {
        let (first, second) = (try part(4), try part(4))
        let renamed = Dictionary(uniqueKeysWithValues: second.map { ($0.key + ".1", $0.value) })
        return Batch(count: 4, first.merging(renamed) { $1 })
    }
    var tensors = try part(8)
    tensors["style"] = try TorchTensor([0, 1, 0, 1, 0, 1, 0, 1] as [Int64], shape: [8])
    return Batch(count: 8, tensors)
}

/// Eight melodies that go round 16 keys, each by another interval: noise has no next step to learn.
func scales() throws -> Batch {
    func part(_ first: Int) throws -> TorchTensor {
        var cells = [Float](repeating: 0, count: 4 * 128 * 59)
        for melody in 0..<4 {
            for step in 0..<128 {
                cells[(melody * 128 + step) * 59 + (step * (melody + 2) + 5 * melody + first) % 16] = 1
            }
        }
        return try TorchTensor(cells, shape: [4, 128, 59])
    }
    return Batch(count: 4, ["sounding": try part(0), "sounding.1": try part(3)])
}

/// Trains on one batch; the first loss and the last.
func losses(
    _ system: any TrainableSystem, on batch: Batch, steps: Int
) throws -> (first: Double, last: Double) {
    var all: [Double] = []
    system.network.setTraining(true)
    for _ in 0..<steps {
        let said = try system.learn(from: batch, at: LearningStep()) { optimiser, _ in try optimiser.step() }
        all.append(try #require(said.first).value.item())
    }
    return (try #require(all.first), try #require(all.last))
}

struct Paper001Tests {
    /// Float64 within rounding of another order of sums, float32 within what its 24 bits leave after a few thousand.
    static let limits: [(String, ElementType, Double)] = [("f64", .f64, 1e-9), ("f32", .f32, 1e-4)]

    @Test(arguments: [0, 1])
    func genreNetworkIsPyTorchs(_ precision: Int) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-001")
            let network = try GenreNetwork(steps: 192, columns: 59, dropout: 0, momentum: 0.1)
            try network.load(golden.weights(of: "genre"))
            try network.convert(to: type)
            let logits = try network(golden.tensor("genre/input.roll", type))
            let loss = try logits.binaryCrossEntropyWithLogits(golden.tensor("genre/input.style", type))
            try check(
                network, "genre/\(label)", logits, loss, golden, limit, cancelling: Self.genreCancels)
        }
    }

    /// As published, and as it is by default.
    @Test(arguments: [0, 1], [true, false])
    func velocityNetworkIsPyTorchs(_ precision: Int, _ asPublished: Bool) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-001")
            let name = asPublished ? "velocity" : "velocity-both"
            let network = try VelocityNetwork(
                columns: asPublished ? 12 : 6, seesOnsets: !asPublished, isCausal: asPublished,
                scale: asPublished ? 1 : 64, momentum: 0.1)
            try network.load(golden.weights(of: name))
            try network.convert(to: type)
            let onsets = try golden.tensor("\(name)/input.onsets", type)
            let said = try network(roll: golden.tensor("\(name)/input.roll", type), onsets: onsets)
            let truth = try golden.tensor("\(name)/input.velocities", type)
            let loss =
                asPublished
                ? try said.squaredError(truth)
                : try said.squaredError(truth, reduction: .sum) / onsets.sum()
            try check(
                network, "\(name)/\(label)", said, loss, golden, limit, cancelling: Self.velocityCancels)
        }
    }

    @Test(arguments: [0, 1], [false, true])
    func chordNetworkIsPyTorchs(_ precision: Int, _ keeps: Bool) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-001")
            let name = keeps ? "chord-keep" : "chord"
            let network = try ChordNetwork(columns: 59, keeps: keeps)
            try network.load(golden.weights(of: name))
            try network.convert(to: type)
            let roll = try golden.tensor("\(name)/input.roll", type)
            let count = roll.shape[1] - 1
            let logits = try network(
                roll.narrowed(1, from: 0, count: count),
                from: network.start(golden.tensor("\(name)/input.features", type))
            ).logits
            let loss = try logits.binaryCrossEntropyWithLogits(
                roll.narrowed(1, from: 1, count: count).contiguous())
            try check(network, "\(name)/\(label)", logits, loss, golden, limit)
        }
    }

    @Test(arguments: [0, 1])
    func discriminatorIsPyTorchs(_ precision: Int) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-001")
            let discriminator = try RollDiscriminator(columns: 12)
            try discriminator.load(golden.weights(of: "judge"))
            try discriminator.convert(to: type)
            let logits = try discriminator(
                golden.tensor("judge/input.velocities", type),
                onsets: golden.tensor("judge/input.onsets", type))
            let loss = try logits.binaryCrossEntropyWithLogits(logits.detach().fullLike(1))
            try check(discriminator, "judge/\(label)", logits, loss, golden, limit)
        }
    }

    @Test func paddingDecidesWhatAStepSees() async throws {
        let reach = try await onTorch {
            try [true, false].map { isCausal in
                try RandomGenerator.seed(1)
                let network = try VelocityNetwork(
                    columns: 59, seesOnsets: false, isCausal: isCausal, scale: 1, momentum: 0.1)
                network.setTraining(false)
                let ones = try TorchTensor.ones([1, 400, 59])
                let changed = try ones.clone()
                try changed.narrowed(1, from: 200, count: 1).fill(50)
                let before = try network(ones, onsets: ones)
                let after = try network(changed, onsets: ones)
                let moved = try (before - after).abs().sum([0, 2]).elements(as: Float.self)
                return moved.indices.filter { moved[$0] > 0 }
            }
        }
        // The changed step is seen 185 steps later at most, or 92 later and 93 before.
        #expect(reach[0].min() == 200 && reach[0].max() == 385)
        #expect(reach[1].min() == 107 && reach[1].max() == 292)
    }

    @Test func eightSegmentsAreMemorised() async throws {
        let outcomes = try await onTorch {
            let context = SystemContext(snapshot: try snapshot(steps: 128))
            try RandomGenerator.seed(3)
            let genre = try GenreCNN(
                try Settings(.genreCNN, assignments: ["dropout=0", "rate=0.01"]), context)
            let velocity = try VelocityCNN(
                try Settings(.velocityCNN, assignments: ["rate=0.01", "dropout=0"]), context)
            let chords = try ChordLSTM(
                try Settings(.chordLSTM, assignments: ["rate=0.02"]),
                SystemContext(snapshot: context.snapshot, foundations: ["features": genre]))
            let single = try segments(steps: 128, paired: false)
            let paired = try segments(steps: 24, paired: true)
            return [
                ("genre-cnn", try losses(genre, on: single, steps: 40)),
                ("velocity-cnn", try losses(velocity, on: paired, steps: 160)),
                ("chord-lstm", try losses(chords, on: scales(), steps: 180)),
            ]
        }
        for (name, loss) in outcomes {
            #expect(loss.last < 0.05 * loss.first, "\(name): \(loss)")
        }
    }

    /// Before its first step it is as good as the constant, to rounding, and then better.
    @Test(arguments: ["published", "notes"])
    func velocitiesBeginAtTheMeanOfTheStyle(_ network: String) async throws {
        let (before, constant, spread, after) = try await onTorch {
            try RandomGenerator.seed(11)
            let system = try VelocityCNN(
                try Settings(.velocityCNN, preset: "cpu", assignments: ["rate=0.01", "network=\(network)"]),
                SystemContext(snapshot: try snapshot(steps: 24)))
            let batch = try segments(steps: 24, paired: true)
            func joined(_ name: String) throws -> TorchTensor {
                try .concatenated([batch[name, set: 0], batch[name, set: 1]], axis: 0)
            }
            let feed = OneBatch(
                Batch(
                    count: 8,
                    [
                        "sounding": try joined("sounding"), "onsets": try joined("onsets"),
                        "velocities": try joined("velocities"),
                        "style": try TorchTensor([0, 0, 0, 0, 1, 1, 1, 1] as [Int64], shape: [8]),
                    ]))
            func measure(_ name: String, of measures: [Measure]) throws -> Double {
                try #require(measures.first { $0.name == name }).value
            }
            system.network.setTraining(false)
            let (begun, trivial) = try withoutGradients {
                try system.prepare(from: feed)
                return (try system.measure(on: feed), try system.baselines(on: feed, train: feed))
            }
            return (
                try measure("mse_onsets", of: begun),
                try measure("mse_onsets", of: #require(trivial["mean of the style at onsets"])),
                try measure("spread", of: begun), try losses(system, on: batch, steps: 40).last
            )
        }
        #expect(abs(before - constant) < 1e-3 * constant, "\(before), \(constant)")
        #expect(spread < 0.01)
        #expect(after < 0.5 * constant, "\(after), \(constant)")
    }

    @Test func aDiscriminatorLearnsBesideTheGenerator() async throws {
        let (names, updated, first, last) = try await onTorch {
            try RandomGenerator.seed(7)
            let system = try VelocityCNN(
                try Settings(.velocityCNN, assignments: ["adversarial=true"]),
                SystemContext(snapshot: try snapshot(steps: 24)))
            let batch = try segments(steps: 24, paired: true)
            var updated = 0
            let said = try system.learn(from: batch, at: LearningStep()) { optimiser, _ in
                updated += 1
                try optimiser.step()
            }
            // The discriminator alone, against predictions that stay the same: in the end it tells them all.
            let adversary = system.adversaries[0]
            let answers = try system.velocities(batch["sounding"], onsets: batch["onsets"], style: 0).detach()
            var losses: [Double] = []
            for _ in 0..<60 {
                losses.append(
                    try adversary.learn(
                        real: batch["velocities"], predicted: answers, onsets: batch["onsets"]
                    ) {
                        optimiser, _ in try optimiser.step()
                    }.item())
            }
            return (said.map(\.name), updated, losses[0], losses[59])
        }
        #expect(
            names == ["loss", "loss_classical", "loss_jazz", "discriminator_classical", "discriminator_jazz"])
        #expect(updated == 4)
        #expect(last < 0.5 * first, "\(first) to \(last)")
    }

    @Test func pressesAreRuns() {
        #expect(ChordLSTM.runs([]) == [])
        #expect(ChordLSTM.runs([true, true, false, false, true]) == [2, 1])
    }

    /// 0.75, and with the authors' floor (0.75 − 0.01) / 0.99.
    @Test(arguments: [(0, 0.75), (0.01, 0.7475)])
    func samplingFollowsTheProbabilities(_ floor: Double, _ expected: Float) async throws {
        let (share, again) = try await onTorch {
            let network = try ChordNetwork(columns: 59)
            for item in network.parameters { try item.tensor.detach().fill(0) }
            // A bias of ln 3 says three quarters.
            for item in network.parameters where item.name == "output.bias" {
                try item.tensor.detach().fill(1.0986123)
            }
            func draw() throws -> [Float] {
                try RandomGenerator.seed(2)
                return try withoutGradients {
                    try network.sample(
                        .zeros([4, 59]), features: .zeros([4, 50]), steps: 100, floor: floor
                    ).elements(as: Float.self)
                }
            }
            let drawn = try draw()
            return (drawn.reduce(0, +) / Float(4 * 99 * 59), try draw() == drawn)
        }
        // A deviation of 0.003 over 23,364 draws.
        #expect(abs(share - expected) < 0.012)
        #expect(again)
    }

    @Test func recipesRefuseWhatTheyCannotUse() throws {
        #expect(throws: TrainingError.self) {
            try Recipe.genreCNN.check(snapshot(steps: 480, styles: ["a", "b", "c"]))
        }
        #expect(throws: TrainingError.self) { try Recipe.genreCNN.check(snapshot(steps: 16)) }
        #expect(throws: TrainingError.self) {
            try Recipe.velocityCNN.check(snapshot(steps: 480, pitches: [40, 60]))
        }
        try Recipe.chordLSTM.check(snapshot(steps: 480, pitches: [0, 127]))
        let fault = #expect(throws: TrainingError.self) { try Settings(.genreCNN, assignments: ["drop=1"]) }
        #expect(fault?.message.contains("dropout") == true)
    }

    /// Biases whose gradient a later batch normalisation cancels: of convolutions right before one, and of
    /// normalisations that only a convolution without padding parts from one.
    static let genreCancels: Set = ["conv1.bias", "conv2.bias"]
    static let velocityCancels: Set = ["conv1.bias", "norm1.bias", "conv2.bias", "norm2.bias", "conv3.bias"]

    @Test func onlyWhatCancelsIsRoundingNoise() async throws {
        let noise = try await onTorch { try roundingNoise(in: Golden("systems-001")) }
        let expected =
            Self.genreCancels.map { "genre/f64/gradient.\($0)" }
            + ["velocity", "velocity-both"].flatMap { name in
                Self.velocityCancels.map { "\(name)/f64/gradient.\($0)" }
            }
        #expect(noise == expected.sorted())
    }
}
