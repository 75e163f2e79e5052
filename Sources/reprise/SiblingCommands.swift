import ArgumentParser
import Console
import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A subcommand that is an executable of its own beside this one, since what it links (libtorch) would be loaded at
/// every start.
protocol SiblingCommand: ParsableCommand {
    /// The executable's file name.
    static var executable: String { get }
    /// How it comes to be there.
    static var origin: String { get }
    /// What it finds in its environment where the user set nothing else.
    static var environment: [(name: String, value: String)] { get }
    var arguments: [String] { get }
}

extension SiblingCommand {
    static var environment: [(name: String, value: String)] { [] }

    /// Becomes that executable with the same words.
    func run() throws {
        let sibling = try programFolder() + "/" + Self.executable
        let words = [sibling, Self.configuration.commandName ?? ""] + arguments
        for (name, value) in Self.environment { setenv(name, value, 0) }
        var pointers = words.map { strdup($0) } + [nil]
        execv(sibling, &pointers)
        let reason = errno == ENOENT ? "it is not there; \(Self.origin)" : String(cString: strerror(errno))
        throw BuildError(
            .inputOutput, "'\(words[1])' needs \(sibling), which cannot be run: \(reason)", canRetry: false)
    }
}

/// The folder of this executable, where its siblings are: an absolute path without links.
func programFolder() throws -> String {
    #if os(Linux)
        let path = "/proc/self/exe"
    #else
        let path = CommandLine.arguments[0]
    #endif
    guard let own = try? realPath(of: path), let slash = own.lastIndex(of: "/") else {
        throw BuildError(.inputOutput, "cannot tell where this executable lies", canRetry: false)
    }
    return String(own[..<slash])
}

struct ServeCommand: SiblingCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Explore a dataset in the browser: see and hear segments, follow training runs.")
    static let executable = "reprise-serve"
    static let origin = "tools/install builds it, and so does 'swift build --product reprise-serve'"

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise serve --help'.")
    var arguments: [String] = []
}

/// A subcommand that needs libtorch.
protocol TrainerCommand: SiblingCommand {}

extension TrainerCommand {
    static var executable: String { "reprise-train" }
    /// libtorch's threads would spin while they wait for each other: where others work too, several times slower.
    static var environment: [(name: String, value: String)] { [("OMP_WAIT_POLICY", "PASSIVE")] }
    static var origin: String {
        "a release's './install --with-training' adds it, and in a checkout tools/install builds it"
    }
}

struct TrainCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a recipe on a dataset, or resume a run.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise train --help'.")
    var arguments: [String] = []
}

struct EvaluateCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure a run on the test split, beside baselines.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise evaluate --help'.")
    var arguments: [String] = []
}

struct TransferCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer", abstract: "Convert a raw file to another style.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise transfer --help'.")
    var arguments: [String] = []
}

struct CompareCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Convert held-out pieces by several systems, and show what each reaches in one table.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise compare --help'.")
    var arguments: [String] = []
}

struct SweepCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract: "Try settings on the validation split, and name the best.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise sweep --help'.")
    var arguments: [String] = []
}

struct ListenCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "listen",
        abstract: "Write the page of a blind listening test, or count the answers of its listeners.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise listen --help'.")
    var arguments: [String] = []
}

struct ClassifyCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify", abstract: "Classify audio files with a run of mel-cnn.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise classify --help'.")
    var arguments: [String] = []
}

struct RecipesCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipes", abstract: "List the recipes, trained and optimised.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise recipes --help'.")
    var arguments: [String] = []
}

struct CardCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "card",
        abstract: "Write a run's model card: what it learned from, what it reaches, how to use it.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise card --help'.")
    var arguments: [String] = []
}
