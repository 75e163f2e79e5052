// How records are spelt in journals and index rows. Absent fields are left out.

extension ActionResult {
    var json: JSONValue { .object(members) }

    fileprivate var members: [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        if !outputs.isEmpty {
            members["outputs"] = .object(
                outputs.mapValues { .array([JSONValue($0.digest), JSONValue($0.size)]) })
        }
        if facts != .null { members["facts"] = facts }
        if !diagnostics.isEmpty { members["diagnostics"] = .array(diagnostics.map(\.json)) }
        if let failure { members["failure"] = failure.json }
        return members
    }

    init?(json: JSONValue) {
        var outputs: [String: ObjectReference] = [:]
        for (name, value) in json["outputs"]?.object ?? [:] {
            guard let pair = value.array, pair.count == 2,
                let digest = pair[0].string.flatMap({ Digest(hex: $0) }), let size = pair[1].integer,
                size >= 0
            else { return nil }
            outputs[name] = ObjectReference(digest: digest, size: size)
        }
        let remarks = json["diagnostics"]?.array ?? []
        let diagnostics = remarks.compactMap { Diagnostic(json: $0) }
        guard diagnostics.count == remarks.count else { return nil }
        var failure: Diagnostic?
        if let value = json["failure"] {
            failure = Diagnostic(json: value)
            if failure == nil { return nil }
        }
        self.init(outputs: outputs, facts: json["facts"] ?? .null, diagnostics: diagnostics, failure: failure)
    }
}

extension ActionRecord {
    /// The record as journals hold it.
    public var json: JSONValue {
        var members = result.members
        members["key"] = JSONValue(key)
        members["stage"] = .string(stage.name)
        members["version"] = JSONValue(stage.version)
        if let numerics = stage.numerics { members["numerics"] = .string(numerics) }
        members["parameters"] = action.parameters.value
        members["inputs"] = .array(
            action.inputs.map { .array([.string($0.name), JSONValue($0.digest)]) })
        members["subject"] = .string(subject)
        return .object(members)
    }

    /// Reads what `json` gave; nil for anything else.
    public init?(json: JSONValue) {
        guard let key = json["key"]?.string.flatMap({ Digest(hex: $0) }),
            let name = json["stage"]?.string, let version = json["version"]?.integer,
            let parameters = json["parameters"], let pairs = json["inputs"]?.array,
            let subject = json["subject"]?.string, let result = ActionResult(json: json)
        else { return nil }
        var inputs: [Input] = []
        inputs.reserveCapacity(pairs.count)
        for pair in pairs {
            guard let parts = pair.array, parts.count == 2, let name = parts[0].string,
                let digest = parts[1].string.flatMap({ Digest(hex: $0) })
            else { return nil }
            inputs.append(Input(name, digest))
        }
        let stage = Stage(name, version: version, numerics: json["numerics"]?.string)
        self.init(
            action: Action(
                stage: stage, parameters: Parameters(parameters), inputs: inputs, subject: subject, key: key),
            result: result)
    }
}
