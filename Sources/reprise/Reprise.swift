import ArgumentParser
import Console
import Files
import Listing
import Setup

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The command line: parses, calls one function of a module below, prints.
@main
struct Reprise: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reprise",
        abstract: "Build music datasets once, and train on them many times.",
        discussion: """
            A manifest (YAML) declares a dataset: MIDI and audio files, labels, features, segments, splits.
            'reprise build' computes its shards in a content-addressed cache, and runs only what is not cached yet.

            Start with:  reprise init FOLDER, reprise build MANIFEST, reprise stats DATASET
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(
                name: "Starting:",
                subcommands: [InitCommand.self, ImportCommand.self, ManifestCommand.self, DoctorCommand.self]),
            CommandGroup(
                name: "Building:",
                subcommands: [BuildCommand.self, ExplainCommand.self, PlanCommand.self, WorkCommand.self]),
            CommandGroup(
                name: "Inspecting:",
                subcommands: [
                    StatsCommand.self, SourcesCommand.self, InspectCommand.self, ServeCommand.self,
                    NotesCommand.self, ExportCommand.self, DatasetsCommand.self,
                ]),
            CommandGroup(name: "Sharing:", subcommands: [PushCommand.self, PullCommand.self]),
            CommandGroup(
                name: "Training:",
                subcommands: [
                    TrainCommand.self, EvaluateCommand.self, TransferCommand.self, CompareCommand.self,
                    SweepCommand.self, ListenCommand.self, ClassifyCommand.self, RecipesCommand.self,
                    RunsCommand.self, CardCommand.self,
                ]),
            CommandGroup(
                name: "The cache:", subcommands: [VerifyCommand.self, CollectCommand.self, IndexCommand.self]),
        ])

    static func main() {
        signal(SIGPIPE, SIG_DFL)
        checkSubcommand(of: Self.self)
        if Set(CommandLine.arguments.dropFirst()) == ["--version", "--json"] {
            print(Versions.json(program: configuration.version).canonical)
            end(.done)
        }
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let ending as Ending {
            end(ending.status)
        } catch let error as BuildError {
            end(error.exitStatus, saying: [error.message])
        } catch let error as ManifestError {
            let isUsage = error.faults.contains { $0.kind == .manifest }
            end(isUsage ? .usage : .failed, saying: error.faults.map(\.description))
        } catch {
            end(error, of: Self.self)
        }
    }
}

/// Ends a command that has said what it had to say.
struct Ending: Error {
    let status: ExitStatus
}
