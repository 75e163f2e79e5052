#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A file that a command writes for the user: it appears under its name when it is whole, or not at all.
///
/// It is written to a temporary file beside it and renamed at the end. A name that is a device or a pipe is written
/// straight through, and a symbolic link is followed.
public final class OutputFile {
    /// The name that the user gave.
    public let path: String
    private let target: String
    /// Where the bytes go until `commit`; nil for a device.
    private let temporary: String?
    private var descriptor: Int32

    /// Creates the temporary file.
    ///
    /// - Throws: `BuildError` in one line: the path, the cause, what to do.
    public init(_ path: String) throws(BuildError) {
        self.path = path
        var status = stat()
        let exists = stat(path, &status) == 0
        if exists, status.st_mode & S_IFMT == S_IFDIR { throw Self.failure(path, EISDIR) }
        if exists, status.st_mode & S_IFMT != S_IFREG {
            (target, temporary) = (path, nil)
            descriptor = open(path, O_WRONLY | O_CLOEXEC)
        } else {
            target = exists ? (try? realPath(of: path)) ?? path : path
            let name = "\(target).\(getpid()).part"
            temporary = name
            unlink(name)
            descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
        }
        guard descriptor >= 0 else { throw Self.failure(path, errno) }
    }

    deinit { abandon() }

    /// Appends bytes.
    ///
    /// - Throws: `BuildError`; nothing stays of the file then.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(BuildError) {
        guard writeAll(bytes, to: descriptor) else { throw failed(errno) }
    }

    /// Appends bytes.
    ///
    /// - Throws: `BuildError`; nothing stays of the file then.
    public func write(_ bytes: [UInt8]) throws(BuildError) {
        let result = bytes.withUnsafeBytes { raw -> Result<Void, BuildError> in
            Result { () throws(BuildError) in try write(raw) }
        }
        try result.get()
    }

    /// Writes bytes over those at an earlier place.
    ///
    /// - Throws: `BuildError`; nothing stays of the file then.
    public func overwrite(_ bytes: [UInt8], at offset: UInt64) throws(BuildError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(
                    descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done,
                    off_t(offset) + off_t(done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failed(count < 0 ? errno : EIO) }
            done += count
        }
    }

    /// Gives the file its name.
    ///
    /// - Throws: `BuildError`; nothing stays of the file then.
    public func commit() throws(BuildError) {
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw failed(errno) }
        guard let temporary else { return }
        guard rename(temporary, target) == 0 else { throw failed(errno) }
    }

    /// Writes a whole file.
    ///
    /// - Throws: `BuildError` in one line: the path, the cause, what to do.
    public static func write(_ bytes: [UInt8], to path: String) throws(BuildError) {
        let file = try OutputFile(path)
        try file.write(bytes)
        try file.commit()
    }

    /// Writes a copy of a file, of any size.
    ///
    /// - Throws: `BuildError` in one line: the path, the cause, what to do.
    public static func copy(_ source: String, to path: String) throws(BuildError) {
        let descriptor = open(source, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw BuildError(
                .inputOutput, "cannot open \(source): \(String(cString: strerror(errno)))", canRetry: false)
        }
        defer { close(descriptor) }
        let file = try OutputFile(path)
        guard copyAll(from: descriptor, to: file.descriptor) else { throw file.failed(errno) }
        try file.commit()
    }

    /// Makes a folder and those above it.
    ///
    /// - Throws: `BuildError` in one line: the path, the cause, what to do.
    public static func makeFolder(_ path: String) throws(BuildError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { throw failure(path, ENOTDIR) }
            return
        }
        if let slash = path.dropLast().lastIndex(of: "/"), slash != path.startIndex {
            try makeFolder(String(path[..<slash]))
        }
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw failure(path, errno) }
    }

    private func failed(_ code: Int32) -> BuildError {
        abandon()
        return Self.failure(path, code)
    }

    private func abandon() {
        if descriptor >= 0 {
            close(descriptor)
            descriptor = -1
            if let temporary { unlink(temporary) }
        } else if let temporary {
            // Closed but not renamed; after a rename nothing has this name.
            unlink(temporary)
        }
    }

    /// Why a file or a folder that the user named cannot be written.
    ///
    /// - Parameters:
    ///   - path: the file or folder.
    ///   - code: the system's reason, such as `ENOSPC`.
    /// - Returns: one line: the path, the cause, what to do.
    public static func failure(_ path: String, _ code: Int32) -> BuildError {
        let remedy =
            switch code {
            case ENOSPC, EDQUOT, EFBIG: "free some space, or write elsewhere"
            case ENOTDIR: "a file has this name; name another folder"
            case EISDIR: "name a file"
            default: "write elsewhere"
            }
        let isFull = code == ENOSPC || code == EDQUOT
        return BuildError(
            isFull ? .diskFull : .inputOutput,
            "cannot write \(path): \(String(cString: strerror(code))); \(remedy)", canRetry: isFull)
    }
}

/// Writes all bytes, in as many calls as it takes.
///
/// - Returns: whether all were written; if not, `errno` says why.
public func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
        let count = write(descriptor, rest.baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        if count == 0 { errno = EIO }
        guard count > 0 else { return false }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    return true
}

/// Copies what is left to read of a file, in parts.
///
/// - Returns: whether all was copied; if not, `errno` says why.
public func copyAll(from source: Int32, to target: Int32) -> Bool {
    var part = [UInt8](repeating: 0, count: 1 << 18)
    while true {
        let count = read(source, &part, part.count)
        if count < 0, errno == EINTR { continue }
        if count <= 0 { return count == 0 }
        let isWritten = part.withUnsafeBytes {
            writeAll(UnsafeRawBufferPointer(rebasing: $0[..<count]), to: target)
        }
        guard isWritten else { return false }
    }
}
