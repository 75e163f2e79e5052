@testable import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file system whose calls can be made to fail, and which forgets at a power cut what was not flushed.
///
/// What is forgotten is the worst that POSIX allows: bytes written since a file's last flush, and renames and new
/// files since their folder's last flush. The index is not written through it; that is SQLite's own affair.
final class FaultyFileSystem: FileSystem {
    enum Call: Sendable { case open, read, write, truncate, synchronise, rename, unlink, makeDirectory }

    private struct Rename {
        let old: String
        let new: String
        let replaced: [UInt8]?
    }

    private struct State {
        var count = 0
        var paths: [Int32: String] = [:]
        /// Files with bytes that were not flushed: how many of them are safe.
        var safeSizes: [String: Int] = [:]
        var renames: [Rename] = []
        var created: [String] = []
    }

    private let real = POSIXFileSystem()
    private let state = Monitor(State())
    /// Given the number of a call that changes something, from 1, and its kind: the error that it fails with.
    private let fault: @Sendable (Int, Call) -> Int32?
    /// The most bytes that one write takes.
    private let longestWrite: Int

    init(longestWrite: Int = .max, fault: @escaping @Sendable (Int, Call) -> Int32? = { _, _ in nil }) {
        self.longestWrite = longestWrite
        self.fault = fault
    }

    /// How many calls that change something were made.
    var count: Int { state.withLock { $0.count } }

    private func fails(_ call: Call) -> Bool {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        guard let error = fault(number, call) else { return false }
        errno = error
        return true
    }

    func open(_ path: String, _ flags: Int32, _ mode: UInt16) -> Int32 {
        let isNew = flags & O_CREAT != 0 && FileStat(path: path) == nil
        if isNew, fails(.open) { return -1 }
        let descriptor = real.open(path, flags, mode)
        guard descriptor >= 0 else { return descriptor }
        state.withLock { state in
            state.paths[descriptor] = path.hasSuffix("/.") ? String(path.dropLast(2)) : path
            if isNew { state.created.append(path) }
            if flags & O_TRUNC != 0 { state.safeSizes[path] = 0 }
        }
        return descriptor
    }

    func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        real.read(descriptor, buffer, at: offset)
    }

    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
        if fails(.write) { return -1 }
        state.withLock { state in
            guard let path = state.paths[descriptor] else { return }
            state.safeSizes[path] = min(state.safeSizes[path] ?? Int.max, offset)
        }
        return real.write(
            descriptor, UnsafeRawBufferPointer(rebasing: bytes.prefix(longestWrite)), at: offset)
    }

    func truncate(_ descriptor: Int32, to size: Int) -> Int32 {
        fails(.truncate) ? -1 : real.truncate(descriptor, to: size)
    }

    func synchronise(_ descriptor: Int32) -> Int32 {
        if fails(.synchronise) { return -1 }
        state.withLock { state in
            guard let path = state.paths[descriptor] else { return }
            state.safeSizes[path] = nil
            state.renames.removeAll { Self.folder($0.new) == path }
            state.created.removeAll { Self.folder($0) == path }
        }
        return 0
    }

    func synchroniseAll(_ descriptor: Int32) -> Int32 {
        if fails(.synchronise) { return -1 }
        state.withLock { state in
            state.safeSizes = [:]
            state.renames = []
            state.created = []
        }
        return 0
    }

    func close(_ descriptor: Int32) -> Int32 {
        state.withLock { $0.paths[descriptor] = nil }
        return real.close(descriptor)
    }

    func rename(_ old: String, _ new: String) -> Int32 {
        if fails(.rename) { return -1 }
        let replaced = try? Files.read(new)
        state.withLock { state in
            state.renames.append(Rename(old: old, new: new, replaced: replaced))
            state.safeSizes[new] = state.safeSizes.removeValue(forKey: old)
            state.created.removeAll { $0 == old }
        }
        return real.rename(old, new)
    }

    func unlink(_ path: String) -> Int32 {
        fails(.unlink) ? -1 : real.unlink(path)
    }

    func makeDirectory(_ path: String) -> Int32 {
        if FileStat(path: path) == nil, fails(.makeDirectory) { return -1 }
        return real.makeDirectory(path)
    }

    /// Forgets what was not flushed.
    func cutPower() throws {
        let state = state.withLock { $0 }
        for (path, size) in state.safeSizes where FileStat(path: path) != nil {
            try Files.write(path, Array(try Files.read(path).prefix(size)))
        }
        for rename in state.renames.reversed() {
            _ = real.unlink(rename.new)
            if let replaced = rename.replaced { try Files.write(rename.new, replaced) }
        }
        for path in state.created { _ = real.unlink(path) }
    }

    private static func folder(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}
