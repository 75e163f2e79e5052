import Testing

@testable import Explorer

/// What bytes are taken for a request, and what for none.
struct RequestHeadTests {
    private func parse(_ text: String) throws -> ExplorerRequest {
        try RequestHead.parse(Array(text.utf8)[...])
    }

    @Test func readsALineAndHeaders() throws {
        let request = try parse(
            "GET /api/segments?q=two+words&label.style=%C3%A9t%C3%A9&empty HTTP/1.1\r\nHOST:  localhost:80 \r\nrange:bytes=0-\r\nX-Other: 1\r\n\r\n"
        )
        #expect(request.method == "GET" && request.path == "/api/segments")
        #expect(request["q"] == "two words" && request["label.style"] == "été" && request["empty"] == "")
        #expect(request.host == "localhost:80" && request.range == "bytes=0-")
        #expect(request.keepsConnection && !request.hasBody)
    }

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "Connection: Upgrade, Close\r\n", false), ("HTTP/1.0", "", false),
    ])
    func knowsWhetherTheConnectionIsKept(version: String, header: String, isKept: Bool) throws {
        #expect(try parse("GET / \(version)\r\n\(header)\r\n").keepsConnection == isKept)
    }

    @Test(arguments: [
        ("Content-Length: 0\r\n", false), ("Content-Length: 00\r\n", false), ("Content-Length: 7\r\n", true),
        ("Content-Length: 99999999999999999999999\r\n", true), ("Transfer-Encoding: chunked\r\n", true),
        ("Transfer-Encoding: nonsense\r\n", true),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", true),
    ])
    func knowsWhetherABodyFollows(header: String, follows: Bool) throws {
        #expect(try parse("GET / HTTP/1.1\r\n\(header)\r\n").hasBody == follows)
    }

    @Test(arguments: [
        "", "\r\n", "\r\n\r\n", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\n\n", "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n", " GET / HTTP/1.1\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "GET /\u{e9} HTTP/1.1\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost\r\n\r\n",
        "GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nA: b\rHost: c\r\n\r\n",
        "GET / HTTP/1.1\r\nA: \0\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: \r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET /?a=%zz HTTP/1.1\r\n\r\n", "GET /?a=% HTTP/1.1\r\n\r\n", "GET /?%ff=1 HTTP/1.1\r\n\r\n",
    ])
    func refusesWhatIsNoRequest(text: String) {
        let error = #expect(throws: ExplorerError.self) { try parse(text) }
        #expect(error?.status == .badRequest)
    }

    /// Wherever the bytes are split, the end of the head is found where it is.
    @Test(arguments: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n", "GET /\n\n", "GET /\n\r\n", "\n"])
    func findsTheEndWhereverBytesAreParted(text: String) {
        let head = Array(text.utf8)
        let bytes = head + Array("GET /next".utf8)
        var whole = 0
        let end = RequestHead.length(of: bytes, searched: &whole)
        for cut in 0...bytes.count {
            var searched = 0
            let first = RequestHead.length(of: Array(bytes[..<cut]), searched: &searched)
            let second = first ?? RequestHead.length(of: bytes, searched: &searched)
            #expect(second == end, "cut at \(cut)")
        }
        #expect(end == (text == "\r\n\r\n" ? 2 : text == "\n" ? 1 : head.count))
    }

    /// No bytes at all make it trap.
    @Test func anyBytesAreARequestOrAnError() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "GET", " ", "/", "HTTP/1.1", "\r\n", "\n", ":", "Host", "?", "%", "&", "=", "\u{e9}", "\0",
            "Content-Length",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
                pieces.randomElement(using: &random)
            }
            let bytes = Array(text.joined().utf8)
            var searched = 0
            guard let end = RequestHead.length(of: bytes, searched: &searched) else { continue }
            _ = try? RequestHead.parse(bytes[..<end])
        }
    }
}
