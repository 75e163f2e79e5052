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

/// A file to convert, and what it is to become.
public struct TransferTask: Sendable {
    /// The run, or the optimised recipe.
    public let system: String
    /// The dataset of an optimised recipe, nil for none and for a run, which has its own.
    public let dataset: String?
    /// `key=value` each, of the recipe's `transferParameters`.
    public let assignments: [String]
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
        system: String, dataset: String?, assignments: [String], content: String, digest: Digest,
        ending: String,
        style: String, contentStyle: String?
    ) {
        (self.system, self.dataset, self.assignments) = (system, dataset, assignments)
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
        let description = try description(of: task)
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
        do {
            let result = try transfer(
                by: task.system, dataset: task.dataset, assignments: task.assignments, device: device
            ) { settings in
                TransferRequest(
                    content: try bytes(), path: task.content, style: task.style,
                    contentStyle: task.contentStyle, settings: settings, folder: work)
            }
            try write(result.output, "\(work)/\(name)")
            let record: JSONValue = [
                "transfer": description,
                "measures": .object(
                    Dictionary(
                        result.measures.filter(\.value.isFinite).map { ($0.name, .number($0.value)) },
                        uniquingKeysWith: { $1 })),
            ]
            try OutputFile.write(record.canonicalBytes + [0x0A], to: "\(work)/transfer.json")
        } catch {
            for file in [name, "transfer.json"] { unlink("\(work)/\(file)") }
            rmdir(work)
            throw error
        }
        if rename(work, place) != 0 {
            let reason = errno
            for file in [name, "transfer.json"] { unlink("\(work)/\(file)") }
            rmdir(work)
            // Another process was faster.
            guard reason == EEXIST || reason == ENOTEMPTY else {
                throw TrainingError(.file, "cannot write \(place): \(String(cString: strerror(reason)))")
            }
        }
        return CachedTransfer(path: "\(place)/\(name)", wasCached: false)
    }

    /// All that a transfer's result depends on.
    private func description(of task: TransferTask) throws -> JSONValue {
        var members: [String: JSONValue] = [
            "content": JSONValue(task.digest), "ending": .string(task.ending), "style": .string(task.style),
            "program": .object(try Self.program),
        ]
        if let style = task.contentStyle { members["content_style"] = .string(style) }
        let recipe: Recipe
        if let optimised = recipes.first(where: { $0.name == task.system }) {
            recipe = optimised
            if let dataset = task.dataset {
                members["snapshot"] = JSONValue(try DatasetReader(dataset, cachePath: cachePath).digest)
            }
        } else {
            let record = try RunRecord(RunFolder(named: task.system, in: cachePath))
            recipe = try self.recipe(record.recipe)
            members["snapshot"] = JSONValue(record.snapshot)
            members["parameters"] = .object(record.settings)
            members["weights"] = try weights(of: task.system)
        }
        members["recipe"] = .string(recipe.name)
        let settings = try Settings(transferBy: recipe, assignments: task.assignments)
        members["settings"] = .object(settings.values)
        // A backbone, or another foundation, that the settings name.
        var named: [String: JSONValue] = [:]
        for case .string(let word) in settings.values.values {
            if WeightsFile.isNamed(word) {
                named[word] = JSONValue(try WeightsFile(word).hash)
            } else if (try? RunFolder(named: word, in: cachePath)) != nil {
                named[word] = try weights(of: word)
            }
        }
        if !named.isEmpty { members["foundations"] = .object(named) }
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

    private func weights(of run: String) throws -> JSONValue {
        guard let bytes = try RunFolder(named: run, in: cachePath).contents(Checkpoint.best) else {
            throw TrainingError(.noRun, "\(run) has no checkpoint yet; train it further with --resume \(run)")
        }
        return JSONValue(Digest(of: bytes))
    }
}
