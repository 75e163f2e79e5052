import Build
import Files
import Loading
import Storage

extension Remote {
    /// Copies a dataset of this remote into a cache; objects that are there are skipped.
    ///
    /// Each object's bytes are checked against its name before it is stored, and the snapshot before anything that it
    /// reaches is taken. The dataset gets its name in the cache last. A pull that was stopped continues.
    ///
    /// - Parameters:
    ///   - dataset: the name that the remote must have it under; of a store also a snapshot's whole hash.
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
        try Self.resumable { try take(dataset, into: cachePath, log, progress) }
    }

    private func take(
        _ dataset: String, into cachePath: String, _ log: @escaping @Sendable (String) -> Void,
        _ progress: (Int, Int) -> Void
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
        case .store(let store): return try take(dataset, from: store, into: cachePath, log, progress)
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

    /// Objects are asked for by their names: the snapshot, its tables and statistics, then the shards.
    private func take(
        _ dataset: String, from store: any RemoteStore, into cachePath: String,
        _ log: @escaping @Sendable (String) -> Void, _ progress: (Int, Int) -> Void
    ) throws -> SharingSummary {
        let reference = store.snapshot(of: dataset)
        guard let digest = reference?.digest ?? Digest(hex: dataset) else {
            throw missing("no dataset '\(dataset)' at \(path), or the server does not answer")
        }
        let cache = try Cache(path: cachePath, for: .building(wait: true), log: log)
        let engine = Engine(cache)
        var taking = Taking(
            engine: engine, summary: SharingSummary(dataset: dataset, snapshot: digest), total: 0, place: path
        )
        func fetch(_ digest: Digest, _ size: Int?) throws {
            try taking.take(digest, size: size) { sink in
                guard try store.copy(digest, size: size, to: { try sink(Array($0)) }) else {
                    throw BuildError(
                        .inputOutput, "\(path) did not give all of object \(digest); pull again to continue",
                        canRetry: true)
                }
            }
            progress(taking.done, max(taking.total, taking.done))
        }
        try fetch(digest, reference?.size)
        let reached = try Self.trusted(path) { () throws(BuildError) in
            try Snapshot.objects(of: digest, in: cache)
        }
        let sizes = try Self.trusted(path) { () throws(BuildError) in
            try Snapshot.shardSizes(of: digest, in: cache)
        }
        taking.total = taking.done + sizes.values.reduce(0) { $0.addingReportingOverflow($1).partialValue }
        for object in reached where sizes[object] == nil { try fetch(object, nil) }
        for object in reached { if let size = sizes[object] { try fetch(object, size) } }
        try engine.flush()
        let snapshot = try Self.trusted(path) { () throws(BuildError) in try Snapshot(digest, in: cache) }
        guard snapshot.dataset == dataset || reference == nil else {
            throw BuildError.untrusted(path, "has a snapshot of another dataset, '\(snapshot.dataset)'")
        }
        if try cache.snapshot(of: snapshot.dataset) != digest {
            try engine.publish(digest, as: snapshot.dataset, keeping: nil)
        }
        var summary = SharingSummary(dataset: snapshot.dataset, snapshot: digest)
        (summary.copied, summary.skipped) = (taking.summary.copied, taking.summary.skipped)
        summary.bytes = taking.summary.bytes
        return summary
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
    var total: Int
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
        try take(object.digest, size: object.size, body)
    }

    /// Stores an object whose size may not be known.
    mutating func take(
        _ digest: Digest, size: Int?, _ body: (([UInt8]) throws -> Void) throws -> Void
    ) throws {
        try Cancellation.bySignal.check()
        if isThere(digest, size: size) {
            done += size ?? engine.cache.size(of: digest)
            summary.skipped += 1
            return
        }
        let action = Action(
            Self.stage, parameters: ["object": JSONValue(digest)], inputs: [], subject: digest.short)
        let record = try engine.run(action, isForced: true) { context in
            let writer = try context.makeOutput("object", for: .readers)
            var hasher = Digest.Hasher()
            try body { part in
                hasher.update(part)
                try part.withUnsafeBytes { try writer.write($0) }
            }
            let found = hasher.finish()
            guard found == digest else {
                throw BuildError.untrusted(
                    place, "has object \(digest) with other bytes, which hash to \(found)")
            }
        }
        let stored = record.output("object")
        precondition(stored.digest == digest, "an object under another name")
        done += stored.size
        summary.copied += 1
        summary.bytes += stored.size
    }

    /// Whether the cache has the object whole; one that turns out damaged is set aside there.
    private func isThere(_ digest: Digest, size: Int?) -> Bool {
        guard engine.cache.holds(digest) else { return false }
        let isWhole: Void? = try? engine.cache.withFile(of: digest, size: size) { _ in }
        return isWhole != nil
    }
}
