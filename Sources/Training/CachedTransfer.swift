public import Build
internal import Loading
public import Torch

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The result of a transfer in the cache: `transfers/<key>/` of docs/formats.md.
public struct CachedTransfer: Sendable {
    /// The file.
    public let path: String
    /// Whether it was there already.
    public let wasCached: Bool
}

/// What converts files, with all of it that their results depend on.
public struct TransferSystem: Sendable {
    fileprivate let name: String
    fileprivate let dataset: String?
    fileprivate let assignments: [String]
    /// Of a transfer's description, what is the same for every content.
    fileprivate let members: [String: JSONValue]
}

/// A file to convert, and what it is to become.
public struct TransferTask: Sendable {
    /// What converts it.
    public let system: TransferSystem
    /// The content's path.
    public let content: String
    /// The hash of its bytes.
    public let digest: Digest
    /// The ending of the result's name, with its dot.
    public let ending: String
    /// The target style, a label.
    public let style: String
    /// The source style.
    public let contentStyle: String?

    /// Names a file and its target style.
    public init(
        system: TransferSystem, content: String, digest: Digest, ending: String, style: String,
        contentStyle: String?
    ) {
        self.system = system
        (self.content, self.digest, self.ending) = (content, digest, ending)
        (self.style, self.contentStyle) = (style, contentStyle)
    }
}

extension Trainer {
    /// Converts a file, unless the cache has the result of the same transfer.
    ///
    /// The key is the SHA-256 of all that the result depends on: the content's bytes, the styles, the weights, the
    /// settings, the program and its numerics. Beside the result, `transfer.json` says what that was, and what was
    /// measured.
    ///
    /// - Parameters:
    ///   - task: What to convert.
    ///   - device: Where to compute.
    ///   - bytes: Reads the content, as a request takes it.
    ///   - write: Writes a result to a path.
    /// - Returns: The result's file.
    /// - Throws: what `transfer(by:)` throws; `train.file` where the cache cannot be written.
    public func cached(
        _ task: TransferTask, device: Device = .cpu, bytes: () throws -> [UInt8],
        write: (TransferOutput, _ path: String) throws -> Void
    ) throws -> CachedTransfer {
        let description = description(of: task)
        let key = Digest(of: description.canonicalBytes).hex
        let folder = cachePath + "/transfers"
        let (place, name) = ("\(folder)/\(key)", "out\(task.ending)")
        if RunFolder.isFolder(place) {
            return CachedTransfer(path: "\(place)/\(name)", wasCached: true)
        }
        try RunFolder.makeFolder(folder)
        // Whole or not at all: it gets its name last.
        let work = "\(folder)/\(key).\(getpid()).part"
        try RunFolder.makeFolder(work)
        defer {
            // After the rename nothing has this name.
            for file in [name, "transfer.json"] { unlink("\(work)/\(file)") }
            rmdir(work)
        }
        let result = try transfer(
            by: task.system.name, dataset: task.system.dataset, assignments: task.system.assignments,
            device: device
        ) { settings in
            TransferRequest(
                content: try bytes(), path: task.content, style: task.style,
                contentStyle: task.contentStyle, settings: settings, folder: work)
        }
        try write(result.output, "\(work)/\(name)")
        let record: JSONValue = ["transfer": description, "measures": result.measures.json]
        try OutputFile.write(record.canonicalBytes + [0x0A], to: "\(work)/transfer.json")
        // Another process may have been faster.
        guard rename(work, place) == 0 || errno == EEXIST || errno == ENOTEMPTY else {
            throw RunFolder.fault("write", place)
        }
        return CachedTransfer(path: "\(place)/\(name)", wasCached: false)
    }

    /// What converts files, its weights read and hashed.
    ///
    /// - Parameters:
    ///   - name: The run, or the optimised recipe.
    ///   - dataset: The dataset of an optimised recipe, nil for none and for a run, which has its own.
    ///   - assignments: `key=value` each, of the recipe's `transferParameters`.
    /// - Returns: The system, for any number of contents.
    /// - Throws: `train.no-run`, `train.usage`, `train.file`; `BuildError` of the dataset.
    public func transferSystem(
        _ name: String, dataset: String?, assignments: [String]
    ) throws -> TransferSystem {
        var members: [String: JSONValue] = ["program": .object(try Self.program)]
        let recipe: Recipe
        if let optimised = recipes.first(where: { $0.name == name }) {
            recipe = optimised
            if let dataset {
                members["snapshot"] = JSONValue(try DatasetReader(dataset, cachePath: cachePath).digest)
            }
        } else {
            let folder = try RunFolder(named: name, in: cachePath)
            let record = try RunRecord(folder)
            recipe = try self.recipe(record.recipe)
            members["snapshot"] = JSONValue(record.snapshot)
            members["parameters"] = .object(record.settings)
            members["weights"] = JSONValue(try folder.bestDigest)
        }
        members["recipe"] = .string(recipe.name)
        let settings = try Settings(transferBy: recipe, assignments: assignments)
        members["settings"] = .object(settings.values)
        // A backbone, or another foundation, that the settings name.
        var named: [String: JSONValue] = [:]
        for case .string(let word) in settings.values.values {
            if WeightsFile.isNamed(word) {
                named[word] = JSONValue(try WeightsFile(word).hash)
            } else if let folder = try? RunFolder(named: word, in: cachePath) {
                named[word] = JSONValue(try folder.bestDigest)
            }
        }
        if !named.isEmpty { members["foundations"] = .object(named) }
        return TransferSystem(name: name, dataset: dataset, assignments: assignments, members: members)
    }

    /// All that a transfer's result depends on.
    private func description(of task: TransferTask) -> JSONValue {
        var members = task.system.members
        members["content"] = JSONValue(task.digest)
        members["ending"] = .string(task.ending)
        members["style"] = .string(task.style)
        if let style = task.contentStyle { members["content_style"] = .string(style) }
        return .object(members)
    }

    /// What tells builds of the program apart, and the numerics.
    private static var program: [String: JSONValue] {
        get throws {
            var members: [String: JSONValue] = [
                "torch": .string(try TorchRuntime.version()),
                "cpu": .string(try TorchRuntime.processorCapability()),
            ]
            if let file = FileStat(path: "/proc/self/exe") ?? FileStat(path: CommandLine.arguments[0]) {
                members["size"] = JSONValue(file.size)
                members["modified"] = .string(String(file.modified))
            }
            return members
        }
    }
}
