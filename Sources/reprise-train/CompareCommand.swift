import ArgumentParser
import Console
import Files
import Insight
import Judging
import Loading

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Convert held-out pieces by several systems, and show what each reaches in one table.",
        discussion: """
            A system is a run, an optimised recipe, or a folder of outputs that another program made. A run or a recipe can \
            carry settings of its transfer: music-vae-1:amount=1,seed=2. A folder holds outputs with the paths of the \
            dataset's sources, but for the ending.
            All systems convert the same pieces: those of the split that have another style. Judges, baselines and \
            intervals are those of 'reprise evaluate --outputs'. Results are cached, so a second comparison costs little.
            """)

    @Argument(help: ArgumentHelp("Runs, recipes and folders.", valueName: "system"), completion: .directory)
    var systems: [String]

    @OptionGroup var pieces: ComparisonOptions

    @Option(
        help: ArgumentHelp(
            "The split whose pieces are converted (default: test). Choose settings on validation.",
            valueName: "split"),
        transform: { text in
            guard let split = Split(rawValue: text), split != .train else {
                throw ValidationError("'\(text)' is no split of held-out pieces; write validation or test")
            }
            return split
        })
    var split: Split = .test

    @Option(
        help: ArgumentHelp(
            "Write a page to this new folder: the tables, and every piece to see and hear.",
            valueName: "folder"),
        completion: .directory)
    var html: String?

    @Option(
        help: ArgumentHelp(
            "Add the results of a listening test: what 'reprise listen --answers … --json' printed.",
            valueName: "file"),
        completion: .file())
    var listening: String?

    @OptionGroup var torch: TorchOptions

    func validate() throws {
        guard !systems.isEmpty else { throw ValidationError("name the systems to compare") }
    }

    func run() throws {
        if let html { try ComparisonPage.check(folder: html) }
        let preferences = try listening.map {
            try ListeningResults.preferences(json: try RawFile.read($0), path: $0)
        }
        let systems = try systems.map(Contender.init)
        let request = pieces.request(on: split, torch.common)
        let (comparison, converted) = try torch.onTorch { trainer, device in
            var field = try request.field(trainer, of: systems.compactMap { $0.isFolder ? nil : $0.name })
            return try field.compare(systems, trainer, device, preferences: preferences ?? [])
        }
        if let html {
            try comparison.page(leftOut: converted.leftOut)
                .write(to: html, pieces: comparison.pieces(converted))
            Terminal.standardError.writeLine("page \(html)/index.html")
        }
        print(torch.common.json ? comparison.json.canonical + "\n" : comparison.text, terminator: "")
    }
}
