public import Build
public import Loading
public import Symbolic
internal import Tensors

extension DatasetReader {
    /// The file that a source was read from, if it is still there with the same bytes.
    ///
    /// It is looked for where the manifest's path leads from the folder of the dataset's last build. A file that looks as
    /// it did when it was hashed is not hashed again.
    ///
    /// - Returns: the file; nil if it is gone, or has other bytes now.
    /// - Throws: `BuildError` of the cache.
    public func file(of source: Snapshot.Source) throws -> SourceFile? {
        guard let origin = cache.lastBuild(of: snapshot.dataset)?.origin else { return nil }
        let folder = origin.lastIndex(of: "/").map { String(origin[..<$0]) } ?? "."
        let path = source.path.hasPrefix("/") ? source.path : "\(folder)/\(source.path)"
        guard let stat = FileStat(path: path), stat.isRegularFile else { return nil }
        let found = try cache.hashSources([(path: path, stat: stat)], with: Workers(count: 1))
        guard case .success(let file)? = found.first, file.digest == source.sha256 else { return nil }
        return file
    }

    /// The score of a MIDI source in exact ticks, read again from its file.
    ///
    /// - Returns: the score; nil if the file is gone, or has other bytes now.
    /// - Throws: `BuildError`.
    public func score(of source: Snapshot.Source) throws -> Score? {
        guard source.kind == .midi, let file = try file(of: source) else { return nil }
        let bytes = try ReadStage.bytes(ofFile: file.path)
        guard Digest(of: bytes) == source.sha256 else { return nil }
        return try? Score(midi: bytes)
    }
}
