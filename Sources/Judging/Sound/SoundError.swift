/// Why sound could not be measured.
public struct SoundError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A stable name for the kind of fault.
    public struct Code: Hashable, Sendable, RawRepresentable {
        /// The name as reports show it.
        public let rawValue: String

        /// Names a kind of fault.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The sound is longer than the limit on memory allows.
        public static let tooLong = Code(rawValue: "sound.too-long")
        /// The sound is too short for what is asked.
        public static let tooShort = Code(rawValue: "sound.too-short")
        /// Two sounds that are compared have different rates.
        public static let ratesDiffer = Code(rawValue: "sound.rates-differ")
        /// Weights are missing, or do not fit the network.
        public static let badWeights = Code(rawValue: "sound.bad-weights")
    }

    /// The kind of fault.
    public let code: Code
    /// What was expected and what was found.
    public let message: String

    /// Describes a fault.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Code and message in one line.
    public var description: String { "\(code.rawValue): \(message)" }
}
