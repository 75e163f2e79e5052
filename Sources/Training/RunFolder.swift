internal import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The folder of a run: `<cache>/runs/<run>/`.
///
/// Files that say something whole (`run.json`, checkpoints) are written beside their place, flushed and renamed;
/// files that grow (`metrics.jsonl`, events) are cut back to the length that the last checkpoint names. No link is
/// followed: a foreign run must not redirect a write.
final class RunFolder {
    let name: String
    let path: String
    private var lock: Int32 = -1

    static func runs(in cache: String) -> String { cache + "/runs" }

    /// A run that is there.
    ///
    /// - Throws: `train.no-run`.
    init(named name: String, in cache: String) throws(TrainingError) {
        self.name = name
        path = Self.runs(in: cache) + "/" + name
        guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/"), Self.isFolder(Self.runs(in: cache)),
            Self.isFolder(path), Self.isFile(path + "/run.json")
        else {
            throw TrainingError(
                .noRun, "no run '\(name)' in \(Self.runs(in: cache)); 'reprise runs' lists them")
        }
    }

    /// A new run, with the first free number behind its recipe's name.
    init(creatingFor recipe: String, in cache: String) throws(TrainingError) {
        let runs = Self.runs(in: cache)
        try Self.makeFolder(runs)
        var number = 1
        while mkdir("\(runs)/\(recipe)-\(number)", 0o777) != 0 {
            guard errno == EEXIST else { throw Self.fault("make", "\(runs)/\(recipe)-\(number)") }
            number += 1
        }
        name = "\(recipe)-\(number)"
        path = "\(runs)/\(name)"
    }

    /// The runs of a cache whose names have a beginning, the newest number first.
    static func names(in cache: String, startingWith beginning: String) -> [String] {
        (Files.names(inFolder: runs(in: cache)) ?? []).filter { $0.hasPrefix(beginning) }
            .compactMap { name in Int(name.dropFirst(beginning.count)).map { (number: $0, name: name) } }
            .sorted { $0.number > $1.number }.map(\.name)
    }

    deinit {
        guard lock >= 0 else { return }
        // As in Build's Lock: a copy of the descriptor in a process that is being started must not keep the lock.
        flock(lock, LOCK_UN)
        close(lock)
    }

    /// Makes a folder; one that is there is fine, a link in its place is not.
    static func makeFolder(_ path: String) throws(TrainingError) {
        if mkdir(path, 0o777) == 0 { return }
        guard errno == EEXIST else { throw fault("make", path) }
        guard isFolder(path) else {
            throw TrainingError(.file, "\(path) is not a folder; Reprise follows no links inside a cache")
        }
    }

    /// Whether a folder is there, and no link in its place.
    static func isFolder(_ path: String) -> Bool { isKind(S_IFDIR, path) }

    /// Whether a regular file is there, and no link in its place.
    private static func isFile(_ path: String) -> Bool { isKind(S_IFREG, path) }

    private static func isKind(_ kind: mode_t, _ path: String) -> Bool {
        var found = stat()
        return lstat(path, &found) == 0 && found.st_mode & S_IFMT == kind
    }

    /// Keeps others from training this run as long as this object lives.
    ///
    /// - Throws: `train.locked`.
    func acquire() throws(TrainingError) {
        lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
        guard lock >= 0 else { throw Self.fault("open", path + "/lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw TrainingError(.locked, "another process trains \(name); wait for it, or stop it")
        }
    }

    /// Replaces a file whole.
    func replace(_ file: String, with bytes: [UInt8]) throws(TrainingError) {
        try replace(file) { target in bytes.withUnsafeBytes { writeAll($0, to: target) } }
    }

    /// Replaces a file by a copy of another, of any size.
    func replace(_ file: String, withCopyOf source: String) throws(TrainingError) {
        let descriptor = open(source, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.fault("open", source) }
        defer { close(descriptor) }
        try replace(file) { copyAll(from: descriptor, to: $0) }
    }

    /// Replaces a file by what a function writes; it says whether it could.
    private func replace(_ file: String, _ write: (Int32) -> Bool) throws(TrainingError) {
        let (target, temporary) = (path + "/" + file, path + "/" + file + ".new")
        // What a killed training left half written, or a link that another user put there.
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.fault("write", temporary) }
        let isWhole = write(descriptor) && fsync(descriptor) == 0
        close(descriptor)
        guard isWhole, rename(temporary, target) == 0 else {
            let fault = Self.fault("write", target)
            unlink(temporary)
            throw fault
        }
        let folder = open(path, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    /// The most bytes of a file that is read whole: weights of a billion parameters.
    private static let limit = 4 << 30

    /// The whole of a file; nil when there is none, or no regular file that can be read.
    func contents(_ file: String) -> [UInt8]? {
        let descriptor = open(path + "/" + file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var found = stat()
        guard fstat(descriptor, &found) == 0, found.st_mode & S_IFMT == S_IFREG, found.st_size <= Self.limit
        else { return nil }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(descriptor, &part, part.count), count > 0, bytes.count <= Self.limit {
            bytes += part[..<count]
        }
        return bytes
    }

    /// The hash of the run's best weights.
    var bestDigest: Digest {
        get throws(TrainingError) { try digest(of: Checkpoint.best) }
    }

    /// The hash of a file of weights.
    ///
    /// - Throws: `train.no-run` where there is none yet.
    func digest(of file: String) throws(TrainingError) -> Digest {
        guard let weights = contents(file) else {
            throw TrainingError(
                .noRun, "\(name) has no checkpoint yet; train it further with --resume \(name)")
        }
        return Digest(of: weights)
    }

    func has(_ file: String) -> Bool { Self.isFile(path + "/" + file) }

    static func fault(_ doing: String, _ path: String) -> TrainingError {
        TrainingError(.file, "cannot \(doing) \(path): \(String(cString: strerror(errno)))")
    }
}

/// A file that grows by whole pieces and can be cut back.
final class GrowingFile {
    private let descriptor: Int32
    private let path: String
    private var waiting: [UInt8] = []
    private(set) var length = 0

    /// Opens it at a length, which is what counts of it.
    init(_ folder: RunFolder, _ file: String, length: Int) throws(TrainingError) {
        path = folder.path + "/" + file
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
        guard descriptor >= 0 else { throw RunFolder.fault("open", path) }
        var found = stat()
        guard fstat(descriptor, &found) == 0, found.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw TrainingError(.badRun, "\(path) is not a regular file; the run cannot be resumed")
        }
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= off_t(length) else {
            throw TrainingError(
                .badRun, "\(path) is shorter than the checkpoint says; the run cannot be resumed")
        }
        guard ftruncate(descriptor, off_t(length)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw RunFolder.fault("cut", path)
        }
        self.length = length
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) {
        waiting += bytes
        length += bytes.count
    }

    /// Hands what was appended to the system; with `toDisk` it is also flushed.
    func flush(toDisk: Bool = false) throws(TrainingError) {
        let isWritten = waiting.withUnsafeBytes { writeAll($0, to: descriptor) }
        guard isWritten, !toDisk || fsync(descriptor) == 0 else {
            throw RunFolder.fault("write", path)
        }
        waiting.removeAll(keepingCapacity: true)
    }
}
