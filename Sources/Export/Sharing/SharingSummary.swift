public import Files

/// What a push or a pull did.
public struct SharingSummary: Sendable {
    /// The dataset.
    public let dataset: String
    /// Its snapshot.
    public let snapshot: Digest
    /// Objects that were copied.
    public internal(set) var copied = 0
    /// Objects that were there already.
    public internal(set) var skipped = 0
    /// The bytes that were copied.
    public internal(set) var bytes = 0

    /// The summary as an object.
    public var json: JSONValue {
        [
            "dataset": .string(dataset), "snapshot": JSONValue(snapshot),
            "objects": ["copied": JSONValue(copied), "skipped": JSONValue(skipped)],
            "bytes": JSONValue(bytes),
        ]
    }
}
