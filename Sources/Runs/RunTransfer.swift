public import Files

/// A file that a run converted to another style, kept beside the run with what it was made from.
///
/// `docs/formats.md`, Run: a folder `transfers/<n>` with `transfer.json` and the files that it names.
public struct RunTransfer: Sendable {
    /// Its number, from 1.
    public let number: Int
    /// The file's name that the content was read from.
    public let content: String
    /// The style it was brought to.
    public let style: String?
    /// The style it had.
    public let contentStyle: String?
    /// What was measured.
    public let measures: [String: Double]
    /// The parts that can be listened to, by name (`content`, `style`, `out`), each with the path of its file.
    public let parts: [String: String]

    /// The transfers of a run, by number.
    public static func all(of run: RunListing, cachePath: String) -> [RunTransfer] {
        let folder = "\(cachePath)/runs/\(run.name)/transfers"
        return RunFiles.names(in: folder).compactMap(Int.init).sorted().compactMap {
            RunTransfer($0, folder: "\(folder)/\($0)")
        }
    }

    private init?(_ number: Int, folder: String) {
        guard let bytes = RunFiles.contents("\(folder)/transfer.json", limit: 1 << 20),
            let json = try? JSONValue(parsing: bytes), let content = json["content"]?.string
        else { return nil }
        self.number = number
        self.content = content
        style = json["style"]?.string
        contentStyle = json["content_style"]?.string
        measures = json["measures"]?.object?.compactMapValues(\.double) ?? [:]
        var parts: [String: String] = [:]
        for name in RunFiles.names(in: folder) {
            let part = name.prefix { $0 != "." }
            if ["content", "style", "out"].contains(part) { parts[String(part)] = "\(folder)/\(name)" }
        }
        self.parts = parts
    }

    /// The transfer as an object.
    public var json: JSONValue {
        [
            "number": JSONValue(number), "content": .string(content),
            "style": style.map { .string($0) } ?? .null,
            "content_style": contentStyle.map { .string($0) } ?? .null,
            "measures": .object(measures.mapValues { .number($0) }),
            "parts": .object(
                parts.mapValues { path in
                    .string(path.hasSuffix(".mid") || path.hasSuffix(".midi") ? "midi" : "audio")
                }),
        ]
    }
}
