import Dataset
import Files
import Loading
import Testing

/// Where segments stand is reckoned from the snapshot; the shards say where they are.
struct SegmentTableTests {
    @Test(arguments: ["", "splits: {by: segment}", "splits: {folds: 4, fold: 1}"])
    func reckonsWhatTheShardsSay(splits: String) throws {
        let exhibition = try Exhibition(splits: splits)
        defer { withExtendedLifetime(exhibition) {} }
        let reader = exhibition.reader
        let table = try SegmentTable(reader)
        let sources = reader.snapshot.sources
        #expect(Split.allCases.flatMap { reader.snapshot.shards[$0] ?? [] }.count > 3)
        var starts: [Int: [Int: Int]] = [:]
        for split in Split.allCases {
            for number in 0..<reader.snapshot.segmentCount(split) {
                let place = try #require(reader.place(number, in: split))
                let segment = try reader.open(place.shard).segment(place.index)
                let (source, index) = try #require(table.source(of: number, in: split))
                #expect(sources[source].sha256.hex == segment.source)
                #expect(sources[source].labels == segment.labels)
                starts[source, default: [:]][index] = segment.start
            }
            #expect(table.source(of: reader.snapshot.segmentCount(split), in: split) == nil)
            #expect(table.source(of: -1, in: split) == nil)
        }
        for (source, found) in starts {
            #expect(found.count == sources[source].segments)
            let inOrder = found.sorted { $0.key < $1.key }
            #expect(inOrder.map(\.key) == Array(0..<found.count))
            #expect(inOrder.map(\.value) == inOrder.map(\.value).sorted())
        }
    }
}
