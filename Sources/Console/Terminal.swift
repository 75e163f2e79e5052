import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A stream that a person may be looking at.
public struct Terminal: Sendable {
    /// Standard output.
    public static let standardOutput = Terminal(descriptor: STDOUT_FILENO)
    /// Standard error.
    public static let standardError = Terminal(descriptor: STDERR_FILENO)

    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// Whether a person sees what is written.
    public var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Whether it is a terminal that can redraw a line.
    public var isInteractive: Bool {
        isatty(descriptor) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    /// Its width in columns; 80 if unknown.
    public var width: Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// The columns that text should fit into: the terminal's, and 100 where the text goes to a file or another program.
    public var textWidth: Int { isatty(descriptor) == 1 ? max(width, 60) : 100 }

    /// Writes one line that a person reads, with control characters escaped.
    public func writeLine(_ line: String) { write(line.shown + "\n") }

    /// Writes text at once and as it is, past any buffer.
    ///
    /// - Returns: whether all of it was written; if not, `errno` says why.
    @discardableResult
    public func write(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            writeAll(UnsafeRawBufferPointer(bytes), to: descriptor)
        }
    }
}
