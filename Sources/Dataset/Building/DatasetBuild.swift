import Build
public import Files
import Foundation
import Loading
public import Manifest
public import Storage

/// A manifest on its way to a snapshot.
///
/// Data goes one way: entries → source stages → pieces and splits → statistics → shards → snapshot. What is assigned
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
        /// Where results are looked for that the cache lacks, and where new ones are sent.
        public var remote: (any RemoteStore)?
        /// Told of progress, from any thread.
        public var progress: @Sendable (BuildProgress) -> Void
        /// Given lines for people.
        public var log: @Sendable (String) -> Void

        /// Collects options.
        public init(
            cachePath: String, jobs: Int = Workers.processors, waits: Bool = true,
            remote: (any RemoteStore)? = nil,
            progress: @escaping @Sendable (BuildProgress) -> Void = { _ in },
            log: @escaping @Sendable (String) -> Void = { _ in }
        ) {
            self.cachePath = cachePath
            self.jobs = jobs
            self.waits = waits
            self.remote = remote
            self.progress = progress
            self.log = log
        }
    }

    /// Builds the dataset; does only what is not done yet.
    ///
    /// - Throws: `ManifestError`; `BuildError`. Sources that can't be used are no error: the summary lists them.
    public func run(_ options: Options) throws -> BuildSummary {
        let start = ContinuousClock.now
        func seconds() -> Double { (ContinuousClock.now - start) / .seconds(1) }
        options.progress(BuildProgress(phase: .scanning, done: 0, total: 0))
        let (entries, fingerprint) = try scan()
        if FileStat(path: "\(options.cachePath)/objects") != nil {
            let cache = try Cache(path: options.cachePath, for: .reading, remote: options.remote)
            if let state = cache.unchangedBuild(of: manifest.dataset, fingerprint: fingerprint.finish()),
                var summary = BuildSummary(json: state.summary)
            {
                summary.remote = try published(state.objects, from: cache)
                return summary.repeated(seconds: seconds())
            }
        }
        let cache = try Cache(
            path: options.cachePath, for: .building(wait: options.waits), remote: options.remote,
            log: options.log)
        let workers = Workers(count: options.jobs)
        let engine = Engine(cache, workers: workers, outputs: Stages.outputs)
        do {
            let assembly = assembly(manifest, .engine(engine), workers, options)
            // From the sources on: what a shard finds damaged, another stage makes.
            let (objects, draft) = try engine.mending { try assembly.assemble(entries) }
            guard let object = objects.first else {
                preconditionFailure("an engine left an action without a result")
            }
            var summary = draft
            summary.snapshot = object.digest
            summary.run = engine.runCount
            summary.hit = engine.hitCount
            summary.seconds = seconds()
            // A source that could not be read is tried again, and one that is too young is looked at again.
            let isSettled = summary.isSettled
            let lasting = summary.lastingJSON
            let state = BuildState(
                fingerprint: isSettled ? fingerprint.finish() : nil, snapshot: object.digest,
                objects: isSettled ? objects : [],
                summary: isSettled ? lasting : ["quarantine": lasting["quarantine"] ?? .null],
                origin: "\(directory)/\(path.split(separator: "/").last ?? "")",
                numerics: Dictionary(
                    uniqueKeysWithValues: Stages.all.compactMap { stage in
                        stage.numerics.map { (stage.name, $0) }
                    }))
            try engine.publish(object.digest, as: manifest.dataset, keeping: state)
            summary.remote = try published(objects, from: cache, engine)
            summary.seconds = seconds()
            return summary
        } catch {
            // What is finished stays, also when the build cannot continue.
            try? engine.flush()
            throw located(error)
        }
    }

    /// Makes sure that the remote store, if there is one, has the snapshot under the dataset's name.
    private func published(
        _ objects: [ObjectReference], from cache: Cache, _ engine: Engine? = nil
    ) throws(BuildError) -> RemoteUse? {
        guard let remote = cache.remote else { return nil }
        var isPublished = remote.snapshot(of: manifest.dataset) == objects.first
        if !isPublished {
            isPublished = try cache.share(objects, as: manifest.dataset, to: remote) != nil
        }
        return RemoteUse(remote, engine, isPublished: isPublished)
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
        _ = try assembly(manifest, .plan(plan), workers, options).assemble(entries)
        let before = try retraced(in: cache, workers, options)
        let paths = Dictionary(
            plan.drafts.values.compactMap { draft in
                draft.inputs.first { $0.name == "source" }?.digest.map { ($0.short, draft.subject) }
            }, uniquingKeysWith: { utf8Order($0, $1) ? $0 : $1 })
        return Explanation(planned: try plan.planned(after: before, naming: paths), hits: plan.hitCount)
    }

    /// The actions of the dataset's last build; none if there is none, or if this version cannot follow them.
    private func retraced(
        in cache: Cache, _ workers: Workers, _ options: Options
    ) throws -> [ActionDraft.Identity: ActionDraft] {
        guard let digest = try cache.snapshot(of: manifest.dataset),
            let snapshot = try? Snapshot(digest, in: cache),
            let manifest = try? Manifest(
                bytes: snapshot.manifest.canonicalBytes, file: "snapshot", directory: directory)
        else { return [:] }
        let numerics = cache.lastBuild(of: manifest.dataset)?.numerics ?? [:]
        let stages = Stages.all.map { stage in
            Stage(
                stage.name, version: snapshot.stages[stage.name] ?? stage.version,
                numerics: numerics[stage.name] ?? stage.numerics)
        }
        let plan = Plan(
            cache, workers: workers,
            stages: Dictionary(uniqueKeysWithValues: stages.map { ($0.name, $0) }))
        // Where what was recorded has gone, the actions found until then are still good to compare with.
        try? assembly(manifest, .plan(plan), workers, options).retrace(snapshot)
        return plan.drafts
    }

    func assembly(
        _ manifest: Manifest, _ runner: ActionRunner, _ workers: Workers, _ options: Options
    ) -> Assembly {
        Assembly(
            manifest: manifest, directory: directory, manifestPath: path, runner: runner, workers: workers,
            progress: options.progress)
    }

    /// Lists the entries, and hashes all that the build depends on, with a look at each file.
    func scan() throws -> (EntryList, Fingerprint) {
        let entries = try EntryList(manifest, file: path, directory: directory)
        var fingerprint = Fingerprint()
        fingerprint.combine("reprise build 3".utf8)
        for stage in Stages.inOrder {
            fingerprint.combine("\(stage.name) \(stage.version) \(stage.numerics ?? "")".utf8)
        }
        fingerprint.combine(manifest.effective.canonicalBytes)
        for digest in entries.tableDigests { fingerprint.combine(digest.bytes) }
        for remark in entries.warnings + entries.unusable.map(\.path) {
            fingerprint.combine("remark \(remark)".utf8)
        }
        for index in entries.indices {
            guard let status = entries.status(index) else {
                fingerprint.combine("missing \(entries.path(index))".utf8)
                continue
            }
            entries.withPathBytes(index) { fingerprint.combine(path: $0, status) }
        }
        return (entries, fingerprint)
    }
}
