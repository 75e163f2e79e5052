#if canImport(Glibc)
    public import Glibc
#else
    public import Darwin
#endif

/// What the system reports about a file without opening it: enough to see that it was not changed.
public struct FileStat: Sendable, Hashable {
    /// The size in bytes.
    public let size: Int
    /// When the contents last changed, in nanoseconds since 1970, as the file's owner may have set it.
    public let modified: Int64
    /// When the contents or the attributes last changed, in nanoseconds since 1970; nobody can set it.
    public let changed: Int64
    /// The file's number in its filesystem.
    public let inode: UInt64
    /// Whether it is a regular file.
    public let isRegularFile: Bool
    /// Whether it is a folder.
    public let isFolder: Bool

    /// Looks at a path, following links; nil when nothing is there or it may not be seen.
    public init?(path: String) {
        var found = stat()
        guard stat(path, &found) == 0 else { return nil }
        self.init(found)
    }

    /// Looks at a name in an open folder, following links; nil when nothing is there or it may not be seen.
    public init?(name: String, in folder: Int32) {
        var found = stat()
        guard fstatat(folder, name, &found, 0) == 0 else { return nil }
        self.init(found)
    }

    /// Looks at a name in a cache, where no link is followed; nil when nothing is there or it may not be seen.
    ///
    /// A link is neither a regular file nor a folder.
    public init?(withoutFollowing path: String) {
        var found = stat()
        guard lstat(path, &found) == 0 else { return nil }
        self.init(found)
    }

    /// Looks at an open file; nil when the system refuses.
    package init?(descriptor: Int32) {
        var found = stat()
        guard fstat(descriptor, &found) == 0 else { return nil }
        self.init(found)
    }

    /// Takes the system's answer.
    public init(_ found: stat) {
        size = Int(found.st_size)
        #if os(Linux)
            modified = Self.nanoseconds(found.st_mtim)
            changed = Self.nanoseconds(found.st_ctim)
        #else
            modified = Self.nanoseconds(found.st_mtimespec)
            changed = Self.nanoseconds(found.st_ctimespec)
        #endif
        inode = UInt64(found.st_ino)
        isRegularFile = found.st_mode & S_IFMT == S_IFREG
        isFolder = found.st_mode & S_IFMT == S_IFDIR
    }

    /// Nanoseconds since 1970; times beyond the years 1677 to 2262 wrap around, so that two of them still differ.
    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// What the system reports about a regular file during a walk over folders; times in nanoseconds since 1970.
    public init(size: Int, modified: Int64, changed: Int64, inode: UInt64) {
        self.size = size
        self.modified = modified
        self.changed = changed
        self.inode = inode
        isRegularFile = true
        isFolder = false
    }

    /// How long after the last change a further one might leave the times as they are: a tick of the clock by
    /// which the filesystem stamps files, with a margin; two seconds where it stores whole seconds.
    private var tick: Int64 {
        changed % 1_000_000_000 == 0 && modified % 1_000_000_000 == 0 ? 2_000_000_000 : 50_000_000
    }

    /// How long to wait, in nanoseconds, until a change can't hide behind these times; 0 when it can't already.
    ///
    /// The time of change counts, since nobody can set it; the time of modification counts while it is recent,
    /// for filesystems that keep no other.
    package func unsettledTime(now: Int64) -> Int64 {
        let recent = now >= modified ? max(changed, modified) : changed
        // Both may be any number that a filesystem stores.
        let (wait, overflows) = recent.addingReportingOverflow(tick).partialValue
            .subtractingReportingOverflow(now)
        return overflows ? 0 : max(0, wait)
    }

    /// The present, on the clock that stamps files.
    package static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
