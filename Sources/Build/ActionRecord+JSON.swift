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
        let record = try? json.canonicalBytes.span.withUnsafeBytes { (bytes) throws(JSONError) in
            var reader = JSONReader(bytes)
            return try ActionRecord(reading: &reader)
        }
        guard let record else { return nil }
        self = record
    }

    /// Reads what `json` gave as text; nil for anything else.
    ///
    /// The facts are taken as the text that they are, since most who read journals pass them on, or over.
    init?(reading reader: inout JSONReader) throws(JSONError) {
        var members: [String: JSONValue] = [:]
        var facts = RecordedFacts(.null)
        try reader.members { (reader, name) throws(JSONError) in
            if name == "facts" {
                facts = RecordedFacts(canonical: try reader.text())
            } else {
                members[name] = try reader.value()
            }
        }
        guard let key = members["key"]?.string.flatMap({ Digest(hex: $0) }),
            let name = members["stage"]?.string, let version = members["version"]?.integer,
            let parameters = members["parameters"], let pairs = members["inputs"]?.array,
            let subject = members["subject"]?.string, var result = ActionResult(json: .object(members))
        else { return nil }
        result.recordedFacts = facts
        var inputs: [Input] = []
        inputs.reserveCapacity(pairs.count)
        for pair in pairs {
            guard let parts = pair.array, parts.count == 2, let name = parts[0].string,
                let digest = parts[1].string.flatMap({ Digest(hex: $0) })
            else { return nil }
            inputs.append(Input(name, digest))
        }
        let stage = Stage(name, version: version, numerics: members["numerics"]?.string)
        self.init(
            action: Action(
                stage: stage, parameters: parameters == [:] ? .none : Parameters(parameters), inputs: inputs,
                subject: subject, key: key),
            result: result)
    }
}
