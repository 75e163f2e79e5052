import Dataset
import Files
import Foundation
import Loading
import Tensors
import TestSupport
import Testing
import Torch

@testable import Systems
@testable import Training

struct MelCNNTests {
    /// The second case has an axis that is too short for the last poolings.
    @Test(arguments: [0, 1], ["mel", "mel-narrow"])
    func networkIsPyTorchs(_ precision: Int, _ name: String) async throws {
        try await onTorch {
            let (label, type, limit) = Paper001Tests.limits[precision]
            let golden = try Golden("systems-mel")
            let network = try MelNetwork(classes: 3, dropout: 0, widths: [4, 6, 8, 8])
            try network.load(golden.weights(of: name))
            try network.convert(to: type)
            let logits = try network(golden.tensor("\(name)/input.mel", type))
            let weights = try TorchTensor([0.5, 1.5, 1] as [Float], shape: [3]).to(type)
            let loss = try logits.crossEntropy(
                golden.tensor("\(name)/input.class", .i64), weight: weights)
            try check(network, "\(name)/\(label)", logits, loss, golden, limit)
        }
    }

    @Test func hasSome100000Weights() async throws {
        let count = try await onTorch {
            try MelNetwork(classes: 8, dropout: 0).parameters.reduce(0) { $0 + $1.tensor.count }
        }
        // The convolutions, twice 240 of the normalisations, and 257 for each class.
        #expect(count == 9 * (16 + 16 * 32 + 32 * 64 + 64 * 128) + 2 * 240 + 257 * 8)
    }

    /// Precision, recall and F1 by hand, over segments and pieces.
    @Test func talliesAreThoseWorkedOutByHand() throws {
        var tally = ClassTally(["a", "b", "c"], pieces: [0, 0, 0, 1, 1, 2])
        tally.add([0.9, 0.1, 0], target: 0, number: 0)
        tally.add([0.4, 0.6, 0], target: 0, number: 1)
        tally.add([0.4, 0.6, 0], target: 0, number: 2)
        tally.add([0.1, 0.9, 0], target: 1, number: 3)
        tally.add([0, 0.1, 0.9], target: 1, number: 4)
        tally.add([0.8, 0.2, 0], target: 1, number: 5)
        #expect(tally.confusion == [[1, 2, 0], [1, 1, 1], [0, 0, 0]])
        let measures = Dictionary(uniqueKeysWithValues: tally.measures.map { ($0.name, $0.value) })
        let expected: [String: Double] = [
            "accuracy": 1.0 / 3, "balanced_accuracy": 1.0 / 3, "macro_f1": 1.0 / 3 + 1.0 / 30,
            // The first piece by its mean 1.7 to 1.3; the second 0.1, 1.0, 0.9; the third not.
            "piece_accuracy": 2.0 / 3, "pieces": 3, "segments": 6,
            "precision_a": 0.5, "recall_a": 1.0 / 3, "f1_a": 0.4,
            "precision_b": 1.0 / 3, "recall_b": 1.0 / 3, "f1_b": 1.0 / 3,
        ]
        #expect(Set(measures.keys) == Set(expected.keys))
        for (name, value) in expected {
            #expect(abs((measures[name] ?? .nan) - value) < 1e-12, "\(name): \(measures[name] ?? .nan)")
        }
    }

