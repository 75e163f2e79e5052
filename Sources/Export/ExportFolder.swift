import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The folder that an export writes to: it knows its own files, and continues where an earlier export was stopped.
///
/// `reprise-export.jsonl` lists them. Its first line says what is exported: the snapshot, the format, the options. A line
/// comes before a file is begun, and one with its size once it has its name. A file is written under a temporary name and
/// renamed, so whatever has its final name is whole.
final class ExportFolder {
    /// The file that lists the others.
    static let listName = "reprise-export.jsonl"

    let path: String
    /// The sizes of the files that are finished.
    private var finished: [String: Int] = [:]
    private var begun: Set<String> = []
    private let descriptor: Int32
    private let list: String
    /// Files written by this export.
    private(set) var writtenCount = 0
    /// Files of an earlier export that were kept.
    private(set) var keptCount = 0
    /// The bytes of all files.
    private(set) var byteCount = 0
    /// Folders that are known to be there.
    private var folders: Set<String> = []

    /// Opens a folder, and makes it if there is none.
    ///
    /// - Parameters:
    ///   - path: the folder.
    ///   - description: what is exported, in one object.
    /// - Throws: `build.foreign-folder` where the folder holds other files, or another export; `build.locked` while another
    ///   process exports to it; `BuildError` of the disk.
    init(_ path: String, description: JSONValue) throws(BuildError) {
        self.path = path
        list = "\(path)/\(Self.listName)"
        try OutputFile.makeFolder(path)
        let names = try Self.files(in: path)
        let isNew = !names.contains(Self.listName)
        if isNew, let other = names.first { throw Self.foreign(path, other, names.count) }
        descriptor = open(list, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw OutputFile.failure(list, errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw BuildError(
                .locked, "another process is exporting to \(path); try again when it has finished",
                canRetry: true)
        }
        if try !readList(expecting: description) { try append(description) }
        let known = begun.union([Self.listName])
        let foreign = names.filter { !known.contains($0) && !isTemporary($0) }
        if let other = foreign.first { throw Self.foreign(path, other, foreign.count) }
        for name in names where isTemporary(name) { unlink("\(path)/\(name)") }
    }

    deinit { close(descriptor) }

    /// Makes a file, unless an earlier export has finished it.
    ///
    /// - Parameters:
    ///   - name: its path in the folder.
    ///   - isRewritten: whether it is written even if an earlier export has finished it.
    ///   - body: writes it, under a temporary name that is renamed at the end, to the path that it is given.
    /// - Throws: `BuildError`, and what the body throws.
    func make(_ name: String, isRewritten: Bool = false, _ body: (String) throws -> Void) throws {
        if isRewritten { finished[name] = nil }
        _ = try makeIfAny(name) { path in
            try body(path)
            return true
        }
    }

    /// Makes a file, unless an earlier export has finished it.
    ///
    /// - Parameters:
    ///   - name: its path in the folder.
    ///   - body: as of `make`; false where nothing is to be written, and nothing was.
    /// - Returns: whether the file is there.
    /// - Throws: `BuildError`, and what the body throws.
    func makeIfAny(_ name: String, _ body: (String) throws -> Bool) throws -> Bool {
        let file = "\(path)/\(name)"
        if let size = finished[name], let found = FileStat(withoutFollowing: file), found.isRegularFile,
            found.size == size
        {
            keptCount += 1
            byteCount += size
            return true
        }
        if let slash = name.lastIndex(of: "/"), folders.insert(String(name[..<slash])).inserted {
            try OutputFile.makeFolder("\(path)/\(name[..<slash])")
        }
        if begun.insert(name).inserted { try append(["begun": .string(name)]) }
        guard try body(file) else { return false }
        guard let found = FileStat(withoutFollowing: file) else { throw OutputFile.failure(file, ENOENT) }
        try append(["file": .string(name), "bytes": JSONValue(found.size)])
        finished[name] = found.size
        writtenCount += 1
        byteCount += found.size
        return true
    }

    // MARK: The list

    /// Reads the list; false if it is empty.
    private func readList(expecting description: JSONValue) throws(BuildError) -> Bool {
        let bytes: [UInt8]
        do throws(FileFailure) {
            bytes = try contents(of: list, in: AT_FDCWD, limit: 1 << 30)
        } catch {
            throw BuildError(.inputOutput, "cannot read \(list): \(error.message)", canRetry: true)
        }
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // An export that was killed may leave a line without an end.
        let torn = lines.popLast() ?? []
        if !torn.isEmpty { ftruncate(descriptor, off_t(bytes.count - torn.count)) }
        guard let first = lines.first else { return false }
        let found = try? JSONValue(parsing: Array(first))
        guard found == description else { throw Self.otherExport(path, found, description) }
        for line in lines.dropFirst() {
            guard let object = try? JSONValue(parsing: Array(line)) else { continue }
            if let name = object["begun"]?.string { begun.insert(name) }
            if let name = object["file"]?.string {
                begun.insert(name)
                finished[name] = object["bytes"]?.integer
            }
        }
        return true
    }

    private func append(_ line: JSONValue) throws(BuildError) {
        let bytes = line.canonicalBytes + [UInt8(ascii: "\n")]
        guard bytes.withUnsafeBytes({ writeAll($0, to: descriptor) }) else {
            throw OutputFile.failure(list, errno)
        }
    }

    private static func otherExport(
        _ path: String, _ found: JSONValue?, _ wanted: JSONValue
    ) -> BuildError {
        let names = (wanted.object ?? [:]).keys.filter { found?[$0] != wanted[$0] }.sorted()
        let difference = names.map { name in
            func shown(_ value: JSONValue?) -> String {
                let text = value.map { $0.string ?? $0.canonical } ?? "?"
                return text.utf8.count == 64 ? String(text.prefix(12)) : text
            }
            return "\(name) \(shown(found?[name])) instead of \(shown(wanted[name]))"
        }
        return BuildError(
            .foreignFolder,
            "\(path) holds another export (\(difference.joined(separator: ", "))); name another folder, or remove this one",
            canRetry: false)
    }

    private static func foreign(_ path: String, _ name: String, _ count: Int) -> BuildError {
        let more = count > 1 ? " and \(count - 1) more" : ""
        return BuildError(
            .foreignFolder,
            "\(path) holds files that no export wrote: \(name)\(more); name a new or an empty folder",
            canRetry: false)
    }

    // MARK: Files

    /// Whether a file is the unfinished form of one that was begun.
    private func isTemporary(_ name: String) -> Bool {
        guard name.hasSuffix(".part") else { return false }
        let (folder, file) =
            name.lastIndex(of: "/").map {
                (String(name[...$0]), name[name.index(after: $0)...])
            } ?? ("", name[...])
        // `<name>.<process>.part`, or `.<name>.<number>.part`.
        guard let dot = file.dropLast(5).lastIndex(of: ".") else { return false }
        let stem = file[..<dot]
        return begun.contains(folder + stem)
            || stem.hasPrefix(".") && begun.contains(folder + stem.dropFirst())
    }

    /// Every file below a folder, links and others too, by its path in it; sorted.
    private static func files(in folder: String) throws(BuildError) -> [String] {
        var found: [String] = []
        var due = [""]
        while let prefix = due.popLast() {
            guard let names = Files.names(inFolder: "\(folder)/\(prefix).") else {
                throw OutputFile.failure("\(folder)/\(prefix)", errno)
            }
            for path in names.map({ prefix + $0 }) {
                if FileStat(withoutFollowing: "\(folder)/\(path)")?.isFolder == true {
                    due.append(path + "/")
                } else {
                    found.append(path)
                }
            }
        }
        return found.sorted(by: utf8Order)
    }
}
