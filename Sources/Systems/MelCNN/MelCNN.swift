internal import Files
import Loading
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// Classifies recordings by the values of a label: an audio style classifier that belongs to no paper.
    public static let melCNN = Recipe(
        name: "mel-cnn", paper: "none",
        summary: "classifies recordings by style from their mel spectrograms",
        needs: [.mel],
        parameters: [
            Parameter("label", "style", "the label that is predicted"),
            Parameter(
                "balanced", true,
                "whether the loss of a segment is divided by the share of its class in the train split"),
            Parameter("dropout", 0.3, "probability of 0 before the last layer", in: 0...0.99),
            Parameter(
                "masked", 0.2,
                "largest share of bands, and of frames, that each step of training hides in one stretch each",
                in: 0...0.9),
        ],
        overrides: ["epochs": 30, "batch": 32, "patience": 8],
        presets: ["cpu": ["epochs": 15]],
        fault: { settings, snapshot in Classes.faultOfSound(settings.word("label"), of: snapshot) },
        plan: { settings, _, purpose in
            let views: [LoaderView] = [.mel, .label(settings.word("label"))]
            return LoaderPlan(kind: .audio, views: Classification.views(views, for: purpose), batchSize: 1)
        },
        make: { settings, context in try MelCNN(settings, context) })
}

extension Classes {
    /// Why the recordings of a snapshot cannot be classified by a label; nil if they can.
    static func faultOfSound(_ label: String, of snapshot: Snapshot) -> String? {
        guard snapshot.vocabularies[label] != nil else {
            let known = snapshot.vocabularies.keys.sorted().joined(separator: ", ")
            return
                "it has no label '\(label)'; set label to \(known.isEmpty ? "one, after adding it to the manifest" : known)"
        }
        if let other = snapshot.recordings.first(where: { $0.labels[label] == nil }) {
            return
                "'\(other.path)' has no label '\(label)'; write 'labels: {\(label): …}' beside its path in the manifest, or leave it out"
        }
        if let fault = snapshot.severalValues(of: label) { return fault }
        guard snapshot.learnedValues(of: label, .audio).count > 1 else {
            return
                "the recordings of its train split have fewer than two values of the label '\(label)'; write 'splits: {method: exact, stratify: \(label)}' in the manifest"
        }
        if let per = snapshot.manifest["audio"]?["normalize"]?["per"]?.string,
            per != "none", per != "dataset"
        {
            return
                "it normalises each \(per) apart, which gives a label away and leaves other files without statistics; write 'audio: normalize: {per: dataset}' in the manifest"
        }
        return nil
    }
}

/// The classifier with its loss and optimiser.
final class MelCNN: TrainableSystem {

    let classifier: MelNetwork
    let adam: Adam
    let classes: Classes
    let objective = Objective("balanced_accuracy", higherIsBetter: true)
    let classification: Classification
    private let masked: Double
    private let weights: TorchTensor?
    var network: any Module { classifier }
    var optimisers: [any Optimiser] { [adam] }

    init(_ settings: Settings, _ context: SystemContext) throws {
        classes = Classes(settings.word("label"), of: context.snapshot)
        classification = Classification(classes: classes, kind: .audio, snapshot: context.snapshot)
        masked = settings.number("masked")
        classifier = try MelNetwork(classes: classes.names.count, dropout: settings.number("dropout"))
        try classifier.move(to: context.device)
        adam = try Adam(classifier.parameters, rate: settings.number("rate"))
        weights =
            settings.flag("balanced")
            ? try TorchTensor(
                Self.weights(of: classes, in: context.snapshot), shape: [classes.names.count],
                on: context.device)
            : nil
    }

    /// The weight of each class: the segments of all over those of its own, on average 1 a segment; 0 of a class
    /// that the train split lacks.
    static func weights(of classes: Classes, in snapshot: Snapshot) -> [Float] {
        var counts: [String: Int] = [:]
        for source in snapshot.learned(.audio) {
            if let name = source.labels[classes.label] { counts[name, default: 0] += source.segments }
        }
        let all = Double(counts.values.reduce(0, +))
        return classes.names.map { name in
            counts[name].map { Float(all / Double(counts.count * $0)) } ?? 0
        }
    }

    func learn(
        from batch: Batch, at step: LearningStep, update: (any Optimiser, TorchTensor) throws -> Void
    ) throws -> [(name: String, value: TorchTensor)] {
        try adam.clearGradients()
        let logits = try classifier(masking(batch[LoaderView.mel.name]))
        let loss = try logits.crossEntropy(batch[classes.label], weight: weights)
        try loss.backward()
        try update(adam, loss)
        let hits = try (logits.detach().argmax(1) .== batch[classes.label]).to(.f32).mean()
        return [("loss", loss), ("accuracy", hits)]
    }

    /// Hides one stretch of bands and one of frames, the same in all segments of a batch.
    ///
    /// Park et al., "SpecAugment", 2019, arXiv:1904.08779, section 2, with one mask of each kind.
    private func masking(_ mel: TorchTensor) throws -> TorchTensor {
        guard masked > 0 else { return mel }
        // From the generator that checkpoints hold, so that a run that resumes hides the same.
        let drawn = try TorchTensor.random(.uniform, [4]).elements(as: Float.self).map { Double($0) }
        var result = mel
        for (axis, place) in [(1, 0), (2, 2)] {
            let count = mel.shape[axis]
            let hidden = Int(drawn[place] * (masked * Double(count) + 1)).clamped(to: 0...(count - 1))
            guard hidden > 0 else { continue }
            let start = Int(drawn[place + 1] * Double(count - hidden + 1)).clamped(to: 0...(count - hidden))
            var cells = [Float](repeating: 1, count: count)
            for cell in start..<(start + hidden) { cells[cell] = 0 }
            let mask = try TorchTensor(
                cells, shape: axis == 1 ? [1, count, 1] : [1, 1, count], on: mel.device)
            result = try result * mask
        }
        return result
    }

    private func logits(_ batch: Batch) throws -> TorchTensor { try classifier(batch[LoaderView.mel.name]) }

    func measure(on feed: any Feed) throws -> [Measure] {
        try classification.measures(on: feed, logits: logits)
    }

    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        try classification.baselines(on: feed, train: train)
    }

    func confusion(on feed: any Feed) throws -> Confusion? {
        try classification.confusion(on: feed, logits: logits)
    }
}

extension Int {
    /// The nearest number within a range.
    fileprivate func clamped(to range: ClosedRange<Int>) -> Int {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
