import TestSupport
import Testing

@testable import Files
@testable import Listing
@testable import Manifest

/// `exclude`, `limit`, several values of a label and `map` of a source item.
@Suite struct SourceSelectionTests {
    private static let files = (0..<20).map { "music/\($0 % 2 == 0 ? "jazz" : "folk")/\($0).mid" }

    private func paths(_ item: String, _ folder: TestFolder) throws -> [String] {
        let entries = try EntriesTests.entries(folder, "  - \(item)")
        return entries.indices.map(entries.path)
    }

    @Test(arguments: [
        ("[music/jazz/**]", Array(stride(from: 0, to: 20, by: 2))), ("music/*/1?.mid", Array(10..<20)),
        ("['**/4.mid', '**/5.mid']", [4, 5]),
    ])
    func excludedFilesAreNoEntries(_ exclude: String, _ numbers: [Int]) throws {
        let folder = try TestFolder(Self.files)
        let found = try paths("{path: 'music/**/*.mid', exclude: \(exclude)}", folder)
        let kept = Self.files.indices.filter { !numbers.contains($0) }.map { Self.files[$0] }
        #expect(found == kept.sorted { utf8Order($0, $1) })
    }

    /// The pattern that excludes and the walk that finds agree on every path.
    @Test(arguments: [
        "**/*.mid", "music/**", "music/*/*", "**/jazz/**/*.mid", "music/jazz/1*.mid", "**",
        "{music,other}/**/[1-3]*.mid",
        "music/?azz/*.mid",
    ])
    func excludingWhatAPatternFindsLeavesTheRest(_ pattern: String) throws {
        let folder = try TestFolder(Self.files + ["other/1.mid", "music/.hidden/1.mid", "top.mid"])
        let all = Set(try paths("{path: '**/*.mid'}", folder)).union(try paths("{path: '**'}", folder))
        let found = Set(try paths("{path: '\(pattern)'}", folder))
        let glob = try GlobPattern(pattern)
        for path in all.union(["music/.hidden/1.mid"]) {
            #expect(glob.matches(path.utf8) == found.contains(path), "\(pattern) and \(path)")
        }
    }

