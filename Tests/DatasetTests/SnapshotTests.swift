import Testing

@testable import Dataset
@testable import Files
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
            tables: sources.isEmpty ? [] : [.init(object: Digest(of: [8]), count: sources.count)],
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
        for count in 1...3 {
            let whole = snapshot(Array(sources.prefix(count)))
            let json = try JSONValue(parsing: whole.encoded)
            #expect(json.canonicalBytes == whole.encoded)
            let table = Snapshot.table(of: whole.sources)
            #expect(try JSONValue(parsing: table) == .array(whole.sources.map(\.json)))
            #expect(try JSONValue(parsing: table).canonicalBytes == table)
            let read = try Snapshot(decoding: whole.encoded) { _ in table }
            #expect(read.sources == whole.sources && read.encoded == whole.encoded)
        }
        #expect(Snapshot.table(of: []) == Array("[]".utf8))
    }

    /// Tables are in the order of hashes, entries in that of their paths.
    @Test func entriesOfSeveralTablesAreInTheOrderOfTheirPaths() throws {
        let sources = (1...9).map { source($0, labels: [:], split: .test, gain: nil, warnings: []) }
        let tables = [Array(sources[5...8]), Array(sources[0...1]), Array(sources[2...4])]
        let digests = tables.indices.map { Digest(of: [UInt8($0), 7]) }
        var json = try JSONValue(parsing: snapshot(sources).encoded)
        guard case .object(var members) = json else { return }
        members["sources"] = .array(
            zip(tables, digests).map { ["object": JSONValue($1), "count": JSONValue($0.count)] })
        json = .object(members)
        let read = try Snapshot(decoding: json.canonicalBytes) { digest in
            Snapshot.table(of: tables[digests.firstIndex(of: digest) ?? 0])
        }
        #expect(read.sources == sources)
    }

    /// What the first format wrote is not damage.
    @Test func theFirstFormatIsNamed() throws {
        let entry = source(1, labels: [:], split: .test, gain: nil, warnings: []).json
        guard case .object(var members) = try JSONValue(parsing: snapshot([]).encoded) else { return }
        members["format"] = 1
        members["sources"] = [entry]
        let error = #expect(throws: BuildError.self) {
            try Snapshot(decoding: JSONValue.object(members).canonicalBytes) { _ in [] }
        }
        #expect(
            error?.message
                == "the snapshot was built by an older version of reprise, in format 1; build the dataset again"
        )
    }

    @Test func brokenTextsAreRefused() throws {
        let bytes = snapshot([source(1, labels: [:], split: .train, gain: nil, warnings: [])]).encoded
        for broken in [Array(bytes.dropLast()), bytes + [0x31], Array("[]".utf8), []] {
            #expect(throws: BuildError.self) { try Snapshot(decoding: broken) { _ in [] } }
        }
        let later = String(decoding: bytes, as: UTF8.self).replacing("\"format\":2", with: "\"format\":3")
        #expect(throws: BuildError.self) { try Snapshot(decoding: Array(later.utf8)) { _ in [] } }
    }
}
