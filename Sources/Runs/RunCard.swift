internal import Dataset
import Files
internal import Loading
internal import Manifest

/// A run's card: what it is, what it learned from and under which terms, what it reaches, and how it is used.
///
/// It is the card of a Hugging Face model: a head in YAML, then Markdown.
public struct RunCard: Sendable {
    /// What a card says of a recipe.
    public struct System: Sendable {
        /// What it does, in a line.
        public let summary: String
        /// The work that it stands for, in a sentence.
        public let origin: String
        /// The command that uses a run of it, such as `transfer`; nil: it measures or predicts only.
        public let command: String?
        /// Whether the Python package has its network.
        public let hasPythonNetwork: Bool

        /// Describes a recipe.
        public init(summary: String, origin: String, command: String?, hasPythonNetwork: Bool) {
            (self.summary, self.origin, self.command) = (summary, origin, command)
            self.hasPythonNetwork = hasPythonNetwork
        }
    }

    private let run: RunListing
    private let system: System
    private let record: JSONValue
    private let reader: DatasetReader
    private let about: Manifest.About
    private let evaluations: [RunEvaluation]
    private let hasOldEvaluations: Bool

    /// Reads all that the card says.
    ///
    /// - Parameters:
    ///   - name: The run.
    ///   - cachePath: The cache's folder.
    ///   - system: Describes a recipe by its name.
    /// - Throws: `BuildError` for a run or a snapshot that is not there; what `system` throws.
    public init(of name: String, cachePath: String, system: (_ recipe: String) throws -> System) throws {
        run = try RunListing.named(name, cachePath: cachePath)
        self.system = try system(run.recipe)
        let bytes = RunFiles.contents("\(cachePath)/runs/\(name)/run.json", limit: 64 << 20)
        record = (try bytes.map { try JSONValue(parsing: $0) }) ?? .null
        reader = try DatasetReader(run.snapshot, cachePath: cachePath)
        about = try reader.manifest().about
        let all = RunEvaluation.all(ofRun: name, cachePath: cachePath).filter { $0.split != "train" }
        evaluations = all.filter(\.isCurrent)
        hasOldEvaluations = evaluations.count < all.count
    }

    private var isValidated: Bool { reader.snapshot.segmentCount(.validation) > 0 }
    private var title: String { about.title ?? run.dataset }

    /// The card's text.
    public var text: String {
        let lines =
            ["---"] + head + ["---", "", "# \(Markdown.text(run.name))", ""]
            + [
                "A run of \(Markdown.code(run.recipe)): \(Markdown.text(system.summary)). "
                    + "\(Markdown.text(system.origin))", "",
            ]
        return (lines + learned + trained + reached + use + limits).joined(separator: "\n") + "\n"
    }

    // MARK: Parts

    private var head: [String] {
        var lines =
            about.licenceHead + ["library_name: reprise", "tags:", "- music", "- \(YAML.quoted(run.recipe))"]
        let measured = evaluations.filter { $0.objective == nil }
        guard !measured.isEmpty else { return lines }
        lines += ["model-index:", "- name: \(YAML.quoted(run.name))", "  results:"]
        for evaluation in measured {
            lines += [
                "  - task:", "      type: \(YAML.quoted(run.recipe))", "    dataset:",
                "      type: \(YAML.quoted(run.dataset))", "      name: \(YAML.quoted(title))",
                "      split: \(evaluation.split)", "      revision: \(YAML.quoted(run.snapshot))",
                "    metrics:",
            ]
            for (name, value) in Self.sorted(evaluation.metrics) {
                guard let value else { continue }
                lines += [
                    "    - type: \(YAML.quoted(name))", "      value: \(JSONValue.number(value).canonical)",
                ]
            }
        }
        return lines
    }

    private var learned: [String] {
        let snapshot = reader.snapshot
        var lines = [
            "## What it learned from", "",
            (about.title.map { "\(Markdown.text($0)), the" } ?? "The")
                + " dataset \(Markdown.code(run.dataset)), snapshot `\(run.snapshot)`.", "",
        ]
        if let url = about.url { lines += [Markdown.link(url), ""] }
        lines += Markdown.table(
            ["split", "pieces", "segments"],
            Split.allCases.map { split in
                let pieces = Set(
                    snapshot.sources.filter { $0.split == split && $0.segments > 0 }.map(\.piece))
                return [
                    split.rawValue, pieces.isEmpty ? "" : grouped(pieces.count),
                    grouped(snapshot.segmentCount(split)),
                ]
            })
        lines += [
            "",
            isValidated
                ? "It learned from the train split, and the weights were chosen on the validation split."
                : "It learned from the train split; there is no validation split.", "",
        ]
        for (name, values) in Self.sorted(snapshot.vocabularies) {
            let shown = values.prefix(20).map(Markdown.code).joined(separator: ", ")
            lines += ["Label \(Markdown.code(name)): \(shown)\(values.count > 20 ? ", …" : "").", ""]
        }
        lines += about.terms
        if about.licence != nil {
            lines += [
                "This licence is the dataset's. Nothing else is known of the terms of these weights; "
                    + "who publishes them states theirs.", "",
            ]
        }
        return lines
    }

