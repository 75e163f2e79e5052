import ArgumentParser
import Files
import Storage
import Testing

@testable import Console

/// What is said about a command line that is not understood.
struct CommandLineErrorTests {
    private struct Root: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tool", subcommands: [Stats.self, Index.self, Datasets.self])
    }

    private struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "stats")
        @Argument var dataset: String
        @Option var jobs = 1
    }

    private struct Datasets: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "datasets")
    }

    private struct Index: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "index", subcommands: [Rebuild.self])
    }

    private struct Rebuild: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "rebuild")
    }

    @Test(arguments: [
        ("stast", "'stast' is not a subcommand of tool; did you mean 'stats'?"),
        ("STATS", "'STATS' is not a subcommand of tool; did you mean 'stats'?"),
        ("stat x", "'stat' is not a subcommand of tool; did you mean 'stats'?"),
        ("data", "'data' is not a subcommand of tool; did you mean 'datasets'?"),
        ("help indx", "'indx' is not a subcommand of tool; did you mean 'index'?"),
        ("index rebiuld", "'rebiuld' is not a subcommand of tool index; did you mean 'rebuild'?"),
        ("paint", "'paint' is not a subcommand of tool; 'tool --help' lists them"),
        ("x", "'x' is not a subcommand of tool; 'tool --help' lists them"),
    ])
    func aMistypedSubcommandGetsASuggestion(line: String, message: String) {
        #expect(subcommandError(Root.self, line.split(separator: " ").map { String($0) }) == message)
    }

    @Test(arguments: [
        "", "stats", "stats stast", "--help", "--version", "help", "help stats", "index", "index rebuild",
    ])
    func whatIsRightIsLeftAlone(line: String) {
        #expect(subcommandError(Root.self, line.split(separator: " ").map { String($0) }) == nil)
    }

    /// Whatever ArgumentParser finds wrong begins as our own errors do.
    @Test(arguments: [
        ["stats"], ["stats", "a", "b"], ["stats", "a", "--jobs"], ["stats", "a", "--jobs", "x"],
        ["stats", "a", "--jbos", "1"],
    ])
    func errorsOfTheParserAreWrittenLikeOurs(arguments: [String]) throws {
        let error = try #require(throws: (any Error).self) { try Root.parseAsRoot(arguments) }
        let text = errorText(Root.fullMessage(for: error))
        #expect(text.hasPrefix("error: "))
        #expect(text.dropFirst(7).first?.isLowercase == true, "\(text)")
        #expect(!text.contains("Error:"))
    }

    @Test(arguments: [
        ("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("", "abc", 3), ("abc", "acb", 1),
        ("kitten", "sitting", 3),
        ("ca", "abc", 3), ("build", "biuld", 1),
    ])
    func distances(first: String, second: String, distance: Int) {
        #expect(editDistance(first, second) == distance)
    }
}
