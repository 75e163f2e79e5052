import ArgumentParser
import Console
import Explorer
import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The subcommand `serve`, an executable of its own.
@main
struct RepriseServe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reprise", abstract: "Shows datasets in the browser.", version: "0.1.0",
        subcommands: [ServeCommand.self])

    static func main() {
        checkSubcommand(of: Self.self)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as BuildError {
            end(error.exitStatus, saying: [error.message])
        } catch {
            end(error, of: Self.self)
        }
    }
}

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract:
            "Explore a dataset in the browser: filter, see and hear segments; training runs and their curves.",
        discussion:
            """
            The server only reads the dataset and the cache's runs. It writes the tags and notes that are made in the page, \
            to the cache's folder 'notes'. Ctrl-C stops it.
            """
    )

    @Argument(help: "The dataset.")
    var dataset: String

    @Option(help: ArgumentHelp("The port to listen on; 0 lets the system choose.", valueName: "port"))
    var port: UInt16 = 8474

    @Option(
        help: ArgumentHelp(
            "The IP address or name to listen on; 0.0.0.0 gives other machines access, without a password.",
            valueName: "address"))
    var host = "127.0.0.1"

    @Flag(help: "Show tags and notes, and refuse to change them.")
    var readOnly = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        let (dataset, isJSON) = (dataset, common.json)
        try DatasetExplorer.serve(
            dataset, cachePath: common.cachePath, at: .init(host: host, port: port), isReadOnly: readOnly
        ) { address in
            let line =
                isJSON ? (["url": .string(address)] as JSONValue).canonical : "\(dataset) is at \(address)"
            print(line)
            fflush(nil)
        }
    }
}
