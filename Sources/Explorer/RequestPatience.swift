internal import FlyingFox
internal import FlyingSocks
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A pool of sockets that hangs up on whoever takes too long to say what he wants.
///
/// FlyingFox reads a request's line and headers for as long as they come. Here a connection that has begun to send has a
/// few seconds until its request is whole, so that nobody can fill the memory with headers that never end.
struct RequestPatience: AsyncSocketPool {
    private let pool: any AsyncSocketPool
    private let talking = Talking()

    private let limit: Duration

    /// Waits as another pool does, but no longer for a request than a limit.
    init(_ pool: any AsyncSocketPool, limit: Duration) {
        self.pool = pool
        self.limit = limit
    }

    private final class Talking: Sendable {
        /// By the other end, the socket of each connection that is sending a request, and since when.
        let connections = Mutex<[Socket.Address: (socket: Socket, since: ContinuousClock.Instant)]>([:])
    }

    func prepare() async throws { try await pool.prepare() }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            group.addTask {
                while true {
                    try await Task.sleep(for: .milliseconds(200))
                    hangUp()
                }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
        try await pool.suspendSocket(socket, untilReadyFor: events)
        // The listening socket has no other end.
        guard events.contains(.read), let peer = try? socket.remotePeer() else { return }
        talking.connections.withLock { connections in
            if connections[peer] == nil { connections[peer] = (socket, .now) }
        }
    }

    /// Takes note that a request has arrived whole.
    func requestIsRead(by address: HTTPRequest.Address?) {
        let peer: Socket.Address? =
            switch address {
            case .ip4(let host, let port): .ip4(host, port: port)
            case .ip6(let host, let port): .ip6(host, port: port)
            case .unix(let path): .unix(path)
            case nil: nil
            }
        guard let peer else { return }
        talking.connections.withLock { $0[peer] = nil }
    }

    private func hangUp() {
        talking.connections.withLock { connections in
            for (peer, connection) in connections where connection.since.duration(to: .now) > limit {
                connections[peer] = nil
                // By now the number may stand for another connection.
                guard let now = try? connection.socket.remotePeer(), now == peer else { continue }
                Self.reset(connection.socket.file.rawValue)
            }
        }
    }

    /// Ends a connection with all that has come and was not read yet: reading it would take time without end.
    private static func reset(_ descriptor: Int32) {
        #if os(Linux)
            // What a connection to no address does to a connected socket (connect(2)).
            var nowhere = sockaddr()
            nowhere.sa_family = sa_family_t(AF_UNSPEC)
            if connect(descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size)) == 0 { return }
        #endif
        shutdown(descriptor, Int32(SHUT_RDWR))
    }
}
