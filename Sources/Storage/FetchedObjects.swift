package import Files
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Objects of a remote store that were needed to be read: `fetched/ab/cdef…`, a local copy of which any file can go at any
/// time.
///
/// They are apart from the objects that records name, so that neither `verify` nor `gc` takes one for the other. When they
/// have more bytes than the store's limit, those go first that were not opened for the longest time. What was opened or
/// mapped stays good.
package final class FetchedObjects: Sendable {
    private let remote: any RemoteStore
    private let disk: Disk
    private let folder: String
    private let cancellation: Cancellation
    private let state = Monitor(State())

    private struct State {
        /// Objects whose bytes this process has hashed.
        var verified: Set<Digest> = []
        /// Objects that a thread fetches.
        var underWay: Set<Digest> = []
        /// The bytes of all files; nil before they were counted.
        var total: Int?
        var serial = 0
    }

    package init(_ remote: any RemoteStore, _ disk: Disk, folder: String, cancellation: Cancellation) {
        self.remote = remote
        self.disk = disk
        self.folder = folder
        self.cancellation = cancellation
    }

    private func path(of digest: Digest) -> String { Self.path(of: digest, in: folder) }

    /// Where the local copy of an object lies in the folder `fetched`.
    package static func path(of digest: Digest, in folder: String) -> String {
        "\(folder)/\(digest.place)"
    }

    /// The size of the local copy of an object; nil if there is none.
    package func size(of digest: Digest) -> Int? {
        FileStat(withoutFollowing: path(of: digest)).flatMap { $0.isRegularFile ? $0.size : nil }
    }

    /// Opens an object, its bytes checked against its name once a process; fetches it if there is no local copy.
    ///
    /// - Returns: the descriptor, and the file's path; nil if the store has not all of it.
    package func open(_ digest: Digest, size: Int?) throws(BuildError) -> (descriptor: Int32, path: String)? {
        let path = path(of: digest)
        _ = state.wait { state in state.underWay.insert(digest).inserted ? true : nil }
        defer { state.withLock { _ = $0.underWay.remove(digest) } }
        if let descriptor = try opened(digest, path, size) { return (descriptor, path) }
        guard try fetch(digest, to: path, size: size) else { return nil }
        return try opened(digest, path, size).map { ($0, path) }
    }

    private func opened(_ digest: Digest, _ path: String, _ size: Int?) throws(BuildError) -> Int32? {
        guard let found = FileStat(withoutFollowing: path) else { return nil }
        let descriptor: Int32
        do throws(BuildError) {
            descriptor = try disk.open(path, O_RDONLY)
        } catch {
            // It has gone meanwhile.
            guard FileStat(withoutFollowing: path) == nil else { throw error }
            return nil
        }
        if !state.withoutWaking({ $0.verified.contains(digest) }) {
            var isWhole = (size ?? found.size) == found.size
            do throws(BuildError) {
                if isWhole { isWhole = try disk.digest(descriptor, path: path) == digest }
            } catch {
                disk.close(descriptor)
                throw error
            }
            guard isWhole else {
                disk.close(descriptor)
                try disk.remove(path)
                return nil
            }
            state.withoutWaking { _ = $0.verified.insert(digest) }
        }
        // Opened now: the time by which the oldest go. A cache that cannot be written keeps the times that it has.
        _ = futimens(descriptor, nil)
        return descriptor
    }

    private func fetch(_ digest: Digest, to path: String, size: Int?) throws(BuildError) -> Bool {
        let place = String(path.prefix(path.utf8.count - 63))
        try disk.makeDirectories(place)
        let number = state.withoutWaking { state in
            state.serial += 1
            return state.serial
        }
        let writer = try ObjectWriter(
            disk, path: "\(folder)/\(getpid())-\(number)", cancellation: cancellation)
        guard try remote.copy(digest, size: size, to: { (part) throws(BuildError) in try writer.write(part) })
        else { return false }
        let (reference, temporary) = try writer.sealFile()
        guard reference.digest == digest else {
            try disk.remove(temporary)
            remote.reject("object \(digest)")
            return false
        }
        // Not flushed: what a power cut takes is fetched again, and its hash shows it.
        try disk.rename(temporary, path)
        state.withoutWaking { _ = $0.verified.insert(digest) }
        try makeRoom(for: reference.size, keeping: path)
        return true
    }

    /// Removes the files that were not opened for the longest time, until there are few enough bytes.
    private func makeRoom(for size: Int, keeping path: String) throws(BuildError) {
        let known = state.withoutWaking { state -> Int? in
            state.total = state.total.map { $0 + size }
            return state.total
        }
        if let known, known <= remote.localLimit { return }
        var files: [(path: String, stat: FileStat)] = []
        for name in disk.names(in: folder) {
            if disk.isFolder("\(folder)/\(name)") {
                for rest in disk.names(in: "\(folder)/\(name)") where Digest(hex: name + rest) != nil {
                    let file = "\(folder)/\(name)/\(rest)"
                    if let stat = FileStat(withoutFollowing: file), stat.isRegularFile {
                        files.append((file, stat))
                    }
                }
            } else if Cache.isTemporary(name), let stat = FileStat(withoutFollowing: "\(folder)/\(name)"),
                FileStat.now - stat.modified > 86_400_000_000_000
            {
                // Of a process that was killed.
                try disk.remove("\(folder)/\(name)")
            }
        }
        var total = files.reduce(0) { $0 + $1.stat.size }
        for file in files.sorted(by: { ($0.stat.modified, $0.path) < ($1.stat.modified, $1.path) })
        where total > remote.localLimit && file.path != path {
            try disk.remove(file.path)
            total -= file.stat.size
        }
        state.withoutWaking { $0.total = total }
    }
}
