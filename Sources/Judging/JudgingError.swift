/// Why outputs could not be judged, or a sound not be heard.
public struct JudgingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable name for what went wrong.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The dotted name.
        public let rawValue: String
        /// Makes a code of a dotted name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// A style that is not there, outputs of two kinds, a dataset that is too small.
        public static let usage = Code(rawValue: "judge.usage")
        /// An output or a content that cannot be read.
        public static let file = Code(rawValue: "judge.file")
        /// The sound is longer than the limit on memory allows.
        public static let tooLong = Code(rawValue: "sound.too-long")
        /// The sound is too short for what is asked.
        public static let tooShort = Code(rawValue: "sound.too-short")
        /// Two sounds that are compared have different rates.
        public static let ratesDiffer = Code(rawValue: "sound.rates-differ")
    }

    /// What went wrong.
    public let code: Code
    /// What, where, and what to do, in one line.
    public let message: String

    /// Describes a fault.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message with its code.
    public var description: String { "\(message) [\(code.rawValue)]" }
}
