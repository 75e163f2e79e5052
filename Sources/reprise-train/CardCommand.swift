import ArgumentParser
import Console
import Files
import Runs
import Systems
import Training

struct CardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "card",
        abstract: "Write a run's model card: what it learned from, what it reaches, how to use it.",
        discussion: """
            The card is Markdown with the head that Hugging Face reads. It has the measures that 'reprise evaluate' kept, \
            and the dataset's title, licence and citation from the manifest's 'about'.
            """)

    @Argument(help: ArgumentHelp("The run; 'reprise runs' lists them.", valueName: "run"))
    var name: String

    @Option(
        help: ArgumentHelp("The file to write (default: standard output).", valueName: "file"),
        completion: .file())
    var out: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let card = try RunCard(of: name, cachePath: common.cachePath) { name in
            guard let recipe = Recipe.all.first(where: { $0.name == name }) else {
                throw TrainingError(.badRun, "this version has no recipe '\(name)'")
            }
            return RunCard.System(
                summary: recipe.summary, origin: recipe.origin, command: recipe.command,
                hasPythonNetwork: recipe.hasPythonNetwork)
        }
        if let out { try OutputFile.write(Array(card.text.utf8), to: out) }
        if common.json {
            print(JSONValue.object(["run": .string(name), "card": .string(card.text)]).canonical)
        } else if let out {
            print("card       \(out)")
        } else {
            print(card.text, terminator: "")
        }
    }
}
