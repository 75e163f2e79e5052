import Files
import Loading
import Symbolic
import Tensors
import Testing
import Torch
import Training

@testable import Systems

/// Segments in a few words: pitches and velocities by [segment][step][voice], families by [segment][voice].
func voiceRolls(_ pitches: [[[Int]]], _ velocities: [[[Int]]], _ families: [[Int]]) throws -> VoiceRolls {
    let (count, steps, voices) = (pitches.count, pitches[0].count, pitches[0][0].count)
    let flat: [Int64] = pitches.joined().joined().map { Int64($0) }
    let levels: [Float] = velocities.joined().joined().map { velocity in
        velocity > 0 ? 0.5 + 0.5 * Float(velocity) / 127 : 0
    }
    let known: [Int] = families.flatMap { $0 }
    let mask = try TorchTensor(known.map { Float($0 >= 0 ? 1 : 0) }, shape: [count, voices, 1])
    let oneHot = try TorchTensor(known.map { Int64(max($0, 0)) }, shape: [count, voices])
        .oneHot(VoiceRolls.families).to(.f32)
    return VoiceRolls(
        pitch: try TorchTensor(flat, shape: [count, steps, voices]).oneHot(VoiceRolls.pitchClasses).to(.f32),
        velocity: try TorchTensor(levels, shape: [count, steps, voices]), instrument: try oneHot * mask)
}

/// A batch of the recipe's views, of segments in the same words: a note begins wherever its velocity is not 0.
func voiceBatch(
    _ pitches: [[[Int]]], _ velocities: [[[Int]]], programs: [[Int]], styles: [Int]
) throws -> Batch {
    let (count, steps, voices) = (pitches.count, pitches[0].count, pitches[0][0].count)
    var tensors: [String: TorchTensor] = [:]
    for voice in 0..<voices {
        var (piano, onset) = (
            [Float](repeating: 0, count: count * steps * 60), [Float](repeating: 0, count: count * steps * 60)
        )
        for segment in 0..<count {
            for step in 0..<steps where pitches[segment][step][voice] < 60 {
                let cell = (segment * steps + step) * 60 + pitches[segment][step][voice]
                piano[cell] = 1
                onset[cell] = Float(velocities[segment][step][voice])
            }
        }
        tensors["piano \(voice)"] = try TorchTensor(piano, shape: [count, steps, 60])
        tensors["onset \(voice)"] = try TorchTensor(onset, shape: [count, steps, 60])
    }
    tensors["programs"] = try TorchTensor(
        programs.flatMap { $0 }.map { Int64($0) }, shape: [count, voices])
    tensors["style"] = try TorchTensor(styles.map { Int64($0) }, shape: [count])
    return Batch(count: count, tensors)
}

/// Eight segments of two styles: low and soft with a piano, high and loud with a flute; each at a pitch of its own, with
/// drums.
func eightSegments() throws -> Batch {
    var (pitches, velocities): ([[[Int]]], [[[Int]]]) = ([], [])
    for segment in 0..<8 {
        let isHigh = segment % 2 == 1
        pitches.append(
            (0..<16).map { step in
                [step % 4 < 3 ? (isHigh ? 38 : 4) + 2 * segment : 60, step % 4 < 2 ? 12 : 60]
            })
        velocities.append(
            (0..<16).map { step in
                [step % 4 == 0 ? (isHigh ? 110 : 40) : 0, step % 4 == 0 ? 80 : 0]
            })
    }
    return try voiceBatch(
        pitches, velocities, programs: (0..<8).map { [$0 % 2 == 1 ? 73 : 0, 128] },
        styles: (0..<8).map { $0 % 2 })
}

/// A snapshot with so many monophonic voices.
func voicedSnapshot(
    steps: Int = 16, voices: Int? = 2, styles: [String] = ["high", "low"]
) throws -> Snapshot {
    try snapshot(steps: steps, styles: styles, pitches: [24, 83], voices: voices)
}

