import Files
import Tensors
import Testing
import Torch
import Training

@testable import Systems

/// The networks of paper 001 that are better than the published ones, against `paper001_notes_golden.py`.
struct Paper001NotesTests {
    static let name = "systems-001-notes"

    /// Every number of every note, those out of reach of others too.
    @Test func notesAreDescribedAsInPython() async throws {
        let deviations = try await onTorch {
            let golden = try Golden(Self.name)
            let rolls = try ["sounding", "onsets"].map { try golden.tensor("notes/input.\($0)", .f32) }
            return try (0..<2).map { segment -> (notes: Int, Double, Bool) in
                let notes = try VelocityNotes(
                    sounding: rolls[0].narrowed(0, from: segment, count: 1),
                    onsets: rolls[1].narrowed(0, from: segment, count: 1))
                func numbers(_ name: String) throws -> [Int64] {
                    try golden.tensor("describe/\(name).\(segment)", .i64).elements(as: Int64.self)
                }
                let features = try TorchTensor(
                    notes.features, shape: [notes.count, VelocityNotes.featureCount])
                return (
                    notes.count, try golden.deviation(features, "describe/\(segment)"),
                    try numbers("steps") == notes.steps && numbers("keys") == notes.keys
                )
            }
        }
        for (notes, deviation, isEqual) in deviations {
            #expect(notes > 10)
            #expect(deviation < 1e-12)
            #expect(isEqual)
        }
    }

    @Test(arguments: [0, 1])
    func noteNetworkIsPyTorchs(_ precision: Int) async throws {
        try await onTorch {
            let (label, type, limit) = Paper001Tests.limits[precision]
            let golden = try Golden(Self.name)
            let network = try NoteVelocityNetwork(columns: 8, dropout: 0, hidden: 12)
            try network.load(golden.weights(of: "notes"))
            try network.convert(to: type)
            let onsets = try golden.tensor("notes/input.onsets", type)
            let velocities = try network(golden.tensor("notes/input.sounding", type), onsets: onsets)
            let truth = try golden.tensor("notes/input.velocities", type)
            let loss = try velocities.squaredError(truth, reduction: .sum) / onsets.sum()
            try check(network, "notes/\(label)", velocities, loss, golden, limit)
        }
    }

    /// A window with the reach around it gives what the whole piece gives, which a transfer relies on.
    @Test func nothingBeyondTheReachCounts() async throws {
        let differences = try await onTorch {
            let (network, whole) = try (Self.network(), segments(steps: 512, paired: true))
            func velocities(_ from: Int, _ count: Int) throws -> TorchTensor {
                try network(
                    whole["sounding"].narrowed(1, from: from, count: count).contiguous(),
                    onsets: whole["onsets"].narrowed(1, from: from, count: count).contiguous())
            }
            let reference = try velocities(0, 512).narrowed(1, from: 192, count: 96)
            return try [128, 96].map { reach in
                let low = 192 - reach
                let part = try velocities(low, 96 + 2 * reach).narrowed(1, from: reach, count: 96)
                return try (part - reference).abs().largest().item()
            }
        }
        #expect(differences[0] == 0)
        // The test can fail: less than the reach is not enough.
        #expect(differences[1] > 0.01)
    }

    /// A network with weights of its own for the output, which begins at 0.
    static func network() throws -> NoteVelocityNetwork {
        try RandomGenerator.seed(8)
        let network = try NoteVelocityNetwork(columns: 59, dropout: 0)
        try network.initialise { name, _ in name == "output.weight" ? .normal(1) : nil }
        network.setTraining(false)
        return network
    }

    @Test func silenceHasNoVelocitiesAndALoss() async throws {
        let (largest, hasGradient) = try await onTorch {
            let network = try Self.network()
            network.setTraining(true)
            let silence = try TorchTensor.zeros([2, 40, 59])
            let velocities = try network(silence, onsets: silence)
            try velocities.squaredError(silence).backward()
            let bias = try #require(network.parameters.first { $0.name == "output.bias" })
            return (try velocities.abs().largest().item(), try bias.tensor.gradient() != nil)
        }
        #expect(largest == 0)
        #expect(hasGradient)
    }

    /// The published network with its settings memorises too; the default is in `Paper001Tests`.
    @Test func thePublishedVelocitiesAreMemorised() async throws {
        let loss = try await onTorch {
            try RandomGenerator.seed(3)
            let system = try VelocityCNN(
                try Settings(.velocityCNN, assignments: ["network=published", "rate=0.01"]),
                SystemContext(snapshot: try snapshot(steps: 24)))
            return try losses(system, on: segments(steps: 24, paired: true), steps: 40)
        }
        #expect(loss.last < 0.05 * loss.first, "\(loss)")
    }

    /// A run that began before there was a choice opens with the network it has.
    @Test func olderRunsAreOfThePublishedNetworks() throws {
        let velocity = try #require(Recipe.velocityCNN.parameters.first { $0.name == "network" })
        #expect(velocity.formerly == "published")
        #expect(velocity.standard == "notes")
    }

    @Test(arguments: [0, 1])
    func chordNetworkIsPyTorchs(_ precision: Int) async throws {
        try await onTorch {
            let (label, type, limit) = Paper001Tests.limits[precision]
            let golden = try Golden(Self.name)
            let network = try ChordNetwork(columns: 59, keeps: true, hidden: 10, seesAges: true)
            try network.load(golden.weights(of: "chord"))
            try network.convert(to: type)
            let roll = try golden.tensor("chord/input.roll", type)
            let features = try golden.tensor("chord/input.features", type)
            let count = roll.shape[1] - 1
            let logits = try network(
                roll.narrowed(1, from: 0, count: count), from: network.start(features)
            ).logits
            let loss = try logits.binaryCrossEntropyWithLogits(
                roll.narrowed(1, from: 1, count: count).contiguous())
            try check(network, "chord/\(label)", logits, loss, golden, limit)
        }
    }

