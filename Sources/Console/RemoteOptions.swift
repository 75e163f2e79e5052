public import ArgumentParser
public import Files
import Remotes
public import Storage

/// Options of commands that may use a cache on another machine.
public struct RemoteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A cache that many machines share: http(s)://host/path or s3://bucket/prefix.", valueName: "url"))
    var remote: String?

    @Option(
        help: ArgumentHelp("A file whose bytes sign the remote's records (HMAC-SHA-256).", valueName: "file"),
        completion: .file())
    var remoteKey: String?

    /// As ArgumentParser wants it.
    public init() {}

    /// Refuses a key without a remote, and what is not an address.
    ///
    /// - Throws: `ValidationError`.
    public func validate() throws {
        if let remote {
            do throws(BuildError) {
                _ = try RemoteAddress(remote)
            } catch {
                throw ValidationError(error.message)
            }
        } else if remoteKey != nil {
            throw ValidationError("--remote-key needs --remote, whose records it signs")
        }
    }

    /// Opens the remote store.
    ///
    /// - Parameters:
    ///   - gibibytes: how much a cache keeps of what is fetched to be read; nil: the usual limit.
    ///   - log: is given lines for people, such as that the server does not answer.
    /// - Returns: the store; nil if none was named.
    /// - Throws: `build.bad-remote`.
    public func open(
        keeping gibibytes: Int? = nil, log: @escaping @Sendable (String) -> Void
    ) throws(BuildError) -> (any RemoteStore)? {
        guard let remote else { return nil }
        return try Self.open(remote, key: remoteKey, keeping: gibibytes, log: log)
    }

    /// Whether a text is an address of the network, and not a path.
    public static func isAddress(_ text: String) -> Bool { RemoteAddress.isAddress(text) }

    /// Opens a remote store.
    ///
    /// - Parameters:
    ///   - address: where it is.
    ///   - key: the file whose bytes sign its records.
    ///   - gibibytes: how much a cache keeps of what is fetched to be read; nil: the usual limit.
    ///   - log: is given lines for people.
    /// - Returns: the store.
    /// - Throws: `build.bad-remote`.
    public static func open(
        _ address: String, key: String?, keeping gibibytes: Int? = nil,
        log: @escaping @Sendable (String) -> Void
    ) throws(BuildError) -> any RemoteStore {
        var seal: RecordSeal?
        if let key { seal = try RecordSeal(keyFile: key) }
        return try RemoteCache(
            RemoteAddress(address), seal: seal, localLimit: (gibibytes ?? usualGibibytes) << 30, log: log)
    }

    static let usualGibibytes = 32
}

/// Options of commands that read a dataset which a cache on another machine may have.
public struct RemoteReadingOptions: ParsableArguments {
    @OptionGroup var remote: RemoteOptions

    @Option(
        help: ArgumentHelp(
            "Most disk space for what is fetched, in GiB (default: \(RemoteOptions.usualGibibytes)).",
            valueName: "n"))
    var remoteSpace: Int?

    /// As ArgumentParser wants it.
    public init() {}

    /// Refuses a space that is not a number of GiB, or without a remote.
    ///
    /// - Throws: `ValidationError`.
    public func validate() throws {
        guard let remoteSpace else { return }
        guard (1...1 << 20).contains(remoteSpace) else {
            throw ValidationError("--remote-space is \(remoteSpace); write a number of GiB, 1 or more")
        }
        if remote.remote == nil {
            throw ValidationError("--remote-space needs --remote, of which it keeps a part")
        }
    }

    /// Opens the remote store.
    ///
    /// - Parameter log: is given lines for people, such as that the server does not answer.
    /// - Returns: the store; nil if none was named.
    /// - Throws: `build.bad-remote`.
    public func open(log: @escaping @Sendable (String) -> Void) throws(BuildError) -> (any RemoteStore)? {
        try remote.open(keeping: remoteSpace, log: log)
    }
}