struct Paper003Tests {
    static let golden = [
        ("gru-none", RecurrentCell.gru, DecoderInput.none, 1, 0.01, false, 0.0),
        ("gru-apart", .gru, .previous, 2, 0.01, false, 0), ("gru-apart-free", .gru, .free, 1, 0.01, false, 0),
        ("gru-previous", .gru, .previous, 2, 1, false, 0.05),
        ("gru-free", .gru, .free, 1, 1, true, 0),
        ("lstm-previous", .lstm, .previous, 1, 1, false, 0),
        ("lstm-free", .lstm, .free, 2, 0.5, false, 0),
    ]

    /// Every output, every part of the loss and every gradient, with given noise.
    @Test(arguments: [0, 1], 0..<7)
    func networksArePyTorchs(_ precision: Int, _ place: Int) async throws {
        try await onTorch {
            let (label, type, limit) = Paper001Tests.limits[precision]
            let (name, cell, input, voicesPerRow, scale, seesHistory, freeBits) = Self.golden[place]
            let golden = try Golden("systems-003")
            let network = try ParallelNetwork(
                ParallelNetwork.Shape(
                    cell: cell, hidden: 6, latent: 5, voicesPerRow: voicesPerRow, seesHistory: seesHistory,
                    input: input, splitsOnsets: name.contains("apart")))
            try network.load(golden.weights(of: name))
            try network.convert(to: type)
            func given(_ input: String) throws -> TorchTensor {
                try golden.tensor("\(name)/input.\(input)", type)
            }
            let rolls = VoiceRolls(
                pitch: try given("pitch"), velocity: try given("velocity"),
                instrument: try given("instrument"))
            let code = try network.encode(rolls)
            let latent = try code.mean + (code.logVariance * 0.5).exp() * given("noise") * scale
            let output = try network.decode(
                latent, after: seesHistory ? given("previous") : nil, toward: rolls)
            let losses = try ParallelNetwork.losses(
                output, rolls, code: code, latent: latent,
                style: golden.tensor("\(name)/input.style", .i64), styles: 3, freeBits: freeBits)
            let loss =
                try losses.pitch + losses.velocity + losses.instrument * 0.1 + losses.style * 0.1
                + losses.divergence * 0.1
            for (key, value) in (output.onset.map { [("onset", $0)] } ?? []) + [
                ("velocity", output.velocity), ("instrument", output.instrument), ("mean", code.mean),
                ("logVariance", code.logVariance), ("z", latent), ("part.pitch", losses.pitch),
                ("part.velocity", losses.velocity), ("part.instrument", losses.instrument),
                ("part.style", losses.style), ("part.divergence", losses.divergence),
            ] {
                let deviation = try golden.deviation(value, "\(name)/\(label)/\(key)")
                #expect(deviation <= limit, "\(name) \(key): \(deviation)")
            }
            try check(
                network, "\(name)/\(label)", output.pitch, loss, golden, limit, outputName: "pitch")
        }
    }

    /// Each decoder writes in use what it has learned to write toward the true rows.
    @Test(arguments: ["gru", "lstm"])
    func eightSegmentsAreMemorised(_ cell: String) async throws {
        try await memorise(["cell=\(cell)", "rows=step"], steps: 350)
    }

