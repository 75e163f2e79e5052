internal import Files

extension Manifest {
    /// The manifest's `about` block: texts for the cards of exported and pushed datasets.
    ///
    /// Nothing is built from them.
    public struct About: Hashable, Sendable {
        /// What the dataset is called; nil: by its name.
        public var title: String?
        /// The licence of what is in it, best as an SPDX name in small letters, such as `cc-by-4.0`.
        public var licence: String?
        /// The work to cite, as text or BibTeX.
        public var citation: String?
        /// Where more is said about it.
        public var url: String?

        /// Says nothing.
        public init() {}

        static let keys = ["title", "licence", "citation", "url"]

        init(_ section: Section) {
            func text(_ key: String) -> String? {
                guard section.has(key) else { return nil }
                let text = section.text(key)
                if text?.isEmpty == true { section.fault(key, "is empty; write a text, or remove it") }
                return text
            }
            (title, licence) = (text("title"), text("licence"))
            (citation, url) = (text("citation"), text("url"))
        }

        /// The texts that there are; nil if there are none, so that manifests without them are as they always were.
        var effective: JSONValue? {
            var members: [String: JSONValue] = [:]
            members["title"] = title.map { .string($0) }
            members["licence"] = licence.map { .string($0) }
            members["citation"] = citation.map { .string($0) }
            members["url"] = url.map { .string($0) }
            return members.isEmpty ? nil : .object(members)
        }
    }
}
