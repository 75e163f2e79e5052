public import Files
import Storage

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A file to convert, and what it is to become.
public struct TransferTask: Sendable {
    /// The content's path.
    public let content: String
    /// The hash of its bytes.
    public let digest: Digest
    /// The ending of the result's name, with its dot.
    public let ending: String
    /// The target style, a label or the path of a file; nil if not said.
    public let style: String?
    /// The file whose style to convert to, where the style is a file.
    public let styleFile: RawInput?
    /// The source style; nil if not said.
    public let contentStyle: String?
    /// Which part of the content to convert.
    public let part: TransferPart
    /// Whether a recording of two channels stays one.
    public let isStereo: Bool

    /// Names a file and its target style.
    public init(
        content: String, digest: Digest, ending: String, style: String?, styleFile: RawInput? = nil,
        contentStyle: String?, part: TransferPart = TransferPart(), isStereo: Bool = false
    ) {
        (self.content, self.digest, self.ending) = (content, digest, ending)
        (self.style, self.styleFile, self.contentStyle) = (style, styleFile, contentStyle)
        (self.part, self.isStereo) = (part, isStereo)
    }
}

/// The result of a transfer in the cache: `transfers/<key>/` of docs/formats.md.
public struct CachedTransfer: Sendable {
    /// The file.
    public let path: String
    /// Whether it was there already.
    public let wasCached: Bool
    /// The SHA-256 of all that it depends on.
    public let key: Digest
    /// What `transfer.json` says: what it depends on, its hash, and what was measured.
    public let record: JSONValue
    /// Pictures of the content and of it; none of a result that was there already.
    public let figures: [Figure]
    /// What it was after some steps of an optimisation; none of a result that was there already.
    public let snapshots: [(name: String, bytes: [UInt8])]

    /// What was measured, in the recipe's order.
    public var measures: [Measure] {
        (record["measures"]?.array ?? []).compactMap { pair in
            guard let name = pair.array?.first?.string, let value = pair.array?.last?.double else {
                return nil
            }
            return Measure(name, value)
        }
    }
}

extension TransferSystem {
    /// What is written beside a result, for people and programs: `OUT.json` of docs/formats.md.
    public func sidecar(of transfer: CachedTransfer, _ task: TransferTask) -> JSONValue {
        var members = transfer.record.object ?? [:]
        members["format"] = 1
        members["run"] = isRun ? .string(name) : .null
        members["key"] = JSONValue(transfer.key)
        members["content"] = .string(task.content)
        members["measures"] = transfer.measures.json
        return .object(members)
    }

    /// Converts a file, unless the cache has the result of the same transfer.
    ///
    /// The key is the SHA-256 of all that the result depends on: the content's bytes, the styles, the weights, the
    /// settings, the part, the program and its numerics. Beside the result, `transfer.json` says what that was, and
    /// what was measured. A result whose bytes have changed since is replaced.
    ///
    /// - Parameters:
    ///   - task: What to convert.
    ///   - needsFigures: Whether to convert it in any case, for the pictures.
    ///   - bytes: Reads the content, as a request takes it.
    ///   - write: Writes a result to a path.
    /// - Returns: The result's file.
    /// - Throws: what `transfer` throws; `train.file` where the cache cannot be written.
    public func cached(
        _ task: TransferTask, needsFigures: Bool = false, bytes: () throws -> [UInt8],
        write: (TransferOutput, _ path: String) throws -> Void
    ) throws -> CachedTransfer {
        let description = try description(of: task)
        let key = Digest(of: description.canonicalBytes)
        let folder = trainer.cachePath + "/transfers"
        let (place, name) = ("\(folder)/\(key.hex)", "out\(task.ending)")
        func kept(_ result: Transferred?) -> CachedTransfer? {
            guard let bytes = try? Files.contents(of: "\(place)/transfer.json", in: AT_FDCWD, limit: 1 << 24),
                let record = try? JSONValue(parsing: bytes), let hash = record["out"]?.string,
                let found = try? Digest(ofFileAt: "\(place)/\(name)"), found.hex == hash
            else { return nil }
            return CachedTransfer(
                path: "\(place)/\(name)", wasCached: result == nil, key: key, record: record,
                figures: result?.figures ?? [], snapshots: result?.snapshots ?? [])
        }
        if !needsFigures, let kept = kept(nil) { return kept }
        if !RunFolder.isFolder(trainer.cachePath) {
            withExtendedLifetime(try Cache(path: trainer.cachePath, for: .building(wait: true))) {}
        }
        try RunFolder.makeFolder(folder)
        // Whole or not at all: it gets its name last.
        let work = "\(folder)/\(key.hex).\(getpid()).part"
        func remove(_ folder: String) {
            for file in [name, "transfer.json"] { unlink("\(folder)/\(file)") }
            rmdir(folder)
        }
        remove(work)
        try RunFolder.makeFolder(work)
        // After the rename nothing has this name.
        defer { remove(work) }
        let result = try transfer { settings in
            TransferRequest(
                content: try bytes(), path: task.content, style: task.style, styleFile: task.styleFile,
                contentStyle: task.contentStyle, settings: settings, part: task.part,
                isStereo: task.isStereo, folder: work)
        }
        try write(result.output, "\(work)/\(name)")
        var record: [String: JSONValue] = [
            "transfer": description, "out": JSONValue(try Digest(ofFileAt: "\(work)/\(name)")),
            "measures": .array(
                result.measures.filter(\.value.isFinite).map { [.string($0.name), .number($0.value)] }),
        ]
        if !result.foundations.isEmpty { record["foundations"] = .object(result.foundations) }
        try OutputFile.write(JSONValue.object(record).canonicalBytes + [0x0A], to: "\(work)/transfer.json")
        // Another process may have been faster; what is there and damaged goes.
        if kept(result) == nil { remove(place) }
        guard rename(work, place) == 0 || errno == EEXIST || errno == ENOTEMPTY, let kept = kept(result)
        else {
            throw RunFolder.fault("write", place)
        }
        return kept
    }
}
