package import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The packs to which one process appends small objects, one at a time; no two processes share one.
///
/// Any thread appends; one thread flushes. What was appended counts only once a journal names its place, so that the
/// tail of a pack whose writer was killed is never read.
package final class PackWriter: Sendable {
    private let disk: Disk
    /// The folder `objects/packs`.
    private let folder: String
    private let sizeLimit: Int
    private let state = Monitor(State())

    private struct State {
        var current: OpenPack?
        /// Packs that have their table of contents and wait for the flush.
        var full: [OpenPack] = []
        /// What no flush has covered yet.
        var unflushed: [PlacedObject] = []
    }

    package init(_ disk: Disk, folder: String, sizeLimit: Int = PackFile.sizeLimit) {
        self.disk = disk
        self.folder = folder
        self.sizeLimit = sizeLimit
    }

    /// Appends an object.
    ///
    /// - Throws: `build.disk-full`, `build.io`; what was written of the object then is written over.
    package func append(_ bytes: [UInt8], named digest: Digest) throws(BuildError) -> Place {
        try state.withLock { (state) throws(BuildError) in
            if let current = state.current, current.end + bytes.count > sizeLimit {
                state.current = nil
                state.full.append(current)
                try current.close()
            }
            let pack: OpenPack
            if let current = state.current {
                pack = current
            } else {
                pack = try OpenPack(disk, folder: folder)
                state.current = pack
            }
            let object = PlacedObject(digest: digest, place: try pack.append(bytes, named: digest))
            state.unflushed.append(object)
            FailPoint.pass("pack.appended")
            return object.place
        }
    }

    /// Makes durable what was appended; gives the objects' places, which no journal names yet.
    package func flush() throws(BuildError) -> [PlacedObject] {
        let (objects, packs) = state.withLock { state in
            defer {
                state.unflushed = []
                state.full = []
            }
            return (state.unflushed, state.full + (state.current.map { [$0] } ?? []))
        }
        guard !objects.isEmpty else { return [] }
        for pack in packs { try pack.flush() }
        // Their names in the folder, and the folder's own.
        if packs.contains(where: \.isNew) {
            try disk.synchronise(folder)
            try disk.synchronise("\(folder)/..")
            for pack in packs { pack.isNew = false }
        }
        FailPoint.pass("pack.flushed")
        return objects
    }

    /// Closes the pack and flushes; gives the places that no flush gave before.
    package func finish() throws(BuildError) -> [PlacedObject] {
        try state.withLock { (state) throws(BuildError) in
            guard let current = state.current else { return }
            state.current = nil
            state.full.append(current)
            try current.close()
        }
        return try flush()
    }

    /// Closes the pack; its table of contents is not waited for, since nothing is lost with it.
    package func close() {
        state.withLock { state in
            try? state.current?.close()
            state.current = nil
        }
    }

    /// Removes the packs that no flush has covered.
    package func abandon() {
        state.withLock { state in
            for pack in state.full + (state.current.map { [$0] } ?? []) { pack.remove() }
            state = State()
        }
    }
}

/// A pack that is being written.
private final class OpenPack: @unchecked Sendable {
    let name = PackName()
    private(set) var end = 0
    private var started = 0
    /// Whether its name may not be durable; used by the flushing thread alone.
    var isNew = true

    private let disk: Disk
    private let path: String
    private let descriptor: Int32
    private var objects: [PlacedObject] = []

    /// Read-only from the start, so that only its writer ever changes it.
    init(_ disk: Disk, folder: String) throws(BuildError) {
        self.disk = disk
        path = "\(folder)/\(name)"
        try disk.makeDirectories(folder)
        descriptor = try disk.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o444)
    }

    deinit { disk.close(descriptor) }

    func append(_ bytes: [UInt8], named digest: Digest) throws(BuildError) -> Place {
        guard let place = Place(pack: name, offset: end, length: bytes.count) else {
            preconditionFailure("\(bytes.count) bytes at byte \(end) of a pack")
        }
        try bytes.span.withUnsafeBytes { (raw) throws(BuildError) in
            if FailPoint.isDue("pack.torn") {
                try disk.write(
                    UnsafeRawBufferPointer(rebasing: raw[..<(raw.count / 2)]), to: descriptor, at: end,
                    path: path)
                FailPoint.die()
            }
            try disk.write(raw, to: descriptor, at: end, path: path)
        }
        end += bytes.count
        if end - started >= ObjectWriter.startSize {
            disk.startWriting(descriptor)
            started = end
        }
        objects.append(PlacedObject(digest: digest, place: place))
        return place
    }

    /// Appends the table of contents.
    func close() throws(BuildError) {
        try PackFile.table(of: objects).span.withUnsafeBytes { (raw) throws(BuildError) in
            try disk.write(raw, to: descriptor, at: end, path: path)
        }
        FailPoint.pass("pack.closed")
    }

    func flush() throws(BuildError) { try disk.synchronise(descriptor, path: path) }

    func remove() { _ = disk.calls.unlink(path) }
}
