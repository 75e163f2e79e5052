/// Why the bytes of a file cannot be used: a function of the bytes and the parameters alone.
public struct AudioError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A stable name for the kind of fault.
    public struct Code: Hashable, Sendable, RawRepresentable {
        /// The name as reports show it.
        public let rawValue: String

        /// Names a kind of fault.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// No decoder here knows the format.
        public static let unknownFormat = Code(rawValue: "audio.unknown-format")
        /// The container is known, the encoding inside is not.
        public static let unsupportedEncoding = Code(rawValue: "audio.unsupported-encoding")
        /// The file contradicts its own format.
        public static let malformed = Code(rawValue: "audio.malformed")
        /// There are fewer frames than declared, and not one whole segment among them.
        public static let truncated = Code(rawValue: "audio.truncated")
        /// The file holds no frame at all.
        public static let noSamples = Code(rawValue: "audio.no-samples")
        /// A sample is NaN or infinite.
        public static let notFinite = Code(rawValue: "audio.not-finite")
        /// The sample rate is absurd, or too far from the wanted one to convert.
        public static let badRate = Code(rawValue: "audio.bad-rate")
        /// The sample rate changes within the file.
        public static let rateChanges = Code(rawValue: "audio.rate-changes")
        /// A sample-rate converter reported an error, or gave nothing where samples are due.
        public static let resampling = Code(rawValue: "audio.resampling")
        /// No channel, or more than 64.
        public static let badChannels = Code(rawValue: "audio.bad-channels")
    }

    /// The kind of fault.
    public let code: Code
    /// What was expected and what was found.
    public let message: String
    /// The frame (a sample of every channel) at which it was found, from the start of the file.
    public let frame: Int?
    /// What the user can do.
    public let help: String?

    /// Describes a fault.
    public init(_ code: Code, _ message: String, frame: Int? = nil, help: String? = nil) {
        self.code = code
        self.message = message
        self.frame = frame
        self.help = help
    }

    /// Code and message in one line.
    public var description: String { "\(code.rawValue): \(message)" }
}

/// Something odd in a file that was read all the same.
public struct AudioWarning: Hashable, Sendable {
    /// A stable dotted name: `audio.truncated`, `audio.silent`, `audio.chained`, `audio.junk`, `audio.wrong-length`,
    /// `audio.channels-change`, `audio.damaged`.
    public let code: String
    /// What was found, and what was made of it.
    public let message: String
    /// The frame at which it was found, from the start of the file, at its own rate.
    public let frame: Int?

    /// Describes an oddity.
    public init(code: String, message: String, frame: Int? = nil) {
        self.code = code
        self.message = message
        self.frame = frame
    }
}

/// A file that could not be reached: missing, forbidden, or on a failing disk.
///
/// It says nothing of the bytes, so it is no result to keep.
public struct AudioAccessError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The path as it was given.
    public let path: String
    /// The system's error number.
    public let number: Int32
    /// The system's words for it.
    public let message: String

    /// Path and message in one line.
    public var description: String { "\(path): \(message)" }
}
