import Foundation
import Synchronization
import Testing

@testable import Explorer

/// Serves while the body runs, and gives it the port; the body has a thread of its own, since it waits for answers.
///
/// - Returns: the seconds of processor time that the server's thread used.
@discardableResult
func serving(
    limits: ServerLoop.Limits = .init(headTime: .milliseconds(600)),
    _ body: @Sendable @escaping (UInt16) throws -> Void
) async throws -> Double {
    let explorer = try Exhibition.open().explorer
    let listener = try ListeningSocket(.init(port: 0))
    let mailbox = try ServerMailbox()
    let ended = DispatchSemaphore(value: 0)
    let used = Mutex(0.0)
    Thread.detachNewThread {
        ServerLoop(explorer, listener, mailbox, limits: limits).run()
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        used.withLock { $0 = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9 }
        ended.signal()
    }
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
        Thread.detachNewThread {
            let result = Result { try body(listener.port) }
            mailbox.put(.stop)
            ended.wait()
            done.resume(with: result)
        }
    }
    return used.withLock { $0 }
}

/// A connection that sends what it likes.
final class Client: Sendable {
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

    /// Says that nothing more will be sent.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Whether the other end has hung up; bytes that came are skipped.
    var isEnded: Bool {
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = recv(descriptor, &part, part.count, Int32(MSG_DONTWAIT)), count != -1 {
            if count == 0 { return true }
        }
        return errno != EAGAIN
    }

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
