internal import CCurl
import Files
import Foundation
import Synchronization

/// A request to a server.
struct HTTPRequest {
    /// What is sent with it.
    enum Body {
        case none
        case bytes([UInt8])
        /// A part of a file.
        case file(descriptor: Int32, range: Range<Int>)

        var count: Int {
            switch self {
            case .none: 0
            case .bytes(let bytes): bytes.count
            case .file(_, let range): range.count
            }
        }
    }

    var method: String
    var url: String
    var headers: [(name: String, value: String)] = []
    var body = Body.none
    /// The most bytes of the answer's body.
    var limit = 1 << 20
}

/// What a server answered.
struct HTTPAnswer {
    enum Outcome {
        case done
        case unreachable
        case tooSlow
        case tooLarge
        case refused
        case failed
    }

    let outcome: Outcome
    /// 0 without an answer.
    let status: Int
    /// The length of the body as the server states it.
    let length: Int?
    let tag: String
    /// Why it failed, or what an answer with another status than 200 says.
    let message: String
    let received: Int
    let sent: Int
}

/// Connections to a server that are kept and used again, at most so many at once.
final class ConnectionPool: Sendable {
    private struct State {
        var idle: [Connection] = []
    }

    /// A handle of the library; used by one thread at a time.
    private struct Connection: @unchecked Sendable {
        let handle: OpaquePointer
    }

    private let limits: RemoteLimits
    private let slots: DispatchSemaphore
    private let state = Mutex(State())

    /// - Throws: `build.bad-remote` if libcurl is not there.
    init(_ limits: RemoteLimits) throws(BuildError) {
        if let fault = ccurl_fault() {
            throw BuildError(
                .badRemote,
                "a remote needs libcurl: \(String(cString: fault)); on Debian and Ubuntu: apt-get install libcurl4",
                canRetry: false)
        }
        self.limits = limits
        slots = DispatchSemaphore(value: limits.connections)
    }

    deinit {
        for connection in state.withLock({ $0.idle }) { ccurl_close(connection.handle) }
    }

    /// Makes a request, and waits for its end.
    ///
    /// - Parameters:
    ///   - request: what is asked.
    ///   - sink: takes the body of an answer with the status 200 in parts; false ends the transfer.
    /// - Returns: what came of it.
    func perform(
        _ request: HTTPRequest, to sink: (UnsafeRawBufferPointer) -> Bool = { _ in true }
    ) -> HTTPAnswer {
        slots.wait()
        defer { slots.signal() }
        let kept = state.withLock { $0.idle.popLast() }
        guard let connection = kept ?? ccurl_open().map({ Connection(handle: $0) }) else {
            return HTTPAnswer(
                outcome: .failed, status: 0, length: nil, tag: "", message: "libcurl cannot start a request",
                received: 0, sent: 0)
        }
        defer { state.withLock { $0.idle.append(connection) } }
        return withoutActuallyEscaping(sink) { sink in
            switch request.body {
            case .bytes(let bytes):
                return bytes.withUnsafeBytes {
                    perform(
                        request, connection, bytes: $0.baseAddress ?? UnsafeRawPointer(bitPattern: 1), sink)
                }
            case .none, .file: return perform(request, connection, bytes: nil, sink)
            }
        }
    }

    private func perform(
        _ request: HTTPRequest, _ connection: Connection, bytes: UnsafeRawPointer?,
        _ sink: @escaping (UnsafeRawBufferPointer) -> Bool
    ) -> HTTPAnswer {
        final class Sink {
            let take: (UnsafeRawBufferPointer) -> Bool
            init(_ take: @escaping (UnsafeRawBufferPointer) -> Bool) { self.take = take }
        }
        let box = Sink(sink)
        var asked = ccurl_request()
        asked.body = bytes
        asked.size = -1
        switch request.body {
        case .none:
            if request.method == "POST" { (asked.body, asked.size) = (UnsafeRawPointer(bitPattern: 1), 0) }
        case .bytes(let bytes): asked.size = Int64(bytes.count)
        case .file(let descriptor, let range):
            asked.descriptor = descriptor
            asked.offset = Int64(range.lowerBound)
            asked.size = Int64(range.count)
        }
        asked.limit = Int64(request.limit)
        let moved = Double(max(request.body.count, request.limit)) / Double(256 << 10)
        asked.connect_time = limits.connecting.milliseconds
        asked.stall_time = limits.stalling.milliseconds
        asked.total_time = limits.answering.milliseconds + Int(min(moved, 1e7) * 1000)
        asked.context = Unmanaged.passUnretained(box).toOpaque()
        asked.sink = { context, bytes, count in
            guard let context, let bytes else { return 0 }
            let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
            return sink.take(UnsafeRawBufferPointer(start: bytes, count: count)) ? 1 : 0
        }
        var answer = ccurl_answer()
        let lines = request.headers.map { strdup("\($0.name): \($0.value)") }
        defer { for line in lines { free(line) } }
        var pointers = lines.map { UnsafePointer($0) } + [nil]
        request.method.withCString { method in
            request.url.withCString { url in
                pointers.withUnsafeMutableBufferPointer { headers in
                    asked.method = method
                    asked.url = url
                    asked.headers = UnsafePointer(headers.baseAddress)
                    withExtendedLifetime(box) { ccurl_perform(connection.handle, &asked, &answer) }
                }
            }
        }
        let outcome: HTTPAnswer.Outcome =
            switch answer.outcome {
            case ccurl_done: .done
            case ccurl_unreachable: .unreachable
            case ccurl_timeout: .tooSlow
            case ccurl_too_large: .tooLarge
            case ccurl_refused: .refused
            default: .failed
            }
        return HTTPAnswer(
            outcome: outcome, status: answer.status, length: answer.length < 0 ? nil : Int(answer.length),
            tag: Self.text(of: &answer.tag), message: Self.text(of: &answer.message),
            received: Int(answer.received), sent: Int(answer.sent))
    }

    /// The text in an array of C characters.
    private static func text<Characters>(of characters: inout Characters) -> String {
        withUnsafeBytes(of: &characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

extension Duration {
    fileprivate var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