    /// A piece is drawn step by step: the ages must continue from step to step.
    @Test func stepsSeenOneByOneGiveTheSame() async throws {
        let differences = try await onTorch {
            let golden = try Golden(Self.name)
            let network = try ChordNetwork(columns: 59, keeps: true, hidden: 10, seesAges: true)
            try network.load(golden.weights(of: "chord"))
            let roll = try golden.tensor("chord/input.roll", .f32)
            return try [false, true].map { forgets in
                var state = try network.start(golden.tensor("chord/input.features", .f32))
                let whole = try network(roll, from: state).logits
                var (steps, ages) = ([TorchTensor](), ChordAges())
                for step in 0..<roll.shape[1] {
                    if forgets { ages = ChordAges() }
                    let (logits, next) = try network(
                        roll.narrowed(1, from: step, count: 1), from: state, ages: &ages)
                    steps.append(logits)
                    state = next
                }
                return try (TorchTensor.concatenated(steps, axis: 1) - whole).abs().largest().item()
            }
        }
        #expect(differences[0] < 1e-5)
        #expect(differences[1] > 1e-2)
    }

    @Test func aDiscriminatorLearnsBesideTheChords() async throws {
        let (names, updates, moved) = try await onTorch {
            try RandomGenerator.seed(4)
            let context = SystemContext(snapshot: try snapshot(steps: 128))
            let genre = try GenreCNN(try Settings(.genreCNN, assignments: []), context)
            /// The gradient of an output weight after one step, with the adversarial loss at a weight.
            func step(_ weight: Int) throws -> ([String], Int, TorchTensor) {
                try RandomGenerator.seed(6)
                let system = try ChordLSTM(
                    try Settings(
                        .chordLSTM, assignments: ["adversarial=true", "adversarial_weight=\(weight)"]),
                    SystemContext(snapshot: context.snapshot, foundations: ["features": genre]))
                var updates = 0
                let values = try system.learn(from: scales(), at: LearningStep()) { _, _ in updates += 1 }
                let weight = system.networks.styles[0].output.parameters[0].tensor
                let gradient = try weight.gradient()
                return (values.map(\.name), updates, try #require(gradient))
            }
            let without = try step(0)
            let with = try step(1)
            return (with.0, with.1, try (with.2 - without.2).abs().largest().item())
        }
        #expect(
            names == ["loss", "loss_classical", "loss_jazz", "discriminator_classical", "discriminator_jazz"])
        #expect(updates == 4)
        // Its gradient passes the draw.
        #expect(moved > 1e-6)
    }

    /// Four cells: one held, one that begins, one that ends, one that stays up; probabilities that tell one of each wrong.
    @Test func beginsAndEndsAreCountedApart() async throws {
        let measures = try await onTorch {
            let context = SystemContext(snapshot: try snapshot(steps: 128))
            let genre = try GenreCNN(try Settings(.genreCNN, assignments: []), context)
            let system = try ChordLSTM(
                try Settings(.chordLSTM, assignments: []),
                SystemContext(snapshot: context.snapshot, foundations: ["features": genre]))
            var cells = [Float](repeating: 0, count: 128 * 59)
            // Key 0 is held throughout; key 1 goes down at step 1 and up at step 5.
            for step in 0..<128 { cells[step * 59] = 1 }
            for step in 1..<5 { cells[step * 59 + 1] = 1 }
            let batch = Batch(
                count: 1,
                [
                    "sounding": try TorchTensor(cells, shape: [1, 128, 59]),
                    "style": try TorchTensor([0] as [Int64], shape: [1]),
                ])
            return try withoutGradients {
                let baselines = try system.baselines(on: OneBatch(batch), train: OneBatch(batch))
                return try #require(baselines["all off"])
            }
        }
        func value(_ name: String) -> Double? { measures.first { $0.name == name }?.value }
        #expect(value("f1_begins") == 0)
        // All off says that all 127 + 4 cells that are down go up; one does.
        #expect(value("f1_ends") == 2.0 / (131 + 1))
        #expect(value("f1") == 0)
    }

    /// Two segments of one style: errors of 3 and 5 everywhere are all level; errors of ±2 are all contour.
    @Test func theErrorOfTheContourLeavesOutTheLevelOfASegment() async throws {
        let measures = try await onTorch {
            let system = try VelocityCNN(
                try Settings(.velocityCNN, assignments: []),
                SystemContext(snapshot: try snapshot(steps: 8)))
            system.network.setTraining(false)
            var cells = [Float](repeating: 0, count: 2 * 8 * 59)
            let places = [3 * 59 + 4, 5 * 59 + 9, (8 + 1) * 59 + 20, (8 + 6) * 59 + 30]
            for place in places { cells[place] = 1 }
            let onsets = try TorchTensor(cells, shape: [2, 8, 59])
            // An untrained network says 0 everywhere.
            for (place, velocity) in zip(places, [40, 44, 70, 74] as [Float]) { cells[place] = velocity }
            return try withoutGradients {
                try system.measure(
                    on: OneBatch(
                        Batch(
                            count: 2,
                            [
                                "sounding": onsets, "onsets": onsets,
                                "velocities": try TorchTensor(cells, shape: [2, 8, 59]),
                                "style": try TorchTensor([1, 1] as [Int64], shape: [2]),
                            ])))
            }
        }
        let contour = measures.first { $0.name == "mse_contour_jazz" }?.value
        #expect(contour == 4)
        #expect(measures.first { $0.name == "mse_onsets_jazz" }?.value == (1600 + 1936 + 4900 + 5476) / 4.0)
    }
}
