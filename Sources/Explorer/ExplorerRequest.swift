import Audio

/// What the explorer is asked, freed of everything that its answer does not depend on.
struct ExplorerRequest: Sendable {
    /// `GET`, `HEAD` or whatever else somebody tries.
    var method = "GET"
    /// The path as it was sent, still percent-encoded.
    var path: String
    /// Names and values, decoded, in their order.
    var query: [(name: String, value: String)] = []
    /// The header `Host`; nil if there was none.
    var host: String? = "localhost"
    /// The header `Range`.
    var range: String?
    /// The bytes of the request's target and headers.
    var byteCount = 0

    /// The first value of a name.
    subscript(name: String) -> String? { query.first { $0.name == name }?.value }
}

/// What the explorer says.
struct ExplorerResponse: Sendable {
    var status: Status
    var headers: [(name: String, value: String)] = []
    var body: Body

    enum Status: Int, Sendable {
        case okay = 200
        case partial = 206
        case badRequest = 400
        case forbidden = 403
        case notFound = 404
        case methodNotAllowed = 405
        case targetTooLong = 414
        case rangeNotSatisfiable = 416
        case headersTooLarge = 431
        case failed = 500
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
