import Dataset
import Files
import Foundation
import Loading
import Symbolic
import Tensors
import TestSupport
import Testing
import Torch

@testable import Systems
@testable import Training

/// A dataset of made pieces of 4/4: long low chords, quick high runs, and single notes between them.
///
/// A path is all that its folder holds, so that it may be used on the Torch thread.
final class MadeStyles: @unchecked Sendable {
    let folder: TestFolder
    var cache: String { folder.path + "/cache" }

    init(styles: [String] = ["chords", "runs"], midi: String = "") throws {
        folder = try TestFolder()
        for style in styles {
            for number in 0..<9 { try write("\(style)-\(number).mid", Self.file(style, seed: number)) }
        }
        let sources = styles.map { "  - path: \"\($0)-*.mid\"\n    labels: {style: \($0)}" }
        try folder.write(
            "made.yaml",
            """
            version: 1
            dataset: made
            sources:
            \(sources.joined(separator: "\n"))
            midi:
              \(midi.isEmpty ? "grid: {steps_per_beat: 4}\n  segment: {steps: 64, drop_last: true}" : midi)
              drums: exclude
            splits: {train: 0.34, validation: 0.33, test: 0.33, by: piece, method: exact, stratify: style}
            """)
        _ = try DatasetBuild(manifestPath: folder.path + "/made.yaml").run(.init(cachePath: cache, jobs: 1))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: folder.path + "/" + name))
    }

    /// Two windows of a style; a step is 24 ticks.
    static func file(_ style: String, seed: Int) -> [UInt8] {
        var random = SplitMix(seed: UInt64(seed) * 3 + 1)
        var events: [(tick: Int, bytes: [UInt8])] = []
        func note(_ step: Int, _ length: Int, _ pitch: Int) {
            events.append((step * 24, [0x90, UInt8(pitch), 80]))
            events.append(((step + length) * 24, [0x80, UInt8(pitch), 0]))
        }
        for beat in 0..<32 {
            let key = Int(random.next() % 5)
            switch style {
            case "chords":
                guard beat % 2 == 0 else { continue }
                for third in [0, 4, 7] { note(4 * beat, 7, 36 + key + third) }
            case "runs": for step in 0..<4 { note(4 * beat + step, 1, 72 + key + 2 * step) }
            default: note(4 * beat, 3, 58 + key)
            }
        }
        return MadeFile.midi(events: events)
    }

    static let small = ["filters=4", "blocks=1", "batch=3", "pool=4", "epochs=3"]

    func train(
        _ assignments: [String] = [], limits: TrainingLimits = TrainingLimits(), resume: String? = nil
    ) throws -> TrainingSummary {
        try Trainer(recipes: Recipe.all, cachePath: cache).train(
            TrainingRequest(
                recipe: resume == nil ? "cyclegan" : nil, dataset: resume == nil ? "made" : nil,
                assignments: resume == nil ? Self.small + assignments : [], resume: resume, threads: 1,
                limits: limits))
    }

    func tensors(_ run: String, _ file: String = "last.safetensors") throws -> TensorFile {
        try TensorFile(bytes: folder.contents("cache/runs/\(run)/\(file)"))
    }

    /// The lines of a run's metrics.
    func metrics(_ run: String) throws -> [JSONValue] {
        try folder.contents("cache/runs/\(run)/metrics.jsonl").split(separator: UInt8(ascii: "\n"))
            .map { try JSONValue(parsing: Array($0)) }
    }

    func transfer(_ bytes: [UInt8], to style: String, _ assignments: [String] = []) throws -> Transferred {
        try Trainer(recipes: Recipe.all, cachePath: cache).transfer(
            by: "cyclegan-1", assignments: assignments,
            request: { TransferRequest(content: bytes, path: "content.mid", style: style, settings: $0) })
    }
}

/// A system of a few filters for three styles, with the published losses.
func cycleGAN(_ assignments: [String] = []) throws -> CycleGAN {
    try CycleGAN(
        Settings(
            .cycleGAN, preset: "published",
            assignments: ["model=partial", "filters=2", "blocks=1", "a=pop", "b=rock"] + assignments),
        SystemContext(snapshot: snapshot(steps: 64, styles: ["jazz", "pop", "rock"], pitches: [0, 127])))
}

struct CycleGANTests {
    static let limits: [(String, ElementType, Double)] = [("f64", .f64, 1e-9), ("f32", .f32, 1e-4)]

    // MARK: Against PyTorch

