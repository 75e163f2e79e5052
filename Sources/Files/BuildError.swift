#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Why a build, or work on a cache, could not continue: the environment or the cache, never one input's bytes.
public struct BuildError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable name for what went wrong.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The dotted name.
        public let rawValue: String

        /// Makes a code of a dotted name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// There is no cache at the path.
        public static let noCache = Code(rawValue: "build.no-cache")
        /// The cache holds no such dataset.
        public static let noDataset = Code(rawValue: "build.no-dataset")
        /// Another process builds in this cache.
        public static let locked = Code(rawValue: "build.locked")
        /// The cache can be read but not written.
        public static let readOnly = Code(rawValue: "build.read-only")
        /// No room is left on the disk, or in a quota.
        public static let diskFull = Code(rawValue: "build.disk-full")
        /// The system refused a read or a write.
        public static let inputOutput = Code(rawValue: "build.io")
        /// An object is not in the cache.
        public static let objectMissing = Code(rawValue: "build.object-missing")
        /// An object's bytes are not those of its name; it was set aside.
        public static let objectCorrupt = Code(rawValue: "build.object-corrupt")
        /// The cache is damaged in a way that building again doesn't mend.
        public static let damaged = Code(rawValue: "build.damaged")
        /// The folder holds other things; a cache is not made of it.
        public static let notACache = Code(rawValue: "build.not-a-cache")
        /// A link, a device, or a file of impossible size is in the cache where a file of the cache belongs.
        public static let foreignFile = Code(rawValue: "build.foreign-file")
        /// A folder or archive that is to be written holds other things.
        public static let foreignFolder = Code(rawValue: "build.foreign-folder")
        /// A folder or archive that was received is not what it says it is.
        public static let untrusted = Code(rawValue: "build.untrusted")
        /// An address, a key or settings for a remote store cannot be used.
        public static let badRemote = Code(rawValue: "build.bad-remote")
        /// The index has another version's tables; the builder replaces it.
        package static let indexSchema = Code(rawValue: "build.index-schema")
        /// A source is not there or can't be opened or read.
        public static let sourceUnreadable = Code(rawValue: "source.unreadable")
        /// A source changed while it was being read.
        public static let sourceChanged = Code(rawValue: "source.changed")
        /// A stage failed for a reason that isn't its input's.
        public static let stageFaulted = Code(rawValue: "build.stage-faulted")
        /// The build was asked to stop; finished work is kept.
        public static let interrupted = Code(rawValue: "build.interrupted")
    }

    /// What went wrong.
    public let code: Code
    /// What, where, and what to do, in one line.
    public let message: String
    /// Whether the same command can succeed later with nothing changed but the environment.
    public let canRetry: Bool

    /// Makes an error.
    public init(_ code: Code, _ message: String, canRetry: Bool) {
        self.code = code
        self.message = message
        self.canRetry = canRetry
    }

    /// The message with its code.
    public var description: String { "\(message) [\(code.rawValue)]" }

    /// Whether only one source is concerned, so that a build can continue with the others.
    public var concernsOneSource: Bool { code == .sourceUnreadable || code == .sourceChanged }

    /// Whether the index cannot be used, and another one made from the journals can.
    package var concernsTheIndex: Bool { code == .damaged || code == .indexSchema }

    /// The status with which a command ends on this error.
    public var exitStatus: ExitStatus {
        switch code {
        case .noCache, .noDataset: .noCache
        case .locked: .locked
        case .notACache, .foreignFolder, .badRemote: .usage
        case .objectMissing, .objectCorrupt, .damaged, .foreignFile: .damaged
        case .sourceUnreadable, .sourceChanged: .quarantined
        case .interrupted: .interrupted
        default: .failed
        }
    }

    package static var interrupted: BuildError {
        BuildError(
            .interrupted, "interrupted; finished work is kept, build again to continue", canRetry: true)
    }

    /// Something in a cache that Reprise did not put there.
    package static func foreign(_ path: String, _ what: String) -> BuildError {
        BuildError(
            .foreignFile,
            "\(path) \(what); Reprise follows no links inside a cache and reads regular files only: remove it, or put the file itself there",
            canRetry: false)
    }

    /// An error of the system, told by its number.
    package static func system(_ doing: String, _ path: String, _ number: Int32) -> BuildError {
        let reason = String(cString: strerror(number))
        switch number {
        case ENOSPC, EDQUOT:
            return BuildError(
                .diskFull, "cannot \(doing) \(path): \(reason); free some disk space and try again",
                canRetry: true)
        case EROFS, EACCES, EPERM:
            return BuildError(
                .readOnly, "cannot \(doing) \(path): \(reason); the cache must be writable for this",
                canRetry: false)
        case ENOTDIR:
            return BuildError(
                .inputOutput,
                "cannot \(doing) \(path): \(reason); part of this path is a file; name another folder",
                canRetry: false)
        case ENOENT:
            return BuildError(.inputOutput, "cannot \(doing) \(path): \(reason)", canRetry: true)
        default:
            return BuildError(
                .inputOutput,
                "cannot \(doing) \(path): \(reason); try again; if the error persists, check the disk",
                canRetry: true)
        }
    }
}

/// The exit statuses of the command line; unknown ones are failures.
public enum ExitStatus: Int32, Sendable, CaseIterable {
    /// Done.
    case done = 0
    /// Failed.
    case failed = 1
    /// Done, but sources were quarantined or unreadable.
    case quarantined = 3
    /// No cache, or no such dataset.
    case noCache = 10
    /// Locked by another writer.
    case locked = 11
    /// The cache is damaged.
    case damaged = 12
    /// Bad usage or manifest.
    case usage = 64
    /// Interrupted; all finished work is kept.
    case interrupted = 130
}
