public import Files
import Storage

/// What `reprise evaluate` kept of a run: `evaluation.<split>.json` of docs/formats.md, Run.
public struct RunEvaluation: Sendable {
    /// The split measured on: `train`, `validation` or `test`.
    public let split: String
    /// What the weights are best in; nil: in the recipe's first objective.
    public let objective: String?
    /// The measures of the run, by name; nil for one that is no finite number.
    public let metrics: [String: Double?]
    /// The same of each baseline, by its name.
    public let baselines: [String: [String: Double?]]
    /// When it was made, in seconds since 1970.
    public let evaluated: Int
    /// Whether the run still has the weights that were measured.
    public let isCurrent: Bool
    /// The whole of the file, confusion matrix and counts included.
    public let json: JSONValue

    /// The evaluations of a run: test before validation before train.
    ///
    /// Each file of weights is read, to compare its hash. A file that is no evaluation of this run is left out.
    public static func all(ofRun run: String, cachePath: String) -> [RunEvaluation] {
        let folder = "\(cachePath)/runs/\(run)"
        var hashes: [String: String] = [:]
        let found = RunFiles.names(in: folder)
            .filter { $0.hasPrefix("evaluation.") && $0.hasSuffix(".json") }.sorted()
            .compactMap { RunEvaluation("\(folder)/\($0)", of: run, &hashes) }
        return ["test", "validation", "train"].flatMap { split in found.filter { $0.split == split } }
    }

    /// Reads a file; `hashes` has those of files of weights that were read before.
    private init?(_ path: String, of run: String, _ hashes: inout [String: String]) {
        guard let bytes = RunFiles.contents(path, limit: 1 << 24), let json = try? JSONValue(parsing: bytes),
            json["run"]?.string == run, let split = json["split"]?.string,
            let weights = json["weights"]?.string, let metrics = json["metrics"]?.object
        else { return nil }
        self.split = split
        self.json = json
        objective = json["objective"]?.string
        self.metrics = metrics.mapValues(\.double)
        baselines = (json["baselines"]?.object ?? [:]).mapValues {
            ($0.object ?? [:]).mapValues(\.double)
        }
        evaluated = json["evaluated"]?.integer ?? 0
        let folder = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)
        let file = "\(folder)/best.\(objective.map { $0 + "." } ?? "")safetensors"
        let now = hashes[file] ?? Self.hash(file) ?? ""
        hashes[file] = now
        isCurrent = now == weights
    }

    /// The hash of a file in hexadecimal digits; nil for anything but a file, as in `RunFiles`.
    private static func hash(_ path: String) -> String? {
        guard FileStat(withoutFollowing: path)?.isRegularFile == true else { return nil }
        return try? Digest(ofFileAt: path).hex
    }
}
