import ArgumentParser
import Build
import Insight

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A subcommand that is the executable `reprise-train`, since only that one loads libtorch.
protocol TrainerCommand: ParsableCommand {
    var arguments: [String] { get }
}

extension TrainerCommand {
    /// Becomes `reprise-train` with the same words; it lies beside this executable.
    func run() throws {
        guard let own = Self.ownPath, let slash = own.lastIndex(of: "/") else {
            throw BuildError(.inputOutput, "cannot tell where this executable lies", canRetry: false)
        }
        let trainer = own[..<slash] + "/reprise-train"
        let words = [String(trainer), Self.configuration.commandName ?? ""] + arguments
        // libtorch's threads would spin while they wait for each other: where others work too, several times slower.
        setenv("OMP_WAIT_POLICY", "PASSIVE", 0)
        var pointers = words.map { strdup($0) } + [nil]
        execv(String(trainer), &pointers)
        let reason =
            errno == ENOENT
            ? "it is not there; tools/quickstart builds it, and so does 'swift build --product reprise-train' where LIBTORCH names a folder of libtorch"
            : String(cString: strerror(errno))
        throw BuildError(
            .inputOutput, "'\(words[1])' needs \(trainer), which cannot be run: \(reason)", canRetry: false)
    }

    private static var ownPath: String? {
        #if os(Linux)
            let path = realpath("/proc/self/exe", nil)
        #else
            let path = realpath(CommandLine.arguments[0], nil)
        #endif
        defer { free(path) }
        return path.map { String(cString: $0) }
    }
}

struct TrainCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a recipe on a dataset, or go on with a run.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise train --help'.")
    var arguments: [String] = []
}

struct EvaluateCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure a run on the test split, beside trivial answers.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise evaluate --help'.")
    var arguments: [String] = []
}

struct TransferCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer", abstract: "Bring a raw file into another style.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise transfer --help'.")
    var arguments: [String] = []
}

struct RecipesCommand: TrainerCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipes", abstract: "List the systems that can be trained.")

    @Argument(parsing: .captureForPassthrough, help: "See 'reprise recipes --help'.")
    var arguments: [String] = []
}

struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "List the trainings of a cache.")

    @OptionGroup var common: CommonOptions

    func run() throws {
        let runs = try RunListing.all(cachePath: common.cachePath)
        if common.json {
            print((["runs": .array(runs.map(\.json))] as JSONValue).canonical)
            return
        }
        if runs.isEmpty {
            print("no runs yet; 'reprise train RECIPE --dataset DATASET' makes one")
            return
        }
        print(
            table(
                ["run", "dataset", "snapshot", "epochs", "steps", "best"],
                runs.map { run in
                    [
                        run.name, run.dataset, String(run.snapshot.prefix(12)), grouped(run.epochs),
                        grouped(run.steps),
                        run.best.map { "\($0.metric) \(format($0.value, 4))" } ?? "",
                    ]
                }), terminator: "")
    }
}
