import Build
import Files
import Manifest
import Symbolic

extension Assembly {
    /// A file whose stage may be due.
    struct DueItem: Sendable {
        let path: String
        let stat: FileStat
        /// When the score begins in the recording, in microseconds, if it is one of a pair.
        let offset: Int?

        /// The same for its stage, once it was hashed.
        func item(_ manifest: Manifest, _ file: SourceFile) -> SourceStages.Item {
            SourceStages.Item(
                path: path, digest: file.digest, file: file,
                recording: offset.flatMap { RecordingCut(manifest, offset: $0) })
        }

        var task: WorkTask { .source(path: path, bytes: stat.size, offset: offset) }
    }

    /// The entries whose stage has no result that is found without reading them, each with its hash if that is known.
    func dueSources(_ list: EntryList) throws -> [(task: WorkTask, digest: Digest?)] {
        let descriptions = try list.described { _ in }
        let cuts = recordingCuts(list, descriptions, partners(list, descriptions))
        var due: [(task: WorkTask, digest: Digest?)] = []
        for start in stride(from: 0, to: list.count, by: Self.chunkCount) {
            let items = (start..<min(start + Self.chunkCount, list.count)).compactMap { index in
                list.status(index).map {
                    DueItem(path: list.path(index), stat: $0, offset: cuts[index]?.offset)
                }
            }
            due += try self.due(items).map { ($0.item.task, $0.digest) }
        }
        return due
    }

    /// Those of some files whose stage has no result that is found without reading them, with what is known of their
    /// hashes.
    func due(_ items: [DueItem]) throws -> [(item: DueItem, digest: Digest?)] {
        let known = try runner.cache.knownSources(
            items.map { (path: "\(directory)/\($0.path)", stat: $0.stat) })
        let sources = zip(items, known).compactMap { item, file in file.map { item.item(manifest, $0) } }
        var outcomes = try SourceStages(manifest, runner).outcomes(sources, workers) { _ in }[...]
        return zip(items, known).compactMap { item, file in
            guard let file else { return (item, nil) }
            guard case .built(let source)? = outcomes.popFirst(), !source.isKnown else { return nil }
            return (item, file.digest)
        }
    }
}
