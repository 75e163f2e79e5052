package import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension Cache {
    /// The names of everything that a cache keeps for itself: none of it is ever a source.
    public static let ownNames: Set<String> = [
        "CACHEDIR.TAG", "objects", "journals", "index.sqlite", "index.sqlite-wal", "index.sqlite-shm",
        "index.sqlite-journal", "lock", "refs", "state", "tmp", "leases", "holders", "runs",
        "fetched", "transfers",
        "plans", "notes", "sweeps",
    ]

    /// What `CACHEDIR.TAG` holds: the signature of the Cache Directory Tagging Specification (bford.info/cachedir), by
    /// which backups leave the folder out, and the name of the program whose cache it is.
    package static let tag = """
        Signature: 8a477f597d28d172789f06886806bc55
        # This folder is a cache of Reprise. It can be built again from manifests and sources.
        # For information about cache directory tags see https://bford.info/cachedir/

        """

    /// Whether a folder is a cache: it has the tag, or the folders `objects` and `journals`.
    ///
    /// Whatever else lies in it, such as `downloads`, is left alone.
    package static func isCache(_ path: String, _ disk: Disk) -> Bool {
        isTagged(path, disk) || disk.isFolder("\(path)/objects") && disk.isFolder("\(path)/journals")
    }

    private static func isTagged(_ path: String, _ disk: Disk) -> Bool {
        guard let bytes = try? disk.contents(of: "\(path)/CACHEDIR.TAG", limit: 1 << 16) else { return false }
        // Other programs tag their caches too.
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix(tag.prefix { $0 != "\n" }) && text.lowercased().contains("reprise")
    }

    /// Makes the folder and tags it; refuses one that holds anything and is no cache.
    ///
    /// - Throws: `build.not-a-cache`; errors of the disk.
    package static func mark(_ path: String, _ disk: Disk) throws(BuildError) {
        if isTagged(path, disk) { return }
        // A build killed while it wrote the tag leaves a part of it.
        let found = try? disk.contents(of: "\(path)/CACHEDIR.TAG", limit: 1 << 16)
        let isPart = found.map { Array(tag.utf8).starts(with: $0) } ?? false
        let isKnown = isCache(path, disk)
        if !isKnown {
            // The folder itself may be reached through a link, which "." is not.
            let names = disk.names(in: "\(path)/.")
            guard names.isEmpty || isPart && names == ["CACHEDIR.TAG"] else {
                let some = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
                throw BuildError(
                    .notACache,
                    "\(path) is not a cache of Reprise: it holds \(some); name a new or an empty folder with --cache or REPRISE_CACHE",
                    canRetry: false)
            }
            try disk.makeDirectories(path)
        } else if found != nil, !isPart {
            // The tag of another program.
            return
        }
        do throws(BuildError) {
            let name = "\(path)/CACHEDIR.TAG"
            let descriptor = try disk.open(name, O_WRONLY | O_CREAT)
            defer { disk.close(descriptor) }
            try Array(tag.utf8).span.withUnsafeBytes { (raw) throws(BuildError) in
                try disk.write(raw, to: descriptor, at: 0, path: name)
            }
            // Before anything else is made: a power cut must not leave a folder that is refused.
            try disk.synchronise(descriptor, path: name)
            try disk.synchronise("\(path)/.")
        } catch {
            // `gc` has to work on a full disk; the next build tags the folder.
            guard isKnown, error.code == .diskFull else { throw error }
        }
    }

    /// The folders that a cache has or may have.
    private static let folders = [
        "objects", "objects/packs", "journals", "refs", "state", "tmp", "leases", "holders", "runs",
    ]

    /// Refuses links in place of the cache's own folders: what is written there would end up elsewhere.
    ///
    /// - Throws: `build.foreign-file`.
    static func checkFolders(in path: String, writer: String, _ disk: Disk) throws(BuildError) {
        for folder in folders + ["tmp/\(writer)"] {
            let place = "\(path)/\(folder)"
            guard let found = FileStat(withoutFollowing: place), !found.isFolder else { continue }
            throw .foreign(place, "is not a folder")
        }
    }

    /// Whether a name in `tmp/<writer>` is one that this program gives: `<process>-<number>`, or `lease`.
    static func isTemporary(_ name: String) -> Bool {
        if name == "lease" { return true }
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            }
    }

    /// Whether a name is that of a writer: `builder`, `reader` or `worker-<name>`.
    static func isWriter(_ name: String) -> Bool {
        name == "builder" || name == "reader" || name.hasPrefix("worker-") && isName(name)
    }

    /// Whether a name is one that this program gives to a journal.
    package static func isJournal(_ name: String) -> Bool {
        guard name.hasSuffix(".jsonl") else { return false }
        let bare = String(name.dropLast(6))
        if bare.hasPrefix("closed-") {
            let digits = bare.dropFirst(7).utf8
            return digits.count == 12
                && digits.allSatisfy { $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 }
        }
        return isWriter(bare)
    }

    /// The temporary files of a writer that this program made: regular files by its own names.
    package static func temporaries(of writer: String, in path: String, _ disk: Disk) -> [String] {
        guard isWriter(writer) else { return [] }
        return disk.names(in: "\(path)/tmp/\(writer)").filter(isTemporary).map {
            "\(path)/tmp/\(writer)/\($0)"
        }
        .filter { FileStat(withoutFollowing: $0)?.isRegularFile == true }
    }
}
