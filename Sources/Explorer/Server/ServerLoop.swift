#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Answers clients on one thread that never waits for any of them.
///
/// Nothing that clients send or leave undone uses more than a fixed amount: connections are limited, and the one that has
/// done nothing for longest makes room for a new one; a head is limited in size and time, as is the body of the one request
/// that may have one; other bodies are never read; what is sent is made as the client takes it. Answers are made by tasks,
/// of which few run at once.
final class ServerLoop {
    /// What clients may use.
    struct Limits: Sendable {
        /// Connections open at once.
        var connections = max(8, min(256, Socket.mostDescriptors / 4))
        /// Requests that are answered at once; those that wait for statistics or records count too.
        var answers = 64
        /// Those of them that are computed at once.
        var threads = 4
        /// From the first byte of a request to the end of its headers and of its body.
        var headTime = Duration.seconds(5)
        /// Between two requests, and before the first.
        var idleTime = Duration.seconds(120)
        /// Without a byte of the answer being taken: a browser that has buffered a sound waits for its listener.
        var stallTime = Duration.seconds(600)
        /// For a client to take note of a refusal while it is still sending, in time and in bytes.
        var drainTime = Duration.seconds(2)
        var drainBytes = 4 << 20
    }

    private let explorer: DatasetExplorer
    private let listener: ListeningSocket
    private let limits: Limits
    private let mailbox: ServerMailbox
    private let threads: AnswerThreads
    private var connections: [Int: ServerConnection] = [:]
    private var nextNumber = 0
    /// Numbers of connections whose requests wait, oldest first.
    private var queue: [Int] = []
    private var answering = 0
    /// Set while the system has no descriptor for another connection.
    private var acceptsAfter: ContinuousClock.Instant?
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

    init(
        _ explorer: DatasetExplorer, _ listener: ListeningSocket, _ mailbox: ServerMailbox,
        limits: Limits = .init()
    ) {
        self.explorer = explorer
        self.listener = listener
        self.mailbox = mailbox
        self.limits = limits
        threads = AnswerThreads(width: limits.threads)
    }

    deinit { scratch.deallocate() }

    /// Answers until the mailbox holds a stop.
    func run() {
        while true {
            let (polled, isListening) = wait()
            let now = ContinuousClock.now
            for letter in mailbox.empty() {
                switch letter {
                case .answer(let response, let number): answer(response, number, now)
                case .part(let bytes, let number): more(bytes, number, now)
                case .stop: return stop()
                }
            }
            for (number, events) in polled {
                if let connection = connections[number] { serve(connection, events, now) }
            }
            if isListening { acceptClients(now) }
            endLateConnections(now)
            answerWaiting()
        }
    }

    private func stop() {
        for connection in connections.values { end(connection, at: nil) }
        listener.end()
    }

    /// Waits until something can be done; says which connections are ready, and whether clients wait to connect.
    private func wait() -> (connections: [(number: Int, events: Int32)], isListening: Bool) {
        var numbers: [Int] = []
        var polled = [pollfd(fd: mailbox.pollDescriptor, events: Int16(POLLIN), revents: 0)]
        let isOpen = acceptsAfter.map { $0 <= .now } ?? true
        polled.append(pollfd(fd: isOpen ? listener.descriptor : -1, events: Int16(POLLIN), revents: 0))
        for (number, connection) in connections {
            let events = connection.isReadable ? POLLIN : connection.isWriting ? POLLOUT : 0
            numbers.append(number)
            polled.append(pollfd(fd: connection.descriptor, events: Int16(events), revents: 0))
        }
        // Deadlines are checked this often; without connections there are none.
        let timeout: Int32 = connections.isEmpty && isOpen ? -1 : 100
        guard poll(&polled, nfds_t(polled.count), timeout) > 0 else { return ([], false) }
        let ready = zip(numbers, polled.dropFirst(2)).filter { $1.revents != 0 }
        return (ready.map { ($0, Int32($1.revents)) }, polled[1].revents != 0)
    }

    // MARK: Connections

    private func acceptClients(_ now: ContinuousClock.Instant) {
        // A few at a time, so that a flood of them does not keep others waiting.
        for _ in 0..<64 {
            switch listener.accept() {
            case .nothing: return
            case .connection(let descriptor):
                if connections.count >= limits.connections { makeRoom() }
                let connection = ServerConnection(number: nextNumber, descriptor: descriptor, now: now)
                nextNumber += 1
                connections[connection.number] = connection
            case .exhausted:
                guard makeRoom() else {
                    acceptsAfter = now + .milliseconds(100)
                    return
                }
            }
        }
    }

    /// Ends the connection that can best be spared.
    @discardableResult private func makeRoom() -> Bool {
        let spared = connections.values.min {
            ($0.rank, $0.lastProgress, $0.number) < ($1.rank, $1.lastProgress, $1.number)
        }
        guard let spared else { return false }
        end(spared, at: nil)
        return true
    }

