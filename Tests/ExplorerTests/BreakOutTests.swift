import Dataset
import Files
import Foundation
import Testing

@testable import Explorer

/// What an attacker tries; `docs/explorer.md` has the table.
struct BreakOutTests {
    let exhibition: Exhibition

    init() throws { exhibition = try .open() }

    @Test(arguments: [
        "/etc/passwd", "/../../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd", "/api/../../etc/passwd", "/report/../m.yaml", "/music/fast/1.mid", "/index.sqlite",
        "/api/", "/API/dataset", "/api/dataset/", "", "/explorer.js/..", "/\\..\\etc\\passwd",
        "/api/picture\0",
    ])
    func noPathLeadsOut(path: String) async {
        let response = await exhibition.explorer.answer(ExplorerRequest(path: path))
        #expect(response.status == .notFound)
        #expect(response.body.count < 100)
    }

    @Test(arguments: [
        ("/api/segment", "id", "../../etc/passwd"), ("/api/segment", "id", "train/../0"),
        ("/api/segment", "id", "train/-1"), ("/api/segment", "id", "train/99999999999999999999"),
        ("/api/segment", "id", "train/1e3"), ("/api/picture", "id", "refs/shown"),
        ("/api/picture", "source", "/etc/passwd"), ("/api/sound", "source", "../m.yaml"),
        ("/api/sound", "source", "-1"), ("/api/sound", "path", "/etc/passwd"),
        ("/api/notes", "source", "9223372036854775807"), ("/api/features", "id", "../train/0"),
        ("/api/features", "source", "/etc/passwd"), ("/api/run", "name", "../../etc"),
        ("/api/run", "name", "."), ("/api/run", "name", ""), ("/api/transfer", "name", "../.."),
    ])
    func noNameLeadsOut(path: String, name: String, value: String) async {
        let response = await exhibition.explorer.answer(
            ExplorerRequest(path: path, query: [(name, value)]))
        #expect([.notFound, .badRequest].contains(response.status))
        #expect(response.body.count < 100)
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "", "GETX"])
    func onlyReadingMethodsAreAnswered(method: String) async {
        let response = await exhibition.explorer.answer(
            ExplorerRequest(method: method, path: "/api/dataset"))
        #expect(response.status == .methodNotAllowed)
    }

    @Test(arguments: [
        ("localhost", true), ("localhost:8474", true), ("LOCALHOST", true), ("127.0.0.1:8474", true),
        ("[::1]:8474", true), ("192.168.1.7:80", true), ("evil.example", false),
        ("evil.example:8474", false), ("127.0.0.1.evil.example", false), ("localhost.evil.example", false),
        ("127.0.0.1:evil", false), ("", false), (":8474", false), ("[evil]", false), ("1.2.3", false),
    ])
    func otherNamesForThisMachineAreRefused(host: String, isOwn: Bool) async {
        let response = await exhibition.explorer.answer(ExplorerRequest(path: "/", host: host))
        #expect(response.status == (isOwn ? .okay : .forbidden))
    }

    @Test func aRequestWithoutAHostIsRefused() async {
        let response = await exhibition.explorer.answer(ExplorerRequest(path: "/", host: nil))
        #expect(response.status == .forbidden)
    }

    @Test func longAddressesAndManyHeadersAreRefused() async {
        let long = String(repeating: "x", count: 5000)
        let query = await exhibition.explorer.answer(
            ExplorerRequest(path: "/api/segments", query: [("q", long)]))
        #expect(query.status == .targetTooLong)
        #expect(await exhibition.explorer.answer(ExplorerRequest(path: "/" + long)).status == .targetTooLong)
        let headers = await exhibition.explorer.answer(ExplorerRequest(path: "/", byteCount: 40_000))
        #expect(headers.status == .headersTooLarge)
    }

    @Test func everyAnswerForbidsOtherPagesToUseIt() async {
        for path in ["/", "/api/dataset", "/nothing", "/report"] {
            let headers = Dictionary(
                await exhibition.explorer.answer(ExplorerRequest(path: path)).headers,
                uniquingKeysWith: { first, _ in first })
            #expect(headers["Content-Security-Policy"]?.hasPrefix("default-src 'none'") == true)
            #expect(headers["Cross-Origin-Resource-Policy"] == "same-origin")
            #expect(headers["X-Content-Type-Options"] == "nosniff")
        }
    }

    /// A source's file is given only while its bytes are those that the dataset was built of.
    @Test func aFilePutInASourcesPlaceIsNotGiven() async throws {
        let exhibition = try Exhibition(splits: "")
        let rows = try await exhibition.ask("/api/segments", [("q", "tone0")])["rows"]?.array
        let number = try #require(rows?.first?["source"]?.integer)
        let request = ExplorerRequest(path: "/api/sound", query: [("source", "\(number)")])
        #expect(await exhibition.explorer.answer(request).status == .okay)
        let file = exhibition.folder.appendingPathComponent("music/slow/tone0.wav")
        let secret = exhibition.folder.appendingPathComponent("secret.wav")
        try Data(Exhibition.wav([0.1, 0.2, 0.3])).write(to: secret)
        try FileManager.default.removeItem(at: file)
        try FileManager.default.createSymbolicLink(at: file, withDestinationURL: secret)
        #expect(await exhibition.explorer.answer(request).status == .notFound)
    }

    @Test func nothingOnDiskIsChanged() async throws {
        let before = exhibition.files
        for (path, query) in [
            ("/", []), ("/report", []), ("/api/segments", [("sort", "notes")]),
            ("/api/segment", [("id", "train/0")]), ("/api/source", [("source", "3")]),
            ("/api/sound", [("source", "16")]), ("/api/notes", [("id", "train/0")]),
            ("/api/features", [("source", "16")]), ("/api/runs", []), ("/api/run", [("name", "x")]),
        ] as [(String, [(String, String)])] {
            _ = await exhibition.explorer.answer(ExplorerRequest(path: path, query: query))
        }
        let after = exhibition.files
        // SQLite makes files of shared memory beside an index that is read; they hold no data.
        func lasting(_ files: [String: Data]) -> [String: Data] {
            files.filter { !$0.key.hasSuffix("-shm") && !$0.key.hasSuffix("-wal") }
        }
        #expect(lasting(before) == lasting(after))
    }
}
