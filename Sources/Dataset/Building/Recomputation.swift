import Build
public import Files
import Listing
import Storage
import Synchronization

/// A sample of the recorded results of a build, each computed once more and compared with what is recorded.
///
/// Bytes that have their hash may still be the wrong result: of a remote store that is not to be trusted, of memory that
/// fails, of two machines that differ though their numerics tags are equal.
public final class Recomputation: Sendable {
    /// A result that came out otherwise.
    public struct Difference: Sendable, Hashable {
        /// The stage.
        public let stage: String
        /// What the action is about.
        public let subject: String
        /// The action's key, under which a remote store has its record.
        public let key: Digest
        /// What differs: `outputs`, `facts`, `diagnostics` or `failure`.
        public let parts: [String]
    }

    let cache: Cache
    private let share: Double
    /// So that nobody can know which actions a sample has.
    private let salt = UInt64.random(in: 0 ... .max)
    private let state = Mutex(State())

    private struct State {
        var drawn: Set<Digest> = []
        var checked = 0
        var differences: [Difference] = []
    }

    init(_ cache: Cache, share: Double) {
        self.cache = cache
        self.share = share
    }

    /// How many results were computed once more.
    public var checked: Int { state.withLock(\.checked) }

    /// Those that came out otherwise, by stage and subject.
    public var differences: [Difference] {
        state.withLock(\.differences).sorted { ($0.stage, $0.subject) < ($1.stage, $1.subject) }
    }

    private func isSampled(_ key: Digest) -> Bool {
        let number = Digest(of: Array("\(salt) \(key.hex)".utf8)).bytes.prefix(4)
            .reduce(0) { $0 << 8 | UInt32($1) }
        return Double(number) < share * 0x1p32
    }

    /// The recorded results; nil for those in the sample that are not computed yet: the build then asks to run them.
    func lookup(_ drafts: [ActionDraft]) throws(BuildError) -> [ActionRecord?] {
        let records = try drafts.records { actions throws(BuildError) in try cache.lookup(actions) }
        return records.map { record in
            guard let record, isSampled(record.key), state.withLock({ !$0.drawn.contains(record.key) }) else {
                return record
            }
            return nil
        }
    }

    /// The recorded result of an action, which is computed once more if it is in the sample; nil if there is none.
    func run(
        _ draft: ActionDraft, reading sources: [SourceFile], _ body: (ActionContext) throws -> Void
    ) throws(BuildError) -> ActionRecord? {
        guard let action = draft.action, let record = try cache.lookup([action])[0] else { return nil }
        guard isSampled(record.key), state.withLock({ $0.drawn.insert(record.key).inserted }) else {
            return record
        }
        let found = try cache.recompute(action, reading: sources, body)
        var parts: [String] = []
        if found.outputs != record.outputs { parts.append("outputs") }
        if found.facts != record.facts { parts.append("facts") }
        if found.diagnostics != record.diagnostics { parts.append("diagnostics") }
        if found.failure != record.failure { parts.append("failure") }
        state.withLock { state in
            state.checked += 1
            if !parts.isEmpty {
                state.differences.append(
                    Difference(
                        stage: action.stage.name, subject: action.subject, key: action.key, parts: parts))
            }
        }
        return record
    }
}

extension DatasetBuild {
    /// Computes a sample of what is recorded of this build once more, from the sources and cached objects; changes nothing
    /// that is recorded.
    ///
    /// - Parameters:
    ///   - share: the probability with which a result is in the sample, from 0 to 1.
    ///   - options: of the build.
    /// - Returns: what was found.
    /// - Throws: `ManifestError`; `BuildError`.
    public func recompute(_ share: Double, _ options: Options) throws -> Recomputation {
        let (entries, _) = try scan()
        let cache = try Cache(
            path: options.cachePath, for: .building(wait: options.waits), log: options.log)
        let recomputation = Recomputation(cache, share: share)
        _ = try assembly(manifest, .recomputation(recomputation), Workers(count: options.jobs), options)
            .assemble(entries)
        return recomputation
    }
}

/// A dataset of a cache, a sample of whose results was computed once more.
public struct RecomputedDataset: Sendable {
    /// Its name.
    public let dataset: String
    /// What was found; nil if it could not be tried.
    public let recomputation: Recomputation?
    /// Why it could not be tried.
    public let failure: String?

    /// Whether a result came out otherwise.
    public var differs: Bool { recomputation?.differences.isEmpty == false }

    /// Every dataset that was built in a cache, by its manifest and its sources as they are now.
    ///
    /// - Throws: `BuildError`; what single datasets throw is told in `failure`.
    public static func all(_ share: Double, _ options: DatasetBuild.Options) throws -> [RecomputedDataset] {
        let cache = try Cache(path: options.cachePath, for: .reading, log: options.log)
        return try cache.builtDatasets.map { dataset in
            func failed(_ reason: String) -> RecomputedDataset {
                RecomputedDataset(dataset: dataset, recomputation: nil, failure: reason)
            }
            guard let origin = cache.lastBuild(of: dataset)?.origin else {
                return failed("its manifest is not known here")
            }
            do {
                let found = try DatasetBuild(manifestPath: origin).recompute(share, options)
                return RecomputedDataset(dataset: dataset, recomputation: found, failure: nil)
            } catch let error as BuildError where error.code != .interrupted {
                return failed(error.message)
            } catch let error as ManifestError {
                return failed("\(error)")
            }
        }
    }

    /// The dataset as an object.
    public var json: JSONValue {
        [
            "dataset": .string(dataset), "checked": JSONValue(recomputation?.checked ?? 0),
            "differences": .array(
                (recomputation?.differences ?? []).map { item in
                    [
                        "stage": .string(item.stage), "subject": .string(item.subject),
                        "key": JSONValue(item.key), "parts": .array(item.parts.map { .string($0) }),
                    ]
                }),
            "failure": failure.map { .string($0) } ?? .null,
        ]
    }
}
