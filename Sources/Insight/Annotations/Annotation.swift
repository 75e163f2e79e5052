public import Files

/// The tags and the note that a person gave to a source, or to one of its segments.
///
/// It names the source by its path and the segment by where it begins, so it holds for the next build of the dataset too.
public struct Annotation: Sendable, Hashable {
    /// What an annotation is about.
    public struct Subject: Sendable, Hashable {
        /// The source's path, relative to the manifest.
        public let path: String
        /// Where the segment begins, in steps or samples from the start of the source; nil for the whole source.
        public let start: Int?

        /// Names a source, or one of its segments.
        public init(path: String, start: Int? = nil) { (self.path, self.start) = (path, start) }

        // By bytes: Swift takes paths for equal that differ in the composition of their letters.
        /// Whether two are the same.
        public static func == (left: Self, right: Self) -> Bool {
            left.start == right.start && left.path.utf8.elementsEqual(right.path.utf8)
        }

        /// Hashes what is compared.
        public func hash(into hasher: inout Hasher) {
            for byte in path.utf8 { hasher.combine(byte) }
            hasher.combine(start)
        }
    }

    /// Why tags or a note are refused.
    public struct Fault: Error {
        /// The reason in a sentence.
        public let message: String
    }

    /// What it is about.
    public let subject: Subject
    /// The tags: words, or `name=value`; sorted, each once.
    public let tags: [String]
    /// The note; empty without one.
    public let note: String
    /// When it was written, in seconds since 1970.
    public let written: Int

    /// The most tags of a subject.
    public static let mostTags = 32
    /// The longest tag, in bytes.
    public static let longestTag = 100
    /// The longest note, in bytes.
    public static let longestNote = 4000
    /// Columns of the table of sources that no tag may fill.
    private static let reservedNames: Set<String> = ["path", "pair", "offset_seconds"]

    /// Takes tags and a note.
    ///
    /// Spaces around tags are dropped, as are empty and repeated ones.
    ///
    /// - Throws: `Fault` for too many tags, a tag or a note that is too long or holds control characters, a name that
    ///   cannot be a column of a table, and two tags that give one name different values.
    public init(_ subject: Subject, tags: [String], note: String, written: Int) throws(Fault) {
        func fault(_ message: String) -> Fault { Fault(message: message) }
        self.subject = subject
        self.written = written
        self.tags = Set(tags.map(Self.trimmed)).filter { !$0.isEmpty }.sorted()
        self.note = Self.trimmed(note)
        guard self.tags.count <= Self.mostTags else { throw fault("at most \(Self.mostTags) tags") }
        guard self.note.utf8.count <= Self.longestNote else {
            throw fault("a note has at most \(grouped(Self.longestNote)) bytes")
        }
        guard self.note.unicodeScalars.allSatisfy({ !Self.isControl($0) || $0 == "\n" || $0 == "\t" }) else {
            throw fault("a note must not contain control characters")
        }
        for tag in self.tags {
            guard tag.utf8.count <= Self.longestTag else {
                throw fault("a tag has at most \(Self.longestTag) bytes")
            }
            guard !tag.unicodeScalars.contains(where: Self.isControl) else {
                throw fault("a tag must not contain control characters")
            }
            let (name, value) = Self.assignment(tag) ?? (tag, "yes")
            guard !name.isEmpty, !value.isEmpty else {
                throw fault("'\(tag)' must have a name and a value, as in style=jazz")
            }
            guard !name.contains("/"), !Self.reservedNames.contains(name) else {
                throw fault("a tag cannot have the name '\(name)'")
            }
            guard name != "split" || ["train", "validation", "test"].contains(value) else {
                throw fault("a split is train, validation or test")
            }
        }
        let names = self.tags.compactMap { Self.assignment($0)?.name }
        if let name = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw fault("'\(name)' has two values")
        }
    }

    /// Whether it says nothing: what was noted before is taken back.
    public var isEmpty: Bool { tags.isEmpty && note.isEmpty }

    /// The name and the value of a tag such as `style=jazz`; nil for a word.
    public static func assignment(_ tag: String) -> (name: String, value: String)? {
        guard let sign = tag.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        return (trimmed(String(tag[..<sign])), trimmed(String(tag[tag.utf8.index(after: sign)...])))
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let scalars = text.unicodeScalars.drop { $0.properties.isWhitespace }
        guard let last = scalars.lastIndex(where: { !$0.properties.isWhitespace }) else { return "" }
        return String(String.UnicodeScalarView(scalars[...last]))
    }

    // MARK: A line of the file

    /// The line of `notes/<dataset>.jsonl`.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "path": .string(subject.path), "tags": .array(tags.map { .string($0) }), "note": .string(note),
            "written": JSONValue(written),
        ]
        if let start = subject.start { members["start"] = JSONValue(start) }
        return .object(members)
    }

    /// Reads a line; nil if it is not one.
    init?(line: ArraySlice<UInt8>) {
        guard let json = try? JSONValue(parsing: Array(line)), let path = json["path"]?.string,
            let tags = json["tags"]?.array?.compactMap(\.string), let note = json["note"]?.string,
            let found = try? Annotation(
                Subject(path: path, start: json["start"]?.integer), tags: tags, note: note,
                written: json["written"]?.integer ?? 0)
        else { return nil }
        self = found
    }
}
