package import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A worker's sign of life: a file whose time it renews while it works, so that nobody tidies its things away.
package final class Lease: Sendable {
    /// A lease not renewed for so long is a dead worker's, in nanoseconds.
    static let lifetime: Int64 = 120_000_000_000
    private static let heartbeat: Int64 = 15_000_000_000

    private let disk: Disk
    private let path: String
    private let isOver: Monitor<Bool>
    private let thread: Thread?

    package init(_ disk: Disk, cache: String, writer: String) throws(BuildError) {
        self.disk = disk
        let path = "\(cache)/leases/\(writer)"
        self.path = path
        try disk.makeDirectories("\(cache)/leases")
        if let found = FileStat(withoutFollowing: path), found.isRegularFile,
            found.modified > FileStat.now - Self.lifetime
        {
            throw BuildError(
                .locked, "a worker named \(writer) is using this cache, or was just killed",
                canRetry: true)
        }
        try disk.remove(path)
        // What a dead worker of this name left half written.
        for file in Cache.temporaries(of: writer, in: cache, disk) { try disk.remove(file) }
        let started = FileStat.now
        try disk.replace(
            path, with: Array("\(started)\n".utf8), temporary: "\(cache)/tmp/\(writer)/lease")
        let isOver = Monitor(false)
        self.isOver = isOver
        thread = Thread {
            while isOver.wait(until: FileStat.now + Self.heartbeat, { $0 ? true : nil }) == nil {
                utimensat(AT_FDCWD, path, nil, 0)
            }
        }
    }

    deinit {
        isOver.withLock { $0 = true }
        thread?.join()
        _ = disk.calls.unlink(path)
    }

    /// The workers' leases.
    private static func names(_ disk: Disk, _ cache: String) -> [String] {
        disk.names(in: "\(cache)/leases").filter { name in
            name.hasPrefix("worker-") && Cache.isName(name)
                && FileStat(withoutFollowing: "\(cache)/leases/\(name)")?.isRegularFile == true
        }
    }

    /// When each live worker began, in nanoseconds since 1970, by its writer's name.
    package static func live(_ disk: Disk, cache: String) -> [String: Int64] {
        var live: [String: Int64] = [:]
        for name in names(disk, cache) {
            let path = "\(cache)/leases/\(name)"
            guard let found = FileStat(withoutFollowing: path), found.modified > FileStat.now - lifetime
            else {
                continue
            }
            let text = (try? disk.contents(of: path, limit: 4096)).flatMap { $0 }
            let started = text.flatMap { Int64(String(decoding: $0.dropLast(), as: UTF8.self)) }
            live[name] = started ?? found.modified &- lifetime
        }
        return live
    }

    /// Removes the temporaries and leases of writers that are no more: regular files by this program's own names, and
    /// nothing else that lies there.
    static func sweep(_ disk: Disk, cache: String) throws(BuildError) {
        let live = live(disk, cache: cache)
        for writer in disk.names(in: "\(cache)/tmp") where live[writer] == nil {
            for file in Cache.temporaries(of: writer, in: cache, disk) { try disk.remove(file) }
            // Each worker has a folder of its own; one that holds anything else stays.
            if writer.hasPrefix("worker-") { rmdir("\(cache)/tmp/\(writer)") }
        }
        for writer in names(disk, cache) where live[writer] == nil {
            try disk.remove("\(cache)/leases/\(writer)")
        }
    }
}
