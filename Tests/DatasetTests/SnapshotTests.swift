import Testing

@testable import Build
@testable import Dataset
@testable import Loading

/// A snapshot's text, which is written and read without a tree of all its sources.
struct SnapshotTests {
    private func source(
        _ number: Int, labels: [String: String], split: Split?, gain: Double?, warnings: [String]
    ) -> Snapshot.Source {
        Snapshot.Source(
            sha256: Digest(of: [UInt8(number)]), path: "a/\"\(number)\" é.mid",
            kind: gain == nil ? .midi : .audio,
            piece: Digest(of: [UInt8(number), 1]).hex, split: split, labels: labels, segments: number,
            gainDB: gain, warnings: warnings)
    }

    private func snapshot(_ sources: [Snapshot.Source]) -> Snapshot {
        Snapshot(
            dataset: "d", manifest: ["version": 1], stages: ["score": 2],
            shards: [
                .test: [
                    .init(
                        object: Digest(of: [9]), bytes: 500,
                        segments: sources.reduce(0) { $0 + $1.segments }, kind: .midi)
                ]
            ],
            sources: sources, vocabularies: ["style": ["a", "b"]], statistics: nil,
            quarantine: [(path: "x", code: "midi.odd")],
            features: ["rolls": ["steps": 64, "pitches": [21, 108]]])
    }

    @Test func itsTextIsCanonicalAndReadBack() throws {
        let sources = [
            source(1, labels: ["style": "a", "b\n": "\u{1}é"], split: .train, gain: nil, warnings: []),
            source(
                2, labels: ["style": "a", "b\n": "\u{1}é"], split: nil, gain: -3.25,
                warnings: ["w: \"1\"", "v"]),
            source(3, labels: [:], split: .validation, gain: 0, warnings: []),
        ]
        for count in 0...3 {
            let whole = snapshot(Array(sources.prefix(count)))
            let json = try JSONValue(parsing: whole.encoded)
            #expect(json.canonicalBytes == whole.encoded)
            #expect(json["sources"] == .array(whole.sources.map(\.json)))
            #expect(json["sources"]?.canonicalBytes == whole.encodedSources)
            let read = try Snapshot(decoding: whole.encoded)
            #expect(read.sources == whole.sources && read.encoded == whole.encoded)
        }
    }

    @Test func brokenTextsAreRefused() throws {
        let bytes = snapshot([source(1, labels: [:], split: .train, gain: nil, warnings: [])]).encoded
        for broken in [Array(bytes.dropLast()), bytes + [0x31], Array("[]".utf8), []] {
            #expect(throws: BuildError.self) { try Snapshot(decoding: broken) }
        }
        let later = String(decoding: bytes, as: UTF8.self).replacing("\"format\":1", with: "\"format\":2")
        #expect(throws: BuildError.self) { try Snapshot(decoding: Array(later.utf8)) }
    }
}
