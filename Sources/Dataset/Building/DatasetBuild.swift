public import Build
import Foundation

/// A manifest on its way to a snapshot.
///
/// Data goes one way: entries → source stages → pieces and splits → statistics → shards → snapshot. What is dealt out
/// or fitted is a pure function of the current set of sources, so that a build after any change ends where a clean one
/// would.
public struct DatasetBuild: Sendable {
    /// The manifest.
    public let manifest: Manifest
    /// The manifest's path, as the user named it.
    public let path: String
    /// The absolute path of the folder that the manifest's paths are relative to.
    let directory: String

    /// Reads a manifest.
    ///
    /// - Throws: `ManifestError` with every fault at once.
    public init(manifestPath path: String) throws {
        self.path = path
        (manifest, directory) = try Manifest.read(path)
    }

    /// How a build is done.
    public struct Options: Sendable {
        /// The cache's folder.
        public var cachePath: String
        /// How many threads work.
        public var jobs: Int
        /// Whether to wait for another builder, or to fail with `build.locked`.
        public var waits: Bool
        /// Told of progress, from any thread.
        public var progress: @Sendable (BuildProgress) -> Void
        /// Given lines for people.
        public var log: @Sendable (String) -> Void

        /// Collects options.
        public init(
            cachePath: String, jobs: Int = Workers.processors, waits: Bool = true,
            progress: @escaping @Sendable (BuildProgress) -> Void = { _ in },
            log: @escaping @Sendable (String) -> Void = { _ in }
        ) {
            self.cachePath = cachePath
            self.jobs = jobs
            self.waits = waits
            self.progress = progress
            self.log = log
        }
    }

    /// Builds the dataset; does only what is not done yet.
    ///
    /// - Throws: `ManifestError`; `BuildError`. Sources that can't be used are no error: the summary tells of them.
    public func run(_ options: Options) throws -> BuildSummary {
        let start = ContinuousClock.now
        func seconds() -> Double { (ContinuousClock.now - start) / .seconds(1) }
        options.progress(BuildProgress(phase: .scanning, done: 0, total: 0))
        let (entries, fingerprint) = try scan()
        if FileStat(path: "\(options.cachePath)/objects") != nil,
            let state = try Cache(path: options.cachePath, for: .reading).unchangedBuild(
                of: manifest.dataset, fingerprint: fingerprint.finish()),
            let summary = BuildSummary(json: state.summary)
        {
            return summary.repeated(seconds: seconds())
        }
        let cache = try Cache(
            path: options.cachePath, for: .building(wait: options.waits), log: options.log)
        let workers = Workers(count: options.jobs)
        let engine = Engine(cache, workers: workers)
        do {
            let assembly = Assembly(
                manifest: manifest, directory: directory, manifestPath: path, runner: .engine(engine),
                workers: workers, progress: options.progress)
            guard let (snapshot, draft) = try assembly.assemble(entries) else {
                preconditionFailure("an engine left an action without a result")
            }
            let object = try Self.store(snapshot, engine)
            var summary = draft
            summary.snapshot = object.digest
            summary.run = engine.runCount
            summary.hit = engine.hitCount
            summary.seconds = seconds()
            // A source that could not be read is tried again, and one that is too young is looked at again.
            let origin = "\(directory)/\(path.split(separator: "/").last ?? "")"
            let state =
                summary.isSettled
                ? BuildState(
                    fingerprint: fingerprint.finish(), snapshot: object.digest,
                    objects: [object] + (try Self.references(snapshot, cache)), summary: summary.json,
                    origin: origin)
                : BuildState(
                    fingerprint: nil, snapshot: object.digest, objects: [],
                    summary: ["quarantine": summary.json["quarantine"] ?? .null], origin: origin)
            try engine.publish(object.digest, as: manifest.dataset, keeping: state)
            summary.seconds = seconds()
            return summary
        } catch {
            // What is finished stays, also when the build cannot go on.
            try? engine.flush()
            throw error
        }
    }

