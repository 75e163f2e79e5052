import Dataset
import Files
public import Loading
import Storage

extension Remote {
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
        try Self.resumable { try copy(reader, progress) }
    }

    private func copy(_ reader: DatasetReader, _ progress: (Int, Int) -> Void) throws -> SharingSummary {
        var seen: Set<Digest> = []
        let objects = ([reader.digest] + reader.snapshot.objects).filter { seen.insert($0).inserted }
            .map { ObjectReference(digest: $0, size: reader.cache.size(of: $0)) }
        let list = PushedDataset(
            dataset: reader.snapshot.dataset, snapshot: reader.digest, objects: objects, isComplete: true)
        let card = Array(try DatasetCard(reader, reader.manifest()).pushed.utf8)
        switch self {
        case .folder(let path): return try pushFolder(path, list, card, reader.cache, progress)
        case .archive(let path): return try pushArchive(path, list, card, reader.cache, progress)
        case .store(let store): return try pushStore(store, list, reader.cache)
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
                    guard let name = names(inFolder: "\(folder)/.")?.first else { return nil }
                    throw foreign("holds other files (\(name.shown))")
                }
                found = try Self.list(inFolder: folder)
            case .archive(let file):
                guard FileStat(path: file) != nil else { return nil }
                found = try Self.openArchive(file).list
            case .store: return nil
            }
        } catch  where error.code == .untrusted {
            throw foreign("is not a pushed dataset")
        }
        guard found.dataset == list.dataset else { throw foreign("holds the dataset '\(found.dataset)'") }
        return found
    }

    private func pushStore(
        _ store: any RemoteStore, _ list: PushedDataset, _ cache: Cache
    ) throws -> SharingSummary {
        guard let sent = try cache.share(list.objects, as: list.dataset, to: store) else {
            throw BuildError(
                .inputOutput,
                "\(path) did not take all of the dataset, and has no new snapshot; push again to continue",
                canRetry: true)
        }
        var summary = SharingSummary(dataset: list.dataset, snapshot: list.snapshot)
        (summary.copied, summary.bytes) = (sent.objects, sent.bytes)
        summary.skipped = list.objects.count - sent.objects
        return summary
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
}