    private var trained: [String] {
        var lines = ["## How it was trained", ""]
        var facts = ["\(grouped(run.epochs)) epochs, \(grouped(run.steps)) steps"]
        if let seconds = record["result"]?["seconds"]?.double { facts.append("\(format(seconds, 0)) s") }
        if let preset = record["preset"]?.string { facts.append("preset \(Markdown.code(preset))") }
        if let device = record["device"]?.string { facts.append("on \(Markdown.code(device))") }
        let versions = Self.sorted(record["versions"]?.object ?? [:]).compactMap { name, version in
            version.string.map { "\(name) \($0)" }
        }
        facts += versions.map(Markdown.text)
        lines += [facts.joined(separator: ", ") + ".", ""]
        if let best = run.best {
            lines += [
                "The weights are those of epoch \(best.epoch), with \(Markdown.code(best.metric)) "
                    + "\(format(best.value, 4)) on the \(isValidated ? "validation" : "train") split.", "",
            ]
        }
        for (parameter, hash) in Self.sorted(record["foundations"]?.object ?? [:]) {
            let name = record["parameters"]?[parameter]?.string ?? ""
            lines += [
                "It builds on \(Markdown.code(name)) (\(Markdown.code(parameter))), whose weights have the SHA-256 "
                    + "`\(hash.string ?? "")`.", "",
            ]
        }
        let settings = Self.sorted(record["parameters"]?.object ?? [:])
        lines += Markdown.table(
            ["setting", "value"],
            settings.map { [Markdown.code($0), Markdown.code($1.string ?? $1.canonical)] })
        return lines + [""]
    }

    private var reached: [String] {
        var lines = ["## What it reaches", ""]
        if hasOldEvaluations { lines += ["Evaluations of earlier weights are left out.", ""] }
        if evaluations.isEmpty {
            lines += [
                "It is not measured yet: `reprise evaluate \(run.name)` does that, beside baselines.", "",
            ]
        }
        for evaluation in evaluations {
            let examples = evaluation.json["examples"]?.integer ?? 0
            let pieces = evaluation.json["pieces"]?.integer.map { " of \(grouped($0)) pieces" } ?? ""
            let best =
                evaluation.objective.map { ", with the weights that are best in \(Markdown.code($0))" } ?? ""
            lines += [
                "On the \(evaluation.split) split, \(grouped(examples)) examples\(pieces)\(best), beside what needs no "
                    + "training:", "",
            ]
            let baselines = Self.sorted(evaluation.baselines)
            func cell(_ value: Double??) -> String { value.flatMap { $0 }.map { format($0, 4) } ?? "" }
            lines += Markdown.table(
                ["measure", Markdown.text(run.name)] + baselines.map { Markdown.text($0.0) },
                Self.sorted(evaluation.metrics).map { name, value in
                    [Markdown.code(name), cell(value)] + baselines.map { cell($0.1[name]) }
                })
            lines.append("")
            lines += Self.confusion(evaluation.json["confusion"])
        }
        return lines
    }

    private static func confusion(_ json: JSONValue?) -> [String] {
        guard let classes = json?["classes"]?.array?.compactMap(\.string),
            let counts = json?["counts"]?.array?.map({ $0.array?.compactMap(\.integer) ?? [] }),
            counts.count == classes.count
        else { return [] }
        return ["Segments by class (rows) and predicted class:", ""]
            + Markdown.table(
                [""] + classes.map(Markdown.text),
                zip(classes, counts).map { [Markdown.text($0)] + $1.map { grouped($0) } }) + [""]
    }

    private var use: [String] {
        let name = run.name
        var commands = ["reprise evaluate \(name) --split test"]
        switch system.command {
        case "transfer":
            commands += [
                "reprise transfer \(name) --content FILE --style LABEL --out FILE",
                "reprise compare \(name) --style LABEL",
            ]
        case let command?: commands.append("reprise \(command) \(name) FILE")
        case nil: break
        }
        return [
            "## How to use it", "", "With the run's folder in `cache/runs` and its dataset in the cache:", "",
        ]
            + Markdown.block(commands.joined(separator: "\n"))
            + ["", "In Python, with the package `reprise`:", ""]
            + Markdown.block(python, language: "python")
            + ["", "`best.safetensors` has the weights by PyTorch's names.", ""]
    }

    private var python: String {
        let load = "run = reprise.load_run(\"\(run.name)\")"
        guard system.hasPythonNetwork else { return "import reprise\n\n\(load)\nrun.state_dict()" }
        return [
            "import reprise", "from torch.utils.data import DataLoader", "", load,
            "network = run.network().eval()",
            "for batch in DataLoader(run.dataset(\"test\").torch(**run.views), batch_size=32):",
            "    outputs = network(*run.inputs(batch))",
        ].joined(separator: "\n")
    }

    private var limits: [String] {
        let name = run.name
        var lines = [
            "## Limits", "",
            "* The numbers are those of this dataset's splits. Other music, other grids and other recordings can differ.",
            "* It knows only the labels above, as this dataset uses them.",
        ]
        if system.command == "transfer" {
            lines.append(
                "* The measures above are those of training. Whether outputs have the target's style and keep the content, "
                    + "`reprise compare \(name) --style LABEL` measures.")
        }
        if run.foundations.contains(where: { $0.hasSuffix(".safetensors") }) {
            lines.append(
                "* It builds on a file of weights. Whether those learned from this test split is not known.")
        }
        return lines
    }

    private static func sorted<Value>(_ members: [String: Value]) -> [(String, Value)] {
        members.sorted { utf8Order($0.key, $1.key) }.map { ($0.key, $0.value) }
    }
}