    /// The size of first weights: Glorot's bound for each dense layer and for each gate, of which PyTorch's own reach 0.58 at
    /// most; and biases of 0, but 1 for an LSTM's gate of forgetting.
    @Test(arguments: [RecurrentCell.gru, .lstm])
    func weightsAreDrawnAsKerasDraws(_ cell: RecurrentCell) async throws {
        let drawn = try await onTorch {
            try RandomGenerator.seed(1)
            let network = try ParallelNetwork(ParallelNetwork.Shape(cell: cell, hidden: 24, latent: 10))
            try network.drawWeights()
            return try network.parameters.map { item in
                (item.name, item.tensor.shape, try item.tensor.abs().largest().item())
            }
        }
        for (name, shape, largest) in drawn {
            if name.contains("bias") {
                #expect(largest == (name.contains("lstm.bias_ih") ? 1 : 0), "\(name)")
            } else {
                let gates = name.contains("weight_") ? (cell == .gru ? 3 : 4) : 1
                let bound = (6 / Double(shape[0] / gates + shape[1])).squareRoot()
                #expect(largest <= bound && largest > 0.6 * bound, "\(name): \(largest) of \(bound)")
            }
        }
    }

    /// A row for each voice: 32 rows that follow each other.
    @Test(arguments: ["none", "previous", "free"], ["apart", "velocity"])
    func rowsOfSingleVoicesAreLearned(_ teacher: String, _ onsets: String) async throws {
        let loss = try await onTorch {
            try RandomGenerator.seed(3)
            let system = try ParallelVAE(
                try Settings(
                    .parallelVAE,
                    assignments: Self.small + ["teacher=\(teacher)", "rows=voice", "onsets=\(onsets)"]),
                SystemContext(snapshot: try voicedSnapshot()))
            return try losses(system, on: eightSegments(), steps: 40)
        }
        #expect(loss.last < 0.5 * loss.first, "\(loss)")
    }

    private static let small = [
        "hidden=48", "latent=16", "beta=0.003", "rate=0.005",
    ]

    private func memorise(_ assignments: [String], steps: Int) async throws {
        let (loss, measures) = try await onTorch {
            try RandomGenerator.seed(3)
            let system = try ParallelVAE(
                try Settings(.parallelVAE, assignments: Self.small + assignments),
                SystemContext(snapshot: try voicedSnapshot()))
            let batch = try eightSegments()
            let feed = OneBatch(batch)
            try withoutGradients { try system.prepare(from: feed) }
            let loss = try losses(system, on: batch, steps: steps)
            system.network.setTraining(false)
            return (loss, try withoutGradients { try system.measure(on: feed) })
        }
        #expect(loss.last < 0.05 * loss.first, "\(assignments): \(loss)")
        let values = Dictionary(uniqueKeysWithValues: measures.map { ($0.name, $0.value) })
        for name in ["pitch_f1", "pitch_accuracy", "onset_f1", "instrument_accuracy"] {
            #expect(values[name] ?? 0 > 0.97, "\(assignments), \(name): \(values[name] ?? .nan)")
        }
        #expect(values["velocity_error"] ?? .infinity < 6)
        // The two styles play neither pitches nor velocities nor instruments of each other.
        for name in ["style_accuracy", "style_accuracy_swapped", "style_accuracy_pitch"] {
            #expect(values[name] == 1, "\(assignments), \(name): \(values[name] ?? .nan)")
        }
        #expect(values["target_plain_encoded"] == 0)
        #expect(values["active_units"] ?? 0 >= 2)
    }

    /// Worked out by hand: three styles, of which each vector changes two.
    @Test func stylesAreExchanged() async throws {
        let (swapped, back) = try await onTorch {
            let latent = try TorchTensor([1, 2, 3, 4, 5, 6, 7, 8] as [Float], shape: [2, 4])
            let swapped = try latent.exchangingStyles([0, 2], [1, 0], of: 3)
            return (
                try swapped.elements(as: Float.self),
                try swapped.exchangingStyles([0, 2], [1, 0], of: 3).elements(as: Float.self)
            )
        }
        #expect(swapped == [2, 1, 3, 4, 7, 6, 5, 8])
        #expect(back == [1, 2, 3, 4, 5, 6, 7, 8])
    }

