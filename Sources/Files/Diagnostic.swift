/// One remark on one input: part of an action's recorded result, so that an incremental build repeats it.
public struct Diagnostic: Sendable, Hashable {
    /// How bad it is.
    public enum Severity: String, Sendable, Hashable {
        /// The input was read, with warnings.
        case warning
        /// The input can't be used.
        case error
    }

    /// How bad it is.
    public let severity: Severity
    /// A stable dotted name, such as `midi.track-truncated`.
    public let code: String
    /// What was found and what was expected.
    public let message: String
    /// Where in the input, in bytes (MIDI) or samples (audio) from its start.
    public let offset: Int?
    /// What to do about it.
    public let help: String?

    /// Makes a remark.
    public init(
        _ severity: Severity, code: String, message: String, offset: Int? = nil, help: String? = nil
    ) {
        self.severity = severity
        self.code = code
        self.message = message
        self.offset = offset
        self.help = help
    }

    /// The remark as an object; absent fields are left out.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "severity": .string(severity.rawValue), "code": .string(code), "message": .string(message),
        ]
        if let offset { members["offset"] = JSONValue(offset) }
        if let help { members["help"] = .string(help) }
        return .object(members)
    }

    /// Reads what `json` wrote; nil for anything else.
    public init?(json: JSONValue) {
        guard let severity = json["severity"]?.string.flatMap(Severity.init(rawValue:)),
            let code = json["code"]?.string, let message = json["message"]?.string
        else { return nil }
        self.init(
            severity, code: code, message: message, offset: json["offset"]?.integer,
            help: json["help"]?.string)
    }
}

/// Thrown by a stage whose input can't be used, whatever machine looks at it: recorded, and not tried again until
/// the input or the stage changes.
public struct StageFailure: Error, Sendable {
    /// What is wrong with the input.
    public let diagnostic: Diagnostic

    /// Fails for a reason that lies in the bytes alone.
    public init(_ diagnostic: Diagnostic) {
        self.diagnostic = diagnostic
    }
}
