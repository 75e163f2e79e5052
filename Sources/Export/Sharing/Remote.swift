public import Build

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where a dataset is pushed to and pulled from: a folder, or one archive file.
///
/// Both hold the same: `reprise-dataset.json`, which says what is there (`PushedDataset`); `README.md`, the dataset's card;
/// and `objects/ab/cdef…`, the snapshot and everything that it reaches, each object named by the SHA-256 of its bytes. An
/// archive is a tar file of those, in this order.
public enum Remote: Sendable, Hashable {
    /// A folder.
    case folder(String)
    /// A tar archive.
    case archive(String)

    /// The file that says what is there.
    static let listName = "reprise-dataset.json"
    /// The card.
    static let cardName = "README.md"

    /// Reads what the user wrote.
    ///
    /// - Parameter text: a folder; or an archive, which ends in `.tar` or is a file.
    /// - Throws: `build.foreign-folder` for an address of the network.
    public init(_ text: String) throws(BuildError) {
        if text.contains("://") {
            throw BuildError(
                .foreignFolder,
                "\(text) is an address; push and pull work with folders and .tar files for now: push to one of those, copy it with rsync, scp or 'aws s3 sync', and pull from the copy",
                canRetry: false)
        }
        let path = text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
        let isFile = FileStat(path: path)?.isRegularFile == true
        self = isFile || path.hasSuffix(".tar") ? .archive(path) : .folder(path)
    }

    /// The folder or file.
    public var path: String {
        switch self {
        case .folder(let path), .archive(let path): path
        }
    }

    /// Where an object lies in it.
    static func name(of digest: Digest) -> String {
        "objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"
    }
}

/// What a remote says that it holds.
struct PushedDataset: Equatable {
    /// The dataset's name.
    let dataset: String
    /// The snapshot.
    let snapshot: Digest
    /// The snapshot's object, then all that it reaches, each once.
    let objects: [ObjectReference]
    /// Whether all of them are there; false while a first push is under way.
    let isComplete: Bool

    /// The version of this layout.
    private static let format = 1
    /// The longest list that is read, in bytes.
    static let sizeLimit = 256 << 20

    init(dataset: String, snapshot: Digest, objects: [ObjectReference], isComplete: Bool) {
        self.dataset = dataset
        self.snapshot = snapshot
        self.objects = objects
        self.isComplete = isComplete
    }

    /// All bytes of the objects.
    var byteCount: Int { objects.reduce(0) { $0 + $1.size } }

    var encoded: [UInt8] {
        let object: JSONValue = [
            "format": JSONValue(Self.format), "dataset": .string(dataset), "snapshot": JSONValue(snapshot),
            "complete": .bool(isComplete),
            "objects": .array(
                objects.map { ["sha256": JSONValue($0.digest), "bytes": JSONValue($0.size)] as JSONValue }),
        ]
        return object.canonicalBytes + [0x0A]
    }

    /// Reads a list, believing nothing; errors call it by `place`.
    ///
    /// - Throws: `build.untrusted`.
    init(_ bytes: [UInt8], place: String) throws(BuildError) {
        func refused(_ reason: String) -> BuildError { .untrusted(place, reason) }
        guard let json = try? JSONValue(parsing: bytes.last == 0x0A ? Array(bytes.dropLast()) : bytes),
            json.object != nil
        else { throw refused("is not JSON") }
        guard json["format"]?.integer == Self.format else {
            throw refused("has a format that this version does not know")
        }
        guard let dataset = json["dataset"]?.string, Self.isName(dataset) else {
            throw refused("names no dataset")
        }
        guard let snapshot = json["snapshot"]?.string.flatMap({ Digest(hex: $0) }) else {
            throw refused("names no snapshot")
        }
        var objects: [ObjectReference] = []
        var seen: Set<Digest> = []
        for item in json["objects"]?.array ?? [] {
            guard let digest = item["sha256"]?.string.flatMap({ Digest(hex: $0) }),
                let size = item["bytes"]?.integer, (0...1 << 50).contains(size), seen.insert(digest).inserted
            else { throw refused("lists an object without a hash or a size, or twice") }
            objects.append(ObjectReference(digest: digest, size: size))
        }
        guard objects.first?.digest == snapshot else { throw refused("does not begin with the snapshot") }
        self.init(
            dataset: dataset, snapshot: snapshot, objects: objects,
            isComplete: json["complete"]?.bool == true)
    }

    /// As the manifest's grammar has it: 1 to 100 letters, digits, '-' and '_'.
    private static func isName(_ text: String) -> Bool {
        (1...100).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }
}

extension BuildError {
    /// Something in a remote that no push wrote, or that was changed since.
    static func untrusted(_ place: String, _ reason: String) -> BuildError {
        BuildError(
            .untrusted,
            "\(place) \(reason); nothing of it is used: push the dataset again, or get another copy",
            canRetry: false)
    }
}

/// A file that is read from its start, and of which nothing is believed.
final class InputFile {
    let path: String
    /// The bytes that it had when it was opened.
    let size: Int
    /// How many of them were read or skipped.
    private(set) var position = 0
    private let descriptor: Int32

    private static let partLength = 1 << 20

    /// Opens a regular file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - followsLinks: whether it may be reached through a link.
    /// - Throws: `build.untrusted` for a link or anything else that is no regular file; `build.io`.
    init(_ path: String, followsLinks: Bool) throws(BuildError) {
        self.path = path
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW)
        descriptor = open(path, flags)
        guard descriptor >= 0 else {
            size = 0
            if errno == ELOOP { throw .untrusted(path, "is a link") }
            throw BuildError(
                .inputOutput, "cannot read \(path): \(String(cString: strerror(errno)))", canRetry: true)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            size = 0
            throw .untrusted(path, "is not a regular file")
        }
        size = Int(status.st_size)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether all of it was read.
    var isAtEnd: Bool { position >= size }

    /// The next bytes, as many as are asked for.
    ///
    /// - Throws: `build.untrusted` if the file ends before.
    func read(_ count: Int) throws(BuildError) -> [UInt8] {
        guard count <= size - position else { throw .untrusted(path, "ends too early, at byte \(size)") }
        var failure: Int32?
        var done = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while done < count {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + done }, count - done, off_t(position + done))
                if got < 0, errno == EINTR { continue }
                guard got > 0 else {
                    failure = got < 0 ? errno : EIO
                    break
                }
                done += got
            }
            filled = done
        }
        if let failure {
            throw BuildError(
                .inputOutput, "cannot read \(path): \(String(cString: strerror(failure)))", canRetry: true)
        }
        position += count
        return bytes
    }

    /// Hands over the next bytes in parts.
    func read(_ count: Int, to sink: ([UInt8]) throws -> Void) throws {
        guard count <= size - position else {
            throw BuildError.untrusted(path, "ends too early, at byte \(size)")
        }
        var rest = count
        while rest > 0 {
            let part = min(rest, Self.partLength)
            try sink(read(part))
            rest -= part
        }
    }

    /// Passes over bytes.
    func skip(_ count: Int) throws(BuildError) {
        guard count <= size - position else { throw .untrusted(path, "ends too early, at byte \(size)") }
        position += count
    }
}