    /// By hand: of (3, 1) and (1, 2), toward the second, by once and by twice their distance.
    @Test func stylesMoveTowardTheTarget() async throws {
        let moved = try await onTorch {
            let latent = try TorchTensor([3, 1, 9, 1, 2, 8] as [Float], shape: [2, 3])
            return try [(1.0, true), (1.0, false), (2.0, false)].map { strength, exchanges in
                try latent.movingStyles(from: 0, to: 1, strength: strength, exchanges: exchanges)
                    .elements(as: Float.self)
            }
        }
        #expect(moved[0] == [1, 3, 9, 2, 1, 8])
        #expect(moved[1] == [1, 3, 9, 1, 2, 8])
        #expect(moved[2] == [0, 4, 9, 0.5, 2.5, 8])
    }

    /// The free bits: dimensions of 0.5 · mean² nats each.
    @Test func freeBitsCostNothing() async throws {
        let costs = try await onTorch {
            let rolls = try voiceRolls([[[60]]], [[[0]]], [[-1]])
            let network = try ParallelNetwork(
                ParallelNetwork.Shape(hidden: 2, latent: 3, voicesPerRow: 1, input: .none))
            let mean = try TorchTensor([0, 1, 2] as [Float], shape: [1, 3])
            let code = (mean: mean, logVariance: try mean.fullLike(0))
            let output = try network.decode(mean, toward: rolls)
            return try [0.0, 0.6].map { freeBits in
                try ParallelNetwork.losses(
                    output, rolls, code: code, latent: mean, style: TorchTensor([0] as [Int64], shape: [1]),
                    styles: 2, freeBits: freeBits
                ).divergence.item()
            }
        }
        #expect(abs(costs[0] - 2.5) < 1e-6 && abs(costs[1] - 3.2) < 1e-6, "\(costs)")
    }

    /// A batch of 32 steps gives two segments of 16 after each other, each voice with its own instrument.
    @Test func batchesBecomeRolls() async throws {
        let (pitches, velocities, families) = try await onTorch {
            // Voice 0: a note held for two steps, then one repeated; in the second half silent. Voice 1: drums,
            // in the second half only.
            var (pitches, velocities) = (
                [[Int]](repeating: [60, 60], count: 32), [[Int]](repeating: [0, 0], count: 32)
            )
            (pitches[0][0], pitches[1][0], pitches[2][0]) = (7, 7, 7)
            (velocities[0][0], velocities[2][0]) = (127, 1)
            (pitches[20][1], velocities[20][1]) = (59, 64)
            let batch = try voiceBatch([pitches], [velocities], programs: [[15, 128]], styles: [0])
            let rolls = try VoiceRolls(voices: 2) { batch[$0] }
            return (
                try rolls.pitch.argmax(3).elements(as: Int64.self),
                try rolls.velocity.elements(as: Float.self),
                try (rolls.instrument.argmax(2) + (rolls.instrument.sum([2]) - 1) * 100).elements(
                    as: Float.self)
            )
        }
        var expected = [Int64](repeating: 60, count: 64)
        (expected[0], expected[2], expected[4], expected[41]) = (7, 7, 7, 59)
        #expect(pitches == expected)
        var levels = [Float](repeating: 0, count: 64)
        (levels[0], levels[4], levels[41]) = (1, 0.5 + 0.5 / 127, 0.5 + 32.0 / 127)
        #expect(zip(velocities, levels).allSatisfy { abs($0 - $1) < 1e-6 })
        // Program 15 is the last of family 1; a voice that is silent has none (−100 here).
        #expect(families == [1, -100, -100, 16])
    }

