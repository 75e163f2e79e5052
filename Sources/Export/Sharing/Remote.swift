import Files
import Manifest
public import Storage

/// Where a dataset is pushed to and pulled from: a folder, one archive file, or a store that caches share.
///
/// The first two hold the same: `reprise-dataset.json`, which says what is there (`PushedDataset`); `README.md`, the dataset's card;
/// and `objects/ab/cdef…`, the snapshot and everything that it reaches, each object named by the SHA-256 of its bytes. An
/// archive is a tar file of those, in this order.
public enum Remote: Sendable {
    /// A folder.
    case folder(String)
    /// A tar archive.
    case archive(String)
    /// A store behind HTTP or S3, which holds objects by their hashes, and under a dataset's name its newest snapshot.
    case store(any RemoteStore)

    /// The file that says what is there.
    static let listName = "reprise-dataset.json"
    /// The card.
    static let cardName = "README.md"

    /// Takes a path that the user wrote.
    ///
    /// - Parameter text: a folder; or an archive, which ends in `.tar` or is a file.
    public init(path text: String) {
        let path = text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
        let isFile = FileStat(path: path)?.isRegularFile == true
        self = isFile || path.hasSuffix(".tar") ? .archive(path) : .folder(path)
    }

    /// The folder or file, or the store's address.
    public var path: String {
        switch self {
        case .folder(let path), .archive(let path): path
        case .store(let store): store.address
        }
    }

    /// Where an object lies in it.
    static func name(of digest: Digest) -> String { "objects/\(digest.place)" }
}

extension Remote {
    /// The list in a folder.
    static func list(inFolder folder: String) throws(BuildError) -> PushedDataset {
        let path = "\(folder)/\(listName)"
        let file = try InputFile(path, followsLinks: false)
        guard file.size <= PushedDataset.sizeLimit else { throw .untrusted(path, "is too long") }
        return try PushedDataset(file.read(file.size), place: path)
    }

    /// The list in an archive, and the archive from behind it on.
    static func openArchive(_ path: String) throws(BuildError) -> (
        list: PushedDataset, reader: TarReader
    ) {
        let reader = try TarReader(path)
        guard let first = try reader.next(), first.name == listName,
            first.byteCount <= PushedDataset.sizeLimit
        else { throw .untrusted(path, "does not begin with \(listName)") }
        return (try PushedDataset(reader.bytes(), place: "\(listName) in \(path)"), reader)
    }

    /// Says how an interrupted copy continues.
    static func resumable<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as BuildError where error.code == .interrupted {
            throw BuildError(
                .interrupted, "interrupted; give the same command again to continue", canRetry: true)
        }
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
        guard let dataset = json["dataset"]?.string, Manifest.isDatasetName(dataset) else {
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
