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

    /// The cache's folder.
    public var cachePath: String {
        cache ?? getenv("REPRISE_CACHE").map { String(cString: $0) } ?? "cache"
    }
}
