import Audio
import SoundFiles

/// A request, with only what its answer depends on.
struct ExplorerRequest: Sendable {
    /// `GET`, `HEAD`, `POST` or any other.
    var method = "GET"
    /// The path as it was sent, still percent-encoded.
    var path: String
    /// Names and values, decoded, in their order.
    var query: [(name: String, value: String)] = []
    /// The header `Host`; nil if there was none.
    var host: String? = "localhost"
    /// The header `Range`.
    var range: String?
    /// The header `Origin`.
    var origin: String?
    /// The headers `Sec-Fetch-Site`, `Sec-Fetch-Mode` and `Sec-Fetch-Dest`, by which a browser says who asks, and what for.
    var fetchSite: String?
    var fetchMode: String?
    var fetchDestination: String?
    /// Whether a body follows; it is read only if `bodyLength` is known and the request is one that may have a body.
    var hasBody = false
    /// The length of the body in bytes, if the header `Content-Length` says it.
    var bodyLength: Int?
    /// The body.
    var body: [UInt8] = []
    /// The header `X-Reprise-Token`.
    var token: String?
    /// Whether the client may send another request on its connection.
    var keepsConnection = true
    /// The bytes of the request line and the headers.
    var byteCount = 0

    /// The first value of a name.
    subscript(name: String) -> String? { query.first { $0.name == name }?.value }
}

/// An answer of the explorer.
struct ExplorerResponse: Sendable {
    var status: Status
    var headers: [(name: String, value: String)] = []
    var body: Body
    /// Whether the body is only counted, as `HEAD` wants it.
    var isHeadOnly = false

    enum Status: Int, Sendable {
        case okay = 200
        case partial = 206
        case badRequest = 400
        case forbidden = 403
        case notFound = 404
        case methodNotAllowed = 405
        case bodyRefused = 413
        case targetTooLong = 414
        case rangeNotSatisfiable = 416
        case headersTooLarge = 431
        case failed = 500
        case versionNotSupported = 505

        /// The reason phrase (RFC 9110, section 15).
        var phrase: String {
            switch self {
            case .okay: "OK"
            case .partial: "Partial Content"
            case .badRequest: "Bad Request"
            case .forbidden: "Forbidden"
            case .notFound: "Not Found"
            case .methodNotAllowed: "Method Not Allowed"
            case .bodyRefused: "Content Too Large"
            case .targetTooLong: "URI Too Long"
            case .rangeNotSatisfiable: "Range Not Satisfiable"
            case .headersTooLarge: "Request Header Fields Too Large"
            case .failed: "Internal Server Error"
            case .versionNotSupported: "HTTP Version Not Supported"
            }
        }
    }

    enum Body: Sendable {
        case bytes([UInt8])
        /// Some of a sound's bytes, decoded as they are sent.
        case sound(WaveView, Range<Int>)

        var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .sound(_, let range): range.count
            }
        }
    }
}
