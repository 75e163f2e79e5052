import Files
internal import GRDB

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Whether a folder can serve as a cache, found without changing anything.
public enum CacheCondition: Sendable, Equatable {
    /// Nothing is there; a build makes it in this folder, which exists and can be written.
    case absent(parent: String)
    /// Nothing is there, and no build can make it: the reason.
    case cannotBeMade(String)
    /// A folder or file that is no cache: the reason.
    case foreign(String)
    /// A cache that can be read but not written: the reason.
    case readOnly(String)
    /// A cache that can be read and written.
    case usable

    /// Looks at a folder.
    public init(path: String) {
        let disk = Disk()
        guard let status = FileStat(path: path) else {
            var parent = path
            while FileStat(path: parent) == nil {
                guard let slash = parent.lastIndex(of: "/") else {
                    parent = "."
                    break
                }
                parent = slash == parent.startIndex ? "/" : String(parent[..<slash])
            }
            self =
                access(parent, W_OK | X_OK) == 0
                ? .absent(parent: parent)
                : .cannotBeMade("cannot write in \(parent): \(String(cString: strerror(errno)))")
            return
        }
        guard status.isFolder else {
            self = .foreign("\(path) is a file")
            return
        }
        let names = disk.names(in: "\(path)/.")
        guard Cache.isCache(path, disk) || names.isEmpty else {
            self = .foreign(
                "it holds \(names.prefix(3).joined(separator: ", "))\(names.count > 3 ? ", …" : "")")
            return
        }
        for folder in [path] + ["objects", "journals", "refs"].map({ "\(path)/\($0)" })
        where FileStat(path: folder) != nil && access(folder, W_OK | X_OK) != 0 {
            self = .readOnly("cannot write in \(folder): \(String(cString: strerror(errno)))")
            return
        }
        self = .usable
    }

    /// The version of SQLite, which keeps the index.
    public static var sqliteVersion: String? {
        try? DatabaseQueue().read { try String.fetchOne($0, sql: "SELECT sqlite_version()") }
    }
}
