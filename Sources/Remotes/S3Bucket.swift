import Files

/// A bucket of S3, or of a store that speaks its protocol: where an object is, and how its requests are signed.
struct S3Bucket: Sendable {
    /// `https://host`, without a slash at its end.
    private let origin: String
    private let host: String
    /// The path before an object's name, percent-encoded, from its first slash to its last.
    private let path: String
    private let signature: AWSSignature?

    /// - Parameters:
    ///   - bucket: its name.
    ///   - prefix: what every key begins with: empty, or ending in a slash.
    ///   - settings: who signs, and where the store is.
    init(_ bucket: String, prefix: String, _ settings: AWSSettings) {
        let key = AWSSignature.encoded(prefix, except: "/")
        if let endpoint = settings.endpoint {
            // The endpoint may have a path of its own.
            let scheme = endpoint.firstRange(of: "://")?.upperBound ?? endpoint.startIndex
            let slash = endpoint[scheme...].firstIndex(of: "/") ?? endpoint.endIndex
            origin = String(endpoint[..<slash])
            host = String(endpoint[scheme..<slash])
            path = "\(endpoint[slash...])/\(bucket)/\(key)"
        } else {
            let domain =
                "s3.\(settings.region).amazonaws.com" + (settings.region.hasPrefix("cn-") ? ".cn" : "")
            // A name with dots does not fit the certificate.
            let isInPath = bucket.contains(".") || bucket.contains("_") || bucket != bucket.lowercased()
            host = isInPath ? domain : "\(bucket).\(domain)"
            origin = "https://\(host)"
            path = isInPath ? "/\(bucket)/\(key)" : "/\(key)"
        }
        signature = settings.credentials.map { AWSSignature(credentials: $0, region: settings.region) }
    }

    /// A signed request for an object.
    func request(
        _ method: String, _ name: String, query: [(name: String, value: String)], body: HTTPRequest.Body,
        hash: Digest?, limit: Int, at time: Int
    ) -> HTTPRequest {
        let path = path + name
        let sent = query.isEmpty ? "" : "?\(AWSSignature.query(query))"
        var headers: [(name: String, value: String)] = []
        if let signature {
            headers = signature.headers(
                for: AWSSignature.Request(
                    method: method, path: path, query: query, headers: [("host", host)],
                    bodyHash: (hash ?? Digest(of: [])).hex),
                at: time)
        }
        // As it is signed, also where it names the usual port.
        headers.append(("Host", host))
        if body.count > 0 { headers.append(("Content-Type", "application/octet-stream")) }
        return HTTPRequest(
            method: method, url: origin + path + sent, headers: headers, body: body, limit: limit)
    }

    /// The text of the first element of a name in a short XML text.
    static func element(_ name: String, of bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let start = text.firstRange(of: "<\(name)>"),
            let end = text[start.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }

    /// A text as an element's content.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
    }
}
