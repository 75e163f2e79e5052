import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The files in the folders of runs.
package enum RunFiles {
    /// The names in a folder, `.` and `..` left out; none if it cannot be read, or is a link.
    package static func names(in folder: String) -> [String] { Files.names(inFolder: folder) ?? [] }

    /// The whole of a file; nil if it cannot be read, or is longer than a limit.
    package static func contents(_ path: String, limit: Int = 1 << 30) -> [UInt8]? {
        // No link is followed, and a FIFO does not block.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit
        else { return nil }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(descriptor, &part, part.count), count > 0, bytes.count <= limit {
            bytes += part[..<count]
        }
        return bytes
    }

    /// Whether a process holds a lock on a file.
    static func isLocked(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    /// The bytes of all files in a folder and the folders in it, links left out.
    package static func size(of folder: String) -> Int {
        names(in: folder).reduce(0) { sum, name in
            var status = stat()
            let path = "\(folder)/\(name)"
            guard lstat(path, &status) == 0 else { return sum }
            switch status.st_mode & S_IFMT {
            case S_IFREG: return sum + min(max(Int(status.st_size), 0), 1 << 50)
            case S_IFDIR: return sum + size(of: path)
            default: return sum
            }
        }
    }
}
