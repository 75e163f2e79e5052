package import Files
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The objects of a cache, each a file or in a pack: those in place, and those of this process that wait for their
/// group's flush.
///
/// A file is looked for first, so that what readers open costs no look into the index.
package final class ObjectStore: Sendable {
    package let disk: Disk
    /// The folder `objects`.
    package let root: String
    /// The small objects.
    package let packs: Packs
    /// What is fetched to be read; nil without a remote store.
    private let fetched: FetchedObjects?
    private let temporaries: String
    private let serial = Atomic<Int>(0)
    private let state = Mutex(State())

    private struct State {
        /// The files that are not in place yet.
        var pending: [Digest: SealedFile] = [:]
        /// Objects that this process has hashed, or written itself.
        var verified: Set<Digest> = []
    }

    package init(
        _ disk: Disk, root: String, temporaries: String, records: Records, packLimit: Int,
        fetched: FetchedObjects?
    ) {
        self.fetched = fetched
        self.disk = disk
        self.root = root
        self.temporaries = temporaries
        packs = Packs(disk, folder: "\(root)/packs", records: records, sizeLimit: packLimit)
    }

    package func path(of digest: Digest) -> String {
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
    package func temporaryPath() -> String {
        "\(temporaries)/\(getpid())-\(serial.add(1, ordering: .relaxed).newValue)"
    }

    /// Which objects are there with their sizes; their bytes aren't looked at.
    ///
    /// Packed ones cost one look into the index for all of them and one at each pack, the others one at each file.
    package func isPresent(_ references: [ObjectReference]) throws(BuildError) -> [Bool] {
        let places = try packs.places(of: references.map(\.digest))
        let present = packs.present(Set(places.compactMap { $0 }))
        return zip(references, places).map { reference, place in
            if let place, place.length == reference.size, present.contains(place) { return true }
            return isFile(reference)
        }
    }

    /// Whether an object is there as a file with its size.
    package func isFile(_ reference: ObjectReference) -> Bool {
        if isPendingFile(reference.digest) { return true }
        guard let found = FileStat(withoutFollowing: path(of: reference.digest)) else { return false }
        return found.isRegularFile && found.size == reference.size
    }

    private func isPendingFile(_ digest: Digest) -> Bool {
        state.withLock { $0.pending[digest] != nil }
    }

    /// Whether an object of this process waits for its group.
    package func isPending(_ digest: Digest) -> Bool { isPendingFile(digest) || packs.isPending(digest) }

    /// The size of an object; nil for one that is not there.
    package func size(of digest: Digest) throws(BuildError) -> Int? {
        if let found = FileStat(withoutFollowing: path(of: digest)), found.isRegularFile { return found.size }
        guard let place = try packs.place(of: digest), packs.isPresent(place) else {
            return fetched?.size(of: digest)
        }
        return place.length
    }

    /// Opens an object that only the remote store has, or had when it was needed last; nil if it has not.
    private func openFetched(
        _ digest: Digest, size: Int?
    ) throws(BuildError) -> (descriptor: Int32, path: String)? {
        guard let fetched, !isPending(digest), FileStat(withoutFollowing: path(of: digest)) == nil else {
            return nil
        }
        if let place = try packs.place(of: digest), packs.isPresent(place) { return nil }
        return try fetched.open(digest, size: size)
    }

    /// The path of an object's file: where it lies or would lie in the cache, or where it is after it was fetched.
    package func readablePath(of digest: Digest, size: Int?) throws(BuildError) -> String {
        guard let (descriptor, path) = try openFetched(digest, size: size) else { return path(of: digest) }
        disk.close(descriptor)
        return path
    }

    /// Opens an object, checked against its name once a process, and lends its descriptor.
    ///
    /// A damaged object is set aside before `build.object-corrupt` is thrown. With a size, an object of another size is
    /// damaged and is not read. A packed object is lent as a file without a name.
    func withDescriptor<Result>(
        of digest: Digest, size: Int? = nil, _ body: (Int32) throws(BuildError) -> Result
    ) throws(BuildError) -> Result {
        if let (descriptor, _) = try openFetched(digest, size: size) {
            defer { disk.close(descriptor) }
            return try body(descriptor)
        }
        guard let (descriptor, isVerified) = try open(digest) else {
            let bytes = try packedBytes(of: digest, size: size)
            let descriptor = try disk.openNameless(holding: bytes)
            defer { disk.close(descriptor) }
            return try body(descriptor)
        }
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
    package func bytes(of digest: Digest, size expected: Int? = nil) throws(BuildError) -> [UInt8] {
        let fetched = try openFetched(digest, size: expected)
        let own = fetched == nil ? try open(digest) : nil
        guard let (descriptor, isVerified) = fetched.map({ ($0.descriptor, true) }) ?? own else {
            return try packedBytes(of: digest, size: expected)
        }
        defer { disk.close(descriptor) }
        let path = fetched?.path ?? path(of: digest)
        guard let size = FileStat(descriptor: descriptor)?.size else {
            throw .system("read", path, errno)
        }
        if let expected, size != expected { throw setAside(digest) }
        guard size <= Self.wholeLimit else {
            throw .foreign(path, "has \(size) bytes; at most \(Self.wholeLimit) are read at once")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        var span = bytes.mutableSpan
        let count = try span.withUnsafeMutableBytes { (buffer) throws(BuildError) in
            try disk.read(descriptor, into: buffer, at: 0, path: path)
        }
        if !isVerified || count != bytes.count {
            guard Digest(of: bytes[..<count]) == digest else { throw setAside(digest) }
            state.withLock { _ = $0.verified.insert(digest) }
        }
        return bytes
    }

    /// The whole of a packed object, checked against its name; nil for one that is a file.
    func bytesIfPacked(_ digest: Digest, size: Int?) throws(BuildError) -> [UInt8]? {
        if isPendingFile(digest) || FileStat(withoutFollowing: path(of: digest)) != nil { return nil }
        if let (descriptor, _) = try openFetched(digest, size: size) {
            disk.close(descriptor)
            return nil
        }
        return try packedBytes(of: digest, size: size)
    }

    private func packedBytes(of digest: Digest, size: Int?) throws(BuildError) -> [UInt8] {
        var place = try packs.place(of: digest)
        var found = try place.flatMap { (place) throws(BuildError) in try packs.bytes(at: place) }
        if found == nil, try packs.refresh() {
            // A collection has moved it since the index was read.
            place = try packs.place(of: digest)
            found = try place.flatMap { (place) throws(BuildError) in try packs.bytes(at: place) }
        }
        guard let place, let bytes = found else { throw missing(digest) }
        if let size, bytes.count != size { throw setAside(digest, at: place) }
        if !state.withLock({ $0.verified.contains(digest) }) {
            guard Digest(of: bytes) == digest else { throw setAside(digest, at: place) }
            state.withLock { _ = $0.verified.insert(digest) }
        }
        return bytes
    }

    private func missing(_ digest: Digest) -> BuildError {
        BuildError(
            .objectMissing, "object \(digest) is not in the cache; build again to make it", canRetry: true)
    }

    /// Opens the file of an object; nil when it has none.
    private func open(_ digest: Digest) throws(BuildError) -> (descriptor: Int32, isVerified: Bool)? {
        // Under the lock, so that the file isn't moved to its place between the question and the opening.
        try state.withLock { (state) throws(BuildError) in
            let path = state.pending[digest]?.path ?? path(of: digest)
            // Most objects that are read have none, and an error costs more than this look.
            guard FileStat(withoutFollowing: path) != nil else { return nil }
            do throws(BuildError) {
                return (try disk.open(path, O_RDONLY), state.verified.contains(digest))
            } catch {
                guard FileStat(withoutFollowing: path) == nil else { throw error }
                return nil
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

    /// Notes that a packed object is damaged, so that nothing takes it for whole.
    private func setAside(_ digest: Digest, at place: Place) -> BuildError {
        // Where the cache cannot be written, every process finds the damage for itself.
        try? packs.setAside(place)
        return BuildError(
            .objectCorrupt,
            "object \(digest) in \(packs.path(of: place.pack)) is damaged; build again to make it",
            canRetry: true)
    }

    /// Whether a damaged object of this name was set aside.
    package func wasSetAside(_ digest: Digest) throws(BuildError) -> Bool {
        if FileStat(withoutFollowing: path(of: digest) + ".bad") != nil { return true }
        guard let place = try packs.place(of: digest) else { return false }
        return packs.setAsideOffsets(in: place.pack).contains(place.offset)
    }

    /// Stores a small object in a pack; it is durable with the next group.
    package func pack(_ bytes: [UInt8], named digest: Digest) throws(BuildError) {
        try packs.append(bytes, named: digest)
        state.withLock { _ = $0.verified.insert(digest) }
    }

    /// Takes in a sealed file that is to be put in place with its group; false when the same bytes wait already.
    package func adopt(_ object: SealedFile) -> Bool {
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
    package func place(_ objects: [SealedFile]) throws(BuildError) {
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
                // Another writer may make it between the look and the making.
                try disk.makeDirectories(folder)
                guard disk.isFolder(folder) else { throw .foreign(folder, "is not a folder") }
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
