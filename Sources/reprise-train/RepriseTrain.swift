import ArgumentParser
import Build
import Dataset
import Systems
import Torch
import Training

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The subcommands of `reprise` that need libtorch.
@main
struct RepriseTrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reprise",
        abstract: "Trains systems on built datasets, and brings files into another style.",
        version: "0.1.0",
        subcommands: [
            TrainCommand.self, EvaluateCommand.self, TransferCommand.self, RecipesCommand.self,
        ])

    static func main() {
        signal(SIGPIPE, SIG_DFL)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as TrainingError {
            fail(error.message, error.exitStatus)
        } catch let error as BuildError {
            fail(error.message, error.exitStatus)
        } catch let error as LoaderError {
            fail(error.message, error.code == .truncated || error.code == .damaged ? .damaged : .usage)
        } catch let error as ManifestError {
            fail(error.faults.map(\.description).joined(separator: "; "), .usage)
        } catch let error as TorchError {
            fail(error.description, .failed)
        } catch {
            exit(withError: error)
        }
    }

    /// Ends with a line that says what, where and what to do.
    private static func fail(_ message: String, _ status: ExitStatus) -> Never {
        StandardError.write("error: \(message)\n")
        end(status)
    }
}

private func end(_ status: ExitStatus) -> Never {
    fflush(nil)
    exit(status.rawValue)
}

/// Options that every command takes.
struct CommonOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The cache's folder (default: $REPRISE_CACHE, else ./cache).", valueName: "dir"))
    var cache: String?

    @Flag(help: "Print one JSON object on standard output.")
    var json = false

    @Option(help: ArgumentHelp("Where to compute: cpu or cuda:N.", valueName: "device"))
    var device = "cpu"

    @Option(help: ArgumentHelp("Threads of one operation (default: libtorch's choice).", valueName: "n"))
    var threads: Int?

    var trainer: Trainer {
        Trainer(
            recipes: Recipe.all,
            cachePath: cache ?? getenv("REPRISE_CACHE").map { String(cString: $0) } ?? "cache",
            log: { StandardError.write($0 + "\n") })
    }

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads is \(threads); write a number from 1 to 1024")
        }
    }

    /// Runs a body on the Torch thread, which all of libtorch is used on.
    func onTorch<Result: Sendable>(
        _ body: @escaping @Sendable (Trainer, Device) throws -> Result
    ) throws -> Result {
        let (trainer, name, threads) = (trainer, device, threads)
        return try TorchThread.runAndWait {
            if let threads { try TorchRuntime.setThreadCount(threads) }
            return try body(trainer, try Device(name))
        }
    }
}
