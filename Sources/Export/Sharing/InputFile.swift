import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file that is read from its start, and of which nothing is believed.
final class InputFile {
    let path: String
    /// The bytes that it had when it was opened.
    let size: Int
    /// How many of them were read or skipped.
    private(set) var position = 0
    private let descriptor: Int32

    private static let partLength = 1 << 20

    /// Opens a regular file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - followsLinks: whether it may be reached through a link.
    /// - Throws: `build.untrusted` for a link or anything else that is no regular file; `build.io`.
    init(_ path: String, followsLinks: Bool) throws(BuildError) {
        self.path = path
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW)
        descriptor = open(path, flags)
        guard descriptor >= 0 else {
            size = 0
            if errno == ELOOP { throw .untrusted(path, "is a link") }
            throw BuildError(
                .inputOutput, "cannot read \(path): \(String(cString: strerror(errno)))", canRetry: true)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            size = 0
            throw .untrusted(path, "is not a regular file")
        }
        size = Int(status.st_size)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether all of it was read.
    var isAtEnd: Bool { position >= size }

    /// The next bytes, as many as are asked for.
    ///
    /// - Throws: `build.untrusted` if the file ends before.
    func read(_ count: Int) throws(BuildError) -> [UInt8] {
        guard count <= size - position else { throw .untrusted(path, "ends too early, at byte \(size)") }
        var failure: Int32?
        var done = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while done < count {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + done }, count - done, off_t(position + done))
                if got < 0, errno == EINTR { continue }
                guard got > 0 else {
                    failure = got < 0 ? errno : EIO
                    break
                }
                done += got
            }
            filled = done
        }
        if let failure {
            throw BuildError(
                .inputOutput, "cannot read \(path): \(String(cString: strerror(failure)))", canRetry: true)
        }
        position += count
        return bytes
    }

    /// Hands over the next bytes in parts.
    func read(_ count: Int, to sink: ([UInt8]) throws -> Void) throws {
        guard count <= size - position else {
            throw BuildError.untrusted(path, "ends too early, at byte \(size)")
        }
        var rest = count
        while rest > 0 {
            let part = min(rest, Self.partLength)
            try sink(read(part))
            rest -= part
        }
    }

    /// Passes over bytes.
    func skip(_ count: Int) throws(BuildError) {
        guard count <= size - position else { throw .untrusted(path, "ends too early, at byte \(size)") }
        position += count
    }
}
