/// A label's text: one value, or several.
///
/// Several values are one text: each once, in the order of their bytes, with U+001F between them (ASCII's unit separator,
/// which no value contains). So the text can be compared, hashed and sorted like that of one value. JSON has a list
/// instead.
public enum LabelText {
    /// The character between values.
    public static let separator: Character = "\u{1F}"
    /// The same as a byte of UTF-8.
    public static let separatorByte: UInt8 = 0x1F

    /// The text of some values, of which empty and repeated ones are left out.
    public static func joined(_ values: some Sequence<String>) -> String {
        var seen: Set<[UInt8]> = []
        return values.filter { !$0.isEmpty && seen.insert(Array($0.utf8)).inserted }.sorted {
            utf8Order($0, $1)
        }
        .joined(separator: String(separator))
    }

    /// Whether a text holds more than one value.
    public static func isSeveral(_ text: String) -> Bool { text.utf8.contains(separatorByte) }

    /// The values of a text; none of an empty one.
    public static func values(_ text: String) -> [String] {
        guard isSeveral(text) else { return text.isEmpty ? [] : [text] }
        return text.split(separator: separator).map(String.init)
    }

    /// The values of a label that may be unknown, which counts as one empty value.
    public static func values(_ text: String?) -> [String] { text.map { values($0) } ?? [""] }

    /// Whether a value is the text, or one of several in it, by bytes.
    public static func has(_ value: String, in text: String) -> Bool {
        text.utf8.elementsEqual(value.utf8)
            || isSeveral(text) && values(text).contains { $0.utf8.elementsEqual(value.utf8) }
    }

    /// The text for people: `jazz + live`.
    public static func shown(_ text: String) -> String { values(text).joined(separator: " + ") }

    /// Labels by name as JSON: a text for one value, a list for several.
    public static func json(_ labels: [String: String]) -> JSONValue {
        .object(labels.mapValues { isSeveral($0) ? .array(values($0).map { .string($0) }) : .string($0) })
    }

    /// The text that JSON of a label means; nil for anything that `json` does not write.
    public static func text(json: JSONValue) -> String? {
        if let text = json.string { return isSeveral(text) ? nil : text }
        guard let values = json.array?.map(\.string), values.count > 1 else { return nil }
        let text = joined(values.compactMap { $0 })
        return self.values(text) == values ? text : nil
    }
}
