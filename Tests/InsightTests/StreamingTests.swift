import Synchronization
import Testing

@testable import Dataset
@testable import Files
@testable import Insight
@testable import Loading

/// Statistics that go over a dataset part by part.
struct StreamingTests {
    let shop: Workshop
    let reader: DatasetReader

    init() throws {
        shop = try Workshop()
        for index in 0..<23 {
            let (style, other) = (["a", "b", "c"][index % 3], UInt8(20 + index))
            try shop.write(
                "music/\(style)/\(index).mid",
                Workshop.midi(Workshop.melody(seed: index + 1, count: 60 + index), velocities: [60, other]))
        }
        // A copy, and one that begins as another does.
        try shop.write(
            "music/a/copy.mid", Workshop.midi(Workshop.melody(seed: 2, count: 61), velocities: [60, 21]))
        try shop.write("music/b/near.mid", Workshop.midi(Workshop.melody(seed: 2, count: 90)))
        try shop.write("music/c/bad.mid", [1, 2, 3])
        reader = try shop.build()
    }

    @Test func thePartsSizeChangesNothing() throws {
        let whole = try DatasetStatistics(reader)
        #expect(whole.total.sources == 25 && whole.problems.contains { $0.code == "duplicates.bytes" })
        #expect(whole.problems.contains { $0.code.hasPrefix("duplicates.") && $0.code != "duplicates.bytes" })
        for count in [1, 3, 24, 25] {
            #expect(try DatasetStatistics(reader, partCount: count).json.canonical == whole.json.canonical)
        }
    }

    @Test func partsAreInOrderAndAsManyAsSaid() throws {
        var paths: [String] = []
        try reader.forEachPart(of: 4, finding: { $0.source.path }) { part in
            #expect(part.count == min(4, 25 - paths.count))
            paths += part
        }
        #expect(paths == reader.snapshot.sources.map(\.path))
        #expect(try reader.records().map(\.source.path) == paths)
    }

    @Test func recordsOfEarlierPartsAreLetGo() throws {
        struct Weak: Sendable {
            weak let record: SourceRecord?
        }
        var earlier: [Weak] = []
        try reader.forEachPart(of: 4, finding: { $0 }) { part in
            #expect(earlier.allSatisfy { $0.record == nil })
            earlier += part.map { Weak(record: $0) }
            #expect(earlier.count { $0.record != nil } == part.count)
        }
        #expect(earlier.count == 25)
    }
}
