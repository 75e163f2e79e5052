#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The names in a folder, `.` and `..` left out, in the order of bytes.
///
/// A link in the folder's place is followed only if the path names what is behind it: `folder/.`.
///
/// - Parameter path: the folder.
/// - Returns: the names; nil if the folder cannot be read, for the reason in `errno`.
public func names(inFolder path: String) -> [String]? {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    guard let stream = fdopendir(descriptor) else {
        let reason = errno
        close(descriptor)
        errno = reason
        return nil
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted(by: utf8Order)
}

/// The absolute path without links of a file or folder.
///
/// - Throws: the system's reason, such as that there is none.
public func realPath(of path: String) throws(FileFailure) -> String {
    guard let real = realpath(path, nil) else { throw FileFailure(code: errno) }
    defer { free(real) }
    return String(cString: real)
}