    /// A pitch that continues is held unless a note begins; a pitch that changes begins as loud as the last note.
    @Test func heldAndRepeatedNotesAreToldApart() async throws {
        let rows = try await onTorch {
            let rolls = try voiceRolls(
                [[[3], [3], [3], [60], [3], [5], [5], [60]]], [[[100], [0], [90], [0], [0], [0], [20], [0]]],
                [[2]])
            return try VoiceNotes(rolls, length: 7).notes(ofVoice: 0) { $0 < 4 ? 17 : 18 }
        }
        #expect(
            rows.map { [$0.start, $0.length, Int($0.pitch), Int($0.velocity), Int($0.program)] } == [
                [0, 2, 27, 100, 17], [2, 1, 27, 90, 17], [4, 1, 27, 90, 18], [5, 1, 29, 90, 18],
                [6, 1, 29, 20, 18],
            ])
    }

    /// By hand: 8 cells, 5 of them sounding.
    @Test func talliesAreThoseWorkedOutByHand() async throws {
        let measures = try await onTorch {
            let target = try voiceRolls(
                [[[1, 60], [1, 2], [3, 2], [60, 60]]], [[[100, 0], [0, 60], [50, 0], [0, 0]]], [[0, 16]])
            // One pitch wrong, one missed, one too many; an onset missed, one too many.
            let played = try voiceRolls(
                [[[1, 60], [4, 2], [60, 2], [60, 9]]], [[[90, 0], [0, 66], [0, 0], [0, 80]]], [[0, 3]])
            var tally = StreamTally()
            try tally.add(played, target)
            return tally.measures
        }
        let expected: [String: Double] = [
            "pitch_f1": 2 * 3.0 / (5 + 5), "pitch_accuracy": 5.0 / 8, "pitch_accuracy_sounding": 3.0 / 5,
            "onset_f1": 2 * 2.0 / (3 + 3), "velocity_error": (10 + 6) / 2, "instrument_accuracy": 0.5,
        ]
        #expect(Set(measures.map(\.name)) == Set(expected.keys))
        for measure in measures {
            #expect(abs(measure.value - (expected[measure.name] ?? .nan)) < 1e-4, "\(measure)")
        }
    }

    /// Of two dimensions one varies: its divergence is ½ · mean², and the variance of its means 1.
    @Test func unitsAreActiveWhereTheirMeansVary() async throws {
        let (divergences, active) = try await onTorch {
            var tally = CodeTally(dimensions: 2)
            let mean = try TorchTensor([2, 1, 0, 1] as [Float], shape: [2, 2])
            try tally.add(mean: mean, logVariance: mean.fullLike(0))
            return (tally.divergences, tally.active)
        }
        #expect(divergences == [1, 0.5] && active == 1)
    }

    /// The counted classifiers know a style by pitches, by velocities and by instruments, each alone; programs are the most
    /// frequent of their family.
    @Test func countsTellStylesApart() async throws {
        let (predicted, programs) = try await onTorch {
            let system = try ParallelVAE(
                try Settings(.parallelVAE, assignments: ["hidden=4", "latent=4"]),
                SystemContext(snapshot: try voicedSnapshot()))
            let batch = try eightSegments()
            try withoutGradients { try system.prepare(from: OneBatch(batch)) }
            let part = try system.part(batch)
            let predicted = try StyleCounts.Stream.allCases.map {
                try system.counts.styles(of: part.rolls, by: $0)
            }
            let programs = try [(0, 0), (0, 9), (1, 9), (1, 16), (0, 4)].map { style, family in
                try system.counts.program(ofFamily: family, style: style)
            }
            return (predicted, programs)
        }
        #expect(predicted == [[Int]](repeating: [0, 1, 0, 1, 0, 1, 0, 1], count: 3))
        // Style 0 has no flute: the first program of its family stands for it.
        #expect(programs == [0, 72, 73, 128, 32])
    }

    @Test func baselinesAreThoseWorkedOutByHand() async throws {
        let baselines = try await onTorch {
            let system = try ParallelVAE(
                try Settings(.parallelVAE, assignments: ["hidden=4", "latent=4"]),
                SystemContext(snapshot: try voicedSnapshot(voices: 1)))
            // A note of four steps, one of two after a rest, silence; of velocities 100 and 60.
            let steps = [7, 7, 7, 7, 60, 60, 9, 9] + [Int](repeating: 60, count: 8)
            var loud = [Int](repeating: 0, count: 16)
            (loud[0], loud[6]) = (100, 60)
            let batch = try voiceBatch(
                [steps.map { [$0] }], [loud.map { [$0] }], programs: [[40]], styles: [1])
            return try system.baselines(on: OneBatch(batch), train: OneBatch(batch))
        }
        func value(_ name: String, _ measure: String) -> Double {
            baselines[name]?.first { $0.name == measure }?.value ?? .nan
        }
        #expect(value("all silent", "pitch_accuracy") == 10.0 / 16)
        #expect(value("all silent", "pitch_f1") == 0)
        #expect(value("most frequent class of the train split", "pitch_accuracy") == 10.0 / 16)
        #expect(value("most frequent class of the train split", "instrument_accuracy") == 1)
        #expect(value("most frequent class of the train split", "style_accuracy") == 1)
        #expect(
            abs(value("mean velocity of the train split at the true onsets", "velocity_error") - 20) < 1e-3)
        // Wrong at the two beginnings and the two ends.
        #expect(value("repeat the true last step", "pitch_accuracy") == 12.0 / 16)
        #expect(value("repeat the true last step", "pitch_accuracy_sounding") == 4.0 / 6)
        // The first is the mean, 80; the second is as the first.
        #expect(abs(value("repeat the true last velocity at the true onsets", "velocity_error") - 30) < 1e-3)
    }

    /// With beta rising over the whole training, its share is the step's.
    @Test func betaWarmsUp() async throws {
        let losses = try await onTorch {
            let system = try ParallelVAE(
                try Settings(
                    .parallelVAE,
                    assignments: ["hidden=8", "latent=4", "beta=1", "warmup=0.5", "rate=1e-12"]),
                SystemContext(snapshot: try voicedSnapshot()))
            return try [0, 1, 2, 4].map { step in
                try RandomGenerator.seed(1)
                let predicted = try system.learn(
                    from: eightSegments(), at: LearningStep(number: step, total: 4)
                ) { _, _ in }
                let values = try Dictionary(
                    uniqueKeysWithValues: predicted.map { ($0.name, try $0.value.item()) })
                return (values["loss"] ?? .nan, values["divergence"] ?? .nan)
            }
        }
        let divergence = losses[0].1
        #expect(divergence > 0)
        for (place, share) in [0, 0.5, 1, 1].enumerated() {
            #expect(abs(losses[place].0 - losses[0].0 - share * divergence) < 1e-4)
        }
    }

    /// A snapshot that lacks something is refused with the line to write.
    @Test func itRefusesWhatItCannotUse() throws {
        func fault(_ snapshot: Snapshot, _ assignments: [String] = []) throws -> String {
            let settings = try Settings(.parallelVAE, assignments: assignments)
            let error = #expect(throws: TrainingError.self) {
                try Recipe.parallelVAE.check(snapshot, settings)
            }
            return error?.message ?? ""
        }
        #expect(try fault(voicedSnapshot(voices: nil)).contains("'midi: voices: 4'"))
        #expect(try fault(voicedSnapshot(steps: 24)).contains("'midi: segment: {steps: 64}'"))
        #expect(try fault(voicedSnapshot(styles: ["one"])).contains("one value"))
        #expect(try fault(voicedSnapshot(), ["history=true"]).contains("history=false"))
        #expect(try fault(voicedSnapshot(styles: ["a", "b", "c"]), ["latent=2"]).contains("3 styles"))
        #expect(try fault(snapshot(steps: 16, pitches: [30, 80], voices: 4)).contains("[24, 83]"))
        try Recipe.parallelVAE.check(
            voicedSnapshot(steps: 64), Settings(.parallelVAE, preset: "published"))
        try Recipe.parallelVAE.check(voicedSnapshot(), Settings(.parallelVAE, preset: "cpu"))
    }
}