    /// Ends a connection: at once, or after a half-close.
    private func end(_ connection: ServerConnection, at politely: ContinuousClock.Instant?) {
        if let politely {
            Socket.finishWriting(connection.descriptor)
            connection.state = .draining(bytesLeft: limits.drainBytes)
            connection.lastProgress = politely
            connection.input = []
            return
        }
        if case .answering(let task) = connection.state { task.cancel() }
        connections[connection.number] = nil
        Socket.reset(connection.descriptor)
    }

    private func endLateConnections(_ now: ContinuousClock.Instant) {
        for connection in connections.values {
            let quiet = connection.lastProgress.duration(to: now)
            let isLate =
                switch connection.state {
                case .reading:
                    connection.requestBegin.map { $0.duration(to: now) > limits.headTime }
                        ?? (quiet > limits.idleTime)
                case .writing: quiet > limits.stallTime
                case .draining: quiet > limits.drainTime
                case .waiting, .answering, .producing: false
                }
            if isLate { end(connection, at: nil) }
        }
    }

    private func serve(_ connection: ServerConnection, _ events: Int32, _ now: ContinuousClock.Instant) {
        switch connection.state {
        case .reading: receive(connection, now)
        case .writing: transmit(connection, now)
        case .draining(let left):
            guard let count = Socket.read(connection.descriptor, into: scratch) else { return }
            // The time to drain runs from the answer on, whatever comes.
            guard count > 0, count < left else {
                connections[connection.number] = nil
                return count == 0 ? Socket.end(connection.descriptor) : Socket.reset(connection.descriptor)
            }
            connection.state = .draining(bytesLeft: left - count)
        case .waiting, .answering, .producing:
            if events & (POLLHUP | POLLERR | POLLNVAL) != 0 { end(connection, at: nil) }
        }
    }

    // MARK: Requests

    private func receive(_ connection: ServerConnection, _ now: ContinuousClock.Instant) {
        guard let count = Socket.read(connection.descriptor, into: scratch) else { return }
        guard count > 0 else {
            connections[connection.number] = nil
            return Socket.end(connection.descriptor)
        }
        connection.lastProgress = now
        connection.input += scratch.prefix(count)
        takeRequest(connection, now)
    }

    /// Looks whether the bytes that came hold a whole request, and begins to answer it.
    private func takeRequest(_ connection: ServerConnection, _ now: ContinuousClock.Instant) {
        connection.state = .reading
        guard !connection.input.isEmpty else { return }
        connection.requestBegin = connection.requestBegin ?? now
        do {
            if let head = try connection.nextHead() {
                connection.keepsConnection = head.keepsConnection
                connection.lastProgress = now
                if let refusal = explorer.refusal(of: head) {
                    // Who was refused does not get to send more.
                    connection.keepsConnection = false
                    connection.begin(refusal, withBody: head.method != "HEAD")
                    return transmit(connection, now)
                }
                connection.accept(head)
            }
            guard let request = connection.nextRequest() else { return }
            connection.state = .waiting(request)
            queue.append(connection.number)
        } catch {
            connection.keepsConnection = false
            connection.begin(explorer.response(to: error), withBody: true)
            transmit(connection, now)
        }
    }

    private func answerWaiting() {
        while answering < limits.answers, !queue.isEmpty {
            let number = queue.removeFirst()
            guard let connection = connections[number], case .waiting(let request) = connection.state else {
                continue
            }
            answering += 1
            let (explorer, mailbox) = (explorer, mailbox)
            connection.state = .answering(
                Task.detached(executorPreference: threads) {
                    var response = await explorer.answer(request)
                    if request.method == "HEAD" { response.isHeadOnly = true }
                    mailbox.put(.answer(response, connection: number))
                })
        }
    }

    // MARK: Answers

    private func answer(_ response: ExplorerResponse, _ number: Int, _ now: ContinuousClock.Instant) {
        answering -= 1
        guard let connection = connections[number] else { return }
        connection.lastProgress = now
        connection.begin(response, withBody: !response.isHeadOnly)
        transmit(connection, now)
    }

    /// More of a body has been made.
    private func more(_ bytes: [UInt8], _ number: Int, _ now: ContinuousClock.Instant) {
        guard let connection = connections[number] else { return }
        // The end of the connection tells the client that the answer is incomplete.
        guard !bytes.isEmpty else { return end(connection, at: nil) }
        connection.append(bytes)
        connection.state = .writing
        transmit(connection, now)
    }

    private func transmit(_ connection: ServerConnection, _ now: ContinuousClock.Instant) {
        guard connection.send(now) else { return end(connection, at: nil) }
        guard connection.hasSentAll else { return }
        if let stream = connection.stream, !stream.isAtEnd {
            connection.state = .producing
            let (mailbox, number) = (mailbox, connection.number)
            Task.detached(executorPreference: threads) {
                mailbox.put(.part((try? stream.next()) ?? [], connection: number))
            }
            return
        }
        connection.stream = nil
        guard connection.keepsConnection else { return end(connection, at: now) }
        takeRequest(connection, now)
    }
}
