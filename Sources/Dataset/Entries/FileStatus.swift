#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What tells whether a file may have changed without reading it.
public struct FileStatus: Hashable, Sendable {
    /// The length in bytes.
    public var size: Int64
    /// When the bytes were last changed, in nanoseconds since 1970.
    public var modified: Int64
    /// When bytes or attributes were last changed, in nanoseconds since 1970.
    public var changed: Int64
    /// The file's number in its filesystem.
    public var inode: UInt64

    /// A status from its parts.
    public init(size: Int64, modified: Int64, changed: Int64, inode: UInt64) {
        self.size = size
        self.modified = modified
        self.changed = changed
        self.inode = inode
    }

    init(_ status: stat) {
        #if canImport(Glibc)
            let (modified, changed) = (status.st_mtim, status.st_ctim)
        #else
            let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
        #endif
        self.init(
            size: Int64(status.st_size),
            modified: Int64(modified.tv_sec) &* 1_000_000_000 &+ Int64(modified.tv_nsec),
            changed: Int64(changed.tv_sec) &* 1_000_000_000 &+ Int64(changed.tv_nsec),
            inode: UInt64(status.st_ino))
    }
}
