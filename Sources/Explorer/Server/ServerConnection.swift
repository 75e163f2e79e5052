/// One client's connection: what it has sent, and what it is sent.
///
/// Only the server's thread touches it.
final class ServerConnection {
    /// What a connection is at.
    enum State {
        /// A request is awaited, or part of one has come.
        case reading
        /// A whole request waits until fewer are answered.
        case waiting(ExplorerRequest)
        /// A task makes the answer.
        case answering(Task<Void, Never>)
        /// The answer is sent.
        case writing
        /// Everything sent has been taken; a task makes the next part of the body.
        case producing
        /// The answer has been sent, and the connection will end: what still comes is discarded for a short while, since a
        /// client that is still sending would lose the answer if its connection were reset.
        case draining(bytesLeft: Int)
    }

    /// Its number; descriptors are used again, numbers are not.
    let number: Int
    let descriptor: Int32
    var state = State.reading
    /// When something last came or was taken, or the state changed.
    var lastProgress: ContinuousClock.Instant
    /// A request whose body has not come whole yet.
    private var pending: ExplorerRequest?
    /// When the first byte of the request came that is being read.
    var requestBegin: ContinuousClock.Instant?
    /// Bytes that came and belong to no request yet.
    var input: [UInt8] = []
    /// How many of them hold no end of a head.
    var searched = 0
    /// Bytes to send, in order.
    private var output: [ArraySlice<UInt8>] = []
    /// The rest of a body that is made as it is sent.
    var stream: SoundStream?
    /// Whether another request may come after the answer.
    var keepsConnection = true

    init(number: Int, descriptor: Int32, now: ContinuousClock.Instant) {
        self.number = number
        self.descriptor = descriptor
        lastProgress = now
    }

    /// How readily this connection is ended for a new one: those that only wait first, those that are answered last.
    var rank: Int {
        switch state {
        case .reading, .draining: 0
        case .writing, .producing: 1
        case .waiting, .answering: 2
        }
    }

    /// Whether bytes of the client's are wanted now.
    var isReadable: Bool {
        switch state {
        case .reading, .draining: true
        default: false
        }
    }

    var isWriting: Bool { if case .writing = state { true } else { false } }

    // MARK: Requests

    /// The next request with a whole head; nil while it has not come, and while an earlier one's body has not.
    ///
    /// - Throws: `ExplorerError` for a head that is too large or not HTTP.
    func nextHead() throws(ExplorerError) -> ExplorerRequest? {
        guard pending == nil else { return nil }
        let end = RequestHead.length(of: input, searched: &searched)
        guard end ?? input.count <= RequestHead.mostBytes else {
            throw ExplorerError(.headersTooLarge, "the headers are too large")
        }
        guard let end else { return nil }
        let head = input[..<end]
        input.removeFirst(end)
        searched = 0
        return try RequestHead.parse(head)
    }

    /// Accepts a request; its body is read if it has one.
    func accept(_ request: ExplorerRequest) { pending = request }

    /// The accepted request; nil while its body has not come whole.
    func nextRequest() -> ExplorerRequest? {
        guard var request = pending else { return nil }
        let length = request.hasBody ? request.bodyLength ?? 0 : 0
        guard input.count >= length else { return nil }
        request.body = Array(input.prefix(length))
        input.removeFirst(length)
        requestBegin = nil
        pending = nil
        return request
    }

    // MARK: Answers

    /// Prepares an answer to be sent.
    func begin(_ response: ExplorerResponse, withBody: Bool) {
        var head = "HTTP/1.1 \(response.status.rawValue) \(response.status.phrase)\r\n"
        for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
        head += "Content-Length: \(response.body.count)\r\n"
        head += "Connection: \(keepsConnection ? "keep-alive" : "close")\r\n\r\n"
        output = [Array(head.utf8)[...]]
        stream = nil
        if withBody {
            switch response.body {
            case .bytes(let bytes): output.append(bytes[...])
            case .sound(let view, let range): stream = SoundStream(view, range)
            }
        }
        state = .writing
    }

    func append(_ bytes: [UInt8]) { output.append(bytes[...]) }

    /// Sends what the client takes now.
    ///
    /// - Returns: whether the connection is still open.
    func send(_ now: ContinuousClock.Instant) -> Bool {
        while let part = output.first {
            guard !part.isEmpty else {
                output.removeFirst()
                continue
            }
            guard let count = Socket.write(descriptor, part) else { return true }
            guard count > 0 else { return false }
            lastProgress = now
            output[0] = part.dropFirst(count)
        }
        return true
    }

    /// Whether everything that was there to be sent has been taken.
    var hasSentAll: Bool { output.isEmpty }
}