    @Test func itLearnsIsMeasuredAndClassifiesFiles() async throws {
        let hiss = try Hiss()
        try hiss.write("new.wav", Hiss.file(isHigh: true, seed: 100))
        let (cache, path) = (hiss.cache, hiss.folder.path + "/new.wav")
        try await onTorch {
            let summary = try Hiss.train(in: cache)
            #expect(summary.best?.metric == "balanced_accuracy" && summary.best?.value == 1)
            let trainer = Trainer(recipes: Recipe.all, cachePath: cache)
            let evaluation = try trainer.evaluate("mel-cnn-1", withFigures: true)
            func measure(_ name: String, of measures: [Measure]) -> Double? {
                measures.first { $0.name == name }?.value
            }
            for name in ["accuracy", "macro_f1", "piece_accuracy", "precision_high", "recall_low", "f1_low"] {
                #expect(measure(name, of: evaluation.metrics) == 1, "\(name)")
            }
            #expect(measure("pieces", of: evaluation.metrics) == 6)
            let constant = try #require(evaluation.baselines["most frequent style of the train split"])
            #expect(measure("balanced_accuracy", of: constant) == 0.5)
            #expect(measure("piece_accuracy", of: constant) == 0.5)
            guard case .histogram(let classes, let series) = evaluation.figures[0].content else {
                Issue.record("no histogram")
                return
            }
            #expect(classes == ["high", "low"] && series.map(\.shares) == [[1, 0], [0, 1]])
            // What was measured is kept with the run, and is bound to the weights.
            let folder = "\(cache)/runs/mel-cnn-1"
            let kept = try JSONValue(
                parsing: Array(Data(contentsOf: URL(fileURLWithPath: folder + "/evaluation.test.json"))))
            #expect(kept == evaluation.json)
            #expect(kept["weights"] == JSONValue(try WeightsFile(folder + "/best.safetensors").hash))
            #expect(
                kept["snapshot"] == JSONValue(summary.snapshot) && kept["sources"] == 6 && kept["pieces"] == 6
            )
            let segments = try #require(measure("segments", of: evaluation.metrics))
            #expect(kept["examples"]?.double == segments)
            let counts = try #require(evaluation.confusion?.counts)
            #expect(counts.joined().reduce(0, +) == Int(segments) && counts[0][1] == 0 && counts[1][0] == 0)
            let classifier = try SoundClassifier(trainer.open("mel-cnn-1"))
            let said = try classifier.probabilities(ofFileAt: path)
            #expect(classifier.classes == ["high", "low"] && said.segments == 2)
            #expect(said.classes[0] > 0.9 && abs(said.classes[0] + said.classes[1] - 1) < 1e-6)
        }
    }

    /// Dropout and masks come from the generator that checkpoints hold.
    @Test func itResumesToTheSameBytes() async throws {
        let hiss = try Hiss()
        let cache = hiss.cache
        try await onTorch {
            let whole = try Hiss.train(in: cache)
            _ = try Hiss.train(in: cache, TrainingLimits(steps: 3))
            _ = try TorchTensor.random(.uniform, [7])
            let resumed = try Hiss.train(in: cache, resume: "mel-cnn-2")
            #expect(whole.steps == resumed.steps && whole.steps > 4)
        }
        #expect(try hiss.metrics("mel-cnn-1") == hiss.metrics("mel-cnn-2"))
        // Their metadata name the run.
        let (whole, resumed) = (try hiss.weights("mel-cnn-1"), try hiss.weights("mel-cnn-2"))
        try expectSameTensors(whole, resumed)
    }

    /// Each segment's piece is that of the source which its shard names.
    @Test func segmentsBelongToTheirPieces() throws {
        let hiss = try Hiss()
        let reader = try DatasetReader("hiss", cachePath: hiss.cache)
        let classification = Classification(
            classes: Classes("style", of: reader.snapshot), kind: .audio, snapshot: reader.snapshot)
        for split in Split.allCases {
            let pieces = try #require(classification.pieces(of: split))
            #expect(pieces.count == reader.snapshot.segmentCount(split) && Set(pieces).count == 6)
            var numbers: [String: Int] = [:]
            for (number, piece) in pieces.enumerated() {
                let place = try #require(reader.place(number, in: split))
                let source = try reader.open(place.shard).segment(place.index).source
                #expect(numbers[source] == nil || numbers[source] == piece)
                numbers[source] = piece
            }
            #expect(Set(numbers.values).count == 6)
        }
    }

    @Test func classesWeighWhatTheyLack() throws {
        let hiss = try Hiss()
        let reader = try DatasetReader("hiss", cachePath: hiss.cache)
        let weights = MelCNN.weights(of: Classes("style", of: reader.snapshot), in: reader.snapshot)
        let counts = ["high", "low"].map { style in
            reader.snapshot.sources.filter { $0.split == .train && $0.labels["style"] == style }
                .reduce(0) { $0 + $1.segments }
        }
        let all = Float(counts[0] + counts[1])
        #expect(weights == [all / Float(2 * counts[0]), all / Float(2 * counts[1])])
    }

    @Test func datasetsItCannotLearnFromAreRefused() throws {
        func fault(_ snapshot: Snapshot, label: String = "style") throws -> String? {
            let settings = try Settings(.melCNN, assignments: ["label=\(label)"])
            return #expect(throws: TrainingError.self) { try Recipe.melCNN.check(snapshot, settings) }?
                .message
        }
        let notes = try snapshot(steps: 32)
        #expect(try fault(notes)?.contains("write 'audio: features: {mel: {bands: 96}}'") == true)
        let chroma = try Hiss(features: "chroma: {}")
        let silent = try DatasetReader("hiss", cachePath: chroma.cache).snapshot
        #expect(try fault(silent)?.contains("write 'audio: features: {mel: {bands: 96}}'") == true)
        let apart = try Hiss(normalize: "per: style")
        let leaking = try DatasetReader("hiss", cachePath: apart.cache).snapshot
        #expect(try fault(leaking)?.contains("normalize: {per: dataset}") == true)
        #expect(try fault(leaking, label: "composer")?.contains("set label to style") == true)
    }
}
