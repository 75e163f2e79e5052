import Files
import Listing
import Training

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Whole files.
enum RawFile {
    /// Whether there is a regular file at a path.
    static func exists(_ path: String) -> Bool { FileStat(path: path)?.isRegularFile == true }

    /// Whether there is a folder at a path.
    static func isFolder(_ path: String) -> Bool { FileStat(path: path)?.isFolder == true }

    /// The files below a folder by their paths from it, without the sidecars of outputs.
    static func files(below folder: String) throws -> [String] {
        try FolderListing.files(below: folder).filter { !$0.hasSuffix(".json") }
    }

    /// The folder that a path names a file in.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The bytes of a file, or the first of them.
    static func read(_ path: String, most: Int = .max) throws(TrainingError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault("open", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            #if canImport(Glibc)
                let count = Glibc.read(descriptor, &part, part.count)
            #else
                let count = Darwin.read(descriptor, &part, part.count)
            #endif
            guard count >= 0 else { throw fault("read", path) }
            if count == 0 { return bytes }
            bytes += part[..<min(count, most - bytes.count)]
            if bytes.count == most { return bytes }
        }
    }

    /// What a request takes of its content: all of a score; the first of a recording, which is read from its file.
    static func content(_ path: String, isScore: Bool) throws(TrainingError) -> [UInt8] {
        try read(path, most: isScore ? .max : 1 << 16)
    }

    /// Whether two paths lead to the same file.
    static func isSame(_ one: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev
            && first.st_ino == second.st_ino
    }

    private static func fault(_ doing: String, _ path: String) -> TrainingError {
        TrainingError(.file, "cannot \(doing) \(path): \(String(cString: strerror(errno)))")
    }
}
