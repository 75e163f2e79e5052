import Build
public import Files
import Storage

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

extension Explanation {
    /// Actions of one stage that would run for the same cause.
    public struct Group: Sendable, Hashable {
        /// The stage's name.
        public let stage: String
        /// The cause in a few words, such as `gain changed`.
        public let cause: String
        /// The actions, by subject.
        public let actions: [PlannedAction]

        /// How many there are, and of what.
        public var count: String {
            let (one, many) =
                switch stage {
                case Stages.shard.name: ("shard", "shards")
                case Stages.snapshot.name: ("snapshot", "snapshots")
                case Stages.fit.name: ("set of statistics", "sets of statistics")
                case Stages.list.name: ("list", "lists")
                case Stages.sources.name: ("table", "tables")
                default: ("source", "sources")
                }
            return "\(actions.count) \(actions.count == 1 ? one : many)"
        }
    }

    /// What would run, by stage and cause: one changed number is one line, however many sources it concerns.
    public var groups: [Group] {
        var order: [[String]] = []
        var members: [[String]: [PlannedAction]] = [:]
        for action in planned {
            let key = [action.stage, action.reason.cause]
            if members[key] == nil { order.append(key) }
            members[key, default: []].append(action)
        }
        return order.map { Group(stage: $0[0], cause: $0[1], actions: members[$0] ?? []) }
    }
}

extension RunReason {
    /// Why actions run, in words that are the same for all that run for one cause.
    fileprivate var cause: String {
        switch self {
        case .neverBuilt: return "new"
        case .stageVersionChanged(let old, let new): return "stage version \(old) → \(new)"
        case .outputMissing: return "results are missing"
        case .outputCorrupt: return "results are damaged"
        case .forced: return "asked for"
        case .parametersChanged(let changes), .inputChanged(let changes):
            var causes: [String] = []
            for change in changes {
                let cause = Self.cause(of: change)
                if !causes.contains(cause) { causes.append(cause) }
            }
            let more = causes.count > 3 ? ", and \(causes.count - 3) more" : ""
            return causes.prefix(3).joined(separator: ", ") + more
        }
    }

    private static func cause(of change: Change) -> String {
        if change.name.hasPrefix("gain_db.") || change.name == "scale" { return "gain changed" }
        if change.name.hasPrefix("labels.") { return "labels changed" }
        if change.name.hasPrefix("segments.") { return "splits changed" }
        let isDigest = [change.old, change.new].allSatisfy { value in
            value.map { $0 == "not known yet" || $0.count == 12 && $0.allSatisfy(\.isHexDigit) } ?? true
        }
        guard isDigest else { return change.description }
        switch change.name {
        case "source": return "files changed"
        case "statistics", "features": return "\(change.name) changed"
        case "bytes": return "sources or labels changed"
        case _ where change.name.hasPrefix("object "): return "shards changed"
        default: return "sources changed"
        }
    }
}
