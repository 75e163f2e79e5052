internal import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension DatasetExplorer {
    /// Where a server listens.
    public struct Address: Sendable, Hashable {
        /// An IP address or a name of this machine; `127.0.0.1`, `::1` and `localhost` are reached from this machine alone.
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
    ///   - isReadOnly: whether tags and notes can only be read.
    ///   - isListening: called with the page's address when the first browser may come.
    /// - Throws: `BuildError` if there is no such dataset, or the address cannot be listened on.
    public static func serve(
        _ dataset: String, cachePath: String, at address: Address, isReadOnly: Bool = false,
        isListening: (String) -> Void
    ) throws {
        let listener = try ListeningSocket(address)
        let explorer = try DatasetExplorer(
            dataset: dataset, cachePath: cachePath, hostNames: [machineName, address.host],
            isReadOnly: isReadOnly)
        // A browser that goes away while it is answered is no reason to end.
        signal(SIGPIPE, SIG_IGN)
        let loop = ServerLoop(explorer, listener, try ServerMailbox())
        isListening("http://\(listener.urlHost):\(listener.port)/")
        loop.run()
    }

    private static var machineName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
