public import Files
import Foundation
public import Storage
import Synchronization

/// A remote store behind HTTP: `cas/<sha256>` has objects, `ac/<sha256>` has records, as Bazel's caches lay them out.
///
/// The server is one that answers GET, HEAD and PUT below an address, or S3. Requests that fail for a reason that may pass
/// are repeated; a server that fails again and again is left alone, see `RemoteLimits`.
public final class RemoteCache: RemoteStore {
    /// Where it is, for people.
    public let address: String
    /// The most bytes that a cache keeps of objects that it fetched to read them.
    public let localLimit: Int
    private let place: Place
    private let limits: RemoteLimits
    private let seal: RecordSeal?
    private let pool: ConnectionPool
    private let health: RemoteHealth
    private let moved = Mutex(RemoteTraffic())

    /// How requests are made.
    private enum Place: Sendable {
        case http(base: String)
        case s3(S3Bucket)
    }

    /// Opens a remote store; asks it nothing yet.
    ///
    /// - Parameters:
    ///   - address: where it is.
    ///   - seal: signs the records that are kept, and is asked about those that are found.
    ///   - localLimit: the most bytes that a cache keeps of objects that it fetched to read them.
    ///   - limits: how long it is waited for.
    ///   - environment: the variables that say how S3 is spoken to; nil: those of this process.
    ///   - log: is given lines for people, such as that the server does not answer.
    /// - Throws: `build.bad-remote` if libcurl is missing, or the settings for S3 are wrong.
    public init(
        _ address: RemoteAddress, seal: RecordSeal? = nil, localLimit: Int = 32 << 30,
        limits: RemoteLimits = RemoteLimits(),
        environment: [String: String]? = nil,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(BuildError) {
        self.address = address.shown
        self.seal = seal
        self.localLimit = localLimit
        self.limits = limits
        switch address.kind {
        case .http(let base): place = .http(base: base)
        case .s3(let bucket, let prefix):
            place = .s3(
                S3Bucket(
                    bucket, prefix: prefix,
                    try AWSSettings(environment: environment ?? ProcessInfo.processInfo.environment)))
        }
        pool = try ConnectionPool(limits)
        health = RemoteHealth(limits, address: address.shown, log: log)
    }

    /// How many requests it takes at once.
    public var connections: Int { limits.connections }

    /// What was moved so far.
    public var traffic: RemoteTraffic { moved.withLock { $0 } }

    // MARK: Records

    /// The bytes that are kept under a key, their signature checked and removed; nil if there are none that can be had.
    public func record(under key: Digest) -> [UInt8]? {
        let (answer, bytes) = askWhole("GET", "ac/\(key.hex)", limit: limits.recordSize)
        guard answer?.status == 200 else { return nil }
        if let seal {
            guard let record = seal.open(bytes, under: key) else {
                reject("a record that is not signed with the key of --remote-key")
                return nil
            }
            return record
        }
        guard let (record, _) = RecordSeal.parts(bytes) else {
            reject("a record that is no record")
            return nil
        }
        return record
    }

    /// Keeps bytes under a key, signed if there is a key to sign with.
    public func keep(_ record: [UInt8], under key: Digest) -> Bool {
        let bytes = seal?.seal(record, under: key) ?? record
        return isKept(
            ask("PUT", "ac/\(key.hex)", body: .bytes(bytes), hash: Digest(of: bytes)))
    }

    // MARK: Objects

    /// Hands over the bytes of an object in parts; see `RemoteStore`.
    public func read(_ digest: Digest, size: Int?, to sink: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        var count = 0
        let answer = ask("GET", "cas/\(digest.hex)", limit: size ?? limits.objectSize) { part in
            count += part.count
            return sink(part)
        }
        guard answer?.status == 200 else { return false }
        if let size, count != size {
            reject("\(count) bytes of object \(digest), which has \(size)")
            return false
        }
        return true
    }

    /// Whether the object is there with its size.
    public func holds(_ object: ObjectReference) -> Bool {
        guard let answer = ask("HEAD", "cas/\(object.digest.hex)"), answer.status == 200 else { return false }
        return answer.length == object.size
    }

    /// Keeps an object, in place of what has its name.
    public func keep(_ object: ObjectReference, _ contents: ObjectContents) -> Bool {
        let name = "cas/\(object.digest.hex)"
        switch contents {
        case .bytes(let bytes):
            return isKept(ask("PUT", name, body: .bytes(bytes), hash: object.digest))
        case .file(let path):
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return false }
            defer { close(descriptor) }
            if case .s3 = place, object.size > limits.partSize {
                return keepInParts(name, descriptor, size: object.size)
            }
            return isKept(
                ask(
                    "PUT", name, body: .file(descriptor: descriptor, range: 0..<object.size),
                    hash: object.digest))
        }
    }

