import Foundation
import Testing

/// What the program printed for some commands, to be compared with what it printed when the texts were recorded.
///
/// The texts lie in `Tests/Fixtures/Texts`; `tools/record texts` records them again, and the difference shows in review.
struct Transcript {
    let place: Workplace
    private(set) var text = ""

    init(_ place: Workplace) { self.place = place }

    /// Runs the program, and notes the command, what it printed and its status.
    mutating func run(_ arguments: String...) throws { try run(list: arguments) }

    /// Runs the program, and notes the command, what it printed and its status.
    mutating func run(list arguments: [String]) throws {
        let outcome = try place.run(program: Workplace.binary, arguments)
        let words = arguments.map { $0.isEmpty || $0.contains(" ") ? "'\($0)'" : $0 }
        text += "$ reprise \(words.joined(separator: " "))\n"
        text += Self.stable(outcome.output, in: place)
        if !outcome.errors.isEmpty { text += "on standard error:\n" + Self.stable(outcome.errors, in: place) }
        if outcome.status != 0 { text += "status \(outcome.status)\n" }
        text += "\n"
    }

    /// A heading between commands: what was done to the files.
    mutating func note(_ line: String) { text += "# \(line)\n" }

    /// The text without what differs from run to run: folders, hashes (as long as before, so that tables stay aligned)
    /// and times.
    static func stable(_ text: String, in place: Workplace) -> String {
        var text = text
        let program = URL(fileURLWithPath: Workplace.binary).deletingLastPathComponent()
        for (path, name) in [
            (place.folder.resolvingSymlinksInPath().path, "FOLDER"), (place.folder.path, "FOLDER"),
            (program.resolvingSymlinksInPath().path, "PROGRAM"), (program.path, "PROGRAM"),
        ] {
            text = text.replacingOccurrences(of: path, with: name)
        }
        for (pattern, name) in [
            ("objects/[0-9a-f]{2}/[0-9a-f]{62}", "objects/<object>"), ("\\b[0-9a-f]{64}\\b", "<sha256>"),
            ("\\b[0-9a-f]{12}\\b", "<---hash--->"), ("\\b[0-9]+\\.[0-9]{2} s\\b", "<time> s"),
            ("\\b[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}\\b", "<date and time>"),
        ] {
            text = text.replacingOccurrences(of: pattern, with: name, options: .regularExpression)
        }
        return text
    }

    /// Compares with the recorded text, or records this one if `REPRISE_RECORD` is set.
    func expectRecorded(
        as name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/Texts/\(name).txt")
        if ProcessInfo.processInfo.environment["REPRISE_RECORD"] != nil {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            return try Data(text.utf8).write(to: file)
        }
        let recorded = try? String(contentsOf: file, encoding: .utf8)
        guard recorded != text else { return }
        let difference = Self.difference(from: recorded ?? "", to: text)
        Issue.record(
            """
            the program's words differ from Tests/Fixtures/Texts/\(name).txt:
            \(difference)
            If that is meant, record them again with: tools/record texts
            """, sourceLocation: sourceLocation)
    }

    /// The lines that were taken away (−) and added (+), each with its two neighbours.
    static func difference(from old: String, to new: String) -> String {
        let (old, new) = (old.components(separatedBy: "\n"), new.components(separatedBy: "\n"))
        let changes = new.difference(from: old)
        let removed = Set(changes.removals.map(\.offset)), inserted = Set(changes.insertions.map(\.offset))
        var lines: [(isChange: Bool, text: String)] = []
        var (from, to) = (0, 0)
        while from < old.count || to < new.count {
            if removed.contains(from) {
                lines.append((true, "- \(old[from])"))
                from += 1
            } else if inserted.contains(to) {
                lines.append((true, "+ \(new[to])"))
                to += 1
            } else {
                lines.append((false, "  \(new[to])"))
                from += 1
                to += 1
            }
        }
        var shown: [String] = []
        for index in lines.indices {
            let around = max(0, index - 2)...min(lines.count - 1, index + 2)
            if lines[around].contains(where: \.isChange) {
                shown.append(lines[index].text)
            } else if shown.last != "  …" {
                shown.append("  …")
            }
        }
        return shown.joined(separator: "\n")
    }
}

extension CollectionDifference.Change {
    fileprivate var offset: Int {
        switch self {
        case .insert(let offset, _, _), .remove(let offset, _, _): offset
        }
    }
}
