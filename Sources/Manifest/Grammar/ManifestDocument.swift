import Listing
internal import Yams

/// The YAML of a manifest, read to a tree; faults of the text itself are found here.
struct ManifestDocument {
    /// Keys that begin with this (a private-use character) were met twice and renamed.
    static let repeatMark: Character = "\u{E000}"

    /// More aliases than any manifest needs: each can at most multiply what is read, so their number is bounded.
    private static let maximumAliasCount = 16
    private static let maximumNodeCount = 1 << 18

    let root: Node?

    init(_ bytes: [UInt8], faults: FaultList) {
        root = Self.parse(bytes, faults: faults)
    }

    private static func parse(_ bytes: [UInt8], faults: FaultList) -> Node? {
        guard bytes.count <= Manifest.maximumByteCount else {
            faults.add(
                1,
                "the manifest has \(bytes.count) bytes, more than \(Manifest.maximumByteCount); use globs or a table"
            )
            return nil
        }
        var text: String
        do throws(TextEncoding.Fault) {
            let utf8 = try TextEncoding.utf8(bytes, what: "the manifest", file: faults.file)
            text = String(decoding: utf8, as: UTF8.self)
        } catch {
            faults.add(error.line, error.message)
            return nil
        }
        if let line = tooManyAliases(text) {
            faults.add(line, "more than \(maximumAliasCount) YAML aliases; write the values out")
            return nil
        }
        // Yams stops at the first repeated key. It is renamed and the text read again, so that all are reported.
        for _ in 0..<64 {
            do {
                guard let node = try Parser(yaml: text, resolver: .basic).singleRoot() else {
                    faults.add(1, "the manifest is empty; begin with 'version: 1'")
                    return nil
                }
                guard count(node, limit: maximumNodeCount) < maximumNodeCount else {
                    faults.add(
                        1, "the manifest holds more than \(maximumNodeCount) values; use globs or a table")
                    return nil
                }
                return node
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                guard let renamed = rename(text, at: context.mark) else {
                    faults.add(context.mark.line, "'\(keys.first ?? "")' appears twice; remove one")
                    return nil
                }
                text = renamed
            } catch {
                let (line, message) = describe(error, in: text)
                faults.add(line, message)
                return nil
            }
        }
        faults.add(1, "too many repeated keys; remove them")
        return nil
    }

    /// The line where aliases become too many.
    ///
    /// This looks at the text, not at its structure, and errs to the safe side: what looks like an alias to a name
    /// that looks like an anchor is counted.
    private static func tooManyAliases(_ text: String) -> Int? {
        var aliases: [(name: Substring, line: Int)] = []
        var anchors: Set<Substring> = []
        var line = 1
        let bytes = text.utf8
        var previous = UInt8(ascii: " ")
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            let next = bytes.index(after: index)
            if byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*"),
                " \t\r\n[{,:-?!".utf8.contains(previous)
            {
                var end = next
                while end < bytes.endIndex, !" \t\r\n,[]{}".utf8.contains(bytes[end]) {
                    end = bytes.index(after: end)
                }
                let name = text[next..<end]
                if byte == UInt8(ascii: "&") { anchors.insert(name) } else { aliases.append((name, line)) }
            }
            if byte == 0x0A { line += 1 }
            previous = byte
            index = next
        }
        let real = aliases.filter { anchors.contains($0.name) }
        return real.count > maximumAliasCount ? real[maximumAliasCount].line : nil
    }

    private static func count(_ node: Node, limit: Int) -> Int {
        var total = 1
        switch node {
        case .scalar, .alias: break
        case .sequence(let sequence):
            for child in sequence where total < limit { total += count(child, limit: limit - total) }
        case .mapping(let mapping):
            for (key, value) in mapping where total < limit {
                total += count(key, limit: limit - total)
                total += count(value, limit: limit - total)
            }
        }
        return total
    }

    /// Puts `repeatMark` before the key at `mark`, inside its quotes if it has any.
    private static func rename(_ text: String, at mark: Mark) -> String? {
        var result = text
        let scalars = result.unicodeScalars
        var line = 1
        var index = scalars.startIndex
        while line < mark.line {
            guard let end = scalars[index...].firstIndex(of: "\n") else { return nil }
            index = scalars.index(after: end)
            line += 1
        }
        guard
            var place = scalars.index(index, offsetBy: mark.column - 1, limitedBy: scalars.endIndex),
            place < scalars.endIndex
        else { return nil }
        if scalars[place] == "\"" || scalars[place] == "'" { place = scalars.index(after: place) }
        result.unicodeScalars.insert(contentsOf: repeatMark.unicodeScalars, at: place)
        return result
    }

    private static func describe(_ error: any Error, in text: String) -> (line: Int, message: String) {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _):
            let lines = text.split(separator: "\n", maxSplits: mark.line, omittingEmptySubsequences: false)
            let line = mark.line <= lines.count ? lines[mark.line - 1] : ""
            if line.prefix(while: { $0 == " " || $0 == "\t" }).contains("\t") {
                return (mark.line, "a tab indents this line; YAML wants spaces")
            }
            return (mark.line, explain(problem, at: mark, line))
        case YamlError.composer(_, let problem, let mark, _):
            if problem.contains("another document") {
                return (mark.line, "a second YAML document begins here; a manifest is one document")
            }
            let lines = text.split(separator: "\n", maxSplits: mark.line, omittingEmptySubsequences: false)
            return (
                mark.line, explain(problem, at: mark, mark.line <= lines.count ? lines[mark.line - 1] : "")
            )
        case YamlError.reader(let problem, let offset, _, _):
            let line = 1 + text.prefix(offset ?? 0).count { $0.isNewline }
            return (line, "not YAML: \(problem)")
        default: return (1, "not YAML: \(error)")
        }
    }

    /// The parser's complaint, with what to do where that is known.
    private static func explain(_ problem: String, at mark: Mark, _ line: Substring) -> String {
        // A value such as **/*.wav: YAML takes the star for the beginning of an alias.
        let marks = line.indices.filter { index in
            "*&!%@`".contains(line[index])
                && (index == line.startIndex || " [{,".contains(line[line.index(before: index)]))
        }
        if problem.contains("unknown escape") {
            return
                "not YAML at column \(mark.column): in double quotes '\\' begins an escape; use single quotes"
        }
        let isOfMark = ["alphabetic or numeric", "alias", "cannot start any token", "tag", "anchor"]
            .contains { problem.contains($0) }
        if isOfMark, let first = marks.first {
            return
                "not YAML at column \(mark.column): a value must not begin with '\(line[first])'; quote it, such as path: \"**/*.wav\""
        }
        return "not YAML at column \(mark.column): \(problem)"
    }
}
