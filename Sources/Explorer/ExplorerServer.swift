import Audio
internal import Build
internal import Dispatch
internal import FlyingFox
internal import FlyingSocks

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif
#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension DatasetExplorer {
    /// Where a server listens.
    public struct Address: Sendable, Hashable {
        /// An IP address; `127.0.0.1` and `::1` are reached from this machine alone.
        public let host: String
        /// The port; 0 lets the system choose.
        public let port: UInt16

        /// An address.
        public init(host: String = "127.0.0.1", port: UInt16) {
            self.host = host
            self.port = port
        }
    }

    /// Opens a dataset and answers browsers, until the process ends.
    ///
    /// - Parameters:
    ///   - dataset: as `DatasetReader` takes it.
    ///   - cachePath: the cache's folder.
    ///   - address: where to listen.
    ///   - isListening: called with the page's address when the first browser may come.
    /// - Throws: `BuildError` if there is no such dataset, or nobody can listen there.
    public static func serve(
        _ dataset: String, cachePath: String, at address: Address,
        isListening: @escaping @Sendable (String) -> Void
    ) throws {
        let explorer = try DatasetExplorer(dataset: dataset, cachePath: cachePath, hostName: machineName)
        // A browser that goes away while it is answered is no reason to end.
        signal(SIGPIPE, SIG_IGN)
        let done = DispatchSemaphore(value: 0)
        let failure = Failure()
        Task.detached {
            do {
                try await explorer.listen(at: address, isListening)
            } catch {
                failure.reason = "\(error)"
            }
            done.signal()
        }
        done.wait()
        throw BuildError(
            .inputOutput, "cannot listen on \(address.host), port \(address.port): \(failure.reason)",
            canRetry: false)
    }

    /// Written before the semaphore is signalled, read after.
    private final class Failure: @unchecked Sendable { var reason = "the server stopped" }

    private static var machineName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Answers browsers until the task is cancelled.
    ///
    /// - Parameters:
    ///   - address: where to listen.
    ///   - limit: how long a request may take to arrive.
    ///   - isListening: called with the page's address.
    /// - Throws: what listening meets.
    func listen(
        at address: Address, limit: Duration = .seconds(5),
        _ isListening: @escaping @Sendable (String) -> Void
    ) async throws {
        let patience = RequestPatience(HTTPServer.defaultPool(), limit: limit)
        func configuration(_ address: some SocketAddress) -> HTTPServer.Configuration {
            // Statistics of a large dataset take their time.
            HTTPServer.Configuration(
                address: address, timeout: 600, sharedRequestBufferSize: 4096, sharedRequestReplaySize: 4096,
                pool: patience, logger: .disabled)
        }
        let isIPv6 = address.host.contains(":")
        let server = HTTPServer(
            config: isIPv6
                ? configuration(try .inet6(ip6: address.host, port: address.port))
                : configuration(try .inet(ip4: address.host, port: address.port)),
            handler: ClosureHTTPHandler { request in
                patience.requestIsRead(by: request.remoteAddress)
                let response = await self.answer(ExplorerRequest(request))
                return HTTPResponse(response, withBody: request.method != .HEAD)
            })
        async let running: Void = server.run()
        try await server.waitUntilListening(timeout: 10)
        var port = address.port
        if case .ip4(_, let chosen)? = await server.listeningAddress { port = chosen }
        if case .ip6(_, let chosen)? = await server.listeningAddress { port = chosen }
        isListening("http://\(isIPv6 ? "[\(address.host)]" : address.host):\(port)/")
        try await running
    }
}

extension ExplorerRequest {
    fileprivate init(_ request: HTTPRequest) {
        method = request.method.rawValue
        path = request.target.path()
        query = request.query.map { ($0.name, $0.value) }
        host = request.headers[.host]
        range = request.headers[.range]
        byteCount = request.target.rawValue.utf8.count
        for (name, value) in request.headers {
            byteCount += name.rawValue.utf8.count + value.utf8.count + 4
        }
        // What cannot be read as a query must not be taken for none.
        if query.isEmpty, !request.target.query().isEmpty { query = [("", request.target.query())] }
    }
}

extension HTTPResponse {
    fileprivate init(_ response: ExplorerResponse, withBody: Bool) {
        var headers = HTTPHeaders()
        for (name, value) in response.headers { headers[HTTPHeader(name)] = value }
        headers[.contentLength] = String(response.body.count)
        let body: HTTPBodySequence =
            switch response.body {
            case _ where !withBody: HTTPBodySequence(data: .init())
            case .bytes(let bytes): HTTPBodySequence(data: .init(bytes), suggestedBufferSize: 1 << 16)
            case .sound(let view, let range):
                HTTPBodySequence(from: SoundBytes(view: view, range: range), count: range.count)
            }
        let phrases: [ExplorerResponse.Status: String] = [
            .okay: "OK", .partial: "Partial Content", .badRequest: "Bad Request", .forbidden: "Forbidden",
            .notFound: "Not Found", .methodNotAllowed: "Method Not Allowed",
            .targetTooLong: "URI Too Long",
            .rangeNotSatisfiable: "Range Not Satisfiable",
            .headersTooLarge: "Request Header Fields Too Large",
            .failed: "Internal Server Error",
        ]
        self.init(
            statusCode: HTTPStatusCode(response.status.rawValue, phrase: phrases[response.status] ?? ""),
            headers: headers, body: body)
    }
}

/// Some of a sound's bytes, decoded as they are sent.
private struct SoundBytes: AsyncBufferedSequence {
    typealias Element = UInt8
    let view: WaveView
    let range: Range<Int>

    func makeAsyncIterator() -> Iterator { Iterator(view: view, left: range) }

    struct Iterator: AsyncBufferedIteratorProtocol {
        let view: WaveView
        var left: Range<Int>
        var reader: WaveView.Reader?

        mutating func next() async throws -> UInt8? { nil }

        mutating func nextBuffer(suggested count: Int) async throws -> ArraySlice<UInt8>? {
            let reader = try self.reader ?? view.reader(from: left.lowerBound)
            self.reader = reader
            let bytes = reader.next().prefix(left.count)
            left = left.lowerBound + bytes.count..<left.upperBound
            return bytes.isEmpty ? nil : bytes
        }
    }
}
