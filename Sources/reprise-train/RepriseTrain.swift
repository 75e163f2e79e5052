import ArgumentParser
import Console
import Dataset
import Files
import Judging
import Listing
import Loading
import SoundFiles
import Synchronization
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
        abstract: "Trains systems on built datasets, and converts files to another style.",
        version: "0.1.0",
        subcommands: [
            TrainCommand.self, EvaluateCommand.self, TransferCommand.self, CompareCommand.self,
            SweepCommand.self, ListenCommand.self, ClassifyCommand.self, RecipesCommand.self,
            CardCommand.self,
        ])

    static func main() {
        signal(SIGPIPE, SIG_DFL)
        checkSubcommand(of: Self.self)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as TrainingError {
            end(error.exitStatus, saying: [error.message])
        } catch let error as JudgingError {
            end(error.code == .usage ? .usage : .failed, saying: [error.message])
        } catch let error as BuildError {
            end(error.exitStatus, saying: [error.message])
        } catch let error as LoaderError {
            let isDamaged = error.code == .truncated || error.code == .damaged
            end(isDamaged ? .damaged : .usage, saying: [error.message])
        } catch let error as ManifestError {
            end(.usage, saying: error.faults.map(\.description))
        } catch let error as AudioOutputError {
            end(.failed, saying: [(error.path.map { "\($0): " } ?? "") + error.message])
        } catch let error as TorchError {
            end(.failed, saying: [error.description])
        } catch {
            end(error, of: Self.self)
        }
    }
}

/// Options that every command takes which computes.
struct TorchOptions: ParsableArguments {
    @OptionGroup var common: CommonOptions

    @Option(
        help: ArgumentHelp(
            "Where to compute: cpu or cuda:N (default: cpu; with --resume, the run's).", valueName: "device"))
    var device: String?

    @Option(help: ArgumentHelp("Threads per operation (default: libtorch's choice).", valueName: "n"))
    var threads: Int?

    @OptionGroup var remote: RemoteReadingOptions

    func trainer() throws -> Trainer {
        // What is said of each file of a folder, such as where the style comes from, is said once.
        let said = Mutex(Set<String>())
        let log: @Sendable (String) -> Void = { line in
            if said.withLock({ $0.insert(line).inserted }) { Terminal.standardError.writeLine(line) }
        }
        return Trainer(
            recipes: Recipe.all, cachePath: common.cachePath, remote: try remote.open(log: log),
            numerics: Numerics.tag, log: log)
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
        let (trainer, name, threads) = (try trainer(), device, threads)
        return try TorchThread.runAndWait {
            if let threads { try TorchRuntime.setThreadCount(threads) }
            return try body(trainer, try Device(name ?? "cpu"))
        }
    }
}
