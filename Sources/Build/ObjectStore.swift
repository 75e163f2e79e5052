internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The objects of a cache: those in place, and those of this process that wait for their group's flush.
final class ObjectStore: Sendable {
    let disk: Disk
    /// The folder `objects`.
    let root: String
    private let temporaries: String
    private let serial = Atomic<Int>(0)
    private let state = Mutex(State())

    private struct State {
        /// Where the objects lie that are not in place yet.
        var pending: [Digest: SealedObject] = [:]
        /// Objects that this process has hashed, or written itself.
        var verified: Set<Digest> = []
    }

    init(_ disk: Disk, root: String, temporaries: String) {
        self.disk = disk
        self.root = root
        self.temporaries = temporaries
    }

    func path(of digest: Digest) -> String {
        let root = root.utf8
        return String(unsafeUninitializedCapacity: root.count + 66) { path in
            _ = path.initialize(fromContentsOf: root)
            // The digits are written one place to the right of where they end up before the inner slash.
            digest.writeHex(to: UnsafeMutableBufferPointer(rebasing: path[(root.count + 2)...]))
            path[root.count] = UInt8(ascii: "/")
            path[root.count + 1] = path[root.count + 2]
            path[root.count + 2] = path[root.count + 3]
            path[root.count + 3] = UInt8(ascii: "/")
            return root.count + 66
        }
    }

    /// A name in the folder of temporaries that this process hasn't used.
    func temporaryPath() -> String {
        "\(temporaries)/\(getpid())-\(serial.add(1, ordering: .relaxed).newValue)"
    }

    func isPresent(_ reference: ObjectReference) -> Bool {
        if isPending(reference.digest) { return true }
        guard let found = FileStat(withoutFollowing: path(of: reference.digest)) else { return false }
        return found.isRegularFile && found.size == reference.size
    }

    /// Whether an object of this process waits for its group.
    func isPending(_ digest: Digest) -> Bool {
        state.withLock { $0.pending[digest] != nil }
    }

    /// Opens an object, checked against its name once a process, and lends its descriptor.
    ///
    /// A damaged object is set aside before `build.object-corrupt` is thrown. With a size, an object of another size is
    /// damaged and is not read.
    func withDescriptor<Result>(
        of digest: Digest, size: Int? = nil, _ body: (Int32) throws(BuildError) -> Result
    ) throws(BuildError) -> Result {
        let (descriptor, isVerified) = try open(digest)
        defer { disk.close(descriptor) }
        if !isVerified {
            if let size, FileStat(descriptor: descriptor)?.size != size { throw setAside(digest) }
            guard try disk.digest(descriptor, path: path(of: digest)) == digest else {
                throw setAside(digest)
            }
            state.withLock { _ = $0.verified.insert(digest) }
        }
        return try body(descriptor)
    }

    /// The most bytes of an object that is read whole into memory; larger ones are opened as files.
    static let wholeLimit = 1 << 30

    /// The whole of an object, checked against its name.
    func bytes(of digest: Digest, size expected: Int? = nil) throws(BuildError) -> [UInt8] {
        let (descriptor, isVerified) = try open(digest)
        defer { disk.close(descriptor) }
        guard let size = FileStat(descriptor: descriptor)?.size else {
            throw .system("read", path(of: digest), errno)
        }
        if let expected, size != expected { throw setAside(digest) }
        guard size <= Self.wholeLimit else {
            throw .foreign(path(of: digest), "has \(size) bytes; at most \(Self.wholeLimit) are read at once")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        var span = bytes.mutableSpan
        let count = try span.withUnsafeMutableBytes { (buffer) throws(BuildError) in
            try disk.read(descriptor, into: buffer, at: 0, path: path(of: digest))
        }
        if !isVerified || count != bytes.count {
            guard Digest(of: bytes[..<count]) == digest else { throw setAside(digest) }
            state.withLock { _ = $0.verified.insert(digest) }
        }
        return bytes
    }

    private func open(_ digest: Digest) throws(BuildError) -> (descriptor: Int32, isVerified: Bool) {
        // Under the lock, so that the file isn't moved to its place between the question and the opening.
        try state.withLock { (state) throws(BuildError) in
            let path = state.pending[digest]?.path ?? path(of: digest)
            do throws(BuildError) {
                return (try disk.open(path, O_RDONLY), state.verified.contains(digest))
            } catch {
                guard FileStat(withoutFollowing: path) == nil else { throw error }
                throw BuildError(
                    .objectMissing, "object \(digest) is not in the cache; build again to make it",
                    canRetry: true)
            }
        }
    }

    /// Moves a damaged object out of the way, so that nothing takes it for whole.
    private func setAside(_ digest: Digest) -> BuildError {
        let path = path(of: digest)
        if disk.isFolder("\(root)/\(digest.hex.prefix(2))") { _ = disk.calls.rename(path, path + ".bad") }
        return BuildError(
            .objectCorrupt,
            "object \(digest) is damaged; it was set aside as \(path).bad, build again to make it",
            canRetry: true)
    }

    /// Whether a damaged object of this name was set aside.
    func wasSetAside(_ digest: Digest) -> Bool {
        FileStat(withoutFollowing: path(of: digest) + ".bad") != nil
    }

    /// Takes in a sealed object that is to be put in place with its group; false when the same bytes wait already.
    func adopt(_ object: SealedObject) -> Bool {
        let isNew = state.withLock { state in
            state.verified.insert(object.reference.digest)
            if state.pending[object.reference.digest] != nil { return false }
            state.pending[object.reference.digest] = object
            return true
        }
        if isNew { return true }
        _ = disk.calls.unlink(object.path)
        return false
    }

    /// Flushes objects, moves them to their places and flushes the folders: afterwards they outlive a power cut.
    func place(_ objects: [SealedObject]) throws(BuildError) {
        guard !objects.isEmpty else { return }
        FailPoint.pass("commit.unflushed")
        // One flush of the filesystem costs about as much as that of a few files.
        if objects.count > 8 {
            try disk.synchroniseAll(root)
        } else {
            for object in objects { try disk.synchronise(object.path) }
        }
        FailPoint.pass("commit.flushed")
        var folders: Set<String> = []
        var hasNewFolder = false
        for object in objects {
            let digest = object.reference.digest
            let path = path(of: digest)
            let folder = "\(root)/\(digest.hex.prefix(2))"
            if folders.insert(folder).inserted, !disk.isFolder(folder) {
                guard FileStat(withoutFollowing: folder) == nil else {
                    throw .foreign(folder, "is not a folder")
                }
                try disk.makeDirectories(folder)
                hasNewFolder = true
            }
            try state.withLock { (state) throws(BuildError) in
                try disk.rename(object.path, path)
                state.pending[digest] = nil
            }
            FailPoint.pass("commit.renamed")
        }
        if folders.count > 8 {
            try disk.synchroniseAll(root)
        } else {
            if hasNewFolder { try disk.synchronise(root) }
            for folder in folders { try disk.synchronise(folder) }
        }
        FailPoint.pass("commit.placed")
    }
}
