public import Files
public import Storage

/// Why an action runs.
public enum RunReason: Sendable, Hashable, CustomStringConvertible {
    /// A named thing that was one and is another; nil where there is none, or where it is not known yet.
    public struct Change: Sendable, Hashable {
        /// The parameter's path or the input's name.
        public let name: String
        /// What it was.
        public let old: String?
        /// What it is.
        public let new: String?

        /// Notes a change.
        public init(name: String, old: String?, new: String?) {
            self.name = name
            self.old = old
            self.new = new
        }
    }

    /// The stage was never applied to this subject.
    case neverBuilt
    /// The stage computes something else now.
    case stageVersionChanged(old: Int, new: Int)
    /// Parameters, or the numerics that a float stage depends on, are different.
    case parametersChanged([Change])
    /// Inputs have other bytes; digests are short.
    case inputChanged([Change])
    /// A result is recorded, but one of its objects is gone.
    case outputMissing
    /// A result is recorded, but one of its objects was found damaged.
    case outputCorrupt
    /// The caller asked for it.
    case forced

    /// The stable name, such as `inputChanged`.
    public var name: String {
        switch self {
        case .neverBuilt: "neverBuilt"
        case .stageVersionChanged: "stageVersionChanged"
        case .parametersChanged: "parametersChanged"
        case .inputChanged: "inputChanged"
        case .outputMissing: "outputMissing"
        case .outputCorrupt: "outputCorrupt"
        case .forced: "forced"
        }
    }

    /// What changed, where something did.
    public var changes: [Change] {
        switch self {
        case .stageVersionChanged(let old, let new): [Change(name: "version", old: "\(old)", new: "\(new)")]
        case .parametersChanged(let changes), .inputChanged(let changes): changes
        default: []
        }
    }

    /// The reason for people, with the first few changes.
    public var description: String {
        let what =
            switch self {
            case .neverBuilt: "never built"
            case .stageVersionChanged: "stage changed"
            case .parametersChanged: "parameters changed"
            case .inputChanged: "inputs changed"
            case .outputMissing: "output missing"
            case .outputCorrupt: "output damaged"
            case .forced: "forced"
            }
        if changes.isEmpty { return what }
        let shown = changes.prefix(3).map { $0.description }
        let rest = changes.count > 3 ? ", and \(changes.count - 3) more" : ""
        return "\(what): \(shown.joined(separator: ", "))\(rest)"
    }

    /// Two values for a line: numbers by their first digits, unless these are the same; long texts cut.
    fileprivate static func short(_ old: String?, _ new: String?) -> (String, String) {
        func cut(_ value: String) -> String { value.count <= 40 ? value : value.prefix(37) + "…" }
        func digits(_ value: String) -> String {
            let isNumber = value.contains(".") && !value.contains("e") && Double(value) != nil
            return isNumber ? String(value.prefix(8)) : cut(value)
        }
        let (short, other) = (old.map(digits), new.map(digits))
        return short == other
            ? (old.map(cut) ?? "none", new.map(cut) ?? "none") : (short ?? "none", other ?? "none")
    }

    /// The same reason with other names for what changed.
    ///
    /// - Parameter name: gives a new name for a parameter's path or an input's name.
    /// - Returns: the reason.
    public func renaming(_ name: (String) -> String) -> RunReason {
        func renamed(_ changes: [Change]) -> [Change] {
            changes.map { Change(name: name($0.name), old: $0.old, new: $0.new) }
        }
        return switch self {
        case .parametersChanged(let changes): .parametersChanged(renamed(changes))
        case .inputChanged(let changes): .inputChanged(renamed(changes))
        default: self
        }
    }

    /// The reason as an object: `reason`, and `changes` where something changed.
    public var json: JSONValue {
        var members: [String: JSONValue] = ["reason": .string(name)]
        if !changes.isEmpty {
            members["changes"] = .array(
                changes.map { change in
                    [
                        "name": .string(change.name), "old": change.old.map(JSONValue.string) ?? .null,
                        "new": change.new.map(JSONValue.string) ?? .null,
                    ]
                })
        }
        return .object(members)
    }

    /// Compares an action with the record of the last one of its stage on its subject; parameters, and an input's
    /// digest, are nil where they are not known before another action has run.
    public static func between(
        _ old: Action, stage: Stage, parameters: Parameters?, inputs: [(name: String, digest: Digest?)]
    ) -> RunReason? {
        if old.stage.version != stage.version {
            return .stageVersionChanged(old: old.stage.version, new: stage.version)
        }
        var changes: [Change] = []
        if old.stage.numerics != stage.numerics {
            changes.append(Change(name: "numerics", old: old.stage.numerics, new: stage.numerics))
        }
        if let parameters {
            compare(old.parameters.value, parameters.value, at: "", into: &changes)
        }
        let ofInputs = inputChanges(old.inputs, inputs)
        if ofInputs.isEmpty { return changes.isEmpty ? nil : .parametersChanged(changes) }
        // Parameters that list the inputs change with them: what came or went is the better answer.
        let isList = { (change: Change) in (change.new ?? change.old)?.hasPrefix("[") == true }
        return .inputChanged(changes.filter { !isList($0) } + ofInputs + changes.filter(isList))
    }

