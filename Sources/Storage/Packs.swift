package import Files
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The packed objects of a cache: where they lie by the index, and those of this process that no journal names yet.
package final class Packs: Sendable {
    package let disk: Disk
    /// The folder `objects/packs`.
    package let folder: String
    /// The most bytes of a pack before its table of contents.
    package let sizeLimit: Int
    private let records: Records
    private let writer: PackWriter
    private let state = Mutex(State())

    private struct State {
        /// The places that are not in the index yet.
        var pending: [Digest: Place] = [:]
        /// Places of the index: a build looks for each object first, and reads it later.
        var known: [Digest: Place] = [:]
        /// Places whose bytes were found damaged.
        var damaged: Set<Place> = []
        var readers: [PackName: PackReader] = [:]
    }

    /// The most packs that are kept open for reading.
    private static let readerLimit = 64

    package init(_ disk: Disk, folder: String, records: Records, sizeLimit: Int) {
        self.disk = disk
        self.folder = folder
        self.records = records
        self.sizeLimit = sizeLimit
        writer = PackWriter(disk, folder: folder, sizeLimit: sizeLimit)
    }

    package func path(of pack: PackName) -> String { "\(folder)/\(pack)" }

    /// The packs in the folder, by name; links and files with other names are left out.
    package func names() -> [PackName] {
        disk.names(in: folder).compactMap { name in
            PackName(name).flatMap {
                FileStat(withoutFollowing: "\(folder)/\(name)")?.isRegularFile == true ? $0 : nil
            }
        }
    }

    // MARK: Places

    /// Where each object lies that is in a pack.
    package func places(of digests: [Digest]) throws(BuildError) -> [Place?] {
        var places = state.withLock { state in digests.map { state.pending[$0] ?? state.known[$0] } }
        let unknown = places.indices.filter { places[$0] == nil }
        guard !unknown.isEmpty else { return places }
        let found = try records.withIndex { (index) throws(BuildError) in
            try index.places(of: unknown.map { digests[$0] })
        }
        state.withLock { state in
            for case (let index, let place?) in zip(unknown, found) {
                places[index] = place
                state.known[digests[index]] = place
            }
        }
        return places
    }

    /// Where an object lies, if it is in a pack.
    package func place(of digest: Digest) throws(BuildError) -> Place? { try places(of: [digest])[0] }

    /// Whether an object of this process waits for its group.
    package func isPending(_ digest: Digest) -> Bool { state.withLock { $0.pending[digest] != nil } }

    /// Which of some places are there, by one look at each pack: it reaches so far, and the place was not set aside.
    package func present(_ places: Set<Place>) -> Set<Place> {
        var looked: [PackName: (size: Int, setAside: Set<Int>)] = [:]
        let damaged = state.withLock { $0.damaged }
        return places.filter { place in
            let pack =
                looked[place.pack] ?? (
                    size: size(of: place.pack) ?? -1, setAside: setAsideOffsets(in: place.pack)
                )
            looked[place.pack] = pack
            return place.end <= pack.size && !pack.setAside.contains(place.offset) && !damaged.contains(place)
        }
    }

    package func isPresent(_ place: Place) -> Bool { !present([place]).isEmpty }

    private func size(of pack: PackName) -> Int? {
        FileStat(withoutFollowing: path(of: pack)).flatMap { $0.isRegularFile ? $0.size : nil }
    }

    // MARK: Reading

    /// The bytes at a place, not yet checked; nil when the pack is gone or too short.
    package func bytes(at place: Place) throws(BuildError) -> [UInt8]? {
        guard let reader = try reader(of: place.pack) else { return nil }
        var failure: BuildError?
        let bytes = [UInt8](unsafeUninitializedCapacity: place.length) { buffer, count in
            do throws(BuildError) {
                count = try disk.read(
                    reader.descriptor,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<place.length]), at: place.offset,
                    path: path(of: place.pack))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes.count == place.length ? bytes : nil
    }

    private func reader(of pack: PackName) throws(BuildError) -> PackReader? {
        if let reader = state.withLock({ $0.readers[pack] }) { return reader }
        let path = path(of: pack)
        guard FileStat(withoutFollowing: path) != nil else { return nil }
        let reader = PackReader(disk, try disk.open(path, O_RDONLY))
        state.withLock { state in
            if state.readers.count >= Self.readerLimit { state.readers.removeAll() }
            state.readers[pack] = reader
        }
        return reader
    }

    /// Forgets where objects are, and closes the packs that are open for reading: a collection may have moved them.
    package func forget() {
        state.withLock { state in
            state.known = [:]
            state.readers = [:]
        }
    }

    /// Brings the index up to date if others write to the cache too; whether that can help.
    func refresh() throws(BuildError) -> Bool {
        forget()
        return try records.refresh()
    }

    // MARK: Writing

    /// Appends an object, unless the same bytes wait for their group already.
    package func append(_ bytes: [UInt8], named digest: Digest) throws(BuildError) {
        // Under the lock, so that no flush is done with the place before it is known here.
        try state.withLock { (state) throws(BuildError) in
            guard state.pending[digest] == nil else { return }
            state.pending[digest] = try writer.append(bytes, named: digest)
        }
    }

    /// Makes durable what was appended; gives the places, for the journal.
    package func flush() throws(BuildError) -> [PlacedObject] { try writer.flush() }

    /// Takes the places for those of the index.
    package func settle(_ objects: [PlacedObject]) {
        state.withLock { state in
            for object in objects {
                state.known[object.digest] = object.place
                state.pending[object.digest] = nil
            }
        }
    }

    /// Ends the pack that is being written.
    package func close() { writer.close() }

    // MARK: Damage

    /// The list of a pack's damaged objects, which readers and builders append to: a line `<offset>` for each.
    package func setAsidePath(of pack: PackName) -> String { path(of: pack) + ".bad" }

    /// The lists of packs that are gone.
    package func listsWithoutPack() -> [String] {
        disk.names(in: folder).filter { name in
            guard name.hasSuffix(".bad"), let pack = PackName(name.dropLast(4)) else { return false }
            return FileStat(withoutFollowing: path(of: pack)) == nil
        }.map { "\(folder)/\($0)" }
    }

    /// Where the objects of a pack began that were found damaged.
    package func setAsideOffsets(in pack: PackName) -> Set<Int> {
        let path = setAsidePath(of: pack)
        guard FileStat(withoutFollowing: path) != nil, let bytes = try? disk.contents(of: path) else {
            return []
        }
        // A last line without its end was cut short.
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
        return Set(lines.compactMap { Int(String(decoding: $0, as: UTF8.self)) })
    }

    /// Notes that the bytes at a place are damaged, so that nothing takes them for whole.
    ///
    /// - Throws: where the note cannot be written; this process knows of the damage nevertheless.
    package func setAside(_ place: Place) throws(BuildError) {
        state.withLock { _ = $0.damaged.insert(place) }
        let path = setAsidePath(of: place.pack)
        let descriptor = try disk.open(path, O_WRONLY | O_CREAT | O_APPEND)
        defer { disk.close(descriptor) }
        try Array("\(place.offset)\n".utf8).span.withUnsafeBytes { (raw) throws(BuildError) in
            try disk.write(raw, to: descriptor, at: FileStat(descriptor: descriptor)?.size ?? 0, path: path)
        }
    }
}

/// A pack that is open for reading; what was opened stays good, whatever happens to the cache.
private final class PackReader: Sendable {
    let descriptor: Int32
    private let disk: Disk

    init(_ disk: Disk, _ descriptor: Int32) {
        self.disk = disk
        self.descriptor = descriptor
    }

    deinit { disk.close(descriptor) }
}
