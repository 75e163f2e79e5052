#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The system calls by which a cache changes the disk: the seam at which tests inject faults.
///
/// Each behaves as its POSIX namesake: a negative result means failure, told by `errno`.
package protocol FileSystem: Sendable {
    func open(_ path: String, _ flags: Int32, _ mode: UInt16) -> Int32
    func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int
    func truncate(_ descriptor: Int32, to size: Int) -> Int32
    func synchronise(_ descriptor: Int32) -> Int32
    /// Flushes all of the filesystem that holds the open file.
    func synchroniseAll(_ descriptor: Int32) -> Int32
    func close(_ descriptor: Int32) -> Int32
    func rename(_ old: String, _ new: String) -> Int32
    func unlink(_ path: String) -> Int32
    func makeDirectory(_ path: String) -> Int32
}

/// The machine's own calls.
package struct POSIXFileSystem: FileSystem {
    package func open(_ path: String, _ flags: Int32, _ mode: UInt16) -> Int32 {
        systemOpen(path, flags, mode)
    }
    package func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
    }
    package func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
        pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
    }
    package func truncate(_ descriptor: Int32, to size: Int) -> Int32 { ftruncate(descriptor, off_t(size)) }
    package func synchronise(_ descriptor: Int32) -> Int32 { fsync(descriptor) }
    package func synchroniseAll(_ descriptor: Int32) -> Int32 {
        #if os(Linux)
            syncfs(descriptor)
        #else
            fsync(descriptor)
        #endif
    }
    package func close(_ descriptor: Int32) -> Int32 { systemClose(descriptor) }
    package func rename(_ old: String, _ new: String) -> Int32 { systemRename(old, new) }
    package func unlink(_ path: String) -> Int32 { systemUnlink(path) }
    package func makeDirectory(_ path: String) -> Int32 { mkdir(path, 0o777) }
}

#if os(Linux)
    // The C library has them, but shows them only to programs that define _GNU_SOURCE.
    @_silgen_name("syncfs") private func syncfs(_ descriptor: Int32) -> Int32
    @_silgen_name("memfd_create") private func memfdCreate(
        _ name: UnsafePointer<CChar>, _ flags: UInt32
    ) -> Int32
    @_silgen_name("sync_file_range") private func syncFileRange(
        _ descriptor: Int32, _ offset: Int64, _ count: Int64, _ flags: UInt32
    ) -> Int32
#endif

// The methods above hide the C functions of the same name.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: UInt16) -> Int32 {
    open(path, flags, mode_t(mode))
}
private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func systemRename(_ old: String, _ new: String) -> Int32 { rename(old, new) }
private func systemUnlink(_ path: String) -> Int32 { unlink(path) }

