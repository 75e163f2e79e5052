import ArgumentParser
import Console
import Files
import Judging
import Loading
import Training

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract: "Try settings of a transfer on the validation split, and name the best.",
        discussion: """
            Each --set has the values of one setting; every combination converts the same held-out pieces and is judged as \
            in 'reprise compare'. Chosen is the combination that changes the style most, of those that keep the content: \
            whose chroma similarity is above that of another piece of the style by more than the intervals.
            The test split is never used, so that it can still say what the chosen settings reach. Results are cached: a \
            sweep that was interrupted continues. Its log stays in <cache>/sweeps.
            """)

    @Argument(help: ArgumentHelp("A run, or an optimised recipe.", valueName: "run|recipe"))
    var system: String

    @Option(help: ArgumentHelp("The style to convert to: a label of the dataset.", valueName: "label"))
    var style: String

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("The values of a setting to try; may be repeated.", valueName: "key=value,value"))
    var settings: [String] = []

    @Option(help: ArgumentHelp("The dataset (default: the run's).", valueName: "dataset"))
    var dataset: String?

    @Option(help: ArgumentHelp("Convert no more than this many files.", valueName: "n"))
    var limit: Int?

    @Flag(help: "Convert the dataset's recordings, where it has both recordings and scores.")
    var recordings = false

    @OptionGroup var torch: TorchOptions

    /// The largest number of combinations.
    static let most = 100

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit); write a number of at least 1") }
        _ = try combinations()
    }

    /// Every combination of the values, each as `key=value,key=value`.
    private func combinations() throws -> [String] {
        guard !settings.isEmpty else {
            throw ValidationError("name the values to try, such as --set amount=0.25,0.5,1")
        }
        var combinations = [""]
        var keys: Set<String> = []
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1)
            let values = parts.count == 2 ? parts[1].split(separator: ",") : []
            guard let key = parts.first, !values.isEmpty else {
                throw ValidationError("'\(setting)' has no values; write --set key=value,value")
            }
            guard keys.insert(String(key)).inserted else {
                throw ValidationError("'\(key)' is set twice; write all its values in one --set")
            }
            combinations = combinations.flatMap { before in
                values.map { (before.isEmpty ? "" : before + ",") + "\(key)=\($0)" }
            }
            guard combinations.count <= Self.most else {
                throw ValidationError("these are more than \(Self.most) combinations; try fewer values")
            }
        }
        return combinations
    }

    func run() throws {
        let combinations = try combinations()
        let systems = try combinations.map { try Contender("\(system):\($0)") }
        let cachePath = torch.common.cachePath
        let request = ComparisonRequest(
            style: style, dataset: dataset, split: .validation, limit: limit, recordings: recordings,
            cachePath: cachePath)
        let comparison = try torch.onTorch { try request.compare(systems, $0, $1).comparison }
        guard let choice = comparison.choice else {
            throw JudgingError(
                .usage, "there is no judge of this style to choose by; 'reprise compare' shows the measures")
        }
        let chosen = combinations[choice.place]
        let log = try write(
            log(of: comparison, combinations, choice), below: "\(cachePath)/sweeps")
        if torch.common.json {
            let object: JSONValue = [
                "chosen": .string(chosen), "judge": .string(choice.judge),
                "keeps_content": .bool(choice.keeping[choice.place]), "log": .string(log),
                "comparison": comparison.json,
            ]
            print(object.canonical)
            return
        }
        let keeping = choice.keeping.count { $0 }
        let reason =
            keeping == 0
            ? "none keeps the content; this one keeps most of it"
            : "the greatest P \(choice.judge) of those that keep the content, \(grouped(keeping)) of \(grouped(combinations.count))"
        print(
            """
            \(comparison.text)
            chosen     \(chosen): \(reason)
            log        \(log)
            to use it  reprise transfer \(system) \(chosen.split(separator: ",").map { "--set \($0)" }.joined(separator: " ")) --style \(style) --content FILE --out FILE
            """)
    }

    /// The lines of the log: docs/formats.md, Sweeps.
    private func log(
        of comparison: Comparison, _ combinations: [String], _ choice: SettingChoice
    ) -> [JSONValue] {
        let common = comparison.common
        let head: JSONValue = [
            "format": 1, "system": .string(system), "dataset": .string(common.dataset),
            "snapshot": JSONValue(common.snapshot), "label": .string(common.label),
            "style": .string(common.style), "split": .string(Split.validation.rawValue),
            "files": JSONValue(common.files), "pieces": JSONValue(common.pieces),
            "judge": .string(choice.judge), "supports_claims": .bool(comparison.judge != nil),
            "time": JSONValue(time(nil)),
        ]
        let points = zip(combinations, comparison.systems).enumerated().map { place, point -> JSONValue in
            [
                "settings": .string(point.0),
                "verdict": .string(comparison.verdict(of: point.1.judgement).rawValue),
                "keeps_content": .bool(choice.keeping[place]), "evaluation": point.1.judgement.json,
            ]
        }
        return [head] + points + [["chosen": .string(combinations[choice.place])]]
    }

    /// Writes JSON lines under the first free name of the system's, and returns the path.
    private func write(_ lines: [JSONValue], below folder: String) throws -> String {
        try OutputFile.makeFolder(folder)
        let number = (1...).first { !RawFile.exists("\(folder)/\(system)-\($0).jsonl") } ?? 1
        let path = "\(folder)/\(system)-\(number).jsonl"
        try OutputFile.write(lines.flatMap { $0.canonicalBytes + [0x0A] }, to: path)
        return path
    }
}
