import ArgumentParser
import Console
import Files
import Judging
import Loading
import Statistics
import Torch
import Training

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a run on the test split, or judge a folder of outputs, beside baselines.",
        discussion: """
            With a run: its measures on the test split.
            With --outputs and --contents: judges any folder of outputs, whatever system made them. An output and its \
            content have the same path in the two folders, but for the ending. The dataset gives the judges and the \
            references: its pieces outside the train split.
            """)

    @Argument(help: ArgumentHelp("The run; 'reprise runs' lists them.", valueName: "run"))
    var name: String?

    @Option(
        help: ArgumentHelp("The split to measure on (default: test).", valueName: "split"),
        transform: { text in
            guard let split = Split(rawValue: text) else {
                throw ValidationError("'\(text)' is not a split; write train, validation or test")
            }
            return split
        })
    var split: Split?

    @Option(
        help: ArgumentHelp(
            "The measure whose best weights are used (default: the recipe's first objective).",
            valueName: "measure"))
    var objective: String?

    @Option(
        help: ArgumentHelp("Write the recipe's figures to this folder as PNG files.", valueName: "dir"),
        completion: .directory)
    var pictures: String?

    @Option(help: ArgumentHelp("The outputs to judge.", valueName: "dir"), completion: .directory)
    var outputs: String?

    @Option(help: ArgumentHelp("What the outputs were made of.", valueName: "dir"), completion: .directory)
    var contents: String?

    @Option(help: ArgumentHelp("The dataset to judge by.", valueName: "dataset"))
    var dataset: String?

    @Option(help: ArgumentHelp("The style that was aimed at: a label of the dataset.", valueName: "label"))
    var style: String?

    @OptionGroup var torch: TorchOptions

    func validate() throws {
        let judging = [outputs, contents, dataset, style]
        if name != nil {
            guard judging.allSatisfy({ $0 == nil }) else {
                throw ValidationError(
                    "a run is measured on its own dataset; leave --outputs and its like out")
            }
            return
        }
        guard judging.allSatisfy({ $0 != nil }) else {
            throw ValidationError(
                "name a run, or write --outputs DIR --contents DIR --dataset DATASET --style LABEL")
        }
        guard split == nil, objective == nil, pictures == nil else {
            throw ValidationError("--split, --objective and --pictures belong to the evaluation of a run")
        }
    }

    func run() throws {
        if let name {
            try evaluate(name)
        } else if let outputs, let contents, let dataset, let style {
            try judge(outputs, contents, dataset, style)
        }
    }

    // MARK: A run

    private func evaluate(_ name: String) throws {
        let (split, wantsPictures, objective) = (split ?? .test, pictures != nil, objective)
        let evaluation = try torch.onTorch {
            try $0.evaluate(name, on: split, withFigures: wantsPictures, device: $1, objective: objective)
        }
        if let pictures { try evaluation.figures.write(to: pictures) }
        if torch.common.json {
            print(evaluation.json.canonical)
            return
        }
        let answers =
            [(evaluation.run, evaluation.metrics)]
            + evaluation.baselines.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        // A row a measure: with many styles there are many of them, and few answers.
        let rows = evaluation.metrics.map { metric in
            [metric.name]
                + answers.map { answer in
                    answer.1.first { $0.name == metric.name }.map { format($0.value, 4) } ?? ""
                }
        }
        print(table(["on \(split.rawValue)"] + answers.map(\.0), rows), terminator: "")
    }

    // MARK: A folder

    private func judge(_ outputs: String, _ contents: String, _ dataset: String, _ style: String) throws {
        let pairs = try OutputPair.pairs(
            outputs: (outputs, RawFile.files(below: outputs)),
            contents: (contents, RawFile.files(below: contents)))
        let cachePath = torch.common.cachePath
        let evaluation = try torch.onTorch { trainer, _ in
            let reader = try DatasetReader(
                dataset, cachePath: cachePath, remote: trainer.remote, holdingFor: "evaluate \(dataset)")
            return try TransferEvaluation(
                reader, cachePath: cachePath, style: style, log: { Terminal.standardError.writeLine($0) }
            ).evaluate(pairs)
        }
        if torch.common.json {
            print(evaluation.json.canonical)
        } else {
            print(evaluation.text, terminator: "")
        }
    }
}

extension Judgement {
    /// The measures as people read them.
    var text: String {
        var text = heading("outputs") + "\n"
        if !judges.isEmpty {
            let trusted = trustworthyJudges
            let rows = judges.map { judge in
                [
                    judge.name, judge.balancedAccuracy.map { format($0, 2) } ?? "",
                    judge.interval.map { "\(format($0.lower, 2)) to \(format($0.upper, 2))" } ?? "",
                    judge.shuffledAccuracy.map { format($0, 2) } ?? "",
                    judge.isNuisance ? "nuisance" : trusted.contains(judge.name) ? "yes" : "no",
                ]
            }
            text += table(
                ["judge", "balanced accuracy", "accuracy, 95 %", "shuffled", "supports claims"], rows)
            text += "\n" + judges.map { "\($0.name) sees \($0.sees)\n" }.joined() + "\n"
            for judge in judges where judge.styles.count > 2 {
                guard let pair = judge.weakestPair else { continue }
                text +=
                    "\(judge.name) tells \(pair.first) and \(pair.second) apart least well: \(format(pair.accuracy, 2))\n"
            }
            if (judges.first?.styles.count ?? 0) > 2 { text += "\n" }
        }
        let answers = [("outputs", outputs)] + baselines
        for group in MeasureGroup.allCases {
            let names = answers.flatMap { $0.1.filter { $0.group == group }.map(\.name) }
            var seen: Set<String> = []
            let rows = names.filter { seen.insert($0).inserted }.map { name in
                [name.replacing("_", with: " ")]
                    + answers.map { answer in
                        answer.1.first { $0.name == name }.map(Self.cell) ?? ""
                    }
            }
            guard !rows.isEmpty else { continue }
            text += table([group.rawValue] + answers.map(\.0), rows) + "\n"
        }
        let doubtful = judges.filter { !$0.isNuisance && !trustworthyJudges.contains($0.name) }.map(\.name)
        if !doubtful.isEmpty {
            text +=
                "note: what \(doubtful.joined(separator: " and ")) say supports no claim: the nuisance judge is as good, or within 5 points\n"
        }
        for remark in remarks { text += "note: \(remark)\n" }
        return text
    }

    /// What was judged and by what, in two lines; the first begins with what the files are.
    func heading(_ files: String) -> String {
        let counts = judgedPieces.sorted { $0.key < $1.key }.map { "\($0.key) \(grouped($0.value))" }
        return """
            \(files.padded(to: 11))\(count(self.files, "file")) of \(count(pieces, "piece")), towards \(label) \(style)
            judged by  pieces of \(dataset) outside its train split: \(counts.joined(separator: ", "))

            """
    }

    /// A number and its interval, unless that has no width to be seen.
    static func cell(_ value: Value) -> String {
        let number = format(value.value, 2)
        guard let interval = value.interval else { return number }
        let (low, high) = (format(interval.lowerBound, 2), format(interval.upperBound, 2))
        return low == high ? number : "\(number) (\(low) to \(high))"
    }
}
