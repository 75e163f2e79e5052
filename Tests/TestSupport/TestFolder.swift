internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A temporary folder of files, removed with the value.
public final class TestFolder {
    /// Its absolute path.
    public let path: String

    /// A call of the system that failed.
    public struct Failure: Error {
        /// Its `errno`.
        public let code: Int32

        /// A failed call.
        public init(code: Int32) { self.code = code }
    }

    /// Makes empty files, and the folders they are in; a path that ends in `/` makes a folder.
    ///
    /// - Throws: `Failure`.
    public init(_ files: [String] = []) throws {
        var template = Array("/tmp/reprise-entries-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for file in files { try write(file, "") }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a text file, and makes the folders it is in.
    ///
    /// - Throws: `Failure`.
    public func write(_ file: String, _ text: String) throws {
        var folder = path
        for part in file.split(separator: "/").dropLast(file.hasSuffix("/") ? 0 : 1) {
            folder += "/" + part
            mkdir(folder, 0o755)
        }
        if file.hasSuffix("/") { return }
        let descriptor = open(path + "/" + file, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0 else { throw Failure(code: errno) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else { throw Failure(code: errno) }
    }

    /// A file's bytes.
    ///
    /// - Throws: what reading meets.
    public func contents(_ file: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + "/" + file)))
    }

    /// Makes a symbolic link.
    ///
    /// - Throws: `Failure`.
    public func link(_ file: String, to target: String) throws {
        guard symlink(target, path + "/" + file) == 0 else { throw Failure(code: errno) }
    }

    /// Makes a folder.
    ///
    /// - Returns: its path.
    /// - Throws: `Failure`.
    public func subfolder(_ name: String) throws -> String {
        try write(name + "/", "")
        return path + "/" + name
    }
}
