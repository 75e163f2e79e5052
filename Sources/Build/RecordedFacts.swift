internal import Synchronization

/// The facts of a record: a value, or the text of an index's row, from which the value is made when it is first asked for.
///
/// Most records are looked up to see that they are there.
struct RecordedFacts: Sendable {
    private enum Form: Sendable {
        case value(JSONValue)
        case text(Text)
    }

    private final class Text: Sendable {
        let bytes: [UInt8]
        let value = Mutex<JSONValue?>(nil)

        init(_ bytes: [UInt8]) { self.bytes = bytes }
    }

    private let form: Form

    init(_ value: JSONValue) { form = .value(value) }

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
        form = .text(Text(text))
    }

    /// Takes the canonical text of a value, which was looked at already.
    init(canonical text: UnsafeRawBufferPointer) {
        form = text.elementsEqual("null".utf8) ? .value(.null) : .text(Text(Array(text)))
    }

    /// The canonical text; nil of `null`.
    var text: [UInt8]? {
        switch form {
        case .value(.null): nil
        case .value(let value): value.canonicalBytes
        case .text(let text): text.bytes
        }
    }

    var value: JSONValue {
        switch form {
        case .value(let value): value
        case .text(let text):
            text.value.withLock { value in
                if let value { return value }
                // What is no value though it looked like one (a string that is not UTF-8) is as good as nothing.
                let found = (try? JSONValue(parsing: text.bytes)) ?? .null
                value = found
                return found
            }
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
    static func == (left: RecordedFacts, right: RecordedFacts) -> Bool { left.value == right.value }

    func hash(into hasher: inout Hasher) { hasher.combine(value) }
}