    private static func inputChanges(
        _ old: [Input], _ new: [(name: String, digest: Digest?)]
    ) -> [Change] {
        // Several inputs may share a name: the nth of the one is compared with the nth of the other.
        var before: [String: [Digest]] = [:]
        for input in old.reversed() { before[input.name, default: []].append(input.digest) }
        var changes: [Change] = []
        for input in new {
            let digest = before[input.name]?.popLast()
            if digest == nil || digest != input.digest {
                changes.append(
                    Change(
                        name: input.name, old: digest?.short,
                        new: input.digest?.short ?? digest.map { _ in "not known yet" }))
            }
        }
        for name in before.keys.sorted() {
            for digest in before[name, default: []].reversed() {
                changes.append(Change(name: name, old: digest.short, new: nil))
            }
        }
        if changes.isEmpty, old.map(\.name) != new.map(\.name) {
            changes.append(Change(name: "order", old: "other", new: "other"))
        }
        return changes
    }

    private static func compare(
        _ old: JSONValue, _ new: JSONValue, at path: String, into changes: inout [Change]
    ) {
        if old == new { return }
        guard case .object(let before) = old, case .object(let after) = new else {
            changes.append(Change(name: path, old: old.canonical, new: new.canonical))
            return
        }
        for name in Set(before.keys).union(after.keys).sorted() {
            let path = path.isEmpty ? name : "\(path).\(name)"
            switch (before[name], after[name]) {
            case (let old?, let new?): compare(old, new, at: path, into: &changes)
            case (let old, let new):
                changes.append(Change(name: path, old: old?.canonical, new: new?.canonical))
            }
        }
    }
}

extension RunReason.Change: CustomStringConvertible {
    /// The change in a few words; lists are not spelled out.
    public var description: String {
        if old == nil, new == nil { return "\(name) not made yet" }
        if [old, new].contains(where: { $0?.hasPrefix("[") == true || $0?.hasPrefix("{") == true }) {
            return "\(name) changed"
        }
        let (old, new) = RunReason.short(old, new)
        return "\(name) \(old) → \(new)"
    }
}

extension Cache {
    /// Why an action would run; nil when its result is there.
    ///
    /// - Throws: `build.io`, `build.damaged`.
    public func reason(for action: Action) throws(BuildError) -> RunReason? {
        try find(action).reason
    }

    /// Why an action has to run again though it was recorded: its result was lost, found damaged, or dropped.
    ///
    /// - Returns: nil if nothing was recorded of it.
    /// - Throws: `build.io`, `build.damaged`.
    public func loss(of action: Action) throws(BuildError) -> RunReason? {
        try look(for: action).loss
    }

    /// What is recorded of an action, or why it would run.
    func find(_ action: Action) throws(BuildError) -> (result: ActionResult?, reason: RunReason?) {
        let (result, loss, latest) = try look(for: action)
        if let loss { return (nil, loss) }
        if let result { return (result, nil) }
        guard let latest else { return (nil, .neverBuilt) }
        let journal = Journal(name: latest.journal, path: "\(records.folder)/\(latest.journal)")
        guard case .record(let record, _) = journal.entry(disk, at: latest.place),
            record.stage.name == action.stage.name, record.subject == action.subject
        else { return (nil, .neverBuilt) }
        let inputs = action.inputs.map { (name: $0.name, digest: Optional($0.digest)) }
        let reason = RunReason.between(
            record.action, stage: action.stage, parameters: action.parameters, inputs: inputs)
        // An equal description without a result: the result was dropped.
        return (nil, reason ?? .outputMissing)
    }

    /// The keys of those of some actions without a result of which nothing was dropped, and whose stages have no record
    /// on their subjects: they were never built.
    func unknown(_ actions: [Action]) throws(BuildError) -> [Digest] {
        let isKnown = try records.withIndex { (index) throws(BuildError) in
            try index.areKnown(actions.map { (key: $0.key, stage: $0.stage.name, subject: $0.subject) })
        }
        return zip(actions, isKnown).compactMap { $1 ? nil : $0.key }
    }

    /// The result of an action, why it was lost if it was, and where the youngest record of its stage on its subject is.
    private func look(
        for action: Action
    ) throws(BuildError) -> (
        result: ActionResult?, loss: RunReason?, latest: (journal: String, place: Range<Int>)?
    ) {
        let (result, absence) = try records.withIndex { (index) throws(BuildError) in
            try index.find(action.key, stage: action.stage.name, subject: action.subject)
        }
        if let result {
            let outputs = Array(result.outputs.values)
            let present = try store.isPresent(outputs)
            guard let lost = zip(outputs, present).first(where: { !$1 })?.0 else { return (result, nil, nil) }
            return (result, try store.wasSetAside(lost.digest) ? .outputCorrupt : .outputMissing, nil)
        }
        let loss: RunReason? =
            switch absence.dropped {
            case .corrupt: .outputCorrupt
            case .missing, .collected: .outputMissing
            case .forced: .forced
            case nil: nil
            }
        return (nil, loss, absence.latest)
    }
}
