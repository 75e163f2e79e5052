// How records are spelt in journals and index rows: members in the order of their names, absent ones left out.

public import Files

extension ActionResult {
    /// The canonical text of the result.
    package var canonicalBytes: [UInt8] {
        var bytes = Array("{".utf8)
        appendFindings(to: &bytes)
        appendOutputs(to: &bytes)
        if bytes.count > 1 { bytes.removeLast() }
        bytes += "}".utf8
        return bytes
    }

    /// Appends `diagnostics`, `facts` and `failure`, each with a comma after it.
    fileprivate func appendFindings(to bytes: inout [UInt8]) {
        if !diagnostics.isEmpty {
            bytes += "\"diagnostics\":".utf8
            JSONValue.array(diagnostics.map(\.json)).appendCanonical(to: &bytes)
            bytes += ",".utf8
        }
        if let facts = recordedFacts.text {
            bytes += "\"facts\":".utf8
            bytes += facts
            bytes += ",".utf8
        }
        if let failure {
            bytes += "\"failure\":".utf8
            failure.json.appendCanonical(to: &bytes)
            bytes += ",".utf8
        }
    }

    /// Appends `outputs` with a comma after it.
    fileprivate func appendOutputs(to bytes: inout [UInt8]) {
        guard !outputs.isEmpty else { return }
        bytes += "\"outputs\":".utf8
        let pairs = outputs.mapValues { JSONValue.array([JSONValue($0.digest), JSONValue($0.size)]) }
        JSONValue.object(pairs).appendCanonical(to: &bytes)
        bytes += ",".utf8
    }

    package init?(json: JSONValue) {
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
        var bytes: [UInt8] = []
        appendCanonical(to: &bytes)
        return (try? JSONValue(parsing: bytes)) ?? .null
    }

    /// Appends the canonical text of `json`, the facts as the text that they are.
    package func appendCanonical(to bytes: inout [UInt8]) {
        bytes += "{".utf8
        result.appendFindings(to: &bytes)
        bytes += "\"inputs\":".utf8
        let inputs = action.inputs.map { JSONValue.array([.string($0.name), JSONValue($0.digest)]) }
        JSONValue.array(inputs).appendCanonical(to: &bytes)
        bytes += ",\"key\":\"".utf8
        bytes += key.hex.utf8
        bytes += "\",".utf8
        if let numerics = stage.numerics {
            bytes += "\"numerics\":".utf8
            JSONValue.string(numerics).appendCanonical(to: &bytes)
            bytes += ",".utf8
        }
        result.appendOutputs(to: &bytes)
        bytes += "\"parameters\":".utf8
        bytes += action.parameters.canonicalBytes
        bytes += ",\"stage\":".utf8
        JSONValue.string(stage.name).appendCanonical(to: &bytes)
        bytes += ",\"subject\":".utf8
        JSONValue.string(subject).appendCanonical(to: &bytes)
        bytes += ",\"version\":\(stage.version)}".utf8
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
    package init?(reading reader: inout JSONReader) throws(JSONError) {
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
