public import Build

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Ends the program, with lines before that each say what went wrong, where, and what to do.
public func end(_ status: ExitStatus, saying messages: [String] = []) -> Never {
    for message in messages { Terminal.standardError.writeLine("error: \(message)") }
    fflush(nil)
    exit(status.rawValue)
}
