import Files
import Foundation
import Storage
import Tensors
import TestSupport
import Testing

@testable import Dataset
@testable import Loading

/// Labels of several values from the manifest to the loader.
struct SeveralValuesTests {
    private func place(_ label: String, _ more: String = "") throws -> (TestFolder, LawPlace) {
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        place.manifest.label = label
        place.manifest.more = more
        place.manifest.splits = "{train: 1, validation: 0, test: 0}"
        return (folder, place)
    }

    @Test func valuesAreAListInTablesAndShardsAndEachIsInTheVocabulary() throws {
        let (folder, place) = try place("[live, \"{dir}\", live]")
        defer { withExtendedLifetime(folder) {} }
        try place.build()
        let reader = try DatasetReader("law", cachePath: place.cache)
        #expect(reader.snapshot.vocabularies == ["style": ["classical", "jazz", "live"]])
        let table = try #require(reader.snapshot.tables.first)
        let json = try JSONValue(parsing: reader.cache.bytes(of: table.object))
        let labels = json.array?.map { $0["labels"]?["style"] }
        #expect(
            Set(labels ?? []) == [["classical", "live"], ["jazz", "live"]],
            "sorted by bytes, each value once")
        // The snapshot that is read is the one that was written.
        #expect(reader.snapshot.sources.allSatisfy { LabelText.values($0.labels["style"] ?? "").count == 2 })
        for described in reader.snapshot.shards[.train] ?? [] {
            let shard = try reader.open(described)
            let text = try #require(shard.file.metadata["labels"])
            let entries = try JSONValue(parsing: Array(text.utf8)).array ?? []
            #expect(!entries.isEmpty)
            for entry in entries { #expect(entry["style"]?.array?.last == "live") }
        }
        let null = try place.state()
        #expect(try place.build().run == 0)
        #expect(try place.state() == null, "a build without changes writes nothing")
    }

    @Test func aLoaderFiltersByEachValueAndRefusesAClassOfSeveral() throws {
        let (folder, place) = try place("[\"{dir}\", live]")
        defer { withExtendedLifetime(folder) {} }
        try place.build()
        let reader = try DatasetReader("law", cachePath: place.cache)
        func count(_ value: String) throws -> Int {
            let plan = LoaderPlan(
                kind: .midi, views: [LoaderView("n", .segment(.number))],
                sets: [.init(labels: ["style": value])], batchSize: 1, epochs: 1)
            return try Loader(reader, plan).setCounts[0]
        }
        let all = reader.snapshot.sources.filter { $0.kind == .midi }.reduce(0) { $0 + $1.segments }
        #expect(try count("live") == all)
        #expect(try count("jazz") + count("classical") == all)
        #expect(try count("jazz") > 0)
        for plan in [
            LoaderPlan(kind: .midi, views: [.label("style")], batchSize: 1),
            LoaderPlan(
                kind: .midi, views: [LoaderView("n", .segment(.number))], batchSize: 1,
                balance: .init(label: "style", share: .smallest)),
        ] {
            let error = #expect(throws: LoaderError.self) { try Loader(reader, plan) }
            #expect(error?.code == .severalValues)
            #expect(
                error?.message.contains("has several values of the label 'style' (classical + live)") == true)
        }
    }

    @Test func keysThatGroupByALabelRefuseSeveralValues() throws {
        for splits in ["{by: style}", "{method: exact, stratify: style}"] {
            var (folder, place) = try place("[\"{dir}\", live]")
            defer { withExtendedLifetime(folder) {} }
            place.manifest.splits = splits
            guard case .failure(let message) = try place.outcome() else {
                Issue.record("\(splits) was built")
                continue
            }
            #expect(message.contains("which has several values in 'data/classical/0.mid' (classical + live)"))
        }
    }

    @Test func aMapMakesOneValueOfSeveral() throws {
        let (folder, place) = try place("[\"{dir}\", live]", "map: {style: {live: null, jazz: blues}}")
        defer { withExtendedLifetime(folder) {} }
        try place.build()
        let snapshot = try DatasetReader("law", cachePath: place.cache).snapshot
        #expect(snapshot.vocabularies == ["style": ["blues", "classical"]])
        #expect(try place.clean() == place.outcome())
    }

    @Test func aMapOfNoValueIsAWarning() throws {
        let (folder, place) = try place("\"{dir}\"", "map: {style: {jaz: blues, jazz: blues}}")
        defer { withExtendedLifetime(folder) {} }
        let warnings = try place.build().warnings
        #expect(
            warnings.contains { $0.hasSuffix("map.style names 'jaz', which no file of the item has") },
            "\(warnings)")
        #expect(try place.build().warnings == warnings, "also from what the last build left")
    }
}
