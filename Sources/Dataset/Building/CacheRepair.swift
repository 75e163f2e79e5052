public import Build
import Files
import Listing
import Manifest
import Storage

/// The mending of a cache: what is damaged is set aside, and the datasets that need it are built again.
///
/// Everything but sources can be computed again, as long as the manifest and the sources are where they were when the
/// dataset was built last; what cannot is told, never guessed.
public struct CacheRepair: Sendable {
    /// A dataset that had to be built again.
    public struct Rebuilt: Sendable {
        /// Its name.
        public let dataset: String
        /// What the build did; nil if it failed.
        public let summary: BuildSummary?
        /// Why it failed, or why it was not tried.
        public let failure: String?
    }

    /// What was found before anything was repaired.
    public let verification: Verification
    /// The datasets that were built again, by name.
    public let rebuilt: [Rebuilt]
    /// The damaged or missing objects that the builds did not make again: older snapshots' alone.
    public let lost: [Finding]

    /// Whether every dataset's newest snapshot is whole.
    public var isMended: Bool { rebuilt.allSatisfy { $0.failure == nil } }

    /// Mends a cache.
    ///
    /// - Throws: `BuildError`; what single datasets' builds throw is told in `rebuilt`.
    public static func run(_ options: DatasetBuild.Options) throws -> CacheRepair {
        let verification = try repair(options)
        guard !verification.isSound else {
            return CacheRepair(verification: verification, rebuilt: [], lost: [])
        }
        let cache = try Cache(path: options.cachePath, for: .reading, log: options.log)
        let hasLostRecords = verification.findings.contains {
            [.journalDamaged, .journalTorn, .rowDangling].contains($0.kind)
        }
        let names = Set(cache.builtDatasets).union(verification.findings.compactMap(\.dataset)).sorted()
        let rebuilt = try names.compactMap { name in
            try rebuild(name, hasLostRecords: hasLostRecords, cache, options)
        }
        // Opened again, since the builds have changed the index.
        let rebuiltCache = try Cache(path: options.cachePath, for: .reading, log: options.log)
        let lost = verification.findings.filter { finding in
            finding.object.map { !rebuiltCache.holds($0) } ?? false
        }
        return CacheRepair(verification: verification, rebuilt: rebuilt, lost: lost)
    }

    /// Sets damage aside; the lock ends with this function, since the builds take it for themselves.
    private static func repair(_ options: DatasetBuild.Options) throws -> Verification {
        try Cache(path: options.cachePath, for: .building(wait: options.waits), log: options.log)
            .repair(with: Workers(count: options.jobs))
    }

    /// Builds a dataset again if the damage concerns it; nil if not.
    private static func rebuild(
        _ dataset: String, hasLostRecords: Bool, _ cache: Cache, _ options: DatasetBuild.Options
    ) throws -> Rebuilt? {
        func failed(_ reason: String) -> Rebuilt { Rebuilt(dataset: dataset, summary: nil, failure: reason) }
        guard let origin = cache.lastBuild(of: dataset)?.origin else {
            return failed("its manifest is not known here; build it again by hand")
        }
        do {
            let build = try DatasetBuild(manifestPath: origin)
            guard build.manifest.dataset == dataset else {
                return failed("\(origin) declares '\(build.manifest.dataset)' now; build it again yourself")
            }
            let hasReference = try cache.snapshot(of: dataset).map { cache.holds($0) } ?? false
            let planned = try build.explain(options).planned
            let isConcerned = planned.contains {
                hasLostRecords || [.outputMissing, .outputCorrupt].contains($0.reason)
            }
            guard isConcerned || !hasReference else { return nil }
            return Rebuilt(dataset: dataset, summary: try build.run(options), failure: nil)
        } catch let error as BuildError where error.code != .interrupted {
            return failed("building \(origin) again failed: \(error.message)")
        } catch let error as ManifestError {
            return failed("it cannot be built any more: \(error)")
        }
    }
}

extension Finding {
    /// The dataset whose newest snapshot's name is concerned.
    fileprivate var dataset: String? {
        guard path.hasPrefix("refs/"), !path.contains("@") else { return nil }
        return String(path.dropFirst(5))
    }
}
