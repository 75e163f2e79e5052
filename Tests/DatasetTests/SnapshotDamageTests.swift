import Build
import TestSupport
import Testing

@testable import Dataset
@testable import Files
@testable import Loading
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Snapshots from elsewhere: every member is replaced by every kind of value, and dropped.
@Suite struct SnapshotDamageTests {
    private static let values: [JSONValue] = [
        .null, .bool(true), -1, .integer(.min), .integer(.max), 1.5, .number(1e308), "", "x", "audio\u{0}",
        [], [0],
        ["x"], [:], ["x": 1],
    ]

    /// A built snapshot with a source of each kind, and a shard of each in two splits: small, as it is read very often.
    private static func snapshot() throws -> JSONValue {
        let snapshot = try LoaderFixture.shared.get().reader.snapshot
        let sources = try [SegmentKind.audio, .midi].map { kind in
            try #require(snapshot.sources.first { $0.kind == kind && $0.segments > 0 })
        }
        var json = try FlatSnapshot.json(snapshot, sources: sources)
        for (kind, (source, split)) in zip(
            [SegmentKind.audio, .midi], zip(sources, [Split.train, .validation]))
        {
            let shard = Snapshot.Shard(
                object: Digest(of: [1]), bytes: 1 << 20, segments: source.segments,
                kind: kind)
            let contents: JSONValue = ["segments": JSONValue(shard.segments), "shards": [shard.json]]
            json = put(contents, at: ["splits", split.rawValue], in: json)
        }
        return put(["segments": 0, "shards": []], at: ["splits", "test"], in: json)
    }

    /// Every place in a value: of lists the first two.
    private static func places(_ value: JSONValue) -> [[String]] {
        var places: [[String]] = []
        if case .object(let members) = value {
            for (name, member) in members { places += [[name]] + Self.places(member).map { [name] + $0 } }
        } else if case .array(let elements) = value {
            for (index, element) in elements.prefix(2).enumerated() {
                places += [["\(index)"]] + Self.places(element).map { ["\(index)"] + $0 }
            }
        }
        return places
    }

    private static func put(_ new: JSONValue?, at place: ArraySlice<String>, in value: JSONValue) -> JSONValue
    {
        guard let first = place.first else { return new ?? .null }
        let rest = place.dropFirst()
        switch value {
        case .object(var members):
            members[first] = rest.isEmpty ? new : members[first].map { put(new, at: rest, in: $0) }
            return .object(members)
        case .array(var elements):
            guard let index = Int(first) else { return value }
            if rest.isEmpty, new == nil {
                elements.remove(at: index)
            } else {
                elements[index] = put(new, at: rest, in: elements[index])
            }
            return .array(elements)
        default: return value
        }
    }

    /// Whether a value is another good one: a gain, a source dealt by segment, no statistics, fewer features.
    private static func isGood(_ value: JSONValue?, at place: [String]) -> Bool {
        switch place.last {
        case "gain_db": value == .null || value?.double.map { $0.magnitude <= 1000 } == true
        case "split", "statistics": value == .null
        default: place[0] == "features" && (value == nil || value == [:])
        }
    }

    /// Members whose values are the manifest's business, or any text.
    private static func isFree(_ place: [String]) -> Bool {
        place[0] == "manifest" || ["path", "code"].contains(place.last) || place == ["dataset"]
            || place.contains("warnings") || place.contains("labels") || place[0] == "vocabularies"
            || place[0] == "stages" || place[0] == "quarantine"
    }

    @Test func everyDamageIsANamedErrorOrHarmless() throws {
        let json = try Self.snapshot()
        var (tried, refused) = (0, 0)
        for place in Self.places(json) where place[0] != "manifest" {
            for value in Self.values.map(Optional.some) + [nil] {
                let changed = Self.put(value, at: place[...], in: json)
                guard changed != json else { continue }
                tried += 1
                do {
                    let snapshot = try FlatSnapshot.read(changed)
                    // What is accepted is used without a trap, and says the same again.
                    #expect(
                        Self.isFree(place) || Self.isGood(value, at: place),
                        "\(place) = \(value?.canonical ?? "nothing")")
                    let again = try FlatSnapshot.read(FlatSnapshot.json(snapshot, sources: snapshot.sources))
                    #expect(again.sources == snapshot.sources)
                    for split in Split.allCases { _ = snapshot.segmentCount(split) }
                } catch {
                    refused += 1
                    let error = try #require(error as? BuildError)
                    let isOld = place == ["format"] && error.code == .noDataset
                    #expect(isOld || error.code == .damaged)
                    #expect(error.message.contains("snapshot 123456"))
                    let field = place.last { Int($0) == nil } ?? ""
                    #expect(
                        [field, "segments", "entry", "entries"].contains { error.message.contains($0) },
                        "\(place): \(error.message)")
                }
            }
        }
        #expect(tried > 800 && refused > tried / 2, "\(tried), \(refused)")
    }

    /// A member of a later version is not skipped: it may change what the others mean.
    @Test func unknownMembersAndKindsAreErrors() throws {
        let json = try Self.snapshot()
        let objects = Self.places(json).filter { place in
            place[0] != "manifest" && !["labels", "stages", "vocabularies"].contains { place.contains($0) }
                && place.reduce(Optional(json)) { value, name in
                    value?[name] ?? Int(name).flatMap { value?.array?[$0] }
                }?
                .object != nil
        }
        #expect(objects.count >= 8)
        for place in objects + [[]] where place != ["features"] && place != ["splits"] {
            let changed = Self.put("new", at: (place + ["later"])[...], in: json)
            #expect("\(place)") {
                try FlatSnapshot.read(changed)
            } throws: {
                ($0 as? BuildError)?.message.contains("later' is no member that this version knows") == true
            }
        }
        let text = json.canonical
        for (old, new) in [("\"kind\":\"midi\"", "\"kind\":\"both\""), ("\"validation\":{", "\"held\":{")] {
            let changed = text.replacing(old, with: new)
            #expect(changed != text)
            #expect(throws: BuildError.self) {
                try FlatSnapshot.read(JSONValue(parsing: Array(changed.utf8)))
            }
        }
    }

    /// A sparse file costs its maker nothing, and a reader all of its memory.
    @Test func aSnapshotOfImpossibleSizeIsNotRead() throws {
        let folder = try TestFolder()
        let path = "\(folder.path)/cache"
        let cache = try Cache(path: path, for: .building(wait: false))
        let digest = Digest(of: [1])
        let object = cache.path(of: digest)
        mkdir(String(object.prefix(object.count - 63)), 0o755)
        close(open(object, O_WRONLY | O_CREAT, 0o644))
        #expect(truncate(object, 1 << 40) == 0)
        try cache.setReference("huge", to: digest)
        #expect {
            try Snapshot.objects(of: digest, in: cache)
        } throws: {
            ($0 as? BuildError)?.message.contains("has 1099511627776 bytes, but the limit is") == true
        }
        #expect(throws: BuildError.self) { try DatasetReader("huge", cachePath: path) }
        #expect(throws: BuildError.self) {
            try cache.collectGarbage(keep: 0, grace: 0, isDryRun: true) { (digest) throws(BuildError) in
                try Snapshot.objects(of: digest, in: cache)
            }
        }
    }
}
