import ArgumentParser
import Build
import Console
import Insight
import Loading
import Systems
import Torch
import Training

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure a run on the test split, beside baselines.")

    @Argument(help: ArgumentHelp("The run; 'reprise runs' lists them.", valueName: "run"))
    var name: String

    @Option(
        help: ArgumentHelp("The split to measure on.", valueName: "split"),
        transform: { text in
            guard let split = Split(rawValue: text) else {
                throw ValidationError("'\(text)' is not a split; write train, validation or test")
            }
            return split
        })
    var split = Split.test

    @Option(
        help: ArgumentHelp(
            "The measure whose best weights are used (default: the recipe's first objective).",
            valueName: "measure"))
    var objective: String?

    @Option(
        help: ArgumentHelp("Write the recipe's figures to this folder as PNG files.", valueName: "dir"),
        completion: .directory)
    var pictures: String?

    @OptionGroup var torch: TorchOptions

    func run() throws {
        let (name, split, wantsPictures, objective) = (name, split, pictures != nil, objective)
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
}

struct TransferCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer", abstract: "Convert a raw file to another style.")

    @Argument(
        help: ArgumentHelp(
            "A run ('reprise runs' lists them), or an optimised recipe ('reprise recipes').",
            valueName: "run"))
    var name: String

    @Option(help: ArgumentHelp("The file to convert.", valueName: "file"), completion: .file())
    var content: String

    @Option(help: ArgumentHelp("The style to convert to: a label, or a file.", valueName: "label|file"))
    var style: String?

    @Option(help: ArgumentHelp("The source style.", valueName: "label"))
    var contentStyle: String?

    @Option(help: ArgumentHelp("The dataset, if an optimised recipe needs one.", valueName: "dataset"))
    var dataset: String?

    @Option(help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file())
    var out: String

    @Option(help: ArgumentHelp("Set a parameter of the transfer; may be repeated.", valueName: "key=value"))
    var set: [String] = []

    @Option(
        help: ArgumentHelp("Write pictures of content and result to this folder.", valueName: "dir"),
        completion: .directory)
    var pictures: String?

    @OptionGroup var torch: TorchOptions

    func run() throws {
        guard !RawFile.isSame(content, out) else {
            throw TrainingError(.usage, "--out is the content itself, which would be lost; name another file")
        }
        let (name, out, set, start) = (name, out, set, ContinuousClock.now)
        let (path, style, contentStyle, dataset) = (content, style, contentStyle, dataset)
        let bytes = try RawFile.read(content)
        // A run that knows styles by labels takes a file's name for a label; a recipe that is optimised takes the file.
        let styleFile = try style.flatMap { name in
            RawFile.exists(name) ? RawInput(path: name, bytes: try RawFile.read(name)) : nil
        }
        let result = try torch.onTorch { trainer, device in
            try trainer.transfer(by: name, dataset: dataset, assignments: set, device: device) { settings in
                TransferRequest(
                    content: bytes, path: path, style: style, styleFile: styleFile,
                    contentStyle: contentStyle, settings: settings)
            } finish: { result, request, isRun in
                try OutputFile.write(result.bytes, to: out)
                guard isRun else { return }
                try trainer.keep((result.bytes, result.measures), named: out, of: request, by: name)
            }
        }
        if let pictures { try result.figures.write(to: pictures) }
        let elapsed = (ContinuousClock.now - start).components
        let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
        if torch.common.json {
            var object: [String: JSONValue] = [
                "out": .string(out), "run": .string(name), "seconds": .number(seconds),
                "measures": .object(
                    Dictionary(
                        result.measures.filter(\.value.isFinite).map { ($0.name, .number($0.value)) },
                        uniquingKeysWith: { $1 })),
            ]
            if !result.foundations.isEmpty { object["foundations"] = .object(result.foundations) }
            print(JSONValue.object(object).canonical)
            return
        }
        let lines =
            [("out", out)]
            + result.measures.map { ($0.name.replacing("_", with: " "), Self.shown($0.value)) }
            + [("time", "\(format(seconds, 2)) s")]
        let width = max(11, (lines.map(\.0.count).max() ?? 0) + 2)
        for (name, value) in lines {
            print(name + String(repeating: " ", count: width - name.count) + value)
        }
    }

    /// A count without decimals, another number with two.
    private static func shown(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? grouped(Int(value)) : format(value, 2)
    }
}

struct RecipesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipes", abstract: "List the recipes, trained and optimised.")

    @OptionGroup var common: CommonOptions

    func run() throws {
        if common.json {
            print(JSONValue.array(Recipe.all.map(\.json)).canonical)
            return
        }
        for recipe in Recipe.all {
            let origin = recipe.paper == "none" ? "no paper" : "paper \(recipe.paper)"
            print("\(recipe.name)  (\(origin))  \(recipe.summary)")
            if case .optimised = recipe.kind { print("    optimised: 'reprise transfer' takes its name") }
            if !recipe.needs.isEmpty {
                print("    needs \(recipe.needs.map(\.summary).joined(separator: ", "))")
            }
            if !recipe.presets.isEmpty {
                print("    presets \(recipe.presets.keys.sorted().joined(separator: ", "))")
            }
            for parameter in recipe.parameters {
                let choices =
                    parameter.choices.isEmpty ? "" : " (\(parameter.choices.joined(separator: " | ")))"
                print("    \(parameter.name)=\(parameter.standard.canonical)  \(parameter.summary)\(choices)")
            }
            for parameter in recipe.transferParameters {
                print("    transfer: \(parameter.name)=\(parameter.standard.canonical)  \(parameter.summary)")
            }
        }
    }
}
