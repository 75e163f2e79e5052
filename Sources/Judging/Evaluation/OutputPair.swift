/// An output and the content that it was made of.
public struct OutputPair: Sendable {
    /// Its name, for messages.
    public let name: String
    /// The output's path.
    public let output: String
    /// The content's path.
    public let content: String

    /// Names an output and its content.
    public init(name: String, output: String, content: String) {
        (self.name, self.output, self.content) = (name, output, content)
    }

    /// What the name of a transcription ends with: notes of a recording, and no output of its own.
    static let transcriptionEnding = ".transcribed.mid"

    /// A path without the ending of its file's name.
    public static func stem(_ path: String) -> String {
        let name = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        return String(path[..<(path[name...].lastIndex(of: ".") ?? path.endIndex)])
    }

    /// The outputs of a folder with the contents of another that have the same paths, but for the endings.
    ///
    /// Of several contents that differ by their endings, the one with the output's ending counts.
    ///
    /// - Parameters:
    ///   - outputs: A folder, and the paths of the files below it.
    ///   - contents: A folder, and the paths of the files below it.
    /// - Returns: A pair for each output.
    /// - Throws: `judge.usage` for an output without a content, or with several; or if there is no output.
    public static func pairs(
        outputs: (folder: String, files: [String]), contents: (folder: String, files: [String])
    ) throws(JudgingError) -> [OutputPair] {
        let candidates = Dictionary(
            grouping: contents.files.filter { !$0.hasSuffix(transcriptionEnding) }, by: stem)
        var pairs: [OutputPair] = []
        for output in outputs.files where !output.hasSuffix(transcriptionEnding) {
            let path = "\(outputs.folder)/\(output)"
            let found = candidates[stem(output)] ?? []
            let chosen = found.contains(output) ? [output] : found
            guard let content = chosen.first else {
                throw JudgingError(
                    .usage, "\(path) has no content: there is no file \(contents.folder)/\(stem(output)).*")
            }
            guard chosen.count == 1 else {
                throw JudgingError(
                    .usage,
                    "\(path) could be made of \(found.joined(separator: " or ")) in \(contents.folder)")
            }
            pairs.append(OutputPair(name: output, output: path, content: "\(contents.folder)/\(content)"))
        }
        guard !pairs.isEmpty else { throw JudgingError(.usage, "\(outputs.folder) holds no files") }
        return pairs
    }
}
