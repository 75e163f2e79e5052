public import Files
public import Loading
public import Torch

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// How often each class was predicted for the examples of each class.
public struct Confusion: Sendable, Equatable {
    /// The label whose values the classes are.
    public let label: String
    /// The names of the classes.
    public let classes: [String]
    /// Examples, by their class and then by the predicted class.
    public let counts: [[Int]]

    /// Names the classes and their counts.
    public init(label: String, classes: [String], counts: [[Int]]) {
        (self.label, self.classes, self.counts) = (label, classes, counts)
    }

    /// The matrix as it is kept with an evaluation.
    var json: JSONValue {
        [
            "label": .string(label), "classes": .array(classes.map { .string($0) }),
            "counts": .array(counts.map { .array($0.map { JSONValue($0) }) }),
        ]
    }

    /// The shares of the predicted classes, for each class that has examples.
    var figure: Figure {
        let series = zip(classes, counts).compactMap { name, row -> Figure.Series? in
            let count = row.reduce(0, +)
            guard count > 0 else { return nil }
            return Figure.Series("\(name): \(count) segments", row.map { Double($0) / Double(count) })
        }
        return Figure(
            name: "confusion", title: "Predictions for the segments of each \(label)",
            .histogram(classes: classes, series: series))
    }
}

/// What a run reaches, and what needs no training reaches.
public struct Evaluation: Sendable {
    /// The run's name.
    public let run: String
    /// The split measured on.
    public let split: Split
    /// What the weights are best in, where that was said.
    public let objective: String?
    /// The dataset's name.
    public let dataset: String
    /// The snapshot's hash.
    public let snapshot: Digest
    /// The hash of the file of weights; nil for a run that has not been validated yet.
    public let weights: Digest?
    /// The examples measured on: segments, or what the recipe makes of them.
    public let examples: Int
    /// The split's sources and their pieces; nil where splits were made of single segments.
    public let counts: (sources: Int, pieces: Int)?
    /// The measures of the weights.
    public let metrics: [Measure]
    /// The measures of each baseline.
    public let baselines: [String: [Measure]]
    /// The confusion matrix of a classifier.
    public let confusion: Confusion?
    /// Pictures of what it says, if they were asked for.
    public let figures: [Figure]
    /// When it was made, in whole seconds since 1970.
    public let time: Int

    /// The object that `reprise evaluate --json` prints, and that is kept with the run: docs/formats.md, Run.
    public var json: JSONValue {
        func object(_ measures: [Measure]) -> JSONValue {
            .object(
                Dictionary(
                    measures.map { ($0.name, $0.value.isFinite ? .number($0.value) : .null) },
                    uniquingKeysWith: { $1 }))
        }
        var members: [String: JSONValue] = [
            "format": 1, "run": .string(run), "split": .string(split.rawValue), "dataset": .string(dataset),
            "snapshot": JSONValue(snapshot), "weights": weights.map { JSONValue($0) } ?? .null,
            "examples": JSONValue(examples), "metrics": object(metrics),
            "baselines": .object(baselines.mapValues(object)), "evaluated": JSONValue(time),
        ]
        if let counts {
            members["sources"] = JSONValue(counts.sources)
            members["pieces"] = JSONValue(counts.pieces)
        }
        if let objective { members["objective"] = .string(objective) }
        if let confusion { members["confusion"] = confusion.json }
        return .object(members)
    }
}

extension Trainer {
    /// Measures a run's best weights on a split, beside baselines, and keeps the result with the run.
    ///
    /// The result is `evaluation.<split>.json` in the run's folder, with an objective
    /// `evaluation.<split>.<objective>.json`. That of a run without a validation is not kept: its weights still change.
    ///
    /// - Parameters:
    ///   - name: The run.
    ///   - split: What to measure on.
    ///   - withFigures: Whether to make pictures.
    ///   - device: Where to compute.
    ///   - objective: What the weights are best in; nil: in the first objective.
    /// - Returns: The measures.
    /// - Throws: `train.no-run`; `loader.empty` for a split without segments; `train.file` if it cannot be kept.
    public func evaluate(
        _ name: String, on split: Split = .test, withFigures: Bool = false, device: Device = .cpu,
        objective: String? = nil
    ) throws -> Evaluation {
        let run = try open(name, device: device, objective: objective)
        func feed(_ split: Split) throws -> LoaderFeed {
            try self.feed(split, .measuring, run.recipe, run.settings, run.reader, device)
        }
        let folder = try RunFolder(named: name, in: cachePath)
        let objective = objective == run.system.objective.measure ? nil : objective
        let file = Checkpoint.best(in: objective)
        let sources = run.reader.snapshot.sources.filter { $0.split == split && $0.segments > 0 }
        let evaluation = try withoutGradients {
            let confusion = try run.system.confusion(on: feed(split))
            var figures = withFigures ? try run.system.figures(on: feed(split)) : []
            if withFigures, let confusion { figures.append(confusion.figure) }
            return Evaluation(
                run: name, split: split, objective: objective, dataset: run.record.dataset,
                snapshot: run.record.snapshot, weights: folder.has(file) ? try folder.digest(of: file) : nil,
                examples: try feed(split).epochCount,
                counts: sources.isEmpty ? nil : (sources.count, Set(sources.map(\.piece)).count),
                metrics: try run.system.measure(on: feed(split)),
                baselines: try run.system.baselines(on: feed(split), train: feed(.train)),
                confusion: confusion, figures: figures, time: time(nil))
        }
        if evaluation.weights != nil {
            let name = "evaluation.\(split.rawValue)\(objective.map { ".\($0)" } ?? "").json"
            try folder.replace(name, with: evaluation.json.canonicalBytes + [0x0A])
        }
        return evaluation
    }
}
