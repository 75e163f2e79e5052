public import ArgumentParser
import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Ends the program with what ArgumentParser says: help and versions on standard output, errors as all others are written.
///
/// - Parameters:
///   - error: what parsing or validating threw.
///   - command: the root command.
public func end(_ error: any Error, of command: any ParsableCommand.Type) -> Never {
    let status = command.exitCode(for: error).rawValue
    let text = command.fullMessage(for: error)
    if status == 0 {
        print(text)
    } else if !text.isEmpty {
        Terminal.standardError.write(errorText(text) + "\n")
    }
    fflush(nil)
    exit(status)
}

/// Ends the program if its first words name no subcommand, with the one that was perhaps meant.
///
/// ArgumentParser would only call the word unexpected.
///
/// - Parameters:
///   - root: the root command.
///   - arguments: the words after the program's name.
public func checkSubcommand(
    of root: any ParsableCommand.Type, in arguments: some Sequence<String> = CommandLine.arguments.dropFirst()
) {
    if let message = subcommandError(root, arguments) { end(.usage, saying: [message]) }
}

/// What is wrong with the words that should name a subcommand; nil if nothing is.
func subcommandError(_ root: any ParsableCommand.Type, _ arguments: some Sequence<String>) -> String? {
    var (command, path) = (root, root.configuration.commandName ?? "")
    for word in arguments {
        let subcommands = command.configuration.subcommands
        if subcommands.isEmpty || word.hasPrefix("-") { return nil }
        if word == "help" { continue }
        if let next = subcommands.first(where: { $0.configuration.commandName == word }) {
            command = next
            path += " " + word
            continue
        }
        let names = subcommands.compactMap { $0.configuration.commandName }
        let help = Suggestion.nearest(to: word, of: names).map { "did you mean '\($0)'?" }
        return "'\(word)' is not a subcommand of \(path); \(help ?? "'\(path) --help' lists them")"
    }
    return nil
}

/// ArgumentParser's text of an error in our style: `error:`, then a message that begins small.
func errorText(_ text: String) -> String {
    let prefix = "Error: "
    guard text.hasPrefix(prefix) else { return text }
    let message = text.dropFirst(prefix.count)
    // A name in capitals, as an option's value may be, stays.
    let isWord = message.dropFirst().first.map { $0.isLowercase || $0 == " " } ?? true
    return "error: " + (isWord ? message.prefix(1).lowercased() + message.dropFirst() : String(message))
}
