public import ArgumentParser
public import Build
import Remotes

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

    /// Refuses a key without a remote, and an address that is none.
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

    /// The remote store; nil if none was named.
    ///
    /// - Parameter log: is given lines for people, such as that the server does not answer.
    /// - Throws: `build.bad-remote`.
    public func open(log: @escaping @Sendable (String) -> Void) throws(BuildError) -> (any RemoteStore)? {
        guard let remote else { return nil }
        var seal: RecordSeal?
        if let remoteKey { seal = try RecordSeal(keyFile: remoteKey) }
        return try RemoteCache(RemoteAddress(remote), seal: seal, log: log)
    }
}
