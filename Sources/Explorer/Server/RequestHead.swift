/// The request line and the headers of an HTTP/1.1 request (RFC 9112, sections 2 to 5).
///
/// Only what an explorer answers is read: a body is noted, and whatever could be understood in two ways is refused.
enum RequestHead {
    /// The most bytes that a request line and its headers may have.
    static let mostBytes = 32_768

    /// Looks for the empty line that ends a head.
    ///
    /// - Parameters:
    ///   - bytes: what has come so far.
    ///   - searched: how many of them an earlier call has looked at; set to how many this one has.
    /// - Returns: the number of bytes up to the end of that line; nil while it has not come.
    static func length(of bytes: [UInt8], searched: inout Int) -> Int? {
        let newline = UInt8(ascii: "\n")
        var index = max(0, searched - 2)
        while let end = bytes[index...].firstIndex(of: newline) {
            // Lines end with CRLF; a bare LF ends the head too, and is refused when it is parsed.
            if end == 0 || bytes[end - 1] == newline { return end + 1 }
            if bytes[end - 1] == UInt8(ascii: "\r"), end == 1 || bytes[end - 2] == newline { return end + 1 }
            index = end + 1
        }
        searched = bytes.count
        return nil
    }

    /// Reads a whole head, its empty line included.
    ///
    /// - Throws: `ExplorerError` with status 400, 414 or 505.
    static func parse(_ bytes: ArraySlice<UInt8>) throws(ExplorerError) -> ExplorerRequest {
        let fault = ExplorerError(.badRequest, "the request is not HTTP/1.1")
        let (cr, lf) = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))
        guard !bytes.contains(0) else { throw fault }
        var lines = bytes.split(separator: lf, omittingEmptySubsequences: false)
        // After the last line break nothing follows.
        guard lines.popLast()?.isEmpty == true, lines.count >= 2 else { throw fault }
        var texts: [Substring] = []
        for line in lines {
            guard line.last == cr, !line.dropLast().contains(cr) else { throw fault }
            texts.append(Substring(String(decoding: line.dropLast(), as: UTF8.self)))
        }
        guard texts.popLast()?.isEmpty == true, let first = texts.first else { throw fault }
        var request = try parse(requestLine: first, fault)
        request.byteCount = bytes.count
        try parse(headers: texts.dropFirst(), into: &request, fault)
        return request
    }

    private static func parse(
        requestLine line: Substring, _ fault: ExplorerError
    ) throws(ExplorerError) -> ExplorerRequest {
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, isToken(parts[0]), parts[2].hasPrefix("HTTP/") else { throw fault }
        guard parts[2] == "HTTP/1.1" || parts[2] == "HTTP/1.0" else {
            throw ExplorerError(.versionNotSupported, "only HTTP/1.1 is spoken here")
        }
        let target = parts[1]
        guard target.utf8.count <= DatasetExplorer.longestTarget else {
            throw ExplorerError(.targetTooLong, "the address is too long")
        }
        guard !target.isEmpty, target.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else { throw fault }
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var request = ExplorerRequest(method: String(parts[0]), path: String(halves[0]))
        if halves.count == 2 { request.query = try query(halves[1]) }
        request.host = nil
        request.keepsConnection = parts[2] == "HTTP/1.1"
        return request
    }

    private static func parse(
        headers lines: some Sequence<Substring>, into request: inout ExplorerRequest, _ fault: ExplorerError
    ) throws(ExplorerError) {
        var lengths: Set<String> = []
        var isEncoded = false
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), isToken(line[..<colon]) else { throw fault }
            let value = trimmed(line[line.index(after: colon)...])
            switch line[..<colon].lowercased() {
            case "host":
                guard request.host == nil else { throw fault }
                request.host = value
            case "range": request.range = value
            case "origin": request.origin = value
            case "sec-fetch-site": request.fetchSite = value
            case "sec-fetch-mode": request.fetchMode = value
            case "sec-fetch-dest": request.fetchDestination = value
            case "connection":
                let options = value.lowercased().split(separator: ",").map { trimmed($0) }
                if options.contains("close") { request.keepsConnection = false }
            case "content-length":
                guard !value.isEmpty, value.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { throw fault }
                lengths.insert(value)
                if value.contains(where: { $0 != "0" }) { request.hasBody = true }
                request.bodyLength = Int(value)
            case "transfer-encoding": (request.hasBody, isEncoded) = (true, true)
            case "x-reprise-token": request.token = value
            default: break
            }
        }
        guard lengths.count <= 1 else { throw fault }
        if isEncoded { request.bodyLength = nil }
    }

    // MARK: Text

    /// The names and values of a query (WHATWG URL, application/x-www-form-urlencoded): `+` is a space.
    ///
    /// - Throws: `ExplorerError` with status 400 for a `%` without two hexadecimal digits, and for what is not UTF-8.
    static func query(_ text: Substring) throws(ExplorerError) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for pair in text.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decoded(halves[0]), let value = halves.count == 2 ? decoded(halves[1]) : ""
            else {
                throw ExplorerError(.badRequest, "the address is not percent-encoded UTF-8")
            }
            pairs.append((name, value))
        }
        return pairs
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = hexadecimal(rest.popFirst()), let low = hexadecimal(rest.popFirst()) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ digit: UInt8?) -> UInt8? {
        guard let digit else { return nil }
        return switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }

    /// A token of RFC 9110, section 5.6.2.
    private static func isToken(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    private static func trimmed(_ text: Substring) -> String {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        let start = text.utf8.drop(while: isSpace)
        guard let last = start.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(start[...last]) ?? ""
    }
}
