/// An answer to one content that needs no system: the content itself, a piece of the target style, or what the rule makes.
public struct BaselineAnswer: Sendable {
    /// What there is to see and hear.
    public enum Music: Sendable {
        /// A file of the dataset or of the user's, and what it is called.
        case file(path: String, name: String)
        /// Notes as they were measured; they are in no file.
        case notes(NotePiece)
        /// Sound as it was measured; it is in no file.
        case sound(Sound)
    }

    /// The baseline's name: `content`, `target` or `rule`.
    public let name: String
    /// The answer.
    public let music: Music
    /// Its own measures; nil where a measure is not defined.
    public let measures: [(name: String, value: Double?)]
}
