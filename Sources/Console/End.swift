public import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Ends the program, with lines before that each say what went wrong, where, and what to do.
///
/// Of very many lines, as a table with a wrong column gives, the first are printed and the rest counted.
public func end(_ status: ExitStatus, saying messages: [String] = []) -> Never {
    let most = 20
    for message in messages.prefix(most) { Terminal.standardError.writeLine("error: \(message)") }
    if messages.count > most {
        Terminal.standardError.writeLine("error: and \(messages.count - most) more")
    }
    fflush(nil)
    exit(status.rawValue)
}
