package import Files
import Storage

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Files found, in columns: a hundred thousand entries need no hundred thousand objects.
package struct FoundFiles {
    /// All paths, one behind the other.
    package var paths: [UInt8] = []
    /// Where path i ends; it begins where the one before ends.
    var ends: [Int] = []
    /// Nil for a file that is not there.
    package var statuses: [FileStat?] = []

    package init() {}

    package var count: Int { ends.count }

    package func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

    package mutating func append(_ path: some Collection<UInt8>, _ status: FileStat?) {
        paths.append(contentsOf: path)
        ends.append(paths.count)
        statuses.append(status)
    }
}

/// Walks the folders that a pattern can reach, and no others, in the order of path bytes.
///
/// Each folder is opened once, relative to the one above; a file is asked for its status only if it matches.
/// Symbolic links are followed; a link to a folder above itself is not entered.
package final class FileWalk {
    package private(set) var found = FoundFiles()
    /// Folders that could not be read, and why.
    package private(set) var unreadable: [(path: String, reason: String)] = []
    /// Matching files whose names are not UTF-8, with their bytes written as `\xE9`.
    package private(set) var undecodable: [String] = []
    /// How many files match but for the case of their names' letters, and the first of them.
    package private(set) var caseMisses: (count: Int, first: String) = (0, "")
    /// The first cache whose own files were skipped.
    package private(set) var cache: String?

    private let components: [GlobPattern.Component]
    /// Whether component i is the last of its branch.
    private let isLast: [Bool]
    private let starts: [Int]
    /// The components with letters of either case; nil where case makes no difference.
    private let caseless: [GlobPattern.Component?]
    private var path: [UInt8] = []
    private var ancestors: [(device: UInt64, inode: UInt64)] = []

    private enum Kind { case file, folder, unknown }

    package init(_ pattern: GlobPattern) {
        var components: [GlobPattern.Component] = []
        var isLast: [Bool] = []
        var starts: [Int] = []
        for branch in pattern.branches {
            starts.append(components.count)
            components += branch.components
            isLast += branch.components.indices.map { $0 == branch.components.count - 1 }
        }
        (self.components, self.isLast, self.starts) = (components, isLast, starts)
        caseless = components.map(\.caseless)
    }

    /// Walks from an open folder.
    package func run(from descriptor: Int32) {
        var states: [Int] = []
        for start in starts { enter(start, &states) }
        visit(descriptor, states)
    }

    /// Adds a state, and the one behind `**`, which also stands for no folder.
    private func enter(_ state: Int, _ states: inout [Int]) {
        if !states.contains(state) { states.append(state) }
        if components[state] == .anyFolders, !isLast[state] { enter(state + 1, &states) }
    }

    private func visit(_ descriptor: Int32, _ states: [Int]) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        let identity = (device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        ancestors.append(identity)
        defer { ancestors.removeLast() }
        let parent = Array("..".utf8)
        let upwards = states.filter { components[$0] == .literal(parent) }
        let rest = states.filter { components[$0] != .literal(parent) }
        var names = Names()
        if !upwards.isEmpty { parent.withUnsafeBufferPointer { names.append($0, .unknown) } }
        if rest.allSatisfy({ if case .literal = components[$0] { true } else { false } }) {
            for state in rest {
                guard case .literal(let bytes) = components[state] else { continue }
                bytes.withUnsafeBufferPointer { names.append($0, .unknown) }
            }
        } else {
            list(descriptor, rest, into: &names)
        }
        names.sort()
        let isCache = isCache(descriptor)
        names.forEach { name, kind in
            if isCache, Cache.ownNames.contains(String(decoding: name.bytes, as: UTF8.self)) {
                if cache == nil {
                    cache = path.isEmpty ? "." : String(decoding: path.dropLast(), as: UTF8.self)
                }
                return
            }
            step(descriptor, name, kind, states)
        }
    }

    /// Whether an open folder is a cache: its own files are never sources.
    private func isCache(_ descriptor: Int32) -> Bool {
        ["journals", "objects"].allSatisfy { name in
            var status = stat()
            return fstatat(descriptor, name, &status, 0) == 0 && status.st_mode & S_IFMT == S_IFDIR
        }
    }

    /// Reads a folder's names and keeps those that lead on.
    private func list(_ descriptor: Int32, _ states: [Int], into names: inout Names) {
        // fdopendir takes the descriptor over, so it gets one of its own.
        let own = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard own >= 0, let folder = fdopendir(own) else {
            noteUnreadable(errno)
            if own >= 0 { close(own) }
            return
        }
        defer { closedir(folder) }
        errno = 0
        while let entry = readdir(folder) {
            let kind: Kind? =
                switch Int(entry.pointee.d_type) {
                case Int(DT_REG): .file
                case Int(DT_DIR): .folder
                case Int(DT_LNK), Int(DT_UNKNOWN): .unknown
                default: nil
                }
            guard let kind else { continue }
            withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: UInt8.self, capacity: 256) { bytes in
                    let name = UnsafeBufferPointer(
                        start: bytes,
                        count: strlen(UnsafeRawPointer(bytes).assumingMemoryBound(to: CChar.self)))
                    if isSelfOrParent(name) { return }
                    let leads =
                        switch kind {
                        case .file: takesFile(name, states)
                        case .folder: entersFolder(name, states)
                        case .unknown: takesFile(name, states) || entersFolder(name, states)
                        }
                    if leads {
                        names.append(name, kind)
                    } else if kind == .file, missesByCase(name, states) {
                        noteCaseMiss(name)
                    }
                }
            }
            errno = 0
        }
        if errno != 0 { noteUnreadable(errno) }
    }

    private func isSelfOrParent(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        name[0] == UInt8(ascii: ".") && (name.count == 1 || (name.count == 2 && name[1] == UInt8(ascii: ".")))
    }

    private func takesFile(_ name: UnsafeBufferPointer<UInt8>, _ states: [Int]) -> Bool {
        states.contains { state in
            isLast[state]
                && (components[state] == .anyFolders
                    ? name[0] != UInt8(ascii: ".") : components[state].matches(name))
        }
    }

    private func missesByCase(_ name: UnsafeBufferPointer<UInt8>, _ states: [Int]) -> Bool {
        states.contains { isLast[$0] && caseless[$0]?.matches(name) == true }
    }

    private func noteCaseMiss(_ name: UnsafeBufferPointer<UInt8>) {
        if caseMisses.count == 0 { caseMisses.first = shown(path + name) }
        caseMisses.count += 1
    }

    private func entersFolder(_ name: UnsafeBufferPointer<UInt8>, _ states: [Int]) -> Bool {
        states.contains { state in
            components[state] == .anyFolders
                ? name[0] != UInt8(ascii: ".") : !isLast[state] && components[state].matches(name)
        }
    }

    /// The states beneath a folder.
    private func states(beneath name: UnsafeBufferPointer<UInt8>, _ states: [Int]) -> [Int] {
        var result: [Int] = []
        for state in states {
            if components[state] == .anyFolders {
                if name[0] != UInt8(ascii: ".") { enter(state, &result) }
            } else if !isLast[state], components[state].matches(name) {
                enter(state + 1, &result)
            }
        }
        return result
    }

    private func step(_ descriptor: Int32, _ name: Name, _ kind: Kind, _ states: [Int]) {
        let length = path.count
        path.append(contentsOf: name.bytes)
        defer { path.removeSubrange(length...) }
        switch kind {
        case .folder: open(descriptor, name, states, viaLink: false)
        case .file: take(descriptor, name)
        case .unknown:
            var status = stat()
            guard fstatat(descriptor, name.cString, &status, 0) == 0 else {
                // A dangling link matches by its name; a literal name that is not there matches nothing.
                if errno != ENOENT || fstatat(descriptor, name.cString, &status, AT_SYMLINK_NOFOLLOW) == 0,
                    takesFile(name.bytes, states)
                {
                    add(nil)
                }
                return
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                open(descriptor, name, states, viaLink: true)
            } else if status.st_mode & S_IFMT == S_IFREG, takesFile(name.bytes, states) {
                add(FileStat(status))
            }
        }
    }

    private func take(_ descriptor: Int32, _ name: Name) {
        var status = stat()
        add(fstatat(descriptor, name.cString, &status, 0) == 0 ? FileStat(status) : nil)
    }

    private func add(_ status: FileStat?) {
        if path.contains(where: { $0 >= 0x80 }), String(validating: path, as: UTF8.self) == nil {
            undecodable.append(shown(path))
            return
        }
        found.append(path, status)
    }

    private func open(_ descriptor: Int32, _ name: Name, _ states: [Int], viaLink: Bool) {
        let beneath = self.states(beneath: name.bytes, states)
        guard !beneath.isEmpty else { return }
        let folder = openat(descriptor, name.cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else {
            if errno != ENOENT, errno != ENOTDIR { noteUnreadable(errno) }
            return
        }
        defer { close(folder) }
        if viaLink, !isSelfOrParent(name.bytes) {
            var status = stat()
            guard fstat(folder, &status) == 0 else { return }
            let identity = (device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
            if ancestors.contains(where: { $0 == identity }) { return }
        }
        path.append(UInt8(ascii: "/"))
        // Behind '..' the folders walked so far lie beneath, not above: entering them again is no cycle.
        let above = ancestors
        if isSelfOrParent(name.bytes) { ancestors = [] }
        visit(folder, beneath)
        ancestors = above
    }

    /// A path for people: bytes that are not UTF-8 as `\xE9`.
    private func shown(_ path: [UInt8]) -> String {
        if let text = String(validating: path, as: UTF8.self) { return text }
        var text = ""
        var decoder = UTF8()
        var rest = path[...]
        while !rest.isEmpty {
            var iterator = rest.makeIterator()
            if case .scalarValue(let scalar) = decoder.decode(&iterator) {
                text.unicodeScalars.append(scalar)
                rest = rest.dropFirst(UTF8.width(scalar))
            } else {
                text += "\\x" + String(rest[rest.startIndex], radix: 16, uppercase: true)
                rest = rest.dropFirst()
            }
            decoder = UTF8()
        }
        return text
    }

    private func noteUnreadable(_ code: Int32) {
        let folder = String(decoding: path, as: UTF8.self)
        unreadable.append((folder.isEmpty ? "." : folder, String(cString: strerror(code))))
    }

    /// A name in a folder; `cString` is the same bytes with the zero byte behind them.
    private struct Name {
        let bytes: UnsafeBufferPointer<UInt8>
        let cString: UnsafePointer<CChar>
    }

    /// Names of one folder, each ended by a zero byte.
    private struct Names {
        private var bytes: [UInt8] = []
        private var records: [(start: Int, count: Int, kind: Kind)] = []

        mutating func append(_ name: UnsafeBufferPointer<UInt8>, _ kind: Kind) {
            records.append((bytes.count, name.count, kind))
            bytes.append(contentsOf: name)
            bytes.append(0)
        }

        /// Sorts so that the paths beneath come in byte order, a folder's name counting with its slash; removes
        /// repeats.
        mutating func sort() {
            bytes.withUnsafeBufferPointer { bytes in
                records.sort { left, right in
                    let shared = min(left.count, right.count)
                    if let base = bytes.baseAddress,
                        case let order = memcmp(base + left.start, base + right.start, shared), order != 0
                    {
                        return order < 0
                    }
                    func next(_ record: (start: Int, count: Int, kind: Kind)) -> UInt8 {
                        record.count > shared
                            ? bytes[record.start + shared] : record.kind == .file ? 0 : UInt8(ascii: "/")
                    }
                    let (first, second) = (next(left), next(right))
                    return first != second ? first < second : left.count < right.count
                }
            }
        }

        func forEach(_ body: (Name, Kind) -> Void) {
            bytes.withUnsafeBufferPointer { bytes in
                guard let base = bytes.baseAddress else { return }
                var last: UnsafeBufferPointer<UInt8>?
                for record in records {
                    let name = UnsafeBufferPointer(start: base + record.start, count: record.count)
                    if let last, last.elementsEqual(name) { continue }
                    last = name
                    let cString = UnsafeRawPointer(base + record.start).assumingMemoryBound(to: CChar.self)
                    body(Name(bytes: name, cString: cString), record.kind)
                }
            }
        }
    }
}
