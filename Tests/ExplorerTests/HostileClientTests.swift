import Foundation
import Synchronization
import Testing

@testable import Explorer

/// Clients that want to stop the explorer: after each attack, and during it, a normal request is answered at once.
@Suite(.serialized)
struct HostileClientTests {
    private static let megabyte = String(repeating: "y", count: 1_000_000)

    /// Demands that a fresh client is answered within a second; a second and a third try, since the machine may be busy.
    private static func expectAnswer(
        _ port: UInt16, _ when: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var times: [Duration] = []
        for _ in 0..<3 {
            let begin = ContinuousClock.now
            let client = try Client(port)
            client.send("GET /api/dataset HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(client.answer().hasPrefix("HTTP/1.1 200"), "\(when)", sourceLocation: sourceLocation)
            times.append(begin.duration(to: .now))
            if times.last ?? .zero < .seconds(1) { return }
        }
        Issue.record("\(when): answered after \(times)", sourceLocation: sourceLocation)
    }

    /// The process's open sockets that a port is one end of.
    ///
    /// Other suites open and close descriptors of their own meanwhile, so a count of all says nothing.
    private static func openSockets(of port: UInt16) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")) ?? []
        return names.compactMap { Int32($0) }.count { descriptor in
            [portOf(descriptor, getsockname), portOf(descriptor, getpeername)].contains(port)
        }
    }

    private static func portOf(
        _ descriptor: Int32,
        _ end: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> UInt16? {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { end(descriptor, $0, &size) }
        }
        guard status == 0, address.sin_family == sa_family_t(AF_INET) else { return nil }
        return UInt16(bigEndian: address.sin_port)
    }

    /// A client that is still sending gets the answer, and the server reads none of it as a request.
    @Test(arguments: [
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nF4240\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ])
    func bodiesAreNotRead(head: String) async throws {
        let busy = try await serving(limits: .init(drainTime: .milliseconds(100))) { port in
            for _ in 0..<2 {
                let client = try Client(port)
                client.send(head)
                client.send(Self.megabyte)
                let answer = client.all()
                let status = head.hasPrefix("POST") ? "405" : "413"
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer.prefix(40))")
                #expect(answer.components(separatedBy: "HTTP/1.1").count == 2)
                #expect(answer.contains("Connection: close\r\n"))
                try Self.expectAnswer(port, head)
            }
            Thread.sleep(forTimeInterval: 0.5)
        }
        #expect(busy < 0.4, "the server is busy with nothing")
    }

    /// A body that never ends is cut off.
    @Test func anEndlessBodyIsCutOff() async throws {
        try await serving(limits: .init(drainTime: .milliseconds(300), drainBytes: 1 << 20)) { port in
            let client = try Client(port)
            client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            var sent = 0
            while sent < 200, client.send(Self.megabyte) { sent += 1 }
            #expect(sent < 50)
            try Self.expectAnswer(port, "after an endless body")
            // One that comes a byte a time is cut off as well.
            let slow = try Client(port)
            slow.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
            let begin = ContinuousClock.now
            while slow.send("y"), begin.duration(to: .now) < .seconds(5) {
                Thread.sleep(forTimeInterval: 0.05)
            }
            #expect(begin.duration(to: .now) < .seconds(3))
        }
    }

    @Test func idleConnectionsMakeRoomForOthers() async throws {
        let served = Mutex<UInt16>(0)
        try await serving(limits: .init(connections: 40)) { port in
            served.withLock { $0 = port }
            // The tests' process holds both ends, so a few hundred at a time.
            var clients: [Client] = []
            for number in 0..<1500 {
                clients.append(try Client(port))
                if clients.count > 300 { clients.removeFirst() }
                if number % 300 == 299 { try Self.expectAnswer(port, "with \(number + 1) idle connections") }
            }
            let open = clients.count { !$0.isEnded }
            #expect(open <= 40)
            // Each open connection has both ends here; the listener is one more.
            #expect(Self.openSockets(of: port) >= 2 * open + 1)
            // The newest are those that stay.
            #expect(clients.suffix(20).allSatisfy { !$0.isEnded })
            let silent = try Client(port)
            silent.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(silent.answer().hasPrefix("HTTP/1.1 200"))
        }
        #expect(Self.openSockets(of: served.withLock { $0 }) == 0, "a connection was left open")
    }

    /// Connections that send, read nothing, or begin a request make room too.
    @Test func busyConnectionsMakeRoomForOthers() async throws {
        try await serving(limits: .init(connections: 20, headTime: .seconds(60))) { port in
            var clients: [Client] = []
            for number in 0..<90 {
                let client = try Client(port)
                switch number % 3 {
                case 0: client.send("GET / HTTP/1.1\r\nHost: lo")
                case 1: client.send("GET /api/sound?source=16 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                default: client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
                }
                clients.append(client)
            }
            try Self.expectAnswer(port, "with connections at everything")
        }
    }

    /// A client that asks for much and takes none of it costs a connection, and nothing else.
    @Test func whoTakesNothingIsNotWaitedFor() async throws {
        try await serving(limits: .init(stallTime: .milliseconds(500))) { port in
            let client = try Client(port)
            let request = "GET /chart.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
            // Answers of some 200 KB each fill what the system buffers.
            client.send(String(repeating: request, count: 100))
            try Self.expectAnswer(port, "while an answer is not taken")
            Thread.sleep(forTimeInterval: 1)
            #expect(client.allBytes().count < 100 * 190_000)
        }
    }

    @Test func headersThatComeSlowlyOrNeverEndAreCut() async throws {
        try await serving { port in
            let slow = try Client(port)
            slow.send("GET / HTTP/1.1\r\nHost: lo")
            #expect(slow.allBytes().isEmpty)
            let dripping = try Client(port)
            let begin = ContinuousClock.now
            while dripping.send("x"), begin.duration(to: .now) < .seconds(10) {
                Thread.sleep(forTimeInterval: 0.05)
            }
            #expect(begin.duration(to: .now) < .seconds(3))
            for piece in ["x", "x: y\r\n", "\n"] {
                let endless = try Client(port)
                endless.send("GET / HTTP/1.1\r\n")
                var sent = 0
                while endless.send(String(repeating: piece, count: 4096)), sent < 2000 { sent += 1 }
                #expect(sent < 2000, "\(piece)")
                try Self.expectAnswer(port, "after endless headers")
            }
            let large = try Client(port)
            large.send(
                "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: \(String(repeating: "x", count: 40_000))\r\n\r\n"
            )
            #expect(large.answer().hasPrefix("HTTP/1.1 431 "))
        }
    }

    /// More requests than are answered at once wait; those whose clients have gone are not answered.
    @Test func manyRequestsAtOnceAreAllAnswered() async throws {
        try await serving(limits: .init(answers: 2)) { port in
            let clients = try (0..<30).map { _ in try Client(port) }
            for (number, client) in clients.enumerated() {
                client.send("GET /api/picture?id=train/\(number % 7) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            }
            for client in clients { #expect(client.answer().hasPrefix("HTTP/1.1 200")) }
            let gone = try (0..<30).map { _ in try Client(port) }
            for client in gone { client.send("GET /report HTTP/1.1\r\nHost: localhost\r\n\r\n") }
            _ = consume gone
            try Self.expectAnswer(port, "after clients that have gone")
        }
    }
}
