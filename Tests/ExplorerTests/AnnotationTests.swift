import Dataset
import Export
import Files
import Foundation
import Insight
import Loading
import Testing

@testable import Explorer

/// Tags and notes: who may write them, how they are kept, and what a build makes of them.
@Suite(.serialized)
struct AnnotationTests {
    private static func request(
        _ exhibition: Exhibition, _ body: String, token: String? = nil, origin: String? = "http://localhost"
    ) -> ExplorerRequest {
        ExplorerRequest(
            method: "POST", path: "/api/annotation", origin: origin, fetchSite: "same-origin", hasBody: true,
            bodyLength: body.utf8.count, body: Array(body.utf8), token: token ?? exhibition.explorer.token)
    }

    private static func tag(
        _ exhibition: Exhibition, _ id: String, _ of: String, _ tags: [String], _ note: String = ""
    )
        async throws
    {
        let body: JSONValue = [
            "of": .string(of), "id": .string(id), "tags": .array(tags.map { .string($0) }),
            "note": .string(note),
        ]
        let response = await exhibition.explorer.answer(request(exhibition, body.canonical))
        #expect(response.status == .okay)
    }

    private static func id(_ exhibition: Exhibition, _ text: String, _ index: Int = 0) async throws -> String
    {
        let rows = try await exhibition.ask("/api/segments", [("q", text)])["rows"]?.array
        return try #require(rows?[index]["id"]?.string)
    }

