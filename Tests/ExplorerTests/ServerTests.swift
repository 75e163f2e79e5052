import Files
import Foundation
import Testing

@testable import Explorer

/// The server on a real socket: what bytes from the network come to.
@Suite(.serialized)
struct ServerTests {
    @Test func answersAndKeepsTheConnection() async throws {
        try await serving { port in
            let client = try Client(port)
            for _ in 0..<3 {
                client.send("GET /api/dataset HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n")
                let answer = client.answer()
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                #expect(answer.hasSuffix("}"))
            }
        }
    }

    @Test func headGivesTheSameHeadersAndNoBody() async throws {
        try await serving { port in
            let client = try Client(port)
            client.send("HEAD /explorer.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            let answer = client.all()
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\n"))
            #expect(answer.contains("Content-Length: \(PackageResources.explorer_js.count)\r\n"))
        }
    }

    @Test func soundComesByRanges() async throws {
        try await serving { port in
            let client = try Client(port)
            client.send(
                "GET /api/sound?source=16 HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-99999999\r\nConnection: close\r\n\r\n"
            )
            let answer = client.allBytes()
            let end = try #require(answer.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
            #expect(String(decoding: answer[..<end], as: UTF8.self).hasPrefix("HTTP/1.1 206 "))
            #expect(Array(answer[end..<end + 4]) == Array("RIFF".utf8))
            #expect(answer.count - end == 44 + 2 * 20_000)
        }
    }

    @Test func refuses() async throws {
        try await serving { port in
            for (request, status) in Self.attempts {
                let client = try Client(port)
                client.send(request)
                let answer = client.answer()
                #expect(
                    answer.hasPrefix("HTTP/1.1 \(status) "), "\(request.prefix(60)): \(answer.prefix(60))")
                #expect(!answer.contains("root:"))
            }
        }
    }

    /// Requests, and the status each gets.
    private static let attempts: [(String, String)] = [
        ("POST /api/dataset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "405"),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"),
        ("GET / HTTP/1.1\r\n\r\n", "403"),
        ("GET /../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET /api/segments?%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"),
        ("\r\n\r\n", "400"), ("nonsense\r\n\r\n", "400"), ("GET /\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\nHost: localhost\n\n", "400"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
        ("GET /\(String(repeating: "x", count: 5000)) HTTP/1.1\r\nHost: localhost\r\n\r\n", "414"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", "403"),
        (
            "GET /report HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n\r\n",
            "403"
        ),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "413"
        ),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "413"),
    ]

    /// Several requests that come in one packet are answered one after the other.
    @Test func answersRequestsThatComeTogether() async throws {
        try await serving { port in
            let client = try Client(port)
            let request = "GET /explorer.css HTTP/1.1\r\nHost: localhost\r\n"
            client.send(request + "\r\n" + request + "\r\n" + request + "Connection: close\r\n\r\n")
            let answer = client.all()
            #expect(answer.components(separatedBy: "HTTP/1.1 200 OK").count == 4)
            #expect(answer.components(separatedBy: "Connection: keep-alive").count == 3)
        }
    }

    @Test func aRequestMayComeInPieces() async throws {
        try await serving { port in
            let client = try Client(port)
            for piece in ["GET /explorer.css HT", "TP/1.1\r", "\nHost: localh", "ost\r\n\r", "\n"] {
                client.send(piece)
                Thread.sleep(forTimeInterval: 0.02)
            }
            #expect(client.answer().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func wordsOfASearchAreSeparatedByAPlus() async throws {
        try await serving { port in
            for (query, count) in [("q=slow+tone", 4), ("q=slow%20tone", 4), ("q=slow%2Btone", 0)] {
                let client = try Client(port)
                client.send("GET /api/segments?\(query) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(client.answer().contains("\"sources\":\(count)"), "\(query)")
            }
        }
    }

    /// A client that is silent between two requests is not disconnected.
    @Test func waitsForWhoSaysNothing() async throws {
        try await serving { port in
            let client = try Client(port)
            for _ in 0..<2 {
                Thread.sleep(forTimeInterval: 1)
                client.send("GET /explorer.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(client.answer().hasPrefix("HTTP/1.1 200"))
            }
        }
    }
}

/// Where a server can listen, and what is said where it cannot.
struct ListeningTests {
    @Test func aPortInUseIsAnErrorAtOnce() throws {
        let first = try ListeningSocket(.init(port: 0))
        defer { first.end() }
        let error = try #require(throws: BuildError.self) { try ListeningSocket(.init(port: first.port)) }
        #expect(
            error.message
                == "cannot listen on 127.0.0.1, port \(first.port): another program uses the port, perhaps an explorer that still runs; choose another with --port, or write --port 0 for any that is free"
        )
    }

    @Test(arguments: [("localhost", "localhost"), ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0")])
    func listensOnNamesAndAddresses(host: String, shown: String) throws {
        let socket = try ListeningSocket(.init(host: host, port: 0))
        defer { socket.end() }
        #expect(socket.port > 0)
        #expect(socket.urlHost == shown)
    }

    @Test(arguments: ["no.such.name.invalid", "192.0.2.1", "1.2.3.4.5", ""])
    func anAddressOfAnotherMachineIsAnError(host: String) throws {
        let error = try #require(throws: BuildError.self) {
            try ListeningSocket(.init(host: host, port: 0))
        }
        #expect(error.message.contains("--host"))
        #expect(!error.message.contains("\n"))
    }
}
