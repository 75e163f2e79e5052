import Files

/// Why a snapshot can't be fed as a plan asks.
public struct LoaderError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong, as a stable dotted code.
    public struct Code: Hashable, Sendable, RawRepresentable {
        /// The code itself, such as `loader.empty`.
        public let rawValue: String
        /// Names a code.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// No segment, or no whole batch, is left.
        public static let empty = Code(rawValue: "loader.empty")
        /// A view asks for what the shards don't hold.
        public static let notInShards = Code(rawValue: "loader.not-in-shards")
        /// A window is longer than what the shards hold.
        public static let windowTooLong = Code(rawValue: "loader.window-too-long")
        /// Notes and features of a pair would no longer be of the same instants.
        public static let unaligned = Code(rawValue: "loader.unaligned")
        /// The dataset has no such label, or no such value of it.
        public static let unknownLabel = Code(rawValue: "loader.unknown-label")
        /// A label of several values is asked for as one class.
        public static let severalValues = Code(rawValue: "loader.several-values")
        /// The split has no segment of that number and kind.
        public static let noSuchSegment = Code(rawValue: "loader.no-such-segment")
        /// A state is not one of this plan's.
        public static let badState = Code(rawValue: "loader.bad-state")
        /// A shard is not of the size that the snapshot says.
        public static let truncated = Code(rawValue: "loader.truncated")
        /// A shard's columns don't fit each other.
        public static let damaged = Code(rawValue: "loader.damaged")
    }

    /// What is wrong.
    public let code: Code
    /// What, and what to do, in one line.
    public let message: String

    /// Describes a fault.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The fault that a dataset has no such label.
    static func unknownLabel(_ label: String, _ vocabularies: [String: [String]]) -> LoaderError {
        let known = vocabularies.keys.sorted()
        let hint = known.isEmpty ? "" : "; \(suggestion(for: label, among: known))"
        return LoaderError(
            .unknownLabel,
            "the dataset has no label '\(label)'\(hint); labels come from the manifest: labels: {\(label): …}"
        )
    }

    /// The message with its code.
    public var description: String { "\(message) [\(code.rawValue)]" }
}
