public import Files

/// A named, versioned, pure computation.
public struct Stage: Sendable, Hashable {
    /// Its name, such as `score`.
    public let name: String
    /// Raised whenever the same inputs would give other bytes.
    public let version: Int
    /// What a float stage's results depend on beside its inputs.
    ///
    /// Architecture, SIMD class, versions of the numeric libraries. Nil for a stage whose results are the same on
    /// every machine.
    public let numerics: String?

    /// Names a stage.
    public init(_ name: String, version: Int, numerics: String? = nil) {
        self.name = name
        self.version = version
        self.numerics = numerics
    }
}

/// The parameters of a stage with their canonical form, worked out once for all actions that share them.
public struct Parameters: Sendable, Hashable {
    /// The parameters, an object as a rule.
    public let value: JSONValue
    package let canonicalBytes: [UInt8]
    package let digest: Digest

    /// None: an empty object.
    public static let none = Parameters([:])

    /// Takes parameters.
    public init(_ value: JSONValue) {
        self.value = value
        canonicalBytes = value.canonicalBytes
        digest = Digest(of: canonicalBytes)
    }
}

/// An object or a source that an action reads, under the name by which the stage knows it.
public struct Input: Sendable, Hashable {
    /// The stage's name for it.
    public let name: String
    /// Which bytes.
    public let digest: Digest

    /// Names an input.
    public init(_ name: String, _ digest: Digest) {
        self.name = name
        self.digest = digest
    }
}

/// A stage applied to inputs.
public struct Action: Sendable, Hashable {
    /// What is computed.
    public let stage: Stage
    /// How.
    public let parameters: Parameters
    /// From what, in the stage's order.
    public let inputs: [Input]
    /// What this is about, such as `data/a.mid`: for people and for reasons, not part of the key.
    public let subject: String
    /// The SHA-256 of stage, version, numerics, parameters and inputs.
    public let key: Digest

    /// Describes an application of a stage.
    public init(_ stage: Stage, parameters: Parameters, inputs: [Input], subject: String) {
        self.stage = stage
        self.parameters = parameters
        self.inputs = inputs
        self.subject = subject
        key = Self.key(of: stage, parameters, inputs)
    }

    /// Describes an application of a stage.
    public init(_ stage: Stage, parameters: JSONValue, inputs: [Input], subject: String) {
        self.init(stage, parameters: Parameters(parameters), inputs: inputs, subject: subject)
    }

    /// Describes an application of a stage that has no parameters.
    public init(_ stage: Stage, inputs: [Input], subject: String) {
        self.init(stage, parameters: .none, inputs: inputs, subject: subject)
    }

    /// The bytes of an input.
    ///
    /// - Precondition: the action has an input of this name.
    public func input(_ name: String) -> Digest {
        guard let input = inputs.first(where: { $0.name == name }) else {
            preconditionFailure("stage \(stage.name) has no input '\(name)', only \(inputs.map(\.name))")
        }
        return input.digest
    }

    package init(stage: Stage, parameters: Parameters, inputs: [Input], subject: String, key: Digest) {
        self.stage = stage
        self.parameters = parameters
        self.inputs = inputs
        self.subject = subject
        self.key = key
    }

    /// Every part is preceded by its length, so that no two descriptions have the same bytes.
    private static func key(of stage: Stage, _ parameters: Parameters, _ inputs: [Input]) -> Digest {
        var text: [UInt8] = []
        func append(_ part: some Collection<UInt8>) {
            text += "\(part.count):".utf8
            text += part
        }
        append("reprise action 1".utf8)
        append(stage.name.utf8)
        append("\(stage.version)".utf8)
        append((stage.numerics ?? "").utf8)
        append(parameters.digest.bytes)
        for input in inputs {
            append(input.name.utf8)
            append(input.digest.bytes)
        }
        return Digest(of: text)
    }
}

/// An immutable blob in the cache.
public struct ObjectReference: Sendable, Hashable {
    /// Its name.
    public let digest: Digest
    /// Its size in bytes.
    public let size: Int

    /// Refers to a blob.
    public init(digest: Digest, size: Int) {
        self.digest = digest
        self.size = size
    }
}

/// What came of an action: recorded once, found again by the action's key.
public struct ActionResult: Sendable, Hashable {
    /// The objects it made, by the stage's names for them; empty after a failure.
    public var outputs: [String: ObjectReference]
    /// Small values that planning needs without opening an object; `null` when there are none.
    public var facts: JSONValue {
        get { recordedFacts.value }
        set { recordedFacts = RecordedFacts(newValue) }
    }
    /// The facts as they were found, which may not have been read yet.
    var recordedFacts: RecordedFacts
    /// The remarks made, in order.
    public var diagnostics: [Diagnostic]
    /// Why the input can't be used, when it can't.
    public var failure: Diagnostic?

    /// Collects a result.
    public init(
        outputs: [String: ObjectReference] = [:], facts: JSONValue = .null, diagnostics: [Diagnostic] = [],
        failure: Diagnostic? = nil
    ) {
        self.outputs = outputs
        recordedFacts = RecordedFacts(facts)
        self.diagnostics = diagnostics
        self.failure = failure
    }

    /// Whether this one is kept, of two results for one key.
    ///
    /// The one whose objects' names are smaller; any success before a failure; else the smaller spelling. So the
    /// choice doesn't depend on the order of arrival.
    package func precedes(_ other: ActionResult) -> Bool {
        if (failure == nil) != (other.failure == nil) { return failure == nil }
        let mine = outputs.sorted { $0.key < $1.key }.map(\.value.digest)
        let others = other.outputs.sorted { $0.key < $1.key }.map(\.value.digest)
        if mine != others { return mine.lexicographicallyPrecedes(others) }
        return canonicalBytes.lexicographicallyPrecedes(other.canonicalBytes)
    }
}

/// An action with its result.
public struct ActionRecord: Sendable, Hashable {
    /// What was computed.
    public let action: Action
    /// What came of it.
    public let result: ActionResult

    /// Joins the two.
    public init(action: Action, result: ActionResult) {
        self.action = action
        self.result = result
    }

    /// The action's key.
    public var key: Digest { action.key }
    /// The stage.
    public var stage: Stage { action.stage }
    /// What the action is about.
    public var subject: String { action.subject }
    /// The objects it made.
    public var outputs: [String: ObjectReference] { result.outputs }
    /// Small values for planning.
    public var facts: JSONValue { result.facts }

    /// Reads the facts part by part, without a tree of values.
    ///
    /// - Throws: what the body throws.
    public func readFacts<Result>(
        _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        try result.recordedFacts.read(body)
    }
    /// The remarks made.
    public var diagnostics: [Diagnostic] { result.diagnostics }
    /// Why the input can't be used, when it can't.
    public var failure: Diagnostic? { result.failure }

    /// One output.
    ///
    /// - Precondition: the stage makes an output of this name and did not fail.
    public func output(_ name: String) -> ObjectReference {
        guard let output = outputs[name] else {
            preconditionFailure("stage \(stage.name) made no '\(name)', only \(outputs.keys.sorted())")
        }
        return output
    }
}
