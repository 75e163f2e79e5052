import Build
import Dataset
import Files
import Foundation
import Loading
import TestSupport
import Testing

@testable import Explorer

/// What the explorer says that a change would do is what a build with that change does.
final class ChangeTests {
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("changes-\(UUID().uuidString)")
    /// The table of the sources: rows of cells by column.
    private var rows: [[String: String]] = []
    private static let columns = ["path", "style", "piece", "split"]

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for number in 0..<24 {
            // Patterns' own characters; an é of two scalars, as macOS stores it.
            let name = number == 5 ? "a [b]{c,d}*?.mid" : number == 2 ? "e\u{301}.mid" : "\(number).mid"
            try Data(Exhibition.midi(seed: number)).write(to: folder.appendingPathComponent(name))
            rows.append([
                "path": name, "style": "s\(number / 2 % 6)", "piece": "p\(number / 2 * 2)",
                "split": ["train", "train", "validation", "test"][number / 2 % 4],
            ])
        }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func build(_ splits: String, exclude: String = "") throws -> DatasetReader {
        let lines = [Self.columns] + rows.map { row in Self.columns.map { row[$0] ?? "" } }
        let text = lines.map { cells in
            cells.map { $0.contains(",") ? "\"\($0)\"" : $0 }.joined(separator: ",")
        }
        try Data((text.joined(separator: "\n") + "\n").utf8).write(to: folder.appendingPathComponent("t.csv"))
        let manifest = """
            version: 1
            dataset: changing
            sources:
              - table: t.csv
                labels: [style]
                piece: "{piece}"
                \(exclude)
            midi:
              segment: {steps: 32}
            splits: \(splits)
            """
        let file = folder.appendingPathComponent("m.yaml")
        try Data(manifest.utf8).write(to: file)
        _ = try DatasetBuild(manifestPath: file.path).run(.init(cachePath: cache, jobs: 1))
        return try DatasetReader("changing", cachePath: cache)
    }

    private var cache: String { folder.appendingPathComponent("cache").path }

    private func ask(_ explorer: DatasetExplorer, _ query: [(String, String)]) async throws -> JSONValue {
        let response = await explorer.answer(ExplorerRequest(path: "/api/change", query: query))
        guard case .bytes(let bytes) = response.body else { return .null }
        return try JSONValue(parsing: bytes)
    }

    /// Changes the cells of the sources whose paths the lines are.
    private func apply(_ column: String, _ value: String, _ lines: String) throws {
        for path in lines.split(separator: "\n") {
            let row = try #require(rows.firstIndex { $0["path"] == String(path) })
            rows[row][column] = value
        }
    }

    @Test(arguments: [
        ("{method: exact, stratify: style}", "change=exclude", "5"),
        ("{train: 0.5, validation: 0.25, test: 0.25}", "change=exclude", "7"),
        ("{method: exact, stratify: style}", "change=label&label=style&to=s1", "1"),
        ("{train: 0.5, validation: 0.25, test: 0.25, by: style}", "change=label&label=style&to=s1", "1"),
        ("{train: 0.5, validation: 0.25, test: 0.25}", "change=piece&second=9", "2"),
        ("{method: exact, train: 0.5, validation: 0.25, test: 0.25, seed: 4}", "change=piece&second=20", "5"),
        ("{column: split}", "change=split&to=test", "1"),
        ("{column: split}", "change=piece&second=7", "3"),
        ("{train: 0.5, validation: 0.25, test: 0.25, by: segment}", "change=exclude", "6"),
    ])
    func aBuildDoesWhatWasSaid(_ splits: String, _ change: String, _ source: String) async throws {
        let before = try build(splits)
        // Numbers here are the files'; the snapshot has them in the order of their paths.
        func number(_ file: String) throws -> String {
            let row = try #require(Int(file))
            let found = before.snapshot.sources.firstIndex { $0.path == rows[row]["path"] }
            return String(try #require(found))
        }
        var query = [("source", try number(source))]
        for part in change.split(separator: "&") {
            let (name, value) = (
                String(part.prefix { $0 != "=" }), String(part.drop { $0 != "=" }.dropFirst())
            )
            query.append((name, name == "second" ? try number(value) : value))
        }
        let explorer = try DatasetExplorer(dataset: "changing", cachePath: cache)
        let offers = try await ask(explorer, query.filter { ["source", "second"].contains($0.0) })
        let wanted = query.filter { !["source", "second"].contains($0.0) }.map {
            ($0.0, JSONValue.string($0.1))
        }
        let offered = JSONValue.object(Dictionary(wanted) { first, _ in first })
        #expect(offers["changes"]?.array?.contains { $0["query"] == offered } == true)
        let said = try await ask(explorer, query)
        let lines = try #require(said["lines"]?.string, "\(said.canonical)")
        var exclude = ""
        let words = Dictionary(query) { first, _ in first }
        switch words["change"] {
        case "exclude": exclude = lines
        case "label": try apply("style", words["to"] ?? "", lines)
        case "split": try apply("split", words["to"] ?? "", lines)
        default:
            let source = try #require(words["source"].flatMap { Int($0) })
            let stem = before.snapshot.sources[source].path.dropLast(".mid".count)
            #expect(said["place"]?.string?.contains("such as \(stem):") == true)
            try apply("piece", String(stem), lines)
        }
        let after = try build(splits, exclude: exclude)
        #expect(before.digest != after.digest)

        var totals = Split.allCases.map { before.snapshot.segmentCount($0) }
        var moves: [String: [Int]] = [:]
        for move in said["moves"]?.array ?? [] {
            let segments = try #require(move["segments"]?.integer)
            let from = try #require(move["from"]?.string.flatMap(Split.init(rawValue:)))
            let to = move["to"]?.string.flatMap(Split.init(rawValue:))
            for (place, split) in Split.allCases.enumerated() {
                totals[place] += (split == to ? segments : 0) - (split == from ? segments : 0)
            }
            let sources = try #require(move["sources"]?.integer)
            moves["\(from) \(to?.rawValue ?? "out")"] = [sources, segments]
        }
        #expect(totals == Split.allCases.map { after.snapshot.segmentCount($0) })
        guard !splits.contains("segment") else { return }
        var expected: [String: [Int]] = [:]
        for old in before.snapshot.sources where old.segments > 0 {
            let new = after.snapshot.sources.first { $0.path == old.path }
            guard let from = old.split, new?.split != from else { continue }
            let key = "\(from) \(new?.split?.rawValue ?? "out")"
            expected[key] = [(expected[key]?[0] ?? 0) + 1, (expected[key]?[1] ?? 0) + old.segments]
        }
        #expect(moves == expected)
    }

    @Test(
        arguments: [
            [], [("source", "99")], [("source", "0"), ("second", "0"), ("change", "piece")],
            [("source", "0"), ("change", "piece")], [("source", "0"), ("change", "split"), ("to", "test")],
            [("source", "0"), ("change", "label"), ("label", "style"), ("to", "unheard")],
        ] as [[(String, String)]])
    func whatCannotBeChangedIsRefused(_ query: [(String, String)]) async throws {
        _ = try build("{}")
        let explorer = try DatasetExplorer(dataset: "changing", cachePath: cache)
        #expect(try await ask(explorer, query)["error"] != nil)
    }
}
