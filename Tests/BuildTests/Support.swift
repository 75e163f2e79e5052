@testable import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A folder that goes away with the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("\(Self.root)/reprise-build-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw TestFailure("mkdtemp: \(errno)") }
        path = String(cString: made)
    }

    deinit { Self.remove(path) }

    private static var root: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

    private static func remove(_ path: String) {
        for name in Disk().names(in: path) where unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
        rmdir(path)
    }

    /// Writes a file below the folder, its folders made as needed.
    @discardableResult
    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let file = "\(path)/\(name)"
        if let slash = file.lastIndex(of: "/") { try Disk().makeDirectories(String(file[..<slash])) }
        try Files.write(file, Array(bytes))
        return file
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

// The function below hides the C function of the same name.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}

/// Plain reading and writing of files, past the cache.
enum Files {
    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TestFailure("no file \(path)") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = systemRead(descriptor, &part, part.count), count > 0 {
            bytes += part[..<count]
        }
        return bytes
    }

    /// Writes a file, also one that is read-only, as objects are.
    static func write(_ path: String, _ bytes: [UInt8]) throws {
        let disk = Disk()
        if FileStat(path: path) != nil { chmod(path, 0o644) }
        let descriptor = try disk.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        defer { disk.close(descriptor) }
        try bytes.withUnsafeBytes { try disk.write($0, to: descriptor, at: 0, path: path) }
    }

    static func flip(_ path: String, at offset: Int) throws {
        var bytes = try read(path)
        bytes[offset] ^= 0x10
        try write(path, bytes)
    }

    /// Every file and folder below a folder, with its bytes and times: whatever a write would change.
    static func state(of folder: String, below name: String = "") throws -> [String: String] {
        var state: [String: String] = [:]
        for entry in Disk().names(in: "\(folder)/\(name)") {
            let relative = name.isEmpty ? entry : "\(name)/\(entry)"
            let path = "\(folder)/\(relative)"
            guard let stat = FileStat(path: path) else { continue }
            let times = "\(stat.modified) \(stat.changed) \(stat.inode) \(stat.size)"
            if stat.isRegularFile {
                state[relative] = "\(times) \(Digest(of: try read(path)))"
            } else {
                state[relative] = times
                state.merge(try Self.state(of: folder, below: relative)) { $1 }
            }
        }
        return state
    }
}

/// The machine's own file system without its flushes, which tests of the logic need not wait for.
struct UnflushedFileSystem: FileSystem {
    let real = POSIXFileSystem()
    func open(_ path: String, _ flags: Int32, _ mode: UInt16) -> Int32 { real.open(path, flags, mode) }
    func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        real.read(descriptor, buffer, at: offset)
    }
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
        real.write(descriptor, bytes, at: offset)
    }
    func truncate(_ descriptor: Int32, to size: Int) -> Int32 { real.truncate(descriptor, to: size) }
    func synchronise(_ descriptor: Int32) -> Int32 { 0 }
    func synchroniseAll(_ descriptor: Int32) -> Int32 { 0 }
    func close(_ descriptor: Int32) -> Int32 { real.close(descriptor) }
    func rename(_ old: String, _ new: String) -> Int32 { real.rename(old, new) }
    func unlink(_ path: String) -> Int32 { real.unlink(path) }
    func makeDirectory(_ path: String) -> Int32 { real.makeDirectory(path) }
}
