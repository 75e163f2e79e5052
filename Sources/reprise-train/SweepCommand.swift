import ArgumentParser
import Console
import Files
import Judging
import Loading
import Systems
import Training

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract: "Try settings on the validation split, and name the best.",
        discussion: """
            Of a run or an optimised recipe, settings of the transfer are tried; of a recipe that is trained, settings of \
            its training. Each --set has the values of one setting; every combination converts the same held-out pieces and \
            is judged as in 'reprise compare'. Chosen is the combination that changes the style most, of those that keep the \
            content: whose chroma similarity is above that of another piece of the style by more than the intervals.
            The test split is never used, so that it can still say what the chosen settings reach. Results are cached: a \
            sweep that was interrupted continues. Its log stays in <cache>/sweeps.
            A training setting needs a run for each combination: a kept run of the same snapshot with these settings is used \
            as it is, one that has not ended is resumed, and others are trained. --set preset=cpu names a preset.
            """)

    @Argument(help: ArgumentHelp("A run, or a recipe.", valueName: "run|recipe"))
    var system: String

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("The values of a setting to try; may be repeated.", valueName: "key=value,value"))
    var settings: [String] = []

    @OptionGroup var pieces: ComparisonOptions

    @OptionGroup var torch: TorchOptions

    /// A combination of values, and the run that was trained with them.
    private struct Point: Sendable {
        private var assignments: [String] = []
        /// Those of settings with several values.
        private var tried: [String] = []
        var run: String?

        /// All of them.
        var settings: String { assignments.joined(separator: ",") }
        /// What distinguishes it from the others.
        var title: String { tried.isEmpty ? settings : tried.joined(separator: ",") }

        func adding(_ assignment: String, isTried: Bool) -> Point {
            var point = self
            point.assignments.append(assignment)
            if isTried { point.tried.append(assignment) }
            return point
        }

        /// A request for such a run.
        func request(_ training: TrainingRequest) -> TrainingRequest {
            var request = training
            for assignment in assignments {
                if assignment.hasPrefix("preset=") {
                    request.preset = String(assignment.dropFirst("preset=".count))
                } else {
                    request.assignments.append(assignment)
                }
            }
            return request
        }
    }

    /// The largest number of combinations.
    static let most = 100

    func validate() throws {
        _ = try combinations()
    }

    /// Every combination of the values.
    private func combinations() throws -> [Point] {
        guard !settings.isEmpty else {
            throw ValidationError("name the values to try, such as --set amount=0.25,0.5,1")
        }
        var combinations = [Point()]
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
                values.map { before.adding("\(key)=\($0)", isTried: values.count > 1) }
            }
            guard combinations.count <= Self.most else {
                throw ValidationError("these are more than \(Self.most) combinations; try fewer values")
            }
        }
        return combinations
    }

    func run() throws {
        let points = try combinations()
        let (name, request) = (system, pieces.request(on: .validation, torch.common))
        var training = TrainingRequest(threads: torch.threads, device: torch.device)
        if case .trained = Recipe.all.first(where: { $0.name == name })?.kind {
            training.recipe = name
            Cancellation.catchSignals()
        }
        let (tried, comparison) = try torch.onTorch { [training] trainer, device in
            var field = try request.field(trainer, of: [name])
            // Refused before hours of training.
            guard field.canHaveJudges else { throw Self.noJudge }
            let tried =
                training.recipe == nil
                ? points : try Self.train(points, as: training, on: field.snapshot, trainer)
            let systems = try tried.map { point in
                try point.run.map { Contender(run: $0, as: "\($0) (\(point.title))") }
                    ?? Contender("\(name):\(point.settings)")
            }
            return (tried, try field.compare(systems, trainer, device).comparison)
        }
        guard let choice = comparison.choice else { throw Self.noJudge }
        let chosen = tried[choice.place]
        let log = try write(
            log(of: comparison, tried, choice), below: "\(torch.common.cachePath)/sweeps")
        if torch.common.json {
            var object: [String: JSONValue] = [
                "chosen": .string(chosen.settings), "judge": .string(choice.judge),
                "keeps_content": .bool(choice.keeping[choice.place]), "log": .string(log),
                "comparison": comparison.json,
            ]
            object["run"] = chosen.run.map { .string($0) }
            print(JSONValue.object(object).canonical)
            return
        }
        let keeping = choice.keeping.count { $0 }
        let reason =
            keeping == 0
            ? "none keeps the content; this one keeps most of it"
            : "the greatest P \(choice.judge) of those that keep the content, \(grouped(keeping)) of \(grouped(tried.count))"
        let use = chosen.run ?? "\(name) --set " + chosen.settings.replacing(",", with: " --set ")
        print(
            """
            \(comparison.text)
            chosen     \(chosen.settings): \(reason)
            log        \(log)
            to use it  reprise transfer \(use) --style \(pieces.style) --content FILE --out FILE
            """)
    }

    private static let noJudge = JudgingError(
        .usage, "there is no judge of this style to choose by; 'reprise compare' shows the measures")

    /// The combinations, each with a run that was trained with it; those whose training diverges are left out.
    private static func train(
        _ points: [Point], as training: TrainingRequest, on snapshot: Digest, _ trainer: Trainer
    ) throws -> [Point] {
        var training = training
        training.dataset = snapshot.hex
        let requests = points.map { $0.request(training) }
        for request in requests { try trainer.checkTransfer(request) }
        var failure: TrainingError?
        let trained = try zip(points, requests).enumerated().compactMap { place, one -> Point? in
            Terminal.standardError.writeLine("\(place + 1) of \(points.count): \(one.0.title)")
            let bar = TrainingBar()
            defer { bar.clear() }
            var point = one.0
            do {
                point.run = try trainer.run(as: one.1) { bar.report($0) }
            } catch let error as TrainingError where error.code == .notFinite {
                // Such settings are an answer too: not these.
                bar.clear()
                Terminal.standardError.writeLine("left out: \(error.message)")
                failure = error
                return nil
            }
            return point
        }
        if trained.isEmpty, let failure { throw failure }
        return trained
    }

    /// The lines of the log: docs/formats.md, Sweeps.
    private func log(
        of comparison: Comparison, _ tried: [Point], _ choice: SettingChoice
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
        func line(_ point: Point, _ members: [String: JSONValue]) -> JSONValue {
            .object(members.merging(point.run.map { ["run": .string($0)] } ?? [:]) { $1 })
        }
        let points = zip(tried, comparison.systems).enumerated().map { place, one in
            line(
                one.0,
                [
                    "settings": .string(one.0.settings),
                    "verdict": .string(comparison.verdict(of: one.1.judgement).rawValue),
                    "keeps_content": .bool(choice.keeping[place]), "evaluation": one.1.judgement.json,
                ])
        }
        let chosen = tried[choice.place]
        return [head] + points + [line(chosen, ["chosen": .string(chosen.settings)])]
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