    /// What a build would run, and why; nothing is run or written.
    ///
    /// - Returns: the actions; where there is no cache yet, all that can be known before any has run.
    /// - Throws: `ManifestError`; `BuildError`.
    public func explain(_ options: Options) throws -> Explanation {
        let (entries, fingerprint) = try scan()
        guard FileStat(path: "\(options.cachePath)/objects") != nil else {
            // An empty cache elsewhere answers as one that is not there would.
            let empty = FileManager.default.temporaryDirectory.appendingPathComponent(
                "reprise-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: empty) }
            return try explain(entries, in: Cache(path: empty.path, for: .building(wait: true)), options)
        }
        let cache = try Cache(path: options.cachePath, for: .reading)
        if let state = cache.unchangedBuild(of: manifest.dataset, fingerprint: fingerprint.finish()) {
            return Explanation(
                planned: [], hits: BuildSummary(json: state.summary).map { $0.run + $0.hit } ?? 0)
        }
        return try explain(entries, in: cache, options)
    }

    private func explain(_ entries: EntryList, in cache: Cache, _ options: Options) throws -> Explanation {
        let workers = Workers(count: options.jobs)
        let plan = Plan(cache, workers: workers)
        let assembly = Assembly(
            manifest: manifest, directory: directory, manifestPath: path, runner: .plan(plan),
            workers: workers,
            progress: options.progress)
        let snapshot = try assembly.assemble(entries)?.0
        if let snapshot {
            _ = try plan.find(Self.action(storing: snapshot).action)
        } else {
            try plan.expectSnapshot(of: manifest)
        }
        return Explanation(planned: plan.planned(naming: plan.paths), hits: plan.hitCount)
    }

    /// Lists the entries, and hashes all that the build depends on, with a look at each file.
    private func scan() throws -> (EntryList, Fingerprint) {
        let entries = try EntryList(manifest, file: path, directory: directory)
        var fingerprint = Fingerprint()
        fingerprint.combine("reprise build 1".utf8)
        for stage in Stages.all + Stages.asked + Stages.looking {
            fingerprint.combine("\(stage.name) \(stage.version) \(stage.numerics ?? "")".utf8)
        }
        fingerprint.combine(manifest.effective.canonicalBytes)
        for digest in entries.tableDigests { fingerprint.combine(digest.bytes) }
        for index in entries.indices {
            guard let status = entries.status(index) else {
                fingerprint.combine("missing \(entries.path(index))".utf8)
                continue
            }
            entries.withPathBytes(index) { fingerprint.combine(path: $0, status) }
        }
        return (entries, fingerprint)
    }

    /// Puts the snapshot's own bytes into the cache.
    private static func store(_ snapshot: Snapshot, _ engine: Engine) throws -> ObjectReference {
        let (action, bytes) = action(storing: snapshot)
        return try engine.run(action) { context in
            try context.write(bytes, as: "snapshot")
        }.output("snapshot")
    }

    /// The action that puts a snapshot into the cache, and its bytes; parameters and inputs tell people what is new in it.
    private static func action(storing snapshot: Snapshot) -> (action: Action, bytes: [UInt8]) {
        let entries = snapshot.encodedSources
        let bytes = snapshot.encoded(sources: entries)
        let action = Action(
            Stages.snapshot, parameters: ["manifest": snapshot.manifest],
            inputs: [Input("entries", Digest(of: entries))]
                + snapshot.objects.enumerated().map { Input("object \($0.offset)", $0.element) }
                + [Input("bytes", Digest(of: bytes))],
            subject: snapshot.dataset)
        return (action, bytes)
    }

    private static func references(_ snapshot: Snapshot, _ cache: Cache) throws -> [ObjectReference] {
        var references = Split.allCases.flatMap { split in
            (snapshot.shards[split] ?? []).map { ObjectReference(digest: $0.object, size: $0.bytes) }
        }
        if let statistics = snapshot.statistics {
            references.append(
                ObjectReference(digest: statistics, size: try cache.bytes(of: statistics).count))
        }
        return references
    }
}

/// What a build would do.
public struct Explanation: Sendable {
    /// Every action that would run, in the order of the data's way.
    public let planned: [PlannedAction]
    /// Actions whose results are there.
    public let hits: Int

    /// The explanation as an object.
    public var json: JSONValue {
        [
            "actions": ["run": JSONValue(planned.count), "hit": JSONValue(hits)],
            "run": .array(planned.map(\.json)),
        ]
    }
}
