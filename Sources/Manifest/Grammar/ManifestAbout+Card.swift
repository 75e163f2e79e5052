internal import Files

extension Manifest.About {
    /// The licence in the YAML head of a card of Hugging Face; no lines without one.
    public var licenceHead: [String] {
        guard let licence else { return [] }
        // Hugging Face has a list of names; anything else is called `other`.
        let isName = licence.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || [0x2D, 0x2E].contains(byte)
        }
        return isName
            ? ["license: \(YAML.quoted(licence))"]
            : ["license: other", "license_name: \(YAML.quoted(licence))"]
    }

    /// Licence and citation in Markdown.
    public var terms: [String] {
        var lines = [
            licence.map { "Licence: \(Markdown.text($0))" } ?? "The manifest names no licence.", "",
        ]
        if let citation { lines += ["Please cite:", ""] + Markdown.block(citation) + [""] }
        return lines
    }
}
