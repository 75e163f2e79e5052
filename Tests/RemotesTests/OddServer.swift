import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A server of a test that answers as the test says: with bytes, slowly, with less than it promised, or not at all.
final class OddServer: Sendable {
    /// What it does with a request.
    enum Reply {
        /// Writes these bytes, then closes the connection.
        case bytes([UInt8])
        /// Writes these bytes one at a time, with a pause before each.
        case drip([UInt8], Duration)
        /// Writes a head, then zeros until nobody takes them.
        case endless(head: [UInt8])
        /// Closes the connection at once.
        case hangUp
        /// Reads the request and writes nothing until the server ends.
        case silence
    }

    /// A request: its first line and its body.
    struct Request {
        let line: String
        let body: [UInt8]
    }

    let port: UInt16
    private let listener: Int32
    private let reply: @Sendable (Request, _ number: Int) -> Reply
    private let state = Mutex(State())

    private struct State {
        var requests: [String] = []
        var isOver = false
    }

    init(_ reply: @escaping @Sendable (Request, _ number: Int) -> Reply) throws {
        self.reply = reply
        listener = Self.makeSocket()
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        guard status else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        port = UInt16(bigEndian: address.sin_port)
        let thread = Thread { [self] in accept() }
        thread.start()
    }

    /// The address of a folder on it.
    var address: String { "http://127.0.0.1:\(port)/x" }
    /// The first lines of the requests so far.
    var requests: [String] { state.withLock { $0.requests } }

    /// Ends it: later requests find nobody.
    func stop() {
        state.withLock { $0.isOver = true }
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// A whole answer.
    static func answer(_ status: String, _ body: [UInt8] = [], length: Int? = nil, headers: String = "")
        -> [UInt8]
    {
        Array(
            "HTTP/1.1 \(status)\r\nContent-Length: \(length ?? body.count)\r\n\(headers)Connection: close\r\n\r\n"
                .utf8)
            + body
    }

    private static func makeSocket() -> Int32 {
        #if os(Linux)
            socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            socket(AF_INET, SOCK_STREAM, 0)
        #endif
    }

    private var isOver: Bool { state.withLock { $0.isOver } }

    private func accept() {
        while !isOver {
            #if os(Linux)
                let connection = Glibc.accept(listener, nil, nil)
            #else
                let connection = Darwin.accept(listener, nil, nil)
            #endif
            guard connection >= 0 else { return }
            let thread = Thread { [self] in
                serve(connection)
                close(connection)
            }
            thread.start()
        }
    }

    private func serve(_ connection: Int32) {
        guard let request = read(connection) else { return }
        let number = state.withLock { state in
            state.requests.append(request.line)
            return state.requests.count - 1
        }
        switch reply(request, number) {
        case .bytes(let bytes): _ = write(bytes, to: connection)
        case .drip(let bytes, let pause):
            for byte in bytes where !isOver {
                Thread.sleep(forTimeInterval: pause / .seconds(1))
                guard write([byte], to: connection) else { return }
            }
        case .endless(let head):
            guard write(head, to: connection) else { return }
            let zeros = [UInt8](repeating: 0, count: 1 << 16)
            while !isOver, write(zeros, to: connection) {}
        case .hangUp: break
        case .silence: while !isOver { Thread.sleep(forTimeInterval: 0.02) }
        }
    }

    /// A request whose body has the length that its head says.
    private func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var head: Int?
        var needed = Int.max
        while bytes.count < needed {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
            if head == nil, let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound {
                head = end
                let text = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
                let length = text.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                needed =
                    end + (length.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0)
            }
        }
        let text = String(decoding: bytes.prefix { $0 != 0x0D }, as: UTF8.self)
        return Request(line: text, body: Array(bytes[(head ?? 0)...]))
    }

    private func write(_ bytes: [UInt8], to connection: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            #if os(Linux)
                let flags = Int32(MSG_NOSIGNAL)
            #else
                let flags: Int32 = 0
            #endif
            let count = bytes[done...].withUnsafeBytes { send(connection, $0.baseAddress, $0.count, flags) }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}
