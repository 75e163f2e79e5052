internal import Files

extension Manifest {
    /// The manifest as YAML with every default written out; reading it gives a manifest of equal ``effective``.
    public var text: String { YAMLText.document(effective) }
}

/// Writes the values of a manifest as YAML, with keys in the order of the documentation.
public enum YAMLText {
    /// The keys of all mappings; others follow by name.
    private static let order: [String: Int] = {
        let keys = [
            "version", "dataset", "sources", "midi", "audio", "splits", "shards", "statistics", "dedupe",
            "table", "header_rows", "path", "exclude", "limit", "labels", "map", "piece", "pair",
            "offset_seconds", "grid", "steps_per_beat", "steps_per_second", "steps_per_first_beat", "frames",
            "rounding", "sample_rate", "channels", "resampler", "loudness", "peak", "bandpass", "segment",
            "stft",
            "n_fft", "steps", "beats", "bars", "seconds", "samples", "hop", "drop_last", "align",
            "win_length",
            "pitches", "drums", "sustain", "voices", "controls", "window", "require", "center", "pad_mode",
            "pad_end", "features", "mel", "coefficients", "bands", "fmin", "fmax", "scale", "norm", "power",
            "normalize", "compress", "per", "epsilon", "dtype", "train", "validation", "test", "folds",
            "fold",
            "column", "by", "method", "stratify", "seed",
        ]
        return Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1, $0) })
    }()

    /// What fits on one line is one.
    private static let width = 100

    static func document(_ value: JSONValue) -> String {
        guard let members = value.object else { return flow(value) + "\n" }
        return sorted(members).map { block(key: $0.key, $0.value, indent: 0) }.joined()
    }

    private static func sorted(_ members: [String: JSONValue]) -> [(key: String, value: JSONValue)] {
        members.sorted { left, right in
            let (a, b) = (order[left.key] ?? .max, order[right.key] ?? .max)
            return a != b ? a < b : utf8Order(left.key, right.key)
        }
    }

    private static func block(key: String, _ value: JSONValue, indent: Int) -> String {
        let start = String(repeating: " ", count: indent) + scalar(key) + ":"
        let line = "\(start) \(flow(value))\n"
        // The blocks of media and the items of sources are easier to read, and to change, line by line.
        let isLong = line.count > width || indent == 0 && ["midi", "audio", "sources"].contains(key)
        if isLong, let members = value.object, !members.isEmpty {
            return start + "\n"
                + sorted(members).map { block(key: $0.key, $0.value, indent: indent + 2) }.joined()
        }
        if isLong, let elements = value.array, !elements.isEmpty {
            return start + "\n" + elements.map { item($0, indent: indent + 2) }.joined()
        }
        return line
    }

    private static func item(_ value: JSONValue, indent: Int) -> String {
        let mark = String(repeating: " ", count: indent) + "- "
        guard let members = value.object, !members.isEmpty else { return mark + flow(value) + "\n" }
        let lines = sorted(members).map { block(key: $0.key, $0.value, indent: indent + 2) }.joined()
        return mark + lines.dropFirst(indent + 2)
    }

    private static func flow(_ value: JSONValue) -> String {
        switch value {
        case .object(let members):
            "{" + sorted(members).map { "\(scalar($0.key)): \(flow($0.value))" }.joined(separator: ", ") + "}"
        case .array(let elements): "[" + elements.map(flow).joined(separator: ", ") + "]"
        case .string(let text): scalar(text)
        case .number(let number): number.brief
        default: value.canonical
        }
    }

    /// A text: as it is where YAML can only take it for this text, else in double quotes as JSON has it.
    public static func scalar(_ text: String) -> String {
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        let isPlain =
            text.utf8.first.map { (0x41...0x5A).contains($0 & 0xDF) } == true
            && !words.contains(text.lowercased())
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF) || "_-./".utf8.contains($0)
            }
        return isPlain ? text : JSONValue.string(text).canonical
    }
}
