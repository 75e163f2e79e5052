import Build

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

    /// Whether a person sees what is written.
    public var isTerminal: Bool { isatty(descriptor) == 1 }

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

    /// Writes one line that a person reads, with control characters escaped.
    public func writeLine(_ line: String) { write(line.shown + "\n") }

    /// Writes text at once and as it is, past any buffer.
    ///
    /// - Returns: whether all of it was written; if not, `errno` tells why.
    @discardableResult
    public func write(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                #if canImport(Glibc)
                    let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                #else
                    let count = Darwin.write(descriptor, rest.baseAddress, rest.count)
                #endif
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            return true
        }
    }
}
