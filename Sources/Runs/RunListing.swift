public import Files
import Storage

/// A training of a cache, as its `run.json` describes it.
public struct RunListing: Sendable {
    /// Its name.
    public let name: String
    /// The recipe's name.
    public let recipe: String
    /// The dataset's name.
    public let dataset: String
    /// The snapshot's hash, 64 hexadecimal digits.
    public let snapshot: String
    /// Whole epochs made.
    public let epochs: Int
    /// Steps made.
    public let steps: Int
    /// What its best weights reached, and in which epoch, from 1.
    public let best: (metric: String, value: Double, epoch: Int)?
    /// The bytes of its files.
    public let bytes: Int
    /// The runs that it builds on.
    public let foundations: [String]
    /// Every setting, by name.
    public let parameters: [String: JSONValue]
    /// The seed; nil if `run.json` has none.
    public let seed: Int?
    /// Its folder.
    private let folder: String
    /// Whether all epochs are done, or patience ended.
    private let isOver: Bool
    /// The steps that were saved; nil if none were.
    private let savedSteps: Int?
    /// When its progress was last saved, in seconds since 1970; nil if that cannot be told.
    public let updated: Int?

    /// Whether it is trained now, and if not, how its training ended; looked up each time.
    public var state: State {
        if RunFiles.isLocked("\(folder)/lock") { return .running }
        if isOver { return .finished }
        guard let savedSteps, RunMetrics.lastStep(in: folder) ?? 0 <= savedSteps else { return .failed }
        return .stopped
    }

    /// What a training is at.
    public enum State: String, Sendable {
        /// A process trains it.
        case running
        /// All epochs are done, or patience ended.
        case finished
        /// It was stopped, and can be resumed where it was.
        case stopped
        /// Its process ended without saving its last steps, or any.
        case failed
    }

    /// Every run in `<cache>/runs`, by name; folders without a readable `run.json` are skipped.
    ///
    /// - Throws: `build.no-cache` when there is no cache.
    public static func all(cachePath: String) throws(BuildError) -> [RunListing] {
        _ = try Cache(path: cachePath, for: .reading)
        let folder = cachePath + "/runs"
        var runs: [RunListing] = []
        for name in RunFiles.names(in: folder) {
            if let run = RunListing(name, path: "\(folder)/\(name)/run.json") { runs.append(run) }
        }
        // 'genre-cnn-2' before 'genre-cnn-10'.
        return runs.sorted { ($0.name.count, $0.name) < ($1.name.count, $1.name) }
            .sorted { $0.recipe < $1.recipe }
    }

    /// A run by its name.
    ///
    /// - Throws: `build.no-cache`, `build.no-dataset` where there is none.
    public static func named(_ name: String, cachePath: String) throws(BuildError) -> RunListing {
        let runs = try all(cachePath: cachePath)
        guard let run = runs.first(where: { $0.name == name }) else {
            throw missing(name, among: runs, cachePath: cachePath)
        }
        return run
    }

    /// That there is no run of a name, with what there is.
    static func missing(_ name: String, among runs: [RunListing], cachePath: String) -> BuildError {
        let hint = runs.isEmpty ? "it holds none" : suggestion(for: name, among: runs.map(\.name))
        return BuildError(.noDataset, "no run '\(name)' in \(cachePath)/runs; \(hint)", canRetry: false)
    }

    private init?(_ name: String, path: String) {
        guard let bytes = RunFiles.contents(path, limit: 64 << 20), let json = try? JSONValue(parsing: bytes),
            let recipe = json["recipe"]?.string, let dataset = json["dataset"]?.string,
            let snapshot = json["snapshot"]?.string
        else { return nil }
        self.name = name
        self.recipe = recipe
        self.dataset = dataset
        self.snapshot = snapshot
        folder = String(path.dropLast("/run.json".count))
        self.bytes = RunFiles.size(of: folder)
        parameters = json["parameters"]?.object ?? [:]
        seed = json["seed"]?.integer
        updated = FileStat(withoutFollowing: path).map { Int($0.modified / 1_000_000_000) }
        foundations = (json["foundations"]?.object ?? [:]).keys.sorted().compactMap { parameter in
            json["parameters"]?[parameter]?.string
        }
        let result = json["result"]
        isOver = result?["over"]?.bool == true
        savedSteps = result?["steps"]?.integer
        epochs = max(0, result?["epochs"]?.integer ?? 0)
        steps = max(0, savedSteps ?? 0)
        if let best = result?["best"], let metric = best["metric"]?.string,
            let value = best["value"]?.double, let epoch = best["epoch"]?.integer
        {
            self.best = (metric, value, epoch)
        } else {
            best = nil
        }
    }

    /// The run as `reprise runs --json` lists it.
    public var json: JSONValue {
        [
            "run": .string(name), "recipe": .string(recipe), "dataset": .string(dataset),
            "snapshot": .string(snapshot), "epochs": JSONValue(epochs), "steps": JSONValue(steps),
            "bytes": JSONValue(bytes),
            "best": best.map {
                ["metric": .string($0.metric), "value": .number($0.value), "epoch": JSONValue($0.epoch)]
            } ?? .null,
        ]
    }

    /// The run as the explorer shows it: with state, seed, settings and time.
    public var details: JSONValue {
        guard case .object(var members) = json else { return json }
        members["state"] = .string(state.rawValue)
        members["seed"] = seed.map { JSONValue($0) } ?? .null
        members["updated"] = updated.map { JSONValue($0) } ?? .null
        members["parameters"] = .object(parameters)
        return .object(members)
    }
}
