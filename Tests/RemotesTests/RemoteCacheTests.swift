import Files
import Foundation
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Remotes

/// A remote store on servers that do all kinds of things.
@Suite(.timeLimit(.minutes(2))) struct RemoteCacheTests {
    private let key = Digest(of: Array("key".utf8))

    /// Limits that a test can wait for.
    private static var quick: RemoteLimits {
        var limits = RemoteLimits()
        limits.connecting = .seconds(2)
        limits.stalling = .seconds(1)
        limits.answering = .seconds(3)
        limits.retrying = .milliseconds(1)
        limits.pause = .milliseconds(200)
        return limits
    }

    private func open(
        _ server: OddServer, _ limits: RemoteLimits = quick, seal: RecordSeal? = nil,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> RemoteCache {
        try RemoteCache(RemoteAddress(server.address), seal: seal, limits: limits, log: log)
    }

    private func read(_ remote: RemoteCache, _ digest: Digest, size: Int?) -> [UInt8]? {
        var bytes: [UInt8] = []
        let isWhole = remote.read(digest, size: size) {
            bytes += $0
            return true
        }
        return isWhole ? bytes : nil
    }

    @Test func whatIsKeptIsFoundInTheLayoutOfBazel() throws {
        let kept = Mutex<[String: [UInt8]]>([:])
        let server = try OddServer { request, _ in
            let words = request.line.split(separator: " ")
            let (method, path) = (String(words[0]), String(words[1]))
            return kept.withLock { kept in
                if method == "PUT" {
                    kept[path] = request.body
                    return .bytes(OddServer.answer("201 Created"))
                }
                guard let bytes = kept[path] else { return .bytes(OddServer.answer("404 Not Found")) }
                return .bytes(
                    method == "HEAD"
                        ? OddServer.answer("200 OK", length: bytes.count) : OddServer.answer("200 OK", bytes))
            }
        }
        defer { server.stop() }
        let remote = try open(server)
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let object = ObjectReference(digest: Digest(of: bytes), size: bytes.count)
        #expect(remote.record(under: key) == nil)
        #expect(!remote.holds(object))
        #expect(read(remote, object.digest, size: object.size) == nil)
        #expect(remote.keep(Array("{}".utf8), under: key))
        #expect(remote.keep(object, .bytes(bytes)))
        #expect(remote.record(under: key) == Array("{}".utf8))
        #expect(remote.holds(object))
        #expect(!remote.holds(ObjectReference(digest: object.digest, size: 1)))
        #expect(read(remote, object.digest, size: object.size) == bytes)
        #expect(read(remote, object.digest, size: nil) == bytes)
        #expect(kept.withLock { Set($0.keys) } == ["/x/ac/\(key.hex)", "/x/cas/\(object.digest.hex)"])
        // An empty object, and one from a file.
        let folder = try TestFolder()
        let path = "\(folder.path)/object"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        kept.withLock { $0 = [:] }
        #expect(remote.keep(object, .file(path)))
        #expect(kept.withLock { Array($0.values) } == [bytes])
        let empty = ObjectReference(digest: Digest(of: []), size: 0)
        #expect(remote.keep(empty, .bytes([])))
        #expect(read(remote, empty.digest, size: 0) == [])
        let traffic = remote.traffic
        #expect(traffic.received == 2 * bytes.count + 2)
        #expect(traffic.sent == 2 * bytes.count + 2)
        #expect(traffic.failures == 0)
    }

    @Test func recordsAreSignedAndRefusedWithoutSignature() throws {
        let kept = Mutex<[UInt8]>([])
        let server = try OddServer { request, _ in
            if request.line.hasPrefix("PUT") {
                kept.withLock { $0 = request.body }
                return .bytes(OddServer.answer("200 OK"))
            }
            return .bytes(OddServer.answer("200 OK", kept.withLock { $0 }))
        }
        defer { server.stop() }
        let seal = RecordSeal(key: [UInt8](repeating: 7, count: 32))
        let signing = try open(server, seal: seal)
        let plain = try open(server)
        #expect(signing.keep(Array("{}".utf8), under: key))
        #expect(signing.record(under: key) == Array("{}".utf8))
        #expect(plain.record(under: key) == Array("{}".utf8), "who has no key believes everyone")
        #expect(plain.keep(Array("{}".utf8), under: key))
        #expect(signing.record(under: key) == nil)
        #expect(signing.traffic.rejected == 1)
    }

    /// Less than was promised, more than was asked for, nothing, nonsense: never more than a miss.
    @Test func oddAnswersAreMisses() throws {
        let body = [UInt8](repeating: 5, count: 1000)
        let replies: [(String, OddServer.Reply)] = [
            ("cut short", .bytes(OddServer.answer("200 OK", body, length: 2000))),
            ("cut in its head", .bytes(Array("HTTP/1.1 200 OK\r\nContent-Le".utf8))),
            (
                "larger than stated",
                .endless(head: Array("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".utf8))
            ),
            ("stated to be huge", .endless(head: OddServer.answer("200 OK", length: 1 << 50))),
            ("a negative length", .bytes(Array("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n".utf8))),
            ("no HTTP", .bytes(Array("SSH-2.0-OpenSSH\r\n".utf8))),
            ("an endless head", .endless(head: Array("HTTP/1.1 200 OK\r\nX: ".utf8))),
            ("hung up", .hangUp), ("silent", .silence),
            ("too slow", .drip(OddServer.answer("200 OK", body), .milliseconds(20))),
            ("a page about an error", .bytes(OddServer.answer("503 Busy", Array("<h1>busy</h1>".utf8)))),
            (
                "elsewhere",
                .bytes(OddServer.answer("302 Found", headers: "Location: http://127.0.0.1:1/\r\n"))
            ),
            ("forbidden", .bytes(OddServer.answer("403 Forbidden"))),
        ]
        var limits = Self.quick
        limits.attempts = 1
        for (name, reply) in replies {
            let server = try OddServer { _, _ in reply }
            defer { server.stop() }
            let remote = try open(server, limits)
            let start = ContinuousClock.now
            #expect(read(remote, key, size: 1500) == nil, "\(name)")
            #expect(ContinuousClock.now - start < .seconds(15), "\(name)")
            #expect(remote.traffic.failures + remote.traffic.rejected == 1, "\(name)")
            #expect(remote.traffic.received <= 1 << 20, "\(name)")
        }
        // A whole answer of another size is not the object.
        let server = try OddServer { _, _ in .bytes(OddServer.answer("200 OK", body)) }
        defer { server.stop() }
        let remote = try open(server)
        #expect(read(remote, key, size: 1500) == nil)
        #expect(remote.traffic.rejected == 1)
        #expect(read(remote, key, size: 1000) == body)
    }

    @Test func whatMayPassIsTriedAgain() throws {
        let server = try OddServer { _, number in
            number < 2 ? .bytes(OddServer.answer("503 Busy")) : .bytes(OddServer.answer("200 OK", [1, 2]))
        }
        defer { server.stop() }
        let remote = try open(server)
        #expect(remote.record(under: key) == [1, 2])
        #expect(server.requests.count == 3)
        #expect(remote.traffic.failures == 2)
        // What is refused for good is not.
        let strict = try OddServer { _, _ in .bytes(OddServer.answer("403 Forbidden")) }
        defer { strict.stop() }
        #expect(try open(strict).record(under: key) == nil)
        #expect(strict.requests.count == 1)
    }

    @Test func aServerThatFailsIsLeftAloneAndAskedAgainLater() throws {
        let isBack = Mutex(false)
        let server = try OddServer { _, _ in
            .bytes(OddServer.answer(isBack.withLock { $0 } ? "404 Not Found" : "500 Broken"))
        }
        defer { server.stop() }
        let lines = Mutex<[String]>([])
        let remote = try open(server) { line in lines.withLock { $0.append(line) } }
        for _ in 0..<100 { #expect(remote.record(under: key) == nil) }
        #expect(server.requests.count < 20, "\(server.requests.count) requests")
        #expect(lines.withLock { $0.first?.contains("status 500") == true })
        isBack.withLock { $0 = true }
        Thread.sleep(forTimeInterval: 0.5)
        for _ in 0..<5 { #expect(remote.record(under: key) == nil) }
        #expect(lines.withLock { $0.last?.contains("answers again") == true })
    }

    @Test func aDeadServerCostsLittleTime() throws {
        let server = try OddServer { _, _ in .hangUp }
        server.stop()
        let lines = Mutex<[String]>([])
        var limits = Self.quick
        limits.pause = .milliseconds(1)
        let remote = try open(server, limits) { line in lines.withLock { $0.append(line) } }
        let start = ContinuousClock.now
        for _ in 0..<10_000 { #expect(remote.record(under: key) == nil) }
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(remote.traffic.requests < 100)
        #expect(lines.withLock { $0.last?.contains("not used any more") == true })
    }

    @Test func tooMuchThatIsWrongEndsItsUse() throws {
        let server = try OddServer { _, _ in .bytes(OddServer.answer("200 OK", [1])) }
        defer { server.stop() }
        let remote = try open(server)
        for _ in 0..<16 {
            #expect(remote.record(under: key) == [1])
            remote.reject("a record")
        }
        #expect(remote.record(under: key) == nil)
        #expect(server.requests.count == 16)
    }

    @Test func passwordsAreSentAndNotShown() throws {
        let heads = Mutex<[String]>([])
        let server = try OddServer { _, _ in .bytes(OddServer.answer("500 No")) }
        defer { server.stop() }
        let address = "http://me:secret@127.0.0.1:\(server.port)/x"
        let remote = try RemoteCache(RemoteAddress(address), limits: Self.quick) { line in
            heads.withLock { $0.append(line) }
        }
        for _ in 0..<10 { _ = remote.record(under: key) }
        #expect(!remote.address.contains("secret"))
        #expect(heads.withLock { !$0.isEmpty && $0.allSatisfy { !$0.contains("secret") } })
    }

    /// More threads than connections: all are served, and never by more at once.
    @Test func connectionsAreBounded() throws {
        let counts = Mutex((now: 0, most: 0))
        let server = try OddServer { _, _ in
            counts.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            Thread.sleep(forTimeInterval: 0.02)
            counts.withLock { $0.now -= 1 }
            return .bytes(OddServer.answer("404 Not Found"))
        }
        defer { server.stop() }
        var limits = Self.quick
        limits.connections = 3
        let remote = try open(server, limits)
        try Workers(count: 12).forEach(Array(0..<60)) { number in
            _ = remote.record(under: Digest(of: [UInt8(number)]))
        }
        #expect(server.requests.count == 60)
        #expect(counts.withLock(\.most) <= 3)
        #expect(counts.withLock(\.most) > 1)
    }
}
