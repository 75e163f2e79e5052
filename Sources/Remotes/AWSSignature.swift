import Crypto
import Files

/// Signs requests as Amazon's Signature Version 4 asks for (AWS General Reference, "Create a signed AWS API request"), in
/// the form of S3: paths are encoded once, and the body's hash is a header.
struct AWSSignature {
    /// What is signed.
    struct Request {
        var method: String
        /// The path as it is sent: percent-encoded, beginning with a slash.
        var path: String
        /// Names and values, not encoded.
        var query: [(name: String, value: String)] = []
        /// Headers that are signed; `host` must be among them.
        var headers: [(name: String, value: String)]
        /// The SHA-256 of the body in hex digits.
        var bodyHash: String
    }

    let credentials: AWSCredentials
    let region: String
    var service = "s3"

    /// The headers that a request needs besides its own.
    ///
    /// - Parameters:
    ///   - request: what is sent.
    ///   - time: now, in seconds since 1970.
    /// - Returns: `x-amz-date`, `x-amz-content-sha256`, `x-amz-security-token` for passing credentials, `authorization`.
    func headers(for request: Request, at time: Int) -> [(name: String, value: String)] {
        let stamp = Self.stamp(time)
        var added = [("x-amz-date", stamp), ("x-amz-content-sha256", request.bodyHash)]
        if let token = credentials.token { added.append(("x-amz-security-token", token)) }
        let signed = (request.headers + added.map { (name: $0.0, value: $0.1) })
            .map { (name: $0.name.lowercased(), value: Self.trimmed($0.value)) }
            .sorted { $0.name < $1.name }
        let names = signed.map(\.name).joined(separator: ";")
        let canonical = [
            request.method, request.path, Self.query(request.query),
            signed.map { "\($0.name):\($0.value)\n" }.joined(), names, request.bodyHash,
        ].joined(separator: "\n")
        let day = String(stamp.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let text =
            "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(Files.Digest(of: canonical.utf8).hex)"
        var key = SymmetricKey(data: Array("AWS4\(credentials.secret)".utf8))
        for part in [day, region, service, "aws4_request"] {
            key = SymmetricKey(data: key.signature(of: Array(part.utf8)).bytes)
        }
        let signature = key.signature(of: Array(text.utf8)).hex
        added.append(
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=\(credentials.key)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
            ))
        return added.map { (name: $0.0, value: $0.1) }
    }

    /// A query in canonical form, which is also how it is sent.
    static func query(_ pairs: [(name: String, value: String)]) -> String {
        pairs.map { (encoded($0.name), encoded($0.value)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    /// Percent-encodes all but letters, digits, `-`, `.`, `_`, `~` (RFC 3986) and some others that are asked for.
    static func encoded(_ text: String, except others: String = "") -> String {
        let plain = Set("-._~\(others)".utf8)
        var result = ""
        for unit in text.utf8 {
            if unit.isLetterOrDigit || plain.contains(unit) {
                result.unicodeScalars.append(Unicode.Scalar(unit))
            } else {
                result += "%" + (unit < 16 ? "0" : "") + String(unit, radix: 16, uppercase: true)
            }
        }
        return result
    }

    /// A value without spaces around it, and with one space for several.
    private static func trimmed(_ value: String) -> String {
        value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }

    /// A time as `20261127T184500Z`.
    static func stamp(_ time: Int) -> String {
        let (days, seconds) = (time / 86_400, time % 86_400)
        // Days are counted from 1 March of the year 0, in eras of 400 years (Hinnant, "chrono-Compatible Low-Level Date
        // Algorithms").
        let shifted = days + 719_468
        let (era, day) = (shifted / 146_097, shifted % 146_097)
        let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
        return "\(year)\(two(month))\(two(dayOfYear - (153 * part + 2) / 5 + 1))"
            + "T\(two(seconds / 3600))\(two(seconds / 60 % 60))\(two(seconds % 60))Z"
    }
}
