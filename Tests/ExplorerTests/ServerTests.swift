import Foundation
import Synchronization
import Testing

@testable import Explorer

/// The server on a real socket: what bytes from the network come to.
@Suite(.serialized)
struct ServerTests {
    /// Serves while the body runs, and gives it the port; the body has a thread of its own, since it waits for answers.
    private func serving(_ body: @Sendable @escaping (UInt16) throws -> Void) async throws {
        let explorer = try Exhibition.open().explorer
        let (addresses, come) = AsyncStream.makeStream(of: String.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await explorer.listen(at: .init(port: 0), limit: .milliseconds(600)) {
                    come.yield($0)
                }
            }
            let address = try #require(await addresses.first { _ in true })
            let digits = address.dropLast().split(separator: ":").last.map(String.init) ?? ""
            let port = try #require(UInt16(digits))
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                Thread.detachNewThread { done.resume(with: Result { try body(port) }) }
            }
            group.cancelAll()
            while case .some(.failure) = await group.nextResult() {}
        }
    }

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
                let begin = status.isEmpty ? "" : "HTTP/1.1 \(status) "
                #expect(answer.hasPrefix(begin), "\(request.prefix(60)): \(answer.prefix(60))")
                if status.isEmpty { #expect(answer.isEmpty) }
                #expect(!answer.contains("root:"))
            }
        }
    }

    /// Requests, and the status each gets; none where the connection is closed.
    private static let attempts: [(String, String)] = [
        ("POST /api/dataset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "405"),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"),
        ("GET / HTTP/1.1\r\n\r\n", "403"),
        ("GET /../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET /api/segments?%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"),
        ("\r\n\r\n", ""), ("nonsense\r\n\r\n", ""), ("GET /\r\n\r\n", ""),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", ""),
    ]

    /// Headers that never end, and ones that come a byte a time: the server hangs up.
    @Test func hangsUpOnWhoNeverSaysWhatHeWants() async throws {
        try await serving { port in
            let slow = try Client(port)
            slow.send("GET / HTTP/1.1\r\nHost: lo")
            #expect(slow.allBytes().isEmpty)
            let endless = try Client(port)
            endless.send("GET / HTTP/1.1\r\n")
            Thread.sleep(forTimeInterval: 0.2)
            let begin = ContinuousClock.now
            while endless.send(String(repeating: "x", count: 4096)), begin.duration(to: .now) < .seconds(14) {
            }
            #expect(begin.duration(to: .now) < .seconds(10))
            // Others are answered all the same.
            let other = try Client(port)
            other.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(other.answer().hasPrefix("HTTP/1.1 200"))
        }
    }

    /// Whoever is silent between two requests is not hung up on.
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

/// A connection that sends what it likes.
private final class Client: Sendable {
    private let descriptor: Int32

    init(_ port: UInt16) throws {
        #if canImport(Glibc)
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
        var patience = timeval(tv_sec: 15, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(
            descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Whether all of it went out.
    @discardableResult func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        #if canImport(Glibc)
            return Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
        #else
            return Darwin.send(descriptor, bytes, bytes.count, 0) == bytes.count
        #endif
    }

    /// What comes until the other end hangs up.
    func allBytes() -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = recv(descriptor, &part, part.count, 0), count > 0 { bytes += part[..<count] }
        return bytes
    }

    func all() -> String { String(decoding: allBytes(), as: UTF8.self) }

    /// One answer, as long as its `Content-Length` says; what came if the other end hangs up.
    func answer() -> String {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = recv(descriptor, &part, part.count, 0), count > 0 {
            bytes += part[..<count]
            guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else { continue }
            let head = String(decoding: bytes[..<end], as: UTF8.self)
            guard let length = head.firstMatch(of: /Content-Length: (\d+)/).flatMap({ Int($0.1) }) else {
                continue
            }
            if bytes.count >= end + length { break }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
