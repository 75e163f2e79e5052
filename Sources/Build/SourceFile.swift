public import Files
public import Storage

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A raw file whose bytes were hashed.
public struct SourceFile: Sendable, Hashable {
    /// Where it lies.
    public let path: String
    /// Its bytes' name.
    public let digest: Digest
    /// What the system told of it when it was hashed.
    public let stat: FileStat
    /// Whether it looks as it did when it was hashed before, and so was not read.
    public let isUnchanged: Bool
    /// Whether any change since it was hashed would show in what the system reports about it.
    public let isSettled: Bool

    /// Notes what was hashed.
    public init(
        path: String, digest: Digest, stat: FileStat, isUnchanged: Bool = false, isSettled: Bool = true
    ) {
        self.path = path
        self.digest = digest
        self.stat = stat
        self.isUnchanged = isUnchanged
        self.isSettled = isSettled
    }

    /// Throws when the file is not what was hashed any more.
    ///
    /// - Throws: `source.changed`, `source.unreadable`.
    public func checkUnchanged() throws(BuildError) {
        guard let now = FileStat(path: path) else {
            throw BuildError(.sourceUnreadable, "\(path) disappeared while it was being read", canRetry: true)
        }
        guard now == stat else { throw Self.changed(path) }
    }

    private static func changed(_ path: String) -> BuildError {
        BuildError(
            .sourceChanged, "\(path) changed while it was being read; build again when it is complete",
            canRetry: true)
    }

    /// Hashes a file, noticing a change meanwhile.
    ///
    /// A file that was changed a moment ago is let settle first, so that a later change can't hide behind equal
    /// times.
    ///
    /// - Throws: `source.unreadable`, `source.changed`, `build.interrupted`.
    static func hash(
        _ path: String, disk: Disk, cancellation: Cancellation
    ) throws(BuildError) -> SourceFile {
        try cancellation.check()
        func unreadable(_ number: Int32) -> BuildError {
            BuildError(
                .sourceUnreadable, "cannot read \(path): \(String(cString: strerror(number)))", canRetry: true
            )
        }
        if let stat = FileStat(path: path) { settle(stat) }
        let descriptor = disk.calls.open(path, O_RDONLY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw unreadable(errno) }
        defer { disk.close(descriptor) }
        guard let stat = FileStat(descriptor: descriptor) else { throw unreadable(errno) }
        guard stat.isRegularFile else {
            throw BuildError(.sourceUnreadable, "\(path) is not a file", canRetry: false)
        }
        // Asked before reading: a change just after it could still carry the same times.
        let isSettled = stat.unsettledTime(now: FileStat.now) == 0
        let digest: Digest
        do throws(BuildError) {
            digest = try disk.digest(descriptor, path: path)
        } catch {
            throw BuildError(.sourceUnreadable, error.message, canRetry: true)
        }
        guard FileStat(path: path) == stat else { throw changed(path) }
        return SourceFile(path: path, digest: digest, stat: stat, isSettled: isSettled)
    }

    private static func settle(_ stat: FileStat) {
        let time = stat.unsettledTime(now: FileStat.now)
        // Times further ahead are a clock's fault: waiting would not end.
        guard time > 0, time <= 2_000_000_000 else { return }
        usleep(UInt32(time / 1000 + 1))
    }
}

extension Cache {
    /// What is known of files that look as they did when they were hashed; nil of all others, which are not read.
    ///
    /// - Throws: errors of the index.
    public func knownSources(
        _ files: [(path: String, stat: FileStat)]
    ) throws(BuildError) -> [SourceFile?] {
        let rows = try records.withIndex { (index) throws(BuildError) in try index.sources(files.map(\.path))
        }
        return zip(files, rows).map { file, row in
            guard let row, row.stat == file.stat else { return nil }
            return SourceFile(path: file.path, digest: row.digest, stat: file.stat, isUnchanged: true)
        }
    }

    /// Hashes files, but for those that look as they did when they were hashed before.
    ///
    /// - Parameters:
    ///   - files: paths, with what the system reports about them now.
    ///   - workers: share the hashing.
    /// - Returns: for each file its hash, or `source.unreadable` or `source.changed`, which concern that file alone.
    /// - Throws: `build.interrupted`; errors of the index.
    public func hashSources(
        _ files: [(path: String, stat: FileStat)], with workers: Workers
    ) throws(BuildError) -> [Result<SourceFile, BuildError>] {
        var results: [Result<SourceFile, BuildError>?] = try knownSources(files).map {
            $0.map { .success($0) }
        }
        let unknown = results.indices.filter { results[$0] == nil }
        // In parts, so that a build that is killed doesn't hash everything again.
        for start in stride(from: 0, to: unknown.count, by: 2048) {
            let part = unknown[start..<min(start + 2048, unknown.count)]
            let hashed = try workers.map(Array(part)) {
                (index) throws(BuildError) -> Result<SourceFile, BuildError> in
                do throws(BuildError) {
                    return .success(
                        try SourceFile.hash(files[index].path, disk: disk, cancellation: cancellation))
                } catch {
                    if !error.concernsOneSource { throw error }
                    return .failure(error)
                }
            }
            var rows: [(path: String, row: Index.SourceRow)] = []
            for (index, result) in zip(part, hashed) {
                results[index] = result
                if case .success(let file) = result, file.isSettled {
                    rows.append((file.path, Index.SourceRow(stat: file.stat, digest: file.digest)))
                }
            }
            if access != .reading, !rows.isEmpty {
                try records.withIndex { (index) throws(BuildError) in try index.note(rows) }
            }
        }
        return results.compactMap { $0 }
    }
}
