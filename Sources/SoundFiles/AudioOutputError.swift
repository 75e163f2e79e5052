#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Why a signal could not be made from features, or not be written.
public struct AudioOutputError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A stable name for the kind of fault.
    public struct Code: Hashable, Sendable, RawRepresentable {
        /// The name as reports show it.
        public let rawValue: String

        /// Names a kind of fault.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Parameters are out of range or contradict each other.
        public static let badParameters = Code(rawValue: "audio.bad-parameters")
        /// Window and hop leave samples that no frame determines.
        public static let notInvertible = Code(rawValue: "audio.not-invertible")
        /// The signal is too short for what is asked.
        public static let tooShort = Code(rawValue: "audio.too-short")
        /// A number is NaN, infinite or, where magnitudes are expected, negative.
        public static let badValue = Code(rawValue: "audio.bad-value")
        /// The container cannot hold this encoding, rate or number of channels.
        public static let unsupportedEncoding = Code(rawValue: "audio.unsupported-encoding")
        /// The container cannot hold so many samples.
        public static let tooLong = Code(rawValue: "audio.too-long")
        /// The file could not be written.
        public static let writeFailed = Code(rawValue: "audio.write-failed")
    }

    /// The kind of fault.
    public let code: Code
    /// What was expected and what was found.
    public let message: String
    /// The file that was written, if it is about a file.
    public let path: String?
    /// The system's error number, if the system gave one.
    public let number: Int32?

    /// Describes a fault.
    public init(_ code: Code, _ message: String, path: String? = nil, number: Int32? = nil) {
        self.code = code
        self.message = message
        self.path = path
        self.number = number
    }

    /// Code, path and message in one line.
    public var description: String {
        "\(code.rawValue): " + (path.map { "\($0): " } ?? "") + message
    }

    /// A call of the system that failed just now.
    ///
    /// - Parameters:
    ///   - action: What was attempted.
    ///   - path: Of what.
    ///   - number: The system's error number.
    /// - Returns: The error to throw.
    public static func system(_ action: String, path: String, number: Int32) -> AudioOutputError {
        AudioOutputError(
            .writeFailed, "\(action): \(String(cString: strerror(number)))", path: path, number: number)
    }
}
