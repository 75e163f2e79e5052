/// What the names of files say about them, before any is opened.
enum MusicFiles {
    /// What a file's ending promises.
    enum Kind: Sendable {
        case midi, audio, table, other
    }

    private static let midi: Set = ["mid", "midi", "kar", "rmi", "smf"]
    private static let audio: Set = [
        "wav", "wave", "w64", "rf64", "flac", "ogg", "oga", "opus", "mp3", "mp2", "aif", "aiff", "aifc", "au",
        "snd", "caf", "m4a", "aac", "wma", "wv", "mp4", "mkv", "mov", "webm",
    ]
    private static let tables: Set = ["csv", "tsv", "jsonl", "ndjson"]

    /// The kind of a file by its ending.
    static func kind(of path: String) -> Kind {
        let ending = ending(of: path).lowercased()
        return midi.contains(ending)
            ? .midi : audio.contains(ending) ? .audio : tables.contains(ending) ? .table : .other
    }

    /// The ending without the dot, as it is written; empty without one.
    static func ending(of path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
        return String(name[name.index(after: dot)...])
    }

    /// The path without its ending.
    static func stem(of path: String) -> String {
        let ending = ending(of: path)
        return ending.isEmpty ? path : String(path.dropLast(ending.count + 1))
    }

    /// The file's name without its ending.
    static func name(of path: String) -> String { stem(of: String(path.split(separator: "/").last ?? "")) }

    /// The folders that a path leads through.
    static func folders(of path: String) -> [String] {
        path.split(separator: "/").dropLast().map(String.init)
    }

    /// A path as a pattern that matches it alone.
    static func pattern(_ path: String) -> String {
        path.reduce(into: "") { text, character in
            text += "[*?{}\\".contains(character) ? "\\\(character)" : String(character)
        }
    }

    /// Endings as a pattern: `mid` or `{MID,mid}`.
    static func pattern(endings: some Sequence<String>) -> String {
        let names = Set(endings).sorted()
        return names.count == 1 ? names[0] : "{\(names.joined(separator: ","))}"
    }
}