    @Test(arguments: [0, 1])
    func theGeneratorIsPyTorchs(_ precision: Int) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-cyclegan")
            let network = try CycleGenerator(filters: 3, blocks: 2)
            try network.load(golden.weights(of: "generator"))
            try network.convert(to: type)
            let output = try network(golden.tensor("generator/input.roll", type))
            let loss = try output.absoluteError(golden.tensor("generator/input.target", type))
            try check(network, "generator/\(label)", output, loss, golden, limit)
        }
    }

    @Test(arguments: [0, 1], [4, 7])
    func theDiscriminatorIsPyTorchs(_ precision: Int, _ kernel: Int) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let (golden, name) = (try Golden("systems-cyclegan"), "discriminator-\(kernel)")
            let network = try CycleDiscriminator(filters: 3, kernel: kernel)
            try network.load(golden.weights(of: name))
            try network.convert(to: type)
            let output = try network(golden.tensor("\(name)/input.roll", type))
            let loss = try (output - 1).square().mean()
            try check(network, "\(name)/\(label)", output, loss, golden, limit)
        }
    }

    /// The loss of both generators of the full model, and that of its four discriminators, with given noise.
    @Test(arguments: [0, 1])
    func theLossesOfTheFullModelArePyTorchs(_ precision: Int) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-cyclegan")
            func loaded(_ gamma: Double) throws -> CycleGAN {
                let system = try cycleGAN(["model=full", "gamma=\(gamma)"])
                let probe = try system.networks.probe.buffers.map { try $0.tensor.named("probe." + $0.name) }
                let weights = try golden.weights(of: "full")
                let given = try weights.entries.keys.sorted().map {
                    try TorchTensor(reading: $0, from: weights).named($0)
                }
                try system.network.load(TensorFile(bytes: TensorFile.encode(given + probe)))
                try system.network.convert(to: type)
                return system
            }
            func input(_ name: String) throws -> TorchTensor {
                try golden.tensor("full/input.\(name)", type)
            }
            func compare(_ system: CycleGAN, _ name: String, among owners: [String], count: Int) throws {
                let names = golden.names(after: "\(name)/\(label)/gradient.")
                let own = system.network.parameters.filter { item in
                    owners.contains { item.name.hasPrefix($0) }
                }
                #expect(names.count == count && Set(names) == Set(own.map(\.name)))
                for item in own {
                    let gradient = try #require(try item.tensor.gradient())
                    let deviation = try golden.deviation(gradient, "\(name)/\(label)/gradient.\(item.name)")
                    #expect(deviation <= limit, "\(item.name): \(deviation)")
                }
            }
            let reals = [try input("a"), try input("b")]
            let first = try loaded(1)
            let made = try first.generation(reals, noise: input("noise"))
            try made.loss.backward()
            #expect(try golden.deviation(made.loss, "full/\(label)/loss") <= limit)
            #expect(
                try golden.deviation(TorchTensor.stacked(made.outputs), "full/\(label)/output") <= limit)
            #expect(made.extra.count == 2)
            try compare(first, "full", among: ["generators."], count: 2 * 22)

            let second = try loaded(0.5)
            let told = try second.discrimination(
                reals, against: [input("shown_a"), input("shown_b")], mixed: input("mixed"),
                noise: input("noise"))
            try told.loss.backward()
            #expect(try golden.deviation(told.loss, "full-discriminators/\(label)/loss") <= limit)
            try compare(
                second, "full-discriminators", among: ["discriminators.", "mixed."], count: 4 * 5)
        }
    }

    @Test func theProbeIsTheOracles() async throws {
        try await onTorch {
            let golden = try Golden("systems-cyclegan")
            let rolls = try golden.tensor("probe/rolls", .f32)
            let numbers = try StyleProbe.features(of: rolls)
            #expect(numbers.shape == [24, StyleProbe.features])
            #expect(try golden.deviation(numbers, "probe/numbers") <= 1e-6)
            let probe = try StyleProbe()
            func every(_ first: Int) throws -> TorchTensor {
                let places = try TorchTensor.range(from: Double(first), to: 24, step: 2)
                return try golden.tensor("probe/numbers", .f64).selected(0, at: places)
            }
            try probe.fit(every(0), every(1))
            let state = Dictionary(uniqueKeysWithValues: probe.buffers.map { ($0.name, $0.tensor) })
            #expect(try golden.deviation(try #require(state["weight"]), "probe/slopes") <= 1e-5)
            let constant = try #require(state["bias"]).reshaped([1])
            #expect(try golden.deviation(constant, "probe/constant") <= 1e-5)
        }
    }

    /// The sizes of the paper: 12.6 million weights a generator, 0.27 million a discriminator.
    @Test func sizesAreThePapers() async throws {
        let (generator, discriminator, map, roll) = try await onTorch {
            func count(_ module: any Module) -> Int { module.parameters.reduce(0) { $0 + $1.tensor.count } }
            let (generator, discriminator) = (
                try CycleGenerator(filters: 64, blocks: 10), try CycleDiscriminator(filters: 64, kernel: 4)
            )
            return try withoutGradients {
                let roll = try TorchTensor.zeros([1, 64, 84])
                return (
                    count(generator), count(discriminator), try discriminator(roll).shape,
                    try CycleGenerator(filters: 2, blocks: 1)(roll).shape
                )
            }
        }
        // Convolutions, then a scale and a shift for each channel that is normalised.
        let blocks = 10 * (2 * 9 * 256 * 256 + 4 * 256)
        let ends = 2 * 49 * 64 + 2 * 9 * (64 * 128 + 128 * 256) + 2 * (64 + 128 + 256 + 128 + 64)
        #expect(generator == blocks + ends)
        #expect(discriminator == 16 * (64 + 64 * 256 + 256) + 2 * 256)
        #expect(map == [1, 1, 16, 21] && roll == [1, 64, 84])
    }

    /// A skip adds to each logit, for cells that sound, or takes from it; a large one makes a copy.
    @Test func aSkipAddsTheInputToTheLogit() async throws {
        try await onTorch {
            let (plain, skipping) = (
                try CycleGenerator(filters: 2, blocks: 1), try CycleGenerator(filters: 2, blocks: 1, skip: 3)
            )
            try skipping.load(TensorFile(bytes: TensorFile.encode(plain.state())))
            try withoutGradients {
                let roll = try (TorchTensor.random(.uniform, [2, 64, 84]) .< 0.1).to(.f32)
                let output = try plain(roll)
                let logits = try (output / (1 - output)).log()
                let expected = try (logits + roll * 6 - 3).sigmoid()
                #expect(try (skipping(roll) - expected).abs().largest().item() < 1e-5)
            }
        }
    }

    /// Weights begin as the authors' do: normal of deviation 0.02, cut at two of them; scales around 1; shifts 0.
    @Test func firstWeightsAreTheAuthors() async throws {
        try await onTorch {
            try RandomGenerator.seed(1)
            let networks = try cycleGAN(["filters=16", "blocks=2"]).networks
            for item in networks.parameters {
                let values = try item.tensor.detach()
                let (mean, largest) = (try values.mean().item(), try values.abs().largest().item())
                if values.rank == 4 {
                    #expect(largest <= 0.04 && largest > 0.02)
                } else if item.name.hasSuffix("weight") {
                    #expect(abs(mean - 1) < 0.03 && largest < 1.1 && largest > 1)
                } else {
                    #expect(largest == 0)
                }
            }
        }
    }

    // MARK: Learning

    /// Two generators memorise four rolls each: content that went there and back is what it was.
    @Test func eightSegmentsAreMemorised() async throws {
        let (first, last) = try await onTorch {
            try RandomGenerator.seed(3)
            let system = try cycleGAN([
                "model=base", "filters=8", "rate=0.005", "pool=0", "cycle_error=cross-entropy",
            ])
            // Small ones, so that it takes seconds: the networks take rolls of any size.
            let rolls = try (TorchTensor.random(.uniform, [8, 16, 24]) .< 0.1).to(.f32)
            let batch = Batch(
                count: 4,
                [
                    "roll": try rolls.narrowed(0, from: 0, count: 4),
                    "roll.1": try rolls.narrowed(0, from: 4, count: 4),
                ])
            var cycles: [Double] = []
            for _ in 0..<120 {
                let said = try system.learn(from: batch, at: LearningStep()) { optimiser, _ in
                    try optimiser.step()
                }
                cycles.append(try #require(said.first { $0.name == "cycle" }).value.item())
            }
            return (cycles[0], cycles[119])
        }
        // Twice log 2 at first; twice 0.33 where each cell has the share of all that sound.
        #expect(first > 1.3 && last < 0.1, "\(first) to \(last)")
    }

    @Test(arguments: ["base", "partial", "full"])
    func eachModelTrains(_ model: String) async throws {
        let made = try MadeStyles(styles: ["chords", "runs", "singles"])
        try await onTorch {
            let summary = try made.train(["model=\(model)", "a=chords", "b=runs"])
            // Six train segments a style, three a batch, three epochs.
            #expect(summary.steps == 6 && summary.isOver)
            #expect(summary.best?.metric == "transfer_score")
        }
        let names = try made.tensors("cyclegan-1", "best.safetensors").entries.keys
        #expect(names.contains("mixed.a.conv1.weight") == (model != "base"))
        #expect(names.contains("probe.weight") && !names.contains { $0.contains("rolls") })
        let steps = try made.metrics("cyclegan-1").filter { $0["split"]?.string == "train" }
        #expect(steps.allSatisfy { ($0["discriminator_mixed_runs"] == nil) == (model == "base") })
        #expect(steps.allSatisfy { $0["adversarial_chords"]?.double != nil && $0["cycle"]?.double != nil })
    }

    @Test func aFewDozenStepsLowerTheCycleLoss() async throws {
        let made = try MadeStyles()
        let baselines = try await onTorch {
            let summary = try made.train(["rate=0.002", "epochs=20", "cycle_error=cross-entropy"])
            #expect(summary.steps == 40)
            let trainer = Trainer(recipes: Recipe.all, cachePath: made.cache)
            return try trainer.evaluate("cyclegan-1", on: .validation).baselines
        }
        let validations = try made.metrics("cyclegan-1").filter { $0["split"]?.string == "validation" }
        let cycles = validations.compactMap { $0["cycle_loss"]?.double }
        #expect(cycles.count == 20 && cycles[19] < 0.3 * cycles[0], "\(cycles)")
        let copy = Dictionary(
            uniqueKeysWithValues: try #require(baselines["copy"]).map { ($0.name, $0.value) })
        #expect(copy["cycle_loss"] == 0 && copy["cycle_f1"] == 1 && copy["content_f1"] == 1)
        #expect(copy["transfer_strength"] == 0 && copy["transfer_score"] == 0 && copy["density_ratio"] == 1)
        // The probe tells the styles apart, so that a copy flips nothing.
        #expect(copy["probe_accuracy"] == 1 && copy["flip_rate"] == 0)
        let silent = Dictionary(
            uniqueKeysWithValues: try #require(baselines["all silent"]).map { ($0.name, $0.value) })
        #expect(silent["content_f1"] == 0 && silent["density_ratio"] == 0 && silent["transfer_score"] == 0)
        #expect((silent["cycle_loss"] ?? 0) > 0.005)
    }

    /// The pools, the noise and what is drawn for them are in the checkpoint.
    @Test func itResumesToTheSameBytes() async throws {
        let made = try MadeStyles()
        try await onTorch {
            let whole = try made.train()
            _ = try made.train(limits: TrainingLimits(steps: 1))
            for step in [3, 4, 5] {
                _ = try TorchTensor.random(.uniform, [step])
                _ = try made.train(limits: TrainingLimits(steps: step), resume: "cyclegan-2")
            }
            _ = try TorchTensor.random(.uniform, [7])
            let resumed = try made.train(resume: "cyclegan-2")
            #expect(whole.steps == 6 && resumed.steps == 6)
        }
        func metrics(_ run: String) throws -> [UInt8] {
            try made.folder.contents("cache/runs/\(run)/metrics.jsonl")
        }
        #expect(try metrics("cyclegan-1") == metrics("cyclegan-2"))
        let (whole, resumed) = (try made.tensors("cyclegan-1"), try made.tensors("cyclegan-2"))
        #expect(try whole.tensor("memory.a.count", as: Int64.self).elements == [4])
        #expect(try whole.tensor("memory.b.rolls", as: Float.self).elements.contains { $0 != 0 })
        try expectSameTensors(whole, resumed)
    }

    /// As in the authors' code, or not: whether the extra discriminators reach the generators.
    @Test(arguments: [true, false])
    func extraDiscriminatorsAreInTheGeneratorsLoss(_ isIn: Bool) async throws {
        try await onTorch {
            let system = try cycleGAN(["extra_in_generator=\(isIn)"])
            let rolls = try (TorchTensor.random(.uniform, [2, 64, 84]) .< 0.03).to(.f32)
            let made = try system.generation([rolls, rolls], noise: nil)
            let parts = try made.cycle.item() * 10 + made.adversarial.reduce(0) { try $0 + $1.item() }
            let extra = try made.extra.reduce(0) { try $0 + $1.item() }
            #expect(made.extra.count == (isIn ? 2 : 0) && (extra > 0) == isIn)
            #expect(abs(try made.loss.item() - parts - extra) < 1e-5)
        }
    }

    /// Half-normal noise is not negative; the same seed gives the same noise.
    @Test func noiseIsAsAskedFor() async throws {
        try await onTorch {
            let roll = try TorchTensor.zeros([4, 64, 84])
            func noise(_ settings: [String]) throws -> TorchTensor? {
                try RandomGenerator.seed(2)
                let system = try cycleGAN(settings)
                try RandomGenerator.seed(2)
                return try system.drawNoise(like: roll)
            }
            let (normal, half) = (
                try #require(try noise([])), try #require(try noise(["noise_kind=half-normal", "noise=2"]))
            )
            #expect(try (half - normal.abs() * 2).abs().largest().item() == 0)
            #expect(try normal.smallest().item() < -2 && half.smallest().item() >= 0)
            #expect(abs(try normal.variance().item() - 1) < 0.05)
            #expect(try noise(["noise=0"]) == nil)
        }
    }

    // MARK: Pools

    /// Each roll that is shown is the one given or one that was kept; what is kept is what was given and not shown.
    @Test func aPoolShowsEarlierOutputsHalfTheTime() async throws {
        try await onTorch {
            try RandomGenerator.seed(4)
            let pool = try ImagePool(capacity: 5, shape: [1, 2])
            var (given, kept, own) = (0, [Double](), 0)
            for _ in 0..<200 {
                let values = (0..<3).map { Double(given + $0 + 1) }
                given += 3
                let shown = try pool.exchange(
                    TorchTensor(values.flatMap { [Float($0), Float(-$0)] }, shape: [3, 1, 2]))
                #expect(shown.shape == [3, 1, 2])
                let rows = try shown.elements(as: Float.self).map { Double($0) }
                for (index, value) in values.enumerated() {
                    let seen = rows[2 * index]
                    #expect(rows[2 * index + 1] == -seen)
                    if kept.count < 5 {
                        #expect(seen == value)
                        kept.append(value)
                    } else if seen == value {
                        own += 1
                    } else {
                        let place = try #require(kept.firstIndex(of: seen))
                        kept[place] = value
                    }
                }
                #expect(try pool.count == kept.count)
            }
            let rolls = try #require(pool.buffers.first { $0.name == "rolls" }).tensor
            let held = try rolls.elements(as: Float.self)
            #expect((0..<5).map { Double(held[2 * $0]) } == kept)
            // 595 draws of a half: four deviations.
            #expect(abs(Double(own) / 595 - 0.5) < 0.082)
            #expect(pool.parameters.isEmpty)
        }
    }

    @Test func aPoolWithoutRoomShowsWhatItIsGiven() async throws {
        try await onTorch {
            let pool = try ImagePool(capacity: 0, shape: [1, 2])
            let newest = try TorchTensor.random(.uniform, [3, 1, 2])
            #expect(try pool.exchange(newest).elements(as: Float.self) == newest.elements(as: Float.self))
        }
    }

    // MARK: Measures

    @Test func theScoreIsTheHarmonicMean() {
        #expect(CycleGAN.score(strength: 0.5, content: 0.5) == 0.5)
        #expect(abs(CycleGAN.score(strength: 0.25, content: 1) - 0.4) < 1e-15)
        #expect(CycleGAN.score(strength: -0.1, content: 1) == 0)
        #expect(CycleGAN.score(strength: 0.5, content: 0) == 0)
        #expect(CycleGAN.score(strength: .nan, content: 1).isNaN)
    }

    /// Two styles, by hand: a generator's networks aside, the counts of a pass are those of its rolls.
    @Test func measuringLeavesTheGeneratorAsItWas() async throws {
        try await onTorch {
            let system = try cycleGAN()
            let rolls = try (TorchTensor.random(.uniform, [3, 64, 84]) .< 0.05).to(.f32)
            let labels = try TorchTensor([1, 2, 0] as [Int64], shape: [3])
            let feed = OneBatch(Batch(count: 3, ["roll": rolls, "style": labels]))
            try RandomGenerator.seed(9)
            let state = try RandomGenerator.state()
            let first = try withoutGradients { try system.measure(on: feed) }
            #expect(try RandomGenerator.state() == state)
            _ = try TorchTensor.random(.uniform, [5])
            #expect(try withoutGradients { try system.measure(on: feed) } == first)
            let values = Dictionary(uniqueKeysWithValues: first.map { ($0.name, $0.value) })
            // The third roll is jazz.
            #expect(values["segments"] == 2)
            #expect(values["content_f1_pop_to_rock"] != nil && values["flip_rate_rock_to_pop"] != nil)
            let figures = try withoutGradients { try system.figures(on: feed) }
            #expect(figures.map(\.name) == ["pop-to-rock", "rock-to-pop"])
            guard case .rolls(let shown) = figures[0].content else {
                Issue.record("no rolls")
                return
            }
            #expect(shown.map(\.title) == ["content", "transferred", "cycled"])
            let cells = try rolls.selected(0, 0).transposed(0, 1).contiguous().elements(as: Float.self)
            #expect(shown[0].values == cells.map { $0 * 100 } && shown[0].columns == 64)
        }
    }

    // MARK: Styles

    /// What each model mixes, and how a batch of mixed music is put together.
    @Test func mixturesAreThoseOfTheModel() async throws {
        try await onTorch {
            func styles(_ settings: [String]) throws -> CycleStyles { try cycleGAN(settings).styles }
            #expect(try styles(["model=base"]).mixture == [])
            #expect(try styles(["model=partial"]).mixture == ["pop", "rock"])
            let full = try styles(["model=full"])
            #expect(full.names == ["pop", "rock"] && full.numbers == [1, 2])
            #expect(full.mixture == ["jazz", "pop", "rock"])
            #expect(
                full.sets.map(\.labels) == [
                    ["style": "pop"], ["style": "rock"], ["style": "jazz"], ["style": "pop"],
                    ["style": "rock"],
                ])
            var tensors: [String: TorchTensor] = [:]
            for set in 0..<5 {
                let rows = (0..<4).map { Float(10 * set + $0) }
                tensors[set == 0 ? "roll" : "roll.\(set)"] = try TorchTensor(rows, shape: [4, 1, 1])
            }
            let batch = Batch(count: 4, tensors)
            let mixed = try (0...1).map { try full.mixed(batch, "roll", at: $0).elements(as: Float.self) }
            #expect(mixed == [[20, 31, 42, 23], [30, 41, 22, 33]])
        }
    }

    @Test(arguments: [
        ([], ["jazz", "pop", "rock"], "3 values; choose two of jazz, pop, rock with --set a=… --set b=…"),
        (["a=pop"], ["jazz", "pop", "rock"], "choose two"),
        (["a=pop", "b=pop"], ["jazz", "pop", "rock"], "a and b are both 'pop'"),
        (["a=folk", "b=pop"], ["jazz", "pop", "rock"], "no 'style' of its train split is 'folk'"),
        (["model=full"], ["pop", "rock"], "set model=partial"),
        (["label=key"], ["pop", "rock"], "no label 'key'"),
        ([], ["pop"], "one value only"),
    ])
    func datasetsAreRefusedWithTheReason(_ settings: [String], _ styles: [String], _ reason: String) throws {
        let recipe = Recipe.cycleGAN
        let snapshot = try snapshot(steps: 64, styles: styles, pitches: [0, 127])
        let chosen = try Settings(recipe, assignments: settings)
        let fault = #expect(throws: TrainingError.self) { try recipe.check(snapshot, chosen) }
        #expect(fault?.message.contains(reason) == true, "\(fault?.message ?? "")")
    }

    @Test func gridsAndLengthsAreRefusedWithTheLineToWrite() async throws {
        let made = try MadeStyles(
            midi: "grid: {steps_per_beat: 8}\n  segment: {steps: 32}\n  pitches: [30, 100]")
        let fault = try await onTorch { #expect(throws: TrainingError.self) { try made.train() } }
        for line in [
            "'midi: grid: {steps_per_beat: 4}'", "'midi: segment: {steps: 64}'",
            "'midi: pitches: [24, 107]'",
        ] {
            #expect(fault?.message.contains(line) == true, "\(fault?.message ?? "")")
        }
    }

    /// Longer segments are shown in windows; two values of a label need not be named.
    @Test func longerSegmentsAreShownInWindows() async throws {
        let made = try MadeStyles(midi: "grid: {steps_per_beat: 4}\n  segment: {steps: 128}")
        let steps = try await onTorch { try made.train(["epochs=1"]).steps }
        // Three train files a style, each of two windows, three a batch.
        #expect(steps == 2)
    }
}
