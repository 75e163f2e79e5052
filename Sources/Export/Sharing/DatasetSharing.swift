public import Build
import Dataset
public import Loading
import Manifest

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a push or a pull did.
public struct SharingSummary: Sendable {
    /// The dataset.
    public let dataset: String
    /// Its snapshot.
    public let snapshot: Digest
    /// Objects that were copied.
    public internal(set) var copied = 0
    /// Objects that were there already.
    public internal(set) var skipped = 0
    /// The bytes that were copied.
    public internal(set) var bytes = 0

    /// The summary as an object.
    public var json: JSONValue {
        [
            "dataset": .string(dataset), "snapshot": JSONValue(snapshot),
            "objects": ["copied": JSONValue(copied), "skipped": JSONValue(skipped)],
            "bytes": JSONValue(bytes),
        ]
    }
}

extension Remote {
    // MARK: Push

    /// Copies a snapshot and everything that it reaches to this remote, with a card; objects that are there are skipped.
    ///
    /// What is read from the cache is checked against its hash. The list of what is there is replaced last, so that who
    /// pulls meanwhile gets the dataset that was there before.
    ///
    /// - Parameters:
    ///   - reader: the dataset.
    ///   - progress: is told how many bytes are done, of how many.
    /// - Returns: what was done.
    /// - Throws: `build.foreign-folder` where something else, or another dataset, is there; `build.interrupted`;
    ///   `BuildError` of the disk and the cache; `ManifestError`.
    public func push(
        _ reader: DatasetReader, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws -> SharingSummary {
        var seen: Set<Digest> = []
        let objects = ([reader.digest] + reader.snapshot.objects).filter { seen.insert($0).inserted }
            .map { ObjectReference(digest: $0, size: reader.cache.size(of: $0)) }
        let list = PushedDataset(
            dataset: reader.snapshot.dataset, snapshot: reader.digest, objects: objects, isComplete: true)
        let card = Array(try DatasetCard(reader, reader.manifest()).pushed.utf8)
        switch self {
        case .folder(let path): return try pushFolder(path, list, card, reader.cache, progress)
        case .archive(let path): return try pushArchive(path, list, card, reader.cache, progress)
        }
    }

    /// What is there already; nil if there is nothing.
    ///
    /// - Throws: `build.foreign-folder` for anything but a remote of this dataset.
    private func present(for list: PushedDataset) throws(BuildError) -> PushedDataset? {
        func foreign(_ what: String) -> BuildError {
            BuildError(
                .foreignFolder, "\(path) \(what); name a new folder or .tar file", canRetry: false)
        }
        let found: PushedDataset
        do throws(BuildError) {
            switch self {
            case .folder(let folder):
                guard let stat = FileStat(path: folder) else { return nil }
                guard stat.isFolder else { throw foreign("is not a folder") }
                guard FileStat(withoutFollowing: "\(folder)/\(Self.listName)") != nil else {
                    guard let name = Self.names(in: folder).first else { return nil }
                    throw foreign("holds other files (\(name.shown))")
                }
                found = try Self.list(inFolder: folder)
            case .archive(let file):
                guard FileStat(path: file) != nil else { return nil }
                found = try Self.openArchive(file).list
            }
        } catch  where error.code == .untrusted {
            throw foreign("is not a pushed dataset")
        }
        guard found.dataset == list.dataset else { throw foreign("holds the dataset '\(found.dataset)'") }
        return found
    }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private func pushFolder(
        _ folder: String, _ list: PushedDataset, _ card: [UInt8], _ cache: Cache,
        _ progress: (Int, Int) -> Void
    ) throws -> SharingSummary {
        var summary = SharingSummary(dataset: list.dataset, snapshot: list.snapshot)
        if try present(for: list) == nil {
            try OutputFile.makeFolder(folder)
            let begun = PushedDataset(
                dataset: list.dataset, snapshot: list.snapshot, objects: list.objects, isComplete: false)
            try OutputFile.write(begun.encoded, to: "\(folder)/\(Self.listName)")
        }
        var done = 0
        for object in list.objects {
            try Cancellation.bySignal.check()
            let path = "\(folder)/\(Self.name(of: object.digest))"
            if let found = FileStat(withoutFollowing: path), found.isRegularFile, found.size == object.size {
                summary.skipped += 1
            } else {
                try OutputFile.makeFolder(String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex)))
                let file = try OutputFile(path)
                try Self.read(object, cache) { part in
                    try file.write(part)
                    progress(done, list.byteCount)
                }
                try file.commit()
                summary.copied += 1
                summary.bytes += object.size
            }
            done += object.size
            progress(done, list.byteCount)
        }
        try OutputFile.write(card, to: "\(folder)/\(Self.cardName)")
        try OutputFile.write(list.encoded, to: "\(folder)/\(Self.listName)")
        return summary
    }

    private func pushArchive(
        _ path: String, _ list: PushedDataset, _ card: [UInt8], _ cache: Cache,
        _ progress: (Int, Int) -> Void
    ) throws -> SharingSummary {
        var summary = SharingSummary(dataset: list.dataset, snapshot: list.snapshot)
        if try present(for: list) == list {
            summary.skipped = list.objects.count
            return summary
        }
        let tar = try TarFile(path)
        try tar.add(Self.listName, list.encoded)
        try tar.add(Self.cardName, card)
        for object in list.objects {
            try tar.add(Self.name(of: object.digest), byteCount: object.size) { write in
                try Self.read(object, cache) { part in
                    try Cancellation.bySignal.check()
                    try part.withUnsafeBytes(write)
                }
            }
            summary.copied += 1
            summary.bytes += object.size
            progress(summary.bytes, list.byteCount)
        }
        try tar.close()
        return summary
    }

    /// Hands over an object of the cache in parts, checked against its hash.
    private static func read(
        _ object: ObjectReference, _ cache: Cache, to sink: ([UInt8]) throws -> Void
    ) throws {
        try cache.withFile(of: object.digest, size: object.size) { path in
            let file = try InputFile(path, followsLinks: true)
            try file.read(object.size, to: sink)
        }
    }

    // MARK: Pull

    /// Copies a dataset of this remote into a cache; objects that are there are skipped.
    ///
    /// Each object's bytes are checked against its name before it is stored, and the snapshot before anything that it
    /// reaches is taken. The dataset gets its name in the cache last. A pull that was stopped continues.
    ///
    /// - Parameters:
    ///   - dataset: the name that the remote must have it under.
    ///   - cachePath: the cache; made if there is none.
    ///   - log: is given lines for people, such as that another build is waited for.
    ///   - progress: is told how many bytes are done, of how many.
    /// - Returns: what was done.
    /// - Throws: `build.no-dataset` where nothing, or another dataset, is there; `build.untrusted` for anything that no push
    ///   wrote; `build.interrupted`; `BuildError` of the disk and the cache.
    public func pull(
        _ dataset: String, into cachePath: String, log: @escaping @Sendable (String) -> Void = { _ in },
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws -> SharingSummary {
        let archive: TarReader?
        let list: PushedDataset
        switch self {
        case .folder(let folder):
            archive = nil
            guard FileStat(withoutFollowing: "\(folder)/\(Self.listName)") != nil else {
                throw missing("no dataset was pushed to \(path)")
            }
            list = try Self.list(inFolder: folder)
        case .archive(let file):
            guard FileStat(path: file) != nil else { throw missing("there is no archive \(path)") }
            let opened = try Self.openArchive(file)
            (archive, list) = (opened.reader, opened.list)
        }
        guard list.dataset == dataset else {
            throw missing("\(path) holds the dataset '\(list.dataset)', not '\(dataset)'")
        }
        guard list.isComplete else {
            throw missing("the push of '\(dataset)' to \(path) was not finished; push it again")
        }
        let cache = try Cache(path: cachePath, for: .building(wait: true), log: log)
        let engine = Engine(cache)
        var taking = Taking(
            engine: engine, summary: SharingSummary(dataset: dataset, snapshot: list.snapshot),
            total: list.byteCount, place: path)
        if let archive {
            try take(list, from: archive, &taking, progress)
        } else {
            try take(list, fromFolder: path, &taking, progress)
        }
        try engine.flush()
        let snapshot = try Self.trusted(path) { () throws(BuildError) in
            try Snapshot(list.snapshot, in: cache)
        }
        guard snapshot.dataset == dataset else {
            throw BuildError.untrusted(path, "has a snapshot of another dataset, '\(snapshot.dataset)'")
        }
        if try cache.snapshot(of: dataset) != list.snapshot {
            try engine.publish(list.snapshot, as: dataset, keeping: nil)
        }
        return taking.summary
    }

    private func missing(_ message: String) -> BuildError {
        BuildError(.noDataset, message, canRetry: false)
    }

    /// Calls damage that came from a remote by that name.
    private static func trusted<Result>(
        _ place: String, _ body: () throws(BuildError) -> Result
    ) throws(BuildError) -> Result {
        do throws(BuildError) {
            return try body()
        } catch  where error.code == .damaged {
            throw .untrusted(place, "has a snapshot that cannot be read (\(error.message))")
        }
    }

    /// The list in a folder.
    private static func list(inFolder folder: String) throws(BuildError) -> PushedDataset {
        let path = "\(folder)/\(listName)"
        let file = try InputFile(path, followsLinks: false)
        guard file.size <= PushedDataset.sizeLimit else { throw .untrusted(path, "is too long") }
        return try PushedDataset(file.read(file.size), place: path)
    }

    /// The list in an archive, and the archive from behind it on.
    private static func openArchive(_ path: String) throws(BuildError) -> (
        list: PushedDataset, reader: TarReader
    ) {
        let reader = try TarReader(path)
        guard let first = try reader.next(), first.name == listName,
            first.byteCount <= PushedDataset.sizeLimit
        else { throw .untrusted(path, "does not begin with \(listName)") }
        return (try PushedDataset(reader.bytes(), place: "\(listName) in \(path)"), reader)
    }

    private func take(
        _ list: PushedDataset, from archive: TarReader, _ taking: inout Taking, _ progress: (Int, Int) -> Void
    ) throws {
        var due = list.objects[...]
        while let (name, byteCount) = try archive.next() {
            if name == Self.cardName { continue }
            guard let object = due.first, name == Self.name(of: object.digest) else {
                throw BuildError.untrusted(path, "holds '\(name.shown)', which its list does not have there")
            }
            guard byteCount == object.size else {
                throw BuildError.untrusted(
                    path, "holds \(byteCount) bytes of object \(object.digest), not \(object.size)")
            }
            try taking.take(object) { try archive.read(to: $0) }
            if due.count == list.objects.count { try check(list, taking.engine) }
            due = due.dropFirst()
            progress(taking.done, taking.total)
        }
        if let object = due.first { throw BuildError.untrusted(path, "lacks object \(object.digest)") }
    }

    private func take(
        _ list: PushedDataset, fromFolder folder: String, _ taking: inout Taking,
        _ progress: (Int, Int) -> Void
    ) throws {
        for (index, object) in list.objects.enumerated() {
            try taking.take(object) { sink in
                let name = Self.name(of: object.digest)
                // No link on the way either: it could lead to anything.
                for folder in ["\(folder)/objects", "\(folder)/\(name.prefix(10))"]
                where FileStat(withoutFollowing: folder)?.isFolder != true {
                    throw BuildError.untrusted(folder, "is not a folder")
                }
                let file = try InputFile("\(folder)/\(name)", followsLinks: false)
                guard file.size == object.size else {
                    throw BuildError.untrusted(file.path, "has \(file.size) bytes, not \(object.size)")
                }
                try file.read(object.size, to: sink)
            }
            if index == 0 { try check(list, taking.engine) }
            progress(taking.done, taking.total)
        }
    }

    /// Holds a list against its snapshot: it has what the snapshot reaches, and nothing else.
    private func check(_ list: PushedDataset, _ engine: Engine) throws {
        let reached = try Self.trusted(path) { () throws(BuildError) in
            try Snapshot.objects(of: list.snapshot, in: engine.cache)
        }
        guard Set(reached) == Set(list.objects.dropFirst().map(\.digest)) else {
            throw BuildError.untrusted(path, "lists other objects than its snapshot reaches")
        }
    }
}