    /// Sends a large object to S3 in parts (`CreateMultipartUpload`, `UploadPart`, `CompleteMultipartUpload`).
    private func keepInParts(_ name: String, _ descriptor: Int32, size: Int) -> Bool {
        let (begun, text) = askWhole("POST", name, query: [("uploads", "")])
        guard begun?.status == 200, let upload = S3Bucket.element("UploadId", of: text) else { return false }
        // S3 takes 10,000 parts at most.
        let partSize = max(limits.partSize, (size + 9_999) / 10_000)
        var tags: [String] = []
        for start in stride(from: 0, to: size, by: partSize) {
            let range = start..<min(start + partSize, size)
            guard let hash = Self.hash(descriptor, range),
                let answer = ask(
                    "PUT", name, query: [("partNumber", "\(tags.count + 1)"), ("uploadId", upload)],
                    body: .file(descriptor: descriptor, range: range), hash: hash),
                isKept(answer), !answer.tag.isEmpty
            else {
                // What was sent would stay there, and cost.
                _ = ask("DELETE", name, query: [("uploadId", upload)])
                return false
            }
            tags.append(answer.tag)
        }
        let parts = tags.enumerated().map { number, tag in
            "<Part><PartNumber>\(number + 1)</PartNumber><ETag>\(S3Bucket.escaped(tag))</ETag></Part>"
        }
        let list = Array("<CompleteMultipartUpload>\(parts.joined())</CompleteMultipartUpload>".utf8)
        let (ended, said) = askWhole(
            "POST", name, query: [("uploadId", upload)], body: .bytes(list), hash: Digest(of: list))
        // S3 may report an error with the status 200.
        return ended?.status == 200 && S3Bucket.element("ETag", of: said) != nil
    }

    private static func hash(_ descriptor: Int32, _ range: Range<Int>) -> Digest? {
        var hasher = Digest.Hasher()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var at = range.lowerBound
        while at < range.upperBound {
            let wanted = min(buffer.count, range.upperBound - at)
            let got = pread(descriptor, &buffer, wanted, off_t(at))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            hasher.update(Array(buffer[..<got]))
            at += got
        }
        return hasher.finish()
    }

    /// Notes that something it gave was not what it should be.
    public func reject(_ what: String) {
        moved.withLock { $0.rejected += 1 }
        health.noteRejection(what)
    }

    // MARK: Requests

    private func isKept(_ answer: HTTPAnswer?) -> Bool {
        answer.map { (200...204).contains($0.status) } ?? false
    }

    /// Makes a request, again if it fails for a reason that may pass; nil if there is no answer.
    ///
    /// A body that was begun to be handed over is not asked for again.
    private func ask(
        _ method: String, _ name: String, query: [(name: String, value: String)] = [],
        body: HTTPRequest.Body = .none, hash: Digest? = nil, limit: Int = 1 << 20,
        to sink: (UnsafeRawBufferPointer) -> Bool = { _ in true }
    ) -> HTTPAnswer? {
        var pause = limits.retrying
        for attempt in 1...max(1, limits.attempts) {
            guard health.mayAsk(), !Cancellation.bySignal.isRequested else { return nil }
            var hasBegun = false
            let answer = pool.perform(
                request(method, name, query: query, body: body, hash: hash, limit: limit)
            ) { part in
                hasBegun = true
                return sink(part)
            }
            let fault = Self.fault(in: answer)
            moved.withLock { moved in
                moved.requests += 1
                moved.received += answer.received
                moved.sent += answer.sent
                if fault != nil { moved.failures += 1 }
            }
            guard let fault else {
                health.noteAnswer()
                return answer
            }
            health.noteFailure(fault.reason)
            if !fault.mayPass || hasBegun || attempt == limits.attempts { return nil }
            // Many that failed together do not come back together.
            Thread.sleep(forTimeInterval: (pause / .seconds(1)) * Double.random(in: 0.5...1.5))
            pause *= 2
        }
        return nil
    }

    /// The same with the body of the answer.
    private func askWhole(
        _ method: String, _ name: String, query: [(name: String, value: String)] = [],
        body: HTTPRequest.Body = .none, hash: Digest? = nil, limit: Int = 1 << 20
    ) -> (answer: HTTPAnswer?, bytes: [UInt8]) {
        var bytes: [UInt8] = []
        let answer = ask(method, name, query: query, body: body, hash: hash, limit: limit) { part in
            bytes += part
            return true
        }
        return (answer, bytes)
    }

    private func request(
        _ method: String, _ name: String, query: [(name: String, value: String)], body: HTTPRequest.Body,
        hash: Digest?, limit: Int
    ) -> HTTPRequest {
        switch place {
        case .http(let base):
            return HTTPRequest(
                method: method, url: "\(base)/\(name)",
                headers: body.count > 0 ? [("Content-Type", "application/octet-stream")] : [], body: body,
                limit: limit)
        case .s3(let bucket):
            return bucket.request(
                method, name, query: query, body: body, hash: hash, limit: limit,
                at: Int(Date().timeIntervalSince1970))
        }
    }

    /// Why a request failed, and whether it may succeed later; nil if it did not fail.
    private static func fault(in answer: HTTPAnswer) -> (reason: String, mayPass: Bool)? {
        switch answer.outcome {
        case .refused: return nil
        case .tooLarge, .failed: return (answer.message, false)
        case .unreachable, .tooSlow: return (answer.message, true)
        case .done: break
        }
        switch answer.status {
        case 200...299, 404: return nil
        case 408, 429, 500...599: return (reason(of: answer), true)
        default: return (reason(of: answer), false)
        }
    }

    private static func reason(of answer: HTTPAnswer) -> String {
        let code = S3Bucket.element("Code", of: Array(answer.message.utf8)).map { " \($0)" } ?? ""
        return "status \(answer.status)\(code)"
    }
}
