import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Prints a text to standard output; every command prints through it, in place of the standard library's function.
///
/// On a terminal, control characters other than line ends and tabs are escaped. A text that cannot be written, as on a
/// full disk, ends the program with status 1.
public func print(_ text: String, terminator: String = "\n") {
    let output = Terminal.standardOutput
    let whole = text + terminator
    guard output.write(output.isTerminal ? whole.shownLines : whole) else {
        let reason = String(cString: strerror(errno))
        end(
            .failed,
            saying: ["cannot write to standard output: \(reason); free some space, or write elsewhere"])
    }
}