    @Test func aSegmentAndItsSourceAreTagged() async throws {
        let exhibition = try Exhibition(splits: "")
        let second = try await Self.id(exhibition, "15.mid", 1)
        try await Self.tag(exhibition, second, "segment", [" loud ", "loud", ""], " <b>\n\u{202E}x ")
        try await Self.tag(exhibition, second, "source", ["style=jazz"])
        let answer = try await exhibition.ask("/api/annotations", [("id", second)])
        #expect(answer["segment"] == ["tags": ["loud"], "note": "<b>\n\u{202E}x"])
        #expect(answer["source"] == ["tags": ["style=jazz"], "note": ""])
        let other = try await exhibition.ask(
            "/api/annotations", [("id", try await Self.id(exhibition, "15.mid"))])
        #expect(other["segment"] == ["tags": [], "note": ""])
        #expect(other["source"]?["tags"] == ["style=jazz"])
        #expect(
            other["tags"]?.array == [
                ["tag": "loud", "sources": 0, "segments": 1],
                ["tag": "style=jazz", "sources": 1, "segments": 0],
            ])
        // A line a change; the segment begins at step 16.
        let file = exhibition.folder.appendingPathComponent("cache/notes/shown.jsonl")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(try JSONValue(parsing: Array(lines[0].utf8))["start"]?.integer == 16)
        // Taken back.
        try await Self.tag(exhibition, second, "segment", [])
        #expect(try await exhibition.ask("/api/annotations", [("id", second)])["segment"]?["tags"] == [])
        #expect(try Annotations(ofDataset: "shown", cachePath: exhibition.cache).all.count == 1)
    }

    /// A tag of a segment finds the segment, one of a source all its segments; counts are what each would find.
    @Test func tagsAreAFacet() async throws {
        let exhibition = try Exhibition(splits: "")
        func found(_ query: [(String, String)]) async throws -> [String] {
            let rows = try await exhibition.ask("/api/segments", query)["rows"]?.array ?? []
            return rows.compactMap { $0["id"]?.string }
        }
        func counts(_ query: [(String, String)] = []) async throws -> [String: Int] {
            let tags = try await exhibition.ask("/api/facets", query)["tags"]?.array ?? []
            return Dictionary(
                uniqueKeysWithValues: tags.map {
                    ($0["value"]?.string ?? "", $0["segments"]?.integer ?? -1)
                })
        }
        #expect(try await counts() == [:])
        let hostile = "<img src=x onerror=alert(1)>\u{202E}\"'&</script>".replacingOccurrences(
            of: "/", with: "")
        let second = try await Self.id(exhibition, "fast 15.mid", 1)
        let all = try await found([("q", "fast 15.mid")])
        let tone = try await found([("q", "tone1.wav")])
        #expect(all.count > 2 && all[1] == second && tone.count > 1)
        try await Self.tag(exhibition, second, "segment", ["loud", hostile])
        try await Self.tag(exhibition, tone[1], "segment", ["loud"])
        try await Self.tag(exhibition, try await Self.id(exhibition, "fast 13.mid"), "source", ["odd"])
        let odd = try await found([("q", "fast 13.mid")])
        #expect(try await Set(found([("tag", "loud")])) == [second, tone[1]])
        #expect(try await found([("tag", hostile)]) == [second])
        #expect(try await Set(found([("tag", "loud"), ("tag", "odd")])) == Set([second, tone[1]] + odd))
        #expect(try await found([("tag", "loud"), ("kind", "audio")]) == [tone[1]])
        #expect(try await found([("tag", "no such tag")]).isEmpty)
        #expect(try await counts() == ["loud": 2, hostile: 1, "odd": odd.count])
        // A choice of tags does not count against the others, all other filters do.
        #expect(try await counts([("tag", "odd")]) == ["loud": 2, hostile: 1, "odd": odd.count])
        #expect(try await counts([("kind", "audio")]) == ["loud": 1, hostile: 0, "odd": 0])
        // A segment of a tagged source that has the tag too counts once; what was taken back is gone.
        try await Self.tag(exhibition, odd[0], "segment", ["odd"])
        #expect(try await counts()["odd"] == odd.count)
        try await Self.tag(exhibition, second, "segment", [])
        #expect(try await counts() == ["loud": 1, "odd": odd.count])
    }

    /// A killed process leaves a part of a line; another appends after it, and what is whole counts.
    @Test func aTornLineLosesOnlyItself() async throws {
        let exhibition = try Exhibition(splits: "")
        let id = try await Self.id(exhibition, "15.mid")
        try await Self.tag(exhibition, id, "source", ["one"])
        let file = try FileHandle(
            forWritingTo: exhibition.folder.appendingPathComponent("cache/notes/shown.jsonl"))
        try file.seekToEnd()
        try file.write(contentsOf: Data(#"{"note":"","path":"music/fast/15.mid","tags":["tw"#.utf8))
        try file.close()
        #expect(try await exhibition.ask("/api/annotations", [("id", id)])["source"]?["tags"] == ["one"])
        try await Self.tag(exhibition, try await Self.id(exhibition, "13.mid"), "source", ["three"])
        let read = try Annotations(ofDataset: "shown", cachePath: exhibition.cache)
        #expect(read.sorted.map(\.tags) == [["three"], ["one"]])
    }

    @Test(arguments: [
        #"{"of":"segment","id":"train/0","tags":["a/b"],"note":""}"#,
        #"{"of":"segment","id":"train/0","tags":["="],"note":""}"#,
        #"{"of":"segment","id":"train/0","tags":["split=all"],"note":""}"#,
        #"{"of":"segment","id":"train/0","tags":["a=1","a=2"],"note":""}"#,
        #"{"of":"segment","id":"train/0","tags":["path=x"],"note":""}"#,
        #"{"of":"segment","id":"train/0","tags":[1],"note":""}"#,
        #"{"of":"dataset","id":"train/0","tags":[],"note":""}"#,
        #"{"of":"segment","id":"../../etc","tags":["a"],"note":""}"#,
        #"{"of":"segment","id":"train/0","tags":["a\u0007"],"note":""}"#,
        "", "[]", "{",
        #"{"of":"segment","id":"train/0","tags":[],"note":"\#(String(repeating: "x", count: 4001))"}"#,
    ])
    func refusesWhatIsNoAnnotation(body: String) async throws {
        let exhibition = try Exhibition.open()
        let response = await exhibition.explorer.answer(Self.request(exhibition, body))
        #expect(response.status == .badRequest)
        #expect(!FileManager.default.fileExists(atPath: exhibition.cache + "/notes"))
    }

    @Test func onlyItsOwnPageMayWrite() async throws {
        let exhibition = try Exhibition.open()
        let body = #"{"of":"segment","id":"train/0","tags":["a"],"note":""}"#
        func status(_ change: (inout ExplorerRequest) -> Void) async -> ExplorerResponse.Status {
            var request = Self.request(exhibition, body)
            change(&request)
            return await exhibition.explorer.answer(request).status
        }
        #expect(await status { $0.origin = nil } == .forbidden)
        #expect(await status { $0.origin = "http://evil.example" } == .forbidden)
        #expect(await status { $0.fetchSite = "same-site" } == .forbidden)
        #expect(
            await status {
                $0.fetchSite = "cross-site"; $0.fetchMode = "navigate"; $0.fetchDestination = "document"
            } == .forbidden)
        #expect(
            await status {
                $0.host = "evil.example"; $0.origin = "http://evil.example"
            } == .forbidden)
        #expect(await status { $0.token = nil } == .forbidden)
        #expect(await status { $0.token = "" } == .forbidden)
        #expect(await status { $0.token?.removeLast() } == .forbidden)
        #expect(await status { $0.bodyLength = nil } == .bodyRefused)
        #expect(await status { $0.bodyLength = 16_385 } == .bodyRefused)
        #expect(await status { $0.method = "PUT" } == .methodNotAllowed)
        #expect(
            await status {
                $0.method = "GET"; $0.hasBody = false
            } == .methodNotAllowed)
        var reading = Self.request(exhibition, body)
        reading.method = "GET"
        reading.hasBody = false
        let allowed = await exhibition.explorer.answer(reading).headers.filter { $0.name == "Allow" }
        #expect(allowed.map(\.value) == ["POST"])
        #expect(!FileManager.default.fileExists(atPath: exhibition.cache + "/notes"))
        let readOnly = try DatasetExplorer(dataset: "shown", cachePath: exhibition.cache, isReadOnly: true)
        let response = await readOnly.answer(Self.request(exhibition, body))
        #expect(response.status == .forbidden)
        guard case .bytes(let bytes) = response.body else { return #expect(Bool(false)) }
        #expect(String(decoding: bytes, as: UTF8.self).contains("--read-only"))
        // The page has the token, and another explorer's is another.
        let token = try #require(exhibition.explorer.token)
        #expect(String(decoding: exhibition.explorer.page, as: UTF8.self).contains(#"content="\#(token)""#))
        #expect(String(decoding: readOnly.page, as: UTF8.self).contains(#"name="token" content="""#))
        #expect(try DatasetExplorer(dataset: "shown", cachePath: exhibition.cache).token != token)
        #expect(token.utf8.count >= 32)
    }

    /// Over a socket: in pieces, and two in one packet on one connection.
    @Test func bodiesAreReadWhole() async throws {
        let exhibition = try Exhibition.open()
        let token = try #require(exhibition.explorer.token)
        try await serving { port in
            let body = #"{"of":"segment","id":"train/99999","tags":["é"],"note":""}"#
            let head =
                "POST /api/annotation HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nX-Reprise-Token: \(token)\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            let client = try Client(port)
            for piece in [head, String(body.prefix(20)), String(body.dropFirst(20))] {
                client.send(piece)
                Thread.sleep(forTimeInterval: 0.05)
            }
            #expect(client.answer().contains("no such segment"))
            client.send(
                head + body + "GET /api/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            let rest = client.all()
            #expect(rest.contains("no such segment") && rest.contains("{\"runs\":[]}"))
            // Half a body is waited for as long as a head is, and no longer.
            let slow = try Client(port)
            slow.send(head + "{")
            let begin = ContinuousClock.now
            #expect(slow.allBytes().isEmpty)
            #expect(begin.duration(to: .now) < .seconds(4))
            let large = try Client(port)
            large.send(head.replacingOccurrences(of: "Length: \(body.utf8.count)", with: "Length: 99999999"))
            #expect(large.answer().hasPrefix("HTTP/1.1 413 "))
            let foreign = try Client(port)
            foreign.send(head.replacingOccurrences(of: token, with: "x") + body)
            let refused = foreign.all()
            #expect(
                refused.hasPrefix("HTTP/1.1 403 ") && refused.components(separatedBy: "HTTP/1.1").count == 2)
        }
    }

    /// What is tagged in the explorer is excluded, labelled and moved by a build that reads the exported table, and the
    /// tags hold for the snapshot after it.
    @Test func aBuildReadsTheTable() async throws {
        let exhibition = try Exhibition(splits: "")
        let old = exhibition.reader.snapshot
        let moved = try #require(old.sources.first { $0.path == "music/fast/15.mid" })
        let split: Split = moved.split == .test ? .validation : .test
        try await Self.tag(
            exhibition, try await Self.id(exhibition, "fast 15.mid"), "source",
            ["split=\(split.rawValue)", "quote \"d\", odd"])
        try await Self.tag(
            exhibition, try await Self.id(exhibition, "slow tone0"), "source", ["exclude"], "silent")
        let second = try await Self.id(exhibition, "fast 13.mid", 1)
        try await Self.tag(exhibition, second, "source", ["style=jazz"])
        try await Self.tag(exhibition, second, "segment", ["exclude", "here"])

        let annotations = try Annotations(ofDataset: "shown", cachePath: exhibition.cache)
        let table = try TaggedSources(old, tags: annotations.tagsOfSources, assignment: Annotation.assignment)
        #expect(table.excluded == ["music/slow/tone0.wav"] && table.unknown.isEmpty)
        try table.write(to: exhibition.folder.appendingPathComponent("tags.csv").path)
        let file = exhibition.folder.appendingPathComponent("m.yaml")
        let manifest = try String(contentsOf: file, encoding: .utf8)
        let sources = try #require(manifest.firstRange(of: "sources:"))
        let midi = try #require(manifest.firstRange(of: "midi:"))
        try Data(
            (manifest[..<sources.lowerBound] + table.manifest(table: "tags.csv")
                + manifest[midi.lowerBound...]).utf8
        ).write(to: file)
        _ = try DatasetBuild(manifestPath: file.path).run(.init(cachePath: exhibition.cache, jobs: 1))

        let new = try DatasetReader("shown", cachePath: exhibition.cache).snapshot
        #expect(new.sources.map(\.path) == old.sources.map(\.path).filter { $0 != "music/slow/tone0.wav" })
        for source in new.sources {
            let before = try #require(old.sources.first { $0.path == source.path })
            switch source.path {
            case "music/fast/15.mid":
                #expect(source.split == split)
                #expect(source.labels == ["style": "fast", "quote \"d\", odd": "yes"])
            case "music/fast/13.mid":
                #expect(source.split == before.split && source.labels == ["style": "jazz"])
            default: #expect(source.split == before.split && source.labels == before.labels)
            }
        }
        // The rebuilt dataset's segment has another number, and the same tags.
        let explorer = try DatasetExplorer(dataset: "shown", cachePath: exhibition.cache)
        func ask(_ path: String, _ query: [(String, String)]) async throws -> JSONValue {
            guard
                case .bytes(let bytes) = await explorer.answer(ExplorerRequest(path: path, query: query)).body
            else { return .null }
            return try JSONValue(parsing: bytes)
        }
        let rows = try await ask("/api/segments", [("q", "fast 13.mid")])["rows"]?.array
        let id = try #require(rows?[1]["id"]?.string)
        #expect(try await ask("/api/annotations", [("id", id)])["segment"]?["tags"] == ["exclude", "here"])
        // What the two snapshots differ in, with links into the one that is shown.
        let listed = try await ask("/api/snapshots", [])["snapshots"]?.array ?? []
        #expect(listed.count == 2 && listed.filter { $0["is_shown"]?.bool == true }.count == 1)
        let change = try await ask("/api/comparison", [("from", exhibition.reader.digest.hex)])
        #expect(change["removed"] == ["music/slow/tone0.wav"] && change["counts"]?["removed"] == 1)
        #expect(
            change["moved"] == [
                [
                    "path": "music/fast/15.mid", "from": .string(moved.split?.rawValue ?? ""),
                    "to": .string(split.rawValue),
                ]
            ])
        #expect(change["links"]?["music/fast/15.mid"]?.string?.hasPrefix("\(split.rawValue)/") == true)
        #expect(change["links"]?["music/slow/tone0.wav"] == nil)
        for name in ["../../etc", "", "shown", String(repeating: "0", count: 64)] {
            #expect(try await ask("/api/comparison", [("from", name)])["error"]?.string == "no such snapshot")
        }
    }
}
