public import Files

/// Where a remote store is: an HTTP server, or a bucket of S3 or of a store that speaks its protocol.
public struct RemoteAddress: Sendable, Hashable {
    /// How the server is spoken to.
    enum Kind: Hashable {
        /// The part before `/cas` and `/ac`, without a slash at its end; perhaps with `user:password@`.
        case http(base: String)
        /// The bucket, and what every key begins with: empty, or ending in a slash.
        case s3(bucket: String, prefix: String)
    }

    let kind: Kind
    /// The address for people, without passwords.
    public let shown: String

    /// Whether a text is an address of the network, and not the path of a folder or a file.
    public static func isAddress(_ text: String) -> Bool { text.contains("://") }

    /// Reads `http://…`, `https://…` or `s3://bucket/prefix`.
    ///
    /// - Throws: `build.bad-remote` for anything else.
    public init(_ text: String) throws(BuildError) {
        func refused(_ reason: String) -> BuildError {
            BuildError(
                .badRemote,
                "the remote '\(text)' \(reason); write https://host/path, http://host/path or s3://bucket/prefix",
                canRetry: false)
        }
        guard let mark = text.firstRange(of: "://") else { throw refused("is no address") }
        let scheme = text[..<mark.lowerBound].lowercased()
        var rest = String(text[mark.upperBound...])
        while rest.hasSuffix("/") { rest.removeLast() }
        // What ends a header's or a request's line must not get into one.
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !rest.contains("?"), !rest.contains("#")
        else {
            throw refused("holds a space, a query or a character outside of ASCII")
        }
        switch scheme {
        case "http", "https":
            let host = rest.prefix { $0 != "/" }
            let bare = host.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
            guard !bare.isEmpty, !bare.hasPrefix(":") else { throw refused("names no host") }
            kind = .http(base: "\(scheme)://\(rest)")
            shown = "\(scheme)://\(bare)\(rest.dropFirst(host.count))"
        case "s3":
            let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let bucket = parts.first.map(String.init) ?? ""
            let isName = bucket.utf8.allSatisfy { $0.isLetterOrDigit || "-._".utf8.contains($0) }
            guard !bucket.isEmpty, isName else { throw refused("names no bucket") }
            kind = .s3(bucket: bucket, prefix: parts.count > 1 ? "\(parts[1])/" : "")
            shown = "s3://\(rest)"
        default: throw refused("has the scheme '\(scheme)'")
        }
    }
}

extension UInt8 {
    /// Whether it is a letter or a digit of ASCII.
    var isLetterOrDigit: Bool {
        self | 0x20 >= 0x61 && self | 0x20 <= 0x7A || self >= 0x30 && self <= 0x39
    }
}
