public import Build
import Files
public import Loading
import Storage
public import Symbolic
internal import Tensors

/// The raw files of a dataset's sources, as far as they are still there with the same bytes.
///
/// A file is looked for where the manifest's path leads from the folder of the dataset's last build. One that looks as it
/// did when it was hashed is not hashed again.
public struct SourceFiles: Sendable {
    private let cache: Cache
    /// The folder of the manifest; nil where the dataset was not built in this cache.
    private let folder: String?

    /// Finds the manifest's folder.
    public init(_ reader: DatasetReader) {
        cache = reader.cache
        folder = cache.lastBuild(of: reader.snapshot.dataset)?.origin.map { origin in
            origin.lastIndex(of: "/").map { String(origin[..<$0]) } ?? "."
        }
    }

    /// The file that a source was read from.
    ///
    /// - Returns: the file; nil if it is gone, or has other bytes now.
    /// - Throws: `BuildError` of the cache.
    public func file(of source: Snapshot.Source) throws -> SourceFile? {
        guard let folder else { return nil }
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

extension DatasetReader {
    /// The file that a source was read from, if it is still there with the same bytes; see `SourceFiles`.
    ///
    /// - Throws: `BuildError` of the cache.
    public func file(of source: Snapshot.Source) throws -> SourceFile? {
        try SourceFiles(self).file(of: source)
    }

    /// The score of a MIDI source in exact ticks, read again from its file; see `SourceFiles`.
    ///
    /// - Throws: `BuildError`.
    public func score(of source: Snapshot.Source) throws -> Score? {
        try SourceFiles(self).score(of: source)
    }
}
