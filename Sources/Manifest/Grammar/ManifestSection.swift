import Files
import Listing
internal import Yams

/// Collects every fault and every warning of one manifest.
final class FaultList {
    let file: String
    private(set) var faults: [ManifestFault] = []
    private(set) var warnings: [String] = []
    private var seen: Set<ManifestFault> = []

    init(file: String) { self.file = file }

    func add(_ line: Int, _ message: String) {
        let fault = ManifestFault(file: file, line: line, message: message)
        if seen.insert(fault).inserted { faults.append(fault) }
    }

    func warn(_ line: Int, _ message: String) { warnings.append("\(file):\(line): \(message)") }
}

/// One mapping of the manifest: its values by key, read with checks that report and then continue with the default.
struct Section {
    /// The path of keys to the mapping, such as `audio.stft`; empty at the root.
    let name: String
    let line: Int
    let faults: FaultList
    private(set) var values: [String: Node] = [:]
    private var lines: [String: Int] = [:]

    /// Reads a mapping; nothing (`midi:`) counts as an empty one.
    ///
    /// Each of `oldKeys` is read as the key that replaced it,
    /// with a warning.
    init?(_ node: Node, name: String, keys: [String], oldKeys: [String: String] = [:], faults: FaultList) {
        self.name = name
        self.faults = faults
        line = node.line
        if node.isNothing { return }
        guard case .mapping(let mapping) = node else {
            faults.add(
                node.line,
                "\(name.isEmpty ? "the manifest" : name) must be a mapping (key: value), not \(node.described)"
            )
            return nil
        }
        take(mapping, keys: keys, oldKeys: oldKeys)
    }

    private mutating func take(_ mapping: Node.Mapping, keys: [String], oldKeys: [String: String]) {
        var repeated: [String: Int] = [:]
        for (keyNode, value) in mapping {
            guard case .scalar(let scalar) = keyNode else {
                faults.add(keyNode.line, "a key\(place) must be a word, not \(keyNode.described)")
                continue
            }
            var key = Substring(scalar.string)
            if key.first == ManifestDocument.repeatMark {
                while key.first == ManifestDocument.repeatMark { key.removeFirst() }
                repeated[String(key)] = min(keyNode.line, repeated[String(key)] ?? .max)
                continue
            }
            let name = String(key)
            let known = oldKeys[name] ?? name
            if let first = repeated[name] {
                faults.add(
                    keyNode.line, "'\(name)' appears twice\(place), first on line \(first); remove one")
            }
            // Equal keys are marked above, so this is a key beside its old name.
            if let first = lines[known] {
                faults.add(
                    keyNode.line,
                    "'\(known)'\(place) is set twice, first on line \(first), once by its old name; remove one"
                )
                continue
            }
            if known != name {
                faults.warn(keyNode.line, "\(path(name)) is now called '\(known)'; rename it")
            }
            guard keys.isEmpty || keys.contains(known) else {
                let help =
                    ForeignNames.help(for: known, in: self.name, known: keys)
                    ?? suggestion(for: known, among: keys)
                faults.add(keyNode.line, "unknown key '\(known)'\(place); \(help)")
                continue
            }
            values[known] = value
            lines[known] = keyNode.line
        }
    }

    private var place: String { name.isEmpty ? "" : " in \(name)" }

    func path(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }
    func line(of key: String) -> Int { lines[key] ?? line }
    func has(_ key: String) -> Bool { values[key] != nil }

    func fault(_ key: String, _ message: String) {
        faults.add(line(of: key), "\(path(key)) \(message)")
    }

    /// The value's text if it is a scalar that says something.
    func text(_ key: String) -> String? {
        guard let node = values[key] else { return nil }
        guard case .scalar(let scalar) = node, !node.isNothing else {
            let hint =
                switch node {
                case .mapping: "; quote a value that begins with '{'"
                case .sequence: "; quote a value that begins with '['"
                default: ""
                }
            faults.add(node.line, "\(path(key)) must be a text, not \(node.described)\(hint)")
            return nil
        }
        return scalar.string
    }

    func integer(_ key: String, _ range: ClosedRange<Int>, default standard: Int) -> Int {
        guard let node = values[key] else { return standard }
        guard let value = node.integer, range.contains(value) else {
            faults.add(
                node.line,
                "\(path(key)) must be a whole number from \(range.lowerBound) to \(range.upperBound), not \(node.described)"
            )
            return standard
        }
        return value
    }

    /// A number in a range; `above` excludes the lower bound.
    func number(
        _ key: String, _ range: ClosedRange<Double>, above: Bool = false, default standard: Double
    ) -> Double {
        guard let node = values[key] else { return standard }
        guard let value = node.number, range.contains(value), !above || value > range.lowerBound else {
            let low = range.lowerBound.brief
            let bounds =
                range.upperBound == .greatestFiniteMagnitude
                ? (above ? "above \(low)" : "at least \(low)")
                : (above
                    ? "above \(low), at most \(range.upperBound.brief)"
                    : "from \(low) to \(range.upperBound.brief)")
            faults.add(node.line, "\(path(key)) must be a number \(bounds), not \(node.described)")
            return standard
        }
        return value
    }

    func flag(_ key: String, default standard: Bool) -> Bool {
        guard let node = values[key] else { return standard }
        guard let value = node.flag else {
            faults.add(node.line, "\(path(key)) must be true or false, not \(node.described)")
            return standard
        }
        return value
    }

    func word<Word: RawRepresentable<String> & CaseIterable>(_ key: String, default standard: Word) -> Word {
        guard let node = values[key] else { return standard }
        if case .scalar(let scalar) = node, let word = Word(rawValue: scalar.string) { return word }
        let words = Word.allCases.map(\.rawValue)
        faults.add(
            node.line, "\(path(key)) must be \(words.joined(separator: " or ")), not \(node.described)")
        return standard
    }

    func section(_ key: String, keys: [String], oldKeys: [String: String] = [:]) -> Section? {
        values[key].flatMap { Section($0, name: path(key), keys: keys, oldKeys: oldKeys, faults: faults) }
    }
}

extension Node {
    var line: Int { mark?.line ?? 1 }

    /// Whether this is YAML's null: nothing, `~` or `null`, unquoted.
    var isNothing: Bool {
        guard case .scalar(let scalar) = self, scalar.style == .plain else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    private var plainText: String? {
        guard case .scalar(let scalar) = self, scalar.style == .plain else { return nil }
        return scalar.string
    }

    /// A decimal whole number; underscores between digits are allowed.
    var integer: Int? {
        guard let text = plainText, let last = text.utf8.last, (0x30...0x39).contains(last),
            text.first != "_"
        else { return nil }
        return Int(text.filter { $0 != "_" })
    }

    /// A finite decimal number.
    var number: Double? {
        if let integer { return Double(integer) }
        guard let text = plainText,
            text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }),
            let value = Double(text.hasPrefix(".") ? "0" + text : text), value.isFinite
        else { return nil }
        return value
    }

    var flag: Bool? {
        switch plainText {
        case "true", "True", "TRUE": true
        case "false", "False", "FALSE": false
        default: nil
        }
    }

    /// How the node is spoken of in a fault.
    var described: String {
        switch self {
        case .scalar(let scalar):
            if isNothing { return "nothing" }
            let text = scalar.string.count > 40 ? scalar.string.prefix(40) + "…" : scalar.string[...]
            return "'\(text.map { $0.isNewline ? " " : String($0) }.joined())'"
        case .mapping: return "a mapping"
        case .sequence: return "a list"
        case .alias: return "an alias"
        }
    }
}
