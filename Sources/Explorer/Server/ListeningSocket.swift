internal import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A TCP socket to which clients connect; it never blocks.
struct ListeningSocket {
    let descriptor: Int32
    /// The port that it listens on, the system's choice if 0 was asked for.
    let port: UInt16
    /// The host as in a URL: IPv6 addresses in brackets.
    let urlHost: String

    /// What `accept` gives.
    enum Accepted {
        case connection(Int32)
        /// No client is waiting.
        case nothing
        /// The process or the system has no descriptor left.
        case exhausted
    }

    /// Listens on an IP address, or on the first address that a name has here.
    ///
    /// - Throws: `BuildError` if there is no such address, or its port cannot be had.
    init(_ address: DatasetExplorer.Address) throws(BuildError) {
        let (host, port) = (address.host, address.port)
        var hints = addrinfo()
        hints.ai_socktype = Self.streamType
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard status == 0, let list else {
            throw BuildError(
                .inputOutput,
                "--host \(host) cannot be found (\(String(cString: gai_strerror(status)))); write an IP address or a name of this machine",
                canRetry: false)
        }
        var entries: [addrinfo] = []
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let entry = next {
            entries.append(entry.pointee)
            next = entry.pointee.ai_next
        }
        // `localhost` has an address of each kind; browsers try both.
        entries = entries.filter { $0.ai_family == AF_INET } + entries.filter { $0.ai_family == AF_INET6 }
        var reason = EADDRNOTAVAIL
        for entry in entries {
            switch Self.open(entry) {
            case .success(let found):
                descriptor = found.descriptor
                self.port = found.port
                urlHost = host.contains(":") ? "[\(host)]" : host
                return
            case .failure(let failure): reason = failure.number
            }
        }
        throw Self.error(reason, host, port)
    }

    private struct Failure: Error { let number: Int32 }

    private static var streamType: Int32 {
        #if canImport(Glibc)
            Int32(SOCK_STREAM.rawValue)
        #else
            SOCK_STREAM
        #endif
    }

    private static func open(
        _ entry: addrinfo
    ) -> Result<(descriptor: Int32, port: UInt16), Failure> {
        let descriptor = socket(entry.ai_family, streamType, 0)
        guard descriptor >= 0 else { return .failure(Failure(number: errno)) }
        var yes: Int32 = 1
        // A port whose last server has just ended can be had again.
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, entry.ai_addr, entry.ai_addrlen) == 0, listen(descriptor, 128) == 0,
            Socket.makeNonBlocking(descriptor)
        else {
            let number = errno
            close(descriptor)
            return .failure(Failure(number: number))
        }
        return .success((descriptor, port(of: descriptor)))
    }

    /// The port of a bound socket; it is at the same place in IPv4 and IPv6 addresses.
    private static func port(of descriptor: Int32) -> UInt16 {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            let status = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &size)
            }
            guard status == 0 else { return 0 }
            return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                UInt16(bigEndian: $0.pointee.sin_port)
            }
        }
    }

    private static func error(_ number: Int32, _ host: String, _ port: UInt16) -> BuildError {
        let what: (reason: String, help: String) =
            switch number {
            case EADDRINUSE:
                (
                    "another program uses the port, perhaps an explorer that still runs",
                    "choose another with --port, or write --port 0 for any that is free"
                )
            case EACCES: ("only the administrator may use the port", "choose one from 1024 on with --port")
            case EADDRNOTAVAIL:
                ("this machine does not have the address", "choose one of its own with --host")
            default: (String(cString: strerror(number)), "choose another --host or --port")
            }
        return BuildError(
            .inputOutput, "cannot listen on \(host), port \(port): \(what.reason); \(what.help)",
            canRetry: false)
    }

    /// The next client that waits.
    func accept() -> Accepted {
        while true {
            #if canImport(Glibc)
                let client = Glibc.accept(descriptor, nil, nil)
            #else
                let client = Darwin.accept(descriptor, nil, nil)
            #endif
            if client >= 0 {
                guard Socket.makeNonBlocking(client) else {
                    Socket.reset(client)
                    continue
                }
                var yes: Int32 = 1
                setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
                return .connection(client)
            }
            switch errno {
            case EAGAIN: return .nothing
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
            // A client that has gone before it was its turn, or a signal.
            default: continue
            }
        }
    }

    func end() { close(descriptor) }
}

/// Operations on a connected socket.
enum Socket {
    static func makeNonBlocking(_ descriptor: Int32) -> Bool {
        let flags = fcntl(descriptor, F_GETFL)
        return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0
            && fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
    }

    /// How much was read or written: nil to try again later, 0 at the end, -1 after a failure.
    private static func count(_ result: Int) -> Int? {
        if result >= 0 { return result }
        return errno == EAGAIN || errno == EINTR ? nil : -1
    }

    /// Reads what has come, up to the buffer's size.
    static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        count(recv(descriptor, buffer.baseAddress, buffer.count, 0))
    }

    /// Sends what the system takes now.
    static func write(_ descriptor: Int32, _ bytes: some Collection<UInt8>) -> Int? {
        #if canImport(Glibc)
            let flags = Int32(MSG_NOSIGNAL)
        #else
            let flags: Int32 = 0
        #endif
        return bytes.withContiguousStorageIfAvailable {
            count(send(descriptor, $0.baseAddress, $0.count, flags))
        } ?? -1
    }

    /// Says that nothing more will be sent.
    static func finishWriting(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends a connection at once; what was not sent, and what was not read, is lost, and the system keeps nothing of it.
    static func reset(_ descriptor: Int32) {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
    }

    static func end(_ descriptor: Int32) { close(descriptor) }

    /// The most descriptors that this process may have open.
    static var mostDescriptors: Int {
        var limit = rlimit()
        #if canImport(Glibc)
            let status = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #else
            let status = getrlimit(RLIMIT_NOFILE, &limit)
        #endif
        return status == 0 ? Int(clamping: limit.rlim_cur) : 256
    }
}
