/// Why bytes are not a safetensors file, or not the one expected.
public struct TensorFileError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, as a stable dotted code.
    public struct Code: Hashable, Sendable, RawRepresentable {
        /// The code itself, such as `tensors.truncated`.
        public let rawValue: String
        /// Names a code.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The file could not be opened, sized or mapped.
        public static let unreadable = Code(rawValue: "tensors.unreadable")
        /// Fewer bytes than the header, or a tensor in it, says.
        public static let truncated = Code(rawValue: "tensors.truncated")
        /// The header is longer than 100,000,000 bytes.
        public static let headerTooLarge = Code(rawValue: "tensors.header-too-large")
        /// The header is not the JSON that the format describes.
        public static let badHeader = Code(rawValue: "tensors.bad-header")
        /// Two tensors overlap, a gap lies between them, or bytes follow the last.
        public static let badLayout = Code(rawValue: "tensors.bad-layout")
        /// No tensor of that name.
        public static let missing = Code(rawValue: "tensors.missing")
        /// The tensor has another element type or shape than asked for.
        public static let mismatch = Code(rawValue: "tensors.mismatch")
    }

    /// What is wrong.
    public let code: Code
    /// What was found and what was expected, in a sentence.
    public let message: String
    /// The byte at which it was noticed, from the start of the file.
    public let offset: Int?

    /// Describes a fault.
    public init(_ code: Code, _ message: String, offset: Int? = nil) {
        self.code = code
        self.message = message
        self.offset = offset
    }

    /// The message with its place.
    public var description: String {
        offset.map { "\(message) (at byte \($0))" } ?? message
    }
}
