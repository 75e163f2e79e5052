public import Files

/// Why a training, or work with a run, could not continue.
public struct TrainingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable name for what went wrong.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The dotted name.
        public let rawValue: String
        /// Makes a code of a dotted name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// No recipe, parameter or preset of that name, or a value it does not take.
        public static let usage = Code(rawValue: "train.usage")
        /// A content has a style that the run did not learn.
        public static let unknownStyle = Code(rawValue: "train.unknown-style")
        /// The snapshot lacks what the recipe needs.
        public static let unfit = Code(rawValue: "train.unfit")
        /// No run of that name in the cache.
        public static let noRun = Code(rawValue: "train.no-run")
        /// The run's files are not those of this recipe or version.
        public static let badRun = Code(rawValue: "train.bad-run")
        /// A number is not finite.
        public static let notFinite = Code(rawValue: "train.not-finite")
        /// The content cannot be read, or the result not written.
        public static let file = Code(rawValue: "train.file")
        /// Weights of others are missing, or do not fit their network.
        public static let badWeights = Code(rawValue: "sound.bad-weights")
        /// Another process trains this run.
        public static let locked = Code(rawValue: "train.locked")
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

    /// The status with which a command ends on this error.
    public var exitStatus: ExitStatus {
        switch code {
        case .usage, .unfit, .unknownStyle: .usage
        case .noRun: .noCache
        case .badRun: .damaged
        case .locked: .locked
        default: .failed
        }
    }
}