    @Test func excludingEverythingIsAFaultAndNothingAWarning() throws {
        let folder = try TestFolder(Self.files)
        #expect(
            EntriesTests.faults(folder, "  - {path: 'music/**/*.mid', exclude: [music/**]}")
                == ["m.yaml:6: exclude leaves no file of the item; narrow it"])
        let entries = try EntriesTests.entries(folder, "  - {path: 'music/**/*.mid', exclude: [musik/**]}")
        #expect(
            entries.warnings
                == ["m.yaml:6: exclude names 'musik/**', which matches no file of the item"])
    }

    @Test func aLimitTakesTheSameFilesAndOneMoreChangesOne() throws {
        let folder = try TestFolder(Self.files)
        let seven = try paths("{path: 'music/**/*.mid', limit: 7}", folder)
        #expect(seven.count == 7)
        #expect(try paths("{path: 'music/**/*.mid', limit: 7}", folder) == seven)
        // The oracle: the smallest hashes of the paths.
        let hashes = Self.files.map { (Digest(of: Array($0.utf8)).hex, $0) }.sorted { $0.0 < $1.0 }
        #expect(Set(seven) == Set(hashes.prefix(7).map(\.1)))
        #expect(try Set(paths("{path: 'music/**/*.mid', limit: 8}", folder)).isSuperset(of: seven))
        #expect(try paths("{path: 'music/**/*.mid', limit: 99}", folder).count == 20)
        try folder.write("music/folk/new.mid", "")
        #expect(try Set(paths("{path: 'music/**/*.mid', limit: 7}", folder)).subtracting(seven).count <= 1)
    }

    @Test func tablesAndPairsAreSelectedToo() throws {
        let folder = try TestFolder(["a.mid", "b.mid", "c.mid", "a.wav", "b.wav"])
        try folder.write("t.csv", "path,audio,style\na.mid,a.wav,x\nb.mid,b.wav,y\nc.mid,,z\n")
        let item = "table: t.csv, pair: '{audio}'"
        let audio = "audio: {features: {mel: {}}}"
        func paths(_ item: String) throws -> [String] {
            let entries = try EntriesTests.entries(folder, "  - \(item)", splits: audio)
            return entries.indices.map(entries.path)
        }
        #expect(try paths("{\(item)}") == ["a.mid", "a.wav", "b.mid", "b.wav", "c.mid"])
        #expect(try paths("{\(item), exclude: [b.mid]}") == ["a.mid", "a.wav", "c.mid"])
        let found = try EntriesTableTests.described(
            folder, "{\(item), exclude: ['*.wav', c.mid]}", splits: audio)
        #expect(found.keys.sorted() == ["a.mid", "b.mid"])
        #expect(found["a.mid"]?.pair == nil, "a half that is left out is no half")
        #expect(found["b.mid"]?.labels == ["style": "y"])
        #expect(try paths("{\(item), limit: 1}").count { $0.hasSuffix(".mid") } == 1)
    }

    @Test func aLabelHasSeveralValues() throws {
        let folder = try TestFolder(["jazz/a.mid"])
        let found = try EntriesTableTests.described(
            folder, "{path: '*/*.mid', labels: {style: [live, '{dir}', live], one: ['{stem}']}}")
        #expect(LabelText.values(found["jazz/a.mid"]?.labels["style"] ?? "") == ["jazz", "live"])
        #expect(found["jazz/a.mid"]?.labels["one"] == "a")
        let manifest = try EntriesTests.manifest("  - {path: '*/*.mid', labels: {style: [live, '{dir}']}}")
        #expect(manifest.sources[0].effective["labels"]?["style"] == ["live", "{dir}"])
    }

    @Test func aMapRenamesMergesAndDrops() throws {
        let folder = try TestFolder(["hard bop/a.mid", "swing/b.mid", "unknown/c.mid", "folk/d.mid"])
        let found = try EntriesTableTests.described(
            folder,
            "{path: '*/*.mid', labels: {style: ['{dir}', all]}, map: {style: {hard bop: jazz, swing: jazz, unknown: null, all: jazz}}}"
        )
        #expect(found["hard bop/a.mid"]?.labels == ["style": "jazz"], "two values that become one are one")
        #expect(found["unknown/c.mid"]?.labels == ["style": "jazz"])
        #expect(LabelText.values(found["folk/d.mid"]?.labels["style"] ?? "") == ["folk", "jazz"])
        let dropped = try EntriesTableTests.described(
            folder, "{path: '*/c.mid', labels: {style: '{dir}'}, map: {style: {unknown: ~}}}")
        #expect(dropped["unknown/c.mid"]?.labels == [:])
        // Values are compared in normal form C, as labels are.
        let composed = try TestFolder(["e\u{301}tude/a.mid"])
        #expect(
            try EntriesTableTests.described(
                composed, "{path: '*/*.mid', labels: {style: '{dir}'}, map: {style: {\u{E9}tude: study}}}"
            ).values.map(\.labels) == [["style": "study"]])
    }

    @Test func jsonLines() throws {
        let folder = try TestFolder(["a.mid", "b.mid"])
        try folder.write(
            "t.jsonl",
            """
            {"path": "a.mid", "style": ["live", "jazz"], "year": 1999, "set": {"split": "train"}}

            {"path": "b.mid", "style": "folk", "is_live": true, "rating": 4.5, "year": null, "set": {"split": "test"}}
            """)
        let found = try EntriesTableTests.described(folder, "{table: t.jsonl}")
        #expect(found["a.mid"]?.labels == ["style": LabelText.joined(["jazz", "live"]), "year": "1999"])
        #expect(found["b.mid"]?.labels == ["style": "folk", "is_live": "true", "rating": "4.5"])
        #expect(
            try EntriesTableTests.described(
                folder, "{table: t.jsonl, labels: {s: '{style}'}}", splits: "splits: {column: set.split}"
            )["a.mid"]?.split == "train")
        #expect(
            EntriesTests.faults(folder, "  - {table: t.jsonl, labels: {s: 'x-{style}'}}")
                == [
                    "t.jsonl:1: 'style' has several values (jazz + live) in a row, and 'x-{style}' takes one; write \"{style}\" alone"
                ])
    }

    @Test(arguments: [
        ("[1, 2]", "this line is not a JSON object; write such as {\"path\": \"a.mid\"}"),
        (
            "{\"path\": \"a.mid\", \"x\": [[1]]}",
            "'x' is not a text, a number, true, false or a list of these without control characters"
        ),
        ("{\"path\": \"a.mid\", \"path\": \"b.mid\"}", "'path' appears twice"),
        ("{\"path\": \"a.mid\"", "this line is not JSON: the text ends too early at byte 16"),
    ])
    func faultsOfJSONLinesNameTheLine(_ line: String, _ message: String) throws {
        let folder = try TestFolder(["a.mid"])
        try folder.write("t.jsonl", "{\"path\": \"a.mid\"}\n\(line)\n")
        let faults = EntriesTests.faults(folder, "  - {table: t.jsonl}")
        #expect(faults == ["t.jsonl:2: \(message)"])
    }

    @Test(arguments: [
        (
            "exclude: []",
            "sources[0].exclude must be a text, or a list of 1 to 1000 texts, such as [drafts/**]"
        ),
        (
            "exclude: ['a{']",
            "sources[0].exclude has 'a{', which has '{' without '}'; write '\\{' for the character"
        ),
        (
            "labels: {x: [a, [b]]}",
            "sources[0].labels.x must be a text, or a list of 1 to 1000 texts, such as [jazz, live]"
        ),
        ("limit: 0", "sources[0].limit must be a whole number from 1 to 1073741824, not '0'"),
        ("limit: many", "sources[0].limit must be a whole number from 1 to 1073741824, not 'many'"),
        ("map: jazz", "sources[0].map must be a mapping (key: value), not 'jazz'"),
        (
            "map: {style: jazz}",
            "sources[0].map.style must be a mapping of values, such as {hard bop: jazz, unknown: null}"
        ),
        (
            "map: {stile: {a: b}}",
            "sources[0].map.stile maps a label that the item does not have; did you mean 'style'?"
        ),
        (
            "map: {style: {a: [b]}}",
            "sources[0].map.style.a must be the new value, or null to drop 'a', not a list"
        ),
        (
            "map: {style: {a: ''}}",
            "sources[0].map.style.a must be the new value, or null to drop 'a', not ''"
        ),
    ])
    func malformedKeysAreRefused(_ line: String, _ message: String) {
        let labels = line.hasPrefix("labels") ? "" : "labels: {style: '{dir}'}\n    "
        let faults = ManifestFaultTests.faults(
            "version: 1\ndataset: d\nmidi: {}\nsources:\n  - path: a.mid\n    \(labels)\(line)\n")
        #expect(faults.map { String($0.drop { $0 != " " }.dropFirst()) } == [message])
    }

    @Test func aMapOfATableNamesItsColumns() throws {
        let folder = try TestFolder(["a.mid"])
        try folder.write("t.csv", "path,style\na.mid,x\n")
        #expect(
            EntriesTests.faults(folder, "  - {table: t.csv, map: {stile: {x: y}}}")
                == ["m.yaml:6: map names 'stile', which is no label column of t.csv; did you mean 'style'?"])
    }

    @Test func theSeparatorOfValuesIsRefusedInTextAndTables() throws {
        let folder = try TestFolder(["a.mid"])
        try folder.write("t.csv", "path,style\na.mid,x\u{1F}y\n")
        #expect(
            EntriesTests.faults(folder, "  - {table: t.csv}")
                == ["t.csv:2: the control character U+001F is in this row; remove it"])
        #expect(
            EntriesTests.faults(folder, "  - {path: a.mid, labels: {style: \"x\\x1Fy\"}}")
                == ["m.yaml:6: sources[0].labels.style has the control character U+001F; remove it"])
    }
}
