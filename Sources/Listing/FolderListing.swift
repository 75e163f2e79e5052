public import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The files below a folder, found as a manifest's patterns find theirs.
public enum FolderListing {
    /// The regular files below a folder by their paths from it, in the order of bytes.
    ///
    /// Hidden files and folders are left out, and so are names that are not UTF-8. Links are followed, but for one to a
    /// folder above itself.
    ///
    /// - Parameter folder: The folder's path.
    /// - Returns: Paths with `/` between folders.
    /// - Throws: `build.io` for a folder that cannot be read, the first of several.
    public static func files(below folder: String) throws(BuildError) -> [String] {
        let walk = try walk(folder)
        if let (path, reason) = walk.unreadable.first { throw fault("\(folder)/\(path)", reason) }
        return regularFiles(walk.found)
    }

    /// The regular files below a folder as `files(below:)` gives them, and what could not be read.
    ///
    /// - Returns: paths in the order of bytes; and folders that cannot be opened, files whose names are not UTF-8, each with
    ///   the reason.
    /// - Throws: `build.io` if the folder itself cannot be read.
    public static func readable(below folder: String) throws(BuildError) -> (
        files: [String], unreadable: [(path: String, reason: String)]
    ) {
        let walk = try walk(folder)
        let names = walk.undecodable.map { (path: $0, reason: "its name is not UTF-8; rename the file") }
        return (regularFiles(walk.found), walk.unreadable + names)
    }

    private static func walk(_ folder: String) throws(BuildError) -> FileWalk {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault(folder, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        let walk = FileWalk(.everything)
        walk.run(from: descriptor)
        return walk
    }

    private static func regularFiles(_ found: FoundFiles) -> [String] {
        (0..<found.count).filter { found.statuses[$0]?.isRegularFile == true }.map {
            String(decoding: found.paths[found.range($0)], as: UTF8.self)
        }
    }

    private static func fault(_ path: String, _ reason: String) -> BuildError {
        BuildError(.inputOutput, "cannot open \(path): \(reason)", canRetry: true)
    }
}
