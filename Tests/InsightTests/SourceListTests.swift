import Dataset
import Files
import Insight
import Loading
import TestSupport
import Testing

/// The list of a dataset's sources, and what could not be used.
struct SourceListTests {
    let shop: Workshop
    let reader: DatasetReader

    init() throws {
        shop = try Workshop()
        for index in 0..<8 {
            try shop.write(
                "music/\(index % 2 == 0 ? "jazz" : "folk")/\(index).mid",
                Workshop.midi(Workshop.melody(seed: index)))
        }
        try shop.write("music/folk/broken.mid", Array(Workshop.midi([60, 62, 64]).dropLast(9)))
        reader = try shop.build("splits: {train: 0.5, validation: 0.25, test: 0.25, method: exact}")
    }

    private func list(_ change: (inout SourceList.Filter) -> Void) throws -> SourceList {
        var filter = SourceList.Filter()
        change(&filter)
        return try SourceList(reader, filter: filter)
    }

    @Test func everySourceIsListedWithWhatTheSnapshotSays() throws {
        let list = try SourceList(reader)
        #expect(list.rows.map(\.source) == reader.snapshot.sources)
        // 200 sixteenths at 120 BPM.
        #expect(list.rows.allSatisfy { abs($0.seconds - 25) < 0.01 })
        #expect(list.rows.allSatisfy { $0.splits == [$0.source.split] })
        let failure = try #require(list.failures.first)
        #expect(list.failures.count == 1)
        #expect(failure.path == "music/folk/broken.mid")
        #expect(failure.code == "midi.track-truncated")
        #expect(failure.offset != nil)
        #expect(
            list.text().contains(
                "  music/folk/broken.mid: \(failure.reason ?? "?") (at \(failure.offset ?? -1)) [midi.track-truncated]\n"
            ))
        let json = list.json
        #expect(json["sources"]?.array?.count == 8)
        #expect(json["sources"]?.array?.first?["labels"]?["style"] == "folk")
        #expect(json["failed"]?.array?.first?["offset"]?.integer == failure.offset)
    }

    @Test func filtersCombine() throws {
        let jazz = try list { $0.labels = [("style", "jazz")] }
        #expect(jazz.rows.map(\.source) == reader.snapshot.sources.filter { $0.labels["style"] == "jazz" })
        #expect(jazz.failures.isEmpty, "a source that failed has no labels")
        for split in Split.allCases {
            let both = try list {
                $0.labels = [("style", "jazz")]
                $0.split = split
            }
            #expect(
                both.rows.map(\.source)
                    == reader.snapshot.sources.filter { $0.labels["style"] == "jazz" && $0.split == split })
        }
        let failed = try list { $0.isFailed = true }
        #expect(failed.rows.isEmpty && failed.failures.count == 1)
        let path = try list { $0.path = "folk/b" }
        #expect(path.rows.isEmpty && path.failures.count == 1)
        #expect(try list { $0.path = "nowhere" }.text() == "no matches\n")
    }

    @Test func unknownLabelsAndValuesAreAnsweredWithTheNearest() throws {
        let label = #expect(throws: BuildError.self) { try list { $0.labels = [("stile", "jazz")] } }
        #expect(label?.message == "dataset 'test' has no label 'stile'; did you mean 'style'?")
        let value = #expect(throws: BuildError.self) { try list { $0.labels = [("style", "jaz")] } }
        #expect(value?.message == "no source of 'test' has the style 'jaz'; did you mean 'jazz'?")
        #expect(value?.exitStatus == .noCache)
    }

    @Test func sourcesOfSeveralValuesAreFoundByEach() throws {
        let reader = try shop.build(
            """
            version: 1
            dataset: several
            sources: [{path: music/jazz/*.mid, labels: {style: ["{dir}", live]}}, {path: music/folk/?.mid, labels: {style: folk}}]
            midi: {}
            """, named: "several.yaml")
        for (value, count) in [("jazz", 4), ("live", 4), ("folk", 4)] {
            var filter = SourceList.Filter()
            filter.labels = [("style", value)]
            #expect(try SourceList(reader, filter: filter).rows.count == count)
        }
        #expect(try SourceList(reader).text().contains("style jazz + live"))
        let statistics = try DatasetStatistics(reader)
        #expect(statistics.labels["style"]?.mapValues(\.sources) == ["jazz": 4, "live": 4, "folk": 4])
    }

    @Test func segmentsDealtOneByOneAreFoundByTheirSplits() throws {
        let reader = try shop.build(
            "splits: {train: 0.5, validation: 0.25, test: 0.25, by: segment}", segment: 16)
        let table = try SegmentTable(reader).runs
        for split in Split.allCases {
            var filter = SourceList.Filter()
            filter.split = split
            let expected = reader.snapshot.sources.indices.filter { table[$0].contains { $0.split == split } }
            #expect(
                try SourceList(reader, filter: filter).rows.map(\.source)
                    == expected.map { reader.snapshot.sources[$0] })
        }
    }

    @Test func sourcesLeftOutByRequireAreAmongTheFailures() throws {
        let reader = try shop.build(
            """
            version: 1
            dataset: waltz
            sources: [{path: "music/*/?.mid"}, {path: waltz.mid}]
            midi: {require: {time_signature: 3/4}}
            """, named: "waltz.yaml",
            adding: [("waltz.mid", Workshop.waltz)])
        let list = try SourceList(reader)
        #expect(list.failures.count == 8)
        #expect(list.failures.allSatisfy { $0.code == "midi.excluded" && $0.reason?.isEmpty == false })
    }
}

extension Workshop {
    /// A piece in 3/4.
    static var waltz: [UInt8] {
        var track: [UInt8] = [0, 0xFF, 0x58, 4, 3, 2, 24, 8]
        for pitch in melody(seed: 99) { track += [0, 0x90, pitch, 64, 24, 0x80, pitch, 0] }
        return MadeFile.midi(track: track)
    }

    func build(
        _ manifest: String, named name: String, adding files: [(String, [UInt8])]
    ) throws -> DatasetReader {
        for (path, bytes) in files { try write(path, bytes) }
        return try build(manifest, named: name)
    }
}
