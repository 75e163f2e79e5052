public import ArgumentParser

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Options that every command takes.
public struct CommonOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The cache's folder (default: $REPRISE_CACHE, else ./cache).", valueName: "dir"))
    var cache: String?

    /// Whether results are printed as one JSON object.
    @Flag(help: "Print one JSON object on standard output.")
    public var json = false

    /// As ArgumentParser wants it.
    public init() {}

    /// The cache's folder; an empty variable counts as unset (XDG Base Directory Specification).
    public var cachePath: String {
        if let cache { return cache }
        let named = getenv("REPRISE_CACHE").map { String(cString: $0) } ?? ""
        return named.isEmpty ? "cache" : named
    }

    /// Refuses `--cache ''`, which a shell makes of an unset variable.
    ///
    /// - Throws: `ValidationError`.
    public func validate() throws {
        if cache?.isEmpty == true {
            throw ValidationError("--cache is empty; name a folder, or leave it out")
        }
    }
}
