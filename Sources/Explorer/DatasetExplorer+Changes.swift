import Build
import Dataset
import Files
import Listing
import Loading
import Manifest

/// What a change of the manifest or of its table would do to the splits, without a build.
extension DatasetExplorer {
    /// The most values of one label that are offered.
    private static let mostValues = 50

    /// The changes that are offered for the source `source`, or for it and `second` together; with `change`, what that
    /// change would do.
    func describeChange(_ request: ExplorerRequest) throws -> JSONValue {
        guard let first = try source(request) else {
            throw ExplorerError(.badRequest, "'source' must be the number of a source")
        }
        var numbers = [first]
        if let text = request["second"] {
            guard let second = Int(text), reader.snapshot.sources.indices.contains(second), second != first
            else { throw ExplorerError(.notFound, "no such source") }
            numbers.append(second)
        }
        guard let change = request["change"] else {
            return [
                "changes": .array(
                    offers(numbers).map { ["title": .string($0.title), "query": .object($0.query)] })
            ]
        }
        let to = request["to"] ?? ""
        let sources = reader.snapshot.sources
        switch change {
        case "exclude":
            return try describe(
                .exclude, of: [request["which"] == "second" ? numbers[numbers.count - 1] : first])
        case "piece" where numbers.count == 2:
            let path = sources[first].path
            let stem = path.lastIndex(of: ".").map { String(path[..<$0]) } ?? path
            return try describe(.piece(LabelText.composed(stem)), of: numbers)
        case "split":
            guard let split = Split(rawValue: to), isByColumn else { break }
            return try describe(.split(split), of: numbers)
        case "label":
            guard let label = request["label"], reader.snapshot.vocabularies[label]?.contains(to) == true
            else { break }
            return try describe(.label(name: label, value: to), of: numbers)
        default: break
        }
        throw ExplorerError(.badRequest, "no such change")
    }

    private var isByColumn: Bool {
        if case .column = manifest.splits.division { true } else { false }
    }

    /// What can be changed about some sources, with the rest of the query that asks for it.
    private func offers(_ numbers: [Int]) -> [(title: String, query: [String: JSONValue])] {
        let sources = numbers.map { reader.snapshot.sources[$0] }
        var offers: [(title: String, query: [String: JSONValue])] = []
        if sources.count == 2 {
            if sources[0].piece != sources[1].piece {
                offers.append(("make them one piece", ["change": "piece"]))
            }
            offers.append(("leave out the first", ["change": "exclude", "which": "first"]))
            offers.append(("leave out the second", ["change": "exclude", "which": "second"]))
        } else {
            offers.append(("leave it out", ["change": "exclude"]))
        }
        if isByColumn {
            for split in Split.allCases where !sources.allSatisfy({ $0.split == split }) {
                offers.append(
                    ("split: \(split.rawValue)", ["change": "split", "to": .string(split.rawValue)]))
            }
        }
        guard sources.count == 1 else { return offers }
        for (label, values) in reader.snapshot.vocabularies.sorted(by: { $0.key < $1.key })
        where values.count <= Self.mostValues {
            for value in values where sources[0].labels[label] != value {
                offers.append(
                    (
                        "\(label): \(value)".shown,
                        ["change": "label", "label": .string(label), "to": .string(value)]
                    ))
            }
        }
        return offers
    }

    private func describe(_ edit: SplitChange.Edit, of numbers: [Int]) throws -> JSONValue {
        let sources = reader.snapshot.sources
        let change: SplitChange
        do throws(SplitAssignment.Failure) {
            change = try SplitChange(edit, of: numbers, among: sources, by: manifest.splits)
        } catch {
            throw ExplorerError(.badRequest, error.diagnostic.message)
        }
        let (place, lines) = lines(edit, change.edited.map { sources[$0].path })
        return [
            "place": .string(place), "lines": .string(lines.joined(separator: "\n")),
            "shown": .string(lines.map(\.shown).joined(separator: "\n")),
            "moves": .array(
                change.moves.map { move in
                    [
                        "from": .string(move.from.rawValue),
                        "to": move.to.map { .string($0.rawValue) } ?? .null,
                        "sources": JSONValue(move.sources), "segments": JSONValue(move.segments),
                    ]
                }),
            "warnings": .array(change.warnings.map { .string($0.shown) }),
        ]
    }

    /// What to do, and the lines to copy: a pattern for the manifest, or the paths to which the rest applies.
    ///
    /// Where a manifest takes labels, pieces and splits from is its own affair: a table's cell, a folder, a map.
    private func lines(_ edit: SplitChange.Edit, _ paths: [String]) -> (place: String, lines: [String]) {
        switch edit {
        case .exclude:
            let patterns = paths.map { YAML.quoted(GlobPattern.text(matching: $0)) }
            return (
                "In the manifest, in the item of 'sources' that names it:",
                ["exclude: [\(patterns.joined(separator: ", "))]"]
            )
        case .piece(let name):
            return (
                "Where the manifest takes 'piece' from, give these one name, such as \(name.shown):", paths
            )
        case .label(let name, let value):
            return ("Where the manifest takes '\(name.shown)' from, write \(value.shown) for these:", paths)
        case .split(let split):
            guard case .column(let name) = manifest.splits.division else { return ("", []) }
            return ("In the column '\(name.shown)' of the table, write \(split.rawValue) for these:", paths)
        }
    }
}