/// Objects on their way into a cache.
private struct Taking {
    let engine: Engine
    var summary: SharingSummary
    let total: Int
    /// The remote.
    let place: String
    /// The bytes of the objects that are there now.
    private(set) var done = 0

    private static let stage = Stage("pull", version: 1)

    init(engine: Engine, summary: SharingSummary, total: Int, place: String) {
        (self.engine, self.summary, self.total, self.place) = (engine, summary, total, place)
    }

    /// Stores an object, whose bytes the body hands over, unless the cache has it.
    mutating func take(_ object: ObjectReference, _ body: (([UInt8]) throws -> Void) throws -> Void) throws {
        try Cancellation.bySignal.check()
        done += object.size
        if isThere(object) {
            summary.skipped += 1
            return
        }
        let action = Action(
            Self.stage, parameters: ["object": JSONValue(object.digest)], inputs: [],
            subject: object.digest.short)
        let record = try engine.run(action, isForced: true) { context in
            let writer = try context.makeOutput("object", for: .readers)
            var hasher = Digest.Hasher()
            try body { part in
                hasher.update(part)
                try part.withUnsafeBytes { try writer.write($0) }
            }
            let found = hasher.finish()
            guard found == object.digest else {
                throw BuildError.untrusted(
                    place, "has object \(object.digest) with other bytes, which hash to \(found)")
            }
        }
        precondition(record.output("object").digest == object.digest, "an object under another name")
        summary.copied += 1
        summary.bytes += object.size
    }

    /// Whether the cache has the object whole; one that turns out damaged is set aside there.
    private func isThere(_ object: ObjectReference) -> Bool {
        guard engine.cache.contains(object) else { return false }
        let isWhole: Void? = try? engine.cache.withFile(of: object.digest, size: object.size) { _ in }
        return isWhole != nil
    }
}
