#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Why a file could not be read.
public struct FileFailure: Error {
    /// Whether nothing has that name.
    public let isAbsence: Bool
    /// Whether the file can never be read as it is: a pipe, or too large.
    public let isUnfit: Bool
    /// The reason in a few words.
    public let message: String

    /// The system's reason, by its number.
    public init(code: Int32) {
        isAbsence = code == ENOENT || code == ENOTDIR
        isUnfit = false
        message = String(cString: strerror(code))
    }

    /// A reason of ours.
    public init(message: String) {
        isAbsence = false
        isUnfit = true
        self.message = message
    }
}

/// Reads a regular file to its end.
///
/// - Parameters:
///   - path: the file, relative to `folder`.
///   - folder: an open folder, or `AT_FDCWD`.
///   - limit: the most bytes to read.
/// - Returns: the bytes.
/// - Throws: why it cannot be read: the system's reason, a pipe or device in its place, or a size over the limit.
public func contents(of path: String, in folder: Int32, limit: Int) throws(FileFailure) -> [UInt8] {
    // Without waiting: a pipe that nobody writes to would never open.
    let descriptor = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileFailure(code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure(code: errno) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw FileFailure(code: EISDIR) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileFailure(message: "not a regular file") }
    let tooLarge = "more than the \(limit) bytes that are read"
    guard Int(status.st_size) <= limit else {
        throw FileFailure(message: "\(status.st_size) bytes, \(tooLarge)")
    }
    var bytes: [UInt8] = []
    while true {
        // One more than is left, so that the end shows at once.
        let room = max(1 << 12, Int(status.st_size) - bytes.count + 1)
        var got = 0
        let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            repeat { got = read(descriptor, buffer.baseAddress, room) } while got < 0 && errno == EINTR
            count = max(0, got)
        }
        guard got >= 0 else { throw FileFailure(code: errno) }
        if got == 0 { return bytes }
        if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
        // Files of /proc say that they are empty.
        guard bytes.count <= limit else { throw FileFailure(message: tooLarge) }
    }
}
