import Audio
import Build
public import Files
public import Storage

/// What a build took from a remote store, and gave to it.
public struct RemoteUse: Sendable, Equatable {
    /// Where the store is.
    public var address: String
    /// Actions whose results it had.
    public var found = 0
    /// Actions that ran here, and whose results it took.
    public var kept = 0
    /// Whether it has the snapshot under the dataset's name, with all that it reaches; nil of a worker, which makes none.
    public var isPublished: Bool?
    /// What was moved.
    public var traffic: RemoteTraffic

    init(_ store: any RemoteStore, _ engine: Engine? = nil, isPublished: Bool? = nil) {
        address = store.address
        found = engine?.fetchedCount ?? 0
        kept = engine?.sharedCount ?? 0
        self.isPublished = isPublished
        traffic = store.traffic
    }

    /// The object that `build --json` prints.
    public var json: JSONValue {
        var members = traffic.json.object ?? [:]
        members["address"] = .string(address)
        members["found"] = JSONValue(found)
        members["kept"] = JSONValue(kept)
        if let isPublished { members["published"] = .bool(isPublished) }
        return .object(members)
    }
}

extension Stages {
    /// The one output that each stage makes, and who opens it; nil for a record that the stage could not have made.
    ///
    /// Facts are held to what later actions rely on: that numbers count something.
    static func outputs(of record: ActionRecord) -> [String: ActionContext.Audience]? {
        let counts = 0...1 << 40
        switch record.stage.name {
        case read.name:
            let facts = SegmentFacts(record)
            guard
                record.failure != nil
                    || [facts.count, facts.notes, facts.controls].allSatisfy(counts.contains)
            else { return nil }
            return [ReadStage.output: .actions]
        case spectrum.name:
            let facts = SpectrumFacts(record)
            guard record.failure != nil || [facts.segments, facts.samples].allSatisfy(counts.contains),
                facts.moments.values.allSatisfy({ counts.contains($0.count) })
            else { return nil }
            return [SpectrumStage.output: .actions]
        case bandMoments.name: return record.failure == nil ? ["moments": .actions] : nil
        case list.name: return record.failure == nil ? ["list": .actions] : nil
        case fit.name: return record.failure == nil ? ["statistics": .readers] : nil
        case shard.name: return record.failure == nil ? ["shard": .readers] : nil
        case sources.name: return record.failure == nil ? ["table": .readers] : nil
        case snapshot.name: return record.failure == nil ? ["snapshot": .readers] : nil
        default: return nil
        }
    }
}
