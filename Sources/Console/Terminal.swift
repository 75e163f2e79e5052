#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A stream that a person may be looking at.
public struct Terminal: Sendable {
    /// Standard output.
    public static let standardOutput = Terminal(descriptor: STDOUT_FILENO)
    /// Standard error: a duplicate, which stays where it is when libraries are silenced.
    public static let standardError = Terminal(descriptor: fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3))

    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// Whether it is a terminal that can redraw a line.
    public var isInteractive: Bool {
        isatty(descriptor) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    /// Sends what libraries write to standard error nowhere.
    ///
    /// libmpg123 tells of every oddity of an MP3 there, and libsndfile, which loads it, has no way to stop it. What
    /// matters of it comes back as warnings of the source.
    public static func silenceLibraries() {
        guard standardError.descriptor >= 0, case let null = open("/dev/null", O_WRONLY | O_CLOEXEC),
            null >= 0
        else { return }
        dup2(null, STDERR_FILENO)
        close(null)
    }

    /// Undoes `silenceLibraries`.
    public static func restoreStandardError() {
        dup2(standardError.descriptor, STDERR_FILENO)
    }

    /// Its width in columns; 80 if unknown.
    public var width: Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// The columns that text should fit into: the terminal's, and 100 where the text goes to a file or another program.
    public var textWidth: Int { isatty(descriptor) == 1 ? max(width, 60) : 100 }

    /// Writes text at once, past any buffer.
    public func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                #if canImport(Glibc)
                    let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                #else
                    let count = Darwin.write(descriptor, rest.baseAddress, rest.count)
                #endif
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
