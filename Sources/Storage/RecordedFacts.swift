import Files
internal import Synchronization

/// The facts of a record: their canonical text, from which the value is made when it is first asked for.
///
/// Most records are looked up to see that they are there, or written, for which the text is enough.
struct RecordedFacts: Sendable {
    private final class Content: Sendable {
        let bytes: [UInt8]
        let value = Mutex<JSONValue?>(nil)

        init(_ bytes: [UInt8]) { self.bytes = bytes }
    }

    /// Nil of `null`.
    private let content: Content?

    init(_ value: JSONValue) { content = value == .null ? nil : Content(value.canonicalBytes) }

    /// Takes a text; nil if it is no JSON.
    init?(text: [UInt8]) {
        do throws(JSONError) {
            try text.span.withUnsafeBytes { (bytes) throws(JSONError) in
                var reader = JSONReader(bytes)
                try reader.skip()
                try reader.end()
            }
        } catch {
            return nil
        }
        content = Content(text)
    }

    /// Takes the canonical text of a value, which was looked at already.
    init(canonical text: UnsafeRawBufferPointer) {
        content = text.elementsEqual("null".utf8) ? nil : Content(Array(text))
    }

    /// The canonical text; nil of `null`.
    var text: [UInt8]? { content?.bytes }

    var value: JSONValue {
        guard let content else { return .null }
        return content.value.withLock { value in
            if let value { return value }
            // What is no value though it looked like one (a string that is not UTF-8) is as good as nothing.
            let found = (try? JSONValue(parsing: content.bytes)) ?? .null
            value = found
            return found
        }
    }

    func read<Result>(
        _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let bytes = text ?? Array("null".utf8)
        return try bytes.span.withUnsafeBytes { (raw) throws(JSONError) in
            var reader = JSONReader(raw)
            return try body(&reader)
        }
    }
}

extension RecordedFacts: Hashable {
    static func == (left: RecordedFacts, right: RecordedFacts) -> Bool {
        left.text == right.text || left.value == right.value
    }

    func hash(into hasher: inout Hasher) { hasher.combine(value) }
}
