public import Files
import Runs

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What was noted about a dataset: `cache/notes/<dataset>.jsonl` (`docs/formats.md`, Notes).
public struct Annotations: Sendable {
    /// By subject the last that was written; what was taken back is not here.
    public private(set) var all: [Annotation.Subject: Annotation] = [:]
    /// Where they are kept.
    public let path: String

    private static let limit = 64 << 20

    /// Reads them; there are none where there is no file.
    ///
    /// A line that is not an annotation is skipped: a killed process may leave a part of one.
    ///
    /// - Parameters:
    ///   - dataset: the dataset's name, without a snapshot's number.
    ///   - cachePath: the cache's folder.
    /// - Throws: `build.foreign-file` if something else lies in place of the file.
    public init(ofDataset dataset: String, cachePath: String) throws(BuildError) {
        path = "\(cachePath)/notes/\(dataset).jsonl"
        guard FileStat(withoutFollowing: path) != nil else { return }
        guard let bytes = RunFiles.contents(path, limit: Self.limit) else { throw Self.foreign(path) }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            if let annotation = Annotation(line: line) { take(annotation) }
        }
    }

    private mutating func take(_ annotation: Annotation) {
        all[annotation.subject] = annotation.isEmpty ? nil : annotation
    }

    /// Appends an annotation to the file, and flushes it.
    ///
    /// Several processes may append.
    ///
    /// - Throws: `build.foreign-file`, `build.disk-full`, `build.io`.
    public mutating func append(_ annotation: Annotation) throws(BuildError) {
        let folder = String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex))
        if mkdir(folder, 0o777) != 0, errno != EEXIST { throw failure(errno) }
        guard FileStat(withoutFollowing: folder)?.isFolder == true else { throw Self.foreign(folder) }
        let file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
        guard file >= 0 else { throw errno == ELOOP ? Self.foreign(path) : failure(errno) }
        defer { close(file) }
        var status = stat()
        guard flock(file, LOCK_EX) == 0, fstat(file, &status) == 0 else { throw failure(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Self.foreign(path) }
        var bytes = annotation.json.canonicalBytes + [UInt8(ascii: "\n")]
        // After a part of a line that a killed process left.
        var last: UInt8 = 0
        if status.st_size > 0, pread(file, &last, 1, status.st_size - 1) != 1 || last != UInt8(ascii: "\n") {
            bytes.insert(UInt8(ascii: "\n"), at: 0)
        }
        guard Int(status.st_size) + bytes.count <= Self.limit else {
            throw BuildError(
                .inputOutput, "\(path) has \(byteSize(Self.limit)), its limit", canRetry: false)
        }
        guard bytes.withUnsafeBytes({ writeAll($0, to: file) }), fsync(file) == 0 else {
            throw failure(errno)
        }
        take(annotation)
    }

    private func failure(_ code: Int32) -> BuildError {
        let isFull = code == ENOSPC || code == EDQUOT
        return BuildError(
            isFull ? .diskFull : .inputOutput, "cannot write \(path): \(String(cString: strerror(code)))",
            canRetry: isFull)
    }

    private static func foreign(_ path: String) -> BuildError {
        BuildError(
            .foreignFile, "\(path) is not a file that Reprise writes; move it elsewhere", canRetry: false)
    }

    // MARK: Looking things up

    /// Every tag with the number of sources and of segments that have it, by name.
    public var tags: [(tag: String, sources: Int, segments: Int)] {
        var counts: [String: (sources: Int, segments: Int)] = [:]
        for annotation in all.values {
            for tag in annotation.tags {
                if annotation.subject.start == nil {
                    counts[tag, default: (0, 0)].sources += 1
                } else {
                    counts[tag, default: (0, 0)].segments += 1
                }
            }
        }
        return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sources, $0.value.segments) }
    }

    /// All of them, by path and start, sources before their segments.
    public var sorted: [Annotation] {
        all.values.sorted { left, right in
            let (first, second) = (left.subject, right.subject)
            return first.path == second.path
                ? (first.start ?? -1) < (second.start ?? -1) : first.path < second.path
        }
    }

    /// The tags of sources, by path; those of single segments left out.
    public var tagsOfSources: [(path: String, tags: [String])] {
        sorted.filter { $0.subject.start == nil }.map { ($0.subject.path, $0.tags) }
    }
}
