import Files
import Storage

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension Cache {
    /// The cached transfers that may go: those of a snapshot that nothing holds any more, and those that a killed process
    /// left half made.
    ///
    /// - Parameters:
    ///   - held: The snapshots that stay.
    ///   - youngest: What changed since then stays, in nanoseconds since 1970.
    /// - Returns: Names in `transfers`.
    /// - Throws: `build.io`.
    func staleTransfers(held: Set<Digest>, youngest: Int64) throws(BuildError) -> [String] {
        var stale: [String] = []
        for name in disk.names(in: "\(path)/transfers") {
            let folder = "\(path)/transfers/\(name)"
            guard Self.isTransfer(name), let stat = FileStat(withoutFollowing: folder), stat.isFolder,
                stat.changed < youngest
            else { continue }
            let record = try disk.contents(of: "\(folder)/transfer.json")
            let snapshot = record.flatMap { try? JSONValue(parsing: $0) }?["transfer"]?["snapshot"]?.string
            // One that works with no dataset depends on none.
            let isFree = record != nil && snapshot == nil
            let isHeld = snapshot.flatMap { Digest(hex: $0) }.map(held.contains) ?? isFree
            if Digest(hex: name) == nil || !isHeld { stale.append(name) }
        }
        return stale
    }

    /// Removes a cached transfer; files that no transfer writes stay, and with them their folder.
    func removeTransfer(_ name: String) throws(BuildError) {
        let folder = "\(path)/transfers/\(name)"
        for file in disk.names(in: folder) where file == "transfer.json" || file.hasPrefix("out.") {
            try disk.remove("\(folder)/\(file)")
        }
        rmdir(folder)
    }

    /// Whether a name in `transfers` is a key, or `<key>.<process>.part`.
    private static func isTransfer(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard Digest(hex: String(parts[0])) != nil else { return false }
        return parts.count == 1
            || parts.count == 3 && parts[2] == "part" && !parts[1].isEmpty
                && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
