#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The system's word on why a file could not be read.
struct FileFailure: Error {
    let code: Int32

    /// Whether nothing is there under that name.
    var isAbsence: Bool { code == ENOENT || code == ENOTDIR }
    var message: String { String(cString: strerror(code)) }
}

/// Reads a file to its end.
///
/// - Parameters:
///   - path: the file, relative to `folder`.
///   - folder: an open folder, or `AT_FDCWD`.
/// - Returns: the bytes.
/// - Throws: the system's word on why it cannot be read.
func contents(of path: String, in folder: Int32) throws(FileFailure) -> [UInt8] {
    let descriptor = openat(folder, path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFailure(code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure(code: errno) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw FileFailure(code: EISDIR) }
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
    }
}