/// Whole operations on files, made of a file system's calls; failures become `BuildError`.
package struct Disk: Sendable {
    package let calls: any FileSystem

    package init(_ calls: any FileSystem = POSIXFileSystem()) {
        self.calls = calls
    }

    /// Opens a regular file of a cache; no link is followed, and nothing else is opened that could block or never end.
    ///
    /// A new file gets the mode less the umask.
    package func open(_ path: String, _ flags: Int32, mode: UInt16 = 0o666) throws(BuildError) -> Int32 {
        let descriptor = try openAnything(path, flags, mode)
        guard FileStat(descriptor: descriptor)?.isRegularFile == true else {
            close(descriptor)
            throw .foreign(path, "is not a regular file")
        }
        return descriptor
    }

    private func openAnything(_ path: String, _ flags: Int32, _ mode: UInt16) throws(BuildError) -> Int32 {
        while true {
            let descriptor = calls.open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode)
            if descriptor >= 0 { return descriptor }
            let number = errno
            // ENXIO: a FIFO without a reader, or a socket.
            if number == ELOOP { throw .foreign(path, "is a symbolic link") }
            if number == ENXIO { throw .foreign(path, "is not a regular file") }
            if number != EINTR {
                throw .system(flags & (O_WRONLY | O_RDWR) == 0 ? "read" : "write", path, number)
            }
        }
    }

    package func close(_ descriptor: Int32) {
        _ = calls.close(descriptor)
    }

    /// Writes all bytes, in as many calls as it takes.
    package func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int, path: String
    ) throws(BuildError) {
        var done = 0
        while done < bytes.count {
            let count = calls.write(
                descriptor, UnsafeRawBufferPointer(rebasing: bytes[done...]), at: offset + done)
            if count > 0 {
                done += count
            } else if count == 0 || errno != EINTR {
                throw .system("write", path, count == 0 ? EIO : errno)
            }
        }
    }

    /// Reads until the buffer is full or the file ends; the number of bytes read.
    package func read(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int, path: String
    ) throws(BuildError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = calls.read(
                descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[done...]), at: offset + done)
            if count == 0 { break }
            if count > 0 {
                done += count
            } else if errno != EINTR {
                throw .system("read", path, errno)
            }
        }
        return done
    }

    /// Tells the disk to begin with what was written, without waiting: a hint, which promises nothing.
    package func startWriting(_ descriptor: Int32) {
        #if os(Linux)
            // 2: SYNC_FILE_RANGE_WRITE; a count of 0 is up to the end.
            _ = syncFileRange(descriptor, 0, 0, 2)
        #endif
    }

    package func synchronise(_ descriptor: Int32, path: String) throws(BuildError) {
        guard calls.synchronise(descriptor) >= 0 else { throw .system("flush", path, errno) }
    }

    /// Opens, flushes and closes a file or a directory.
    package func synchronise(_ path: String) throws(BuildError) {
        let descriptor = try openAnything(path, O_RDONLY, 0)
        defer { close(descriptor) }
        try synchronise(descriptor, path: path)
    }

    /// Flushes the filesystem that holds a path.
    package func synchroniseAll(_ path: String) throws(BuildError) {
        let descriptor = try openAnything(path, O_RDONLY, 0)
        defer { close(descriptor) }
        guard calls.synchroniseAll(descriptor) >= 0 else { throw .system("flush", path, errno) }
    }

    package func rename(_ old: String, _ new: String) throws(BuildError) {
        guard calls.rename(old, new) >= 0 else { throw .system("rename a file to", new, errno) }
    }

    /// Removes a file; one that isn't there is fine.
    package func remove(_ path: String) throws(BuildError) {
        guard calls.unlink(path) >= 0 || errno == ENOENT else { throw .system("remove", path, errno) }
    }

    /// Makes a directory and those above it; one that is there is fine.
    package func makeDirectories(_ path: String) throws(BuildError) {
        if calls.makeDirectory(path) >= 0 || errno == EEXIST { return }
        let number = errno
        guard number == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw .system("make the folder", path, number)
        }
        try makeDirectories(String(path[..<slash]))
        guard calls.makeDirectory(path) >= 0 || errno == EEXIST else {
            throw .system("make the folder", path, errno)
        }
    }

    /// The most bytes that a file other than an object or a journal has: references, states, runs' records.
    static let smallFileLimit = 64 << 20

    /// The whole of a file; nil when there is none.
    ///
    /// - Throws: `build.foreign-file` for anything but a regular file, and for one that is longer than the limit.
    package func contents(of path: String, limit: Int = smallFileLimit) throws(BuildError) -> [UInt8]? {
        guard FileStat(withoutFollowing: path) != nil else { return nil }
        let descriptor = try open(path, O_RDONLY)
        defer { close(descriptor) }
        guard let size = FileStat(descriptor: descriptor)?.size else { throw .system("read", path, errno) }
        guard size <= limit else { throw .foreign(path, "has \(size) bytes; at most \(limit) are read") }
        var bytes = [UInt8](repeating: 0, count: size + 1)
        var done = 0
        while true {
            var span = bytes.mutableSpan
            let count = try span.withUnsafeMutableBytes { (buffer) throws(BuildError) in
                try read(
                    descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]), at: done,
                    path: path)
            }
            done += count
            if done < bytes.count { break }
            // A file that has grown since is read to its end.
            guard done <= limit else { throw .foreign(path, "has more than \(limit) bytes") }
            bytes.append(contentsOf: repeatElement(0, count: 4096))
        }
        bytes.removeLast(bytes.count - done)
        return bytes
    }

    /// Replaces a file whole: written beside it, flushed, renamed, the folder flushed.
    package func replace(_ path: String, with bytes: [UInt8], temporary: String) throws(BuildError) {
        let descriptor = try open(temporary, O_WRONLY | O_CREAT | O_EXCL)
        do throws(BuildError) {
            try bytes.span.withUnsafeBytes { (raw) throws(BuildError) in
                try write(raw, to: descriptor, at: 0, path: temporary)
            }
            try synchronise(descriptor, path: temporary)
            close(descriptor)
        } catch {
            close(descriptor)
            _ = calls.unlink(temporary)
            throw error
        }
        FailPoint.pass("replace.written")
        do throws(BuildError) {
            try rename(temporary, path)
        } catch {
            _ = calls.unlink(temporary)
            throw error
        }
        FailPoint.pass("replace.renamed")
        if let slash = path.lastIndex(of: "/") { try synchronise(String(path[..<slash])) }
    }

    /// Opens a file that has no name, for callers that can read a small object only from a file.
    package func openNameless(holding bytes: [UInt8]) throws(BuildError) -> Int32 {
        #if os(Linux)
            // 1: MFD_CLOEXEC.
            let descriptor = memfdCreate("object", 1)
        #else
            var name = Array("/tmp/reprise-XXXXXX".utf8CString)
            let descriptor = mkstemp(&name)
            if descriptor >= 0 { _ = systemUnlink(String(cString: name)) }
        #endif
        guard descriptor >= 0 else { throw .system("make", "a temporary file", errno) }
        do throws(BuildError) {
            try bytes.span.withUnsafeBytes { (raw) throws(BuildError) in
                try write(raw, to: descriptor, at: 0, path: "a temporary file")
            }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// The names in a folder of a cache, sorted by bytes; none when there is no folder, or a link in its place.
    package func names(in path: String) -> [String] { Files.names(inFolder: path) ?? [] }

    /// Whether a folder is there, and no link in its place.
    package func isFolder(_ path: String) -> Bool { FileStat(withoutFollowing: path)?.isFolder == true }
}
