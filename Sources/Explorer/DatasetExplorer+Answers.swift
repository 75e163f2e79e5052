import Audio
import Build
import Dataset
import Files
import Insight
import Loading
import Pictures
import Runs
import SoundFiles
import Storage

extension DatasetExplorer {
    /// The longest target of a request, in bytes.
    static let longestTarget = 4096

    /// Answers a request; whatever goes wrong is an answer too.
    func answer(_ request: ExplorerRequest) async -> ExplorerResponse {
        if let refusal = refusal(of: request) { return refusal }
        do {
            // The client may have gone while others were answered.
            try Task.checkCancellation()
            var response = try await respond(request)
            response.headers += Self.securityHeaders(for: request.path)
            if !response.headers.contains(where: { $0.name == "Cache-Control" }) {
                response.headers.append(("Cache-Control", "no-store"))
            }
            return response
        } catch let error as ExplorerError {
            return response(to: error, at: request.path)
        } catch {
            // The words may name files of this machine, so they stay here.
            let message = (error as? BuildError)?.code == .noDataset ? "no such segment" : "failed"
            return response(to: ExplorerError(.failed, message), at: request.path)
        }
    }

    /// The answer that says what is wrong.
    ///
    /// - Parameters:
    ///   - error: what it is.
    ///   - path: what was asked for, as far as that is known.
    /// - Returns: the answer.
    func response(to error: ExplorerError, at path: String = "") -> ExplorerResponse {
        var response = ExplorerResponse.json(["error": .string(error.message)], error.status)
        if error.status == .methodNotAllowed {
            response.headers.append(("Allow", path == Self.writingPath ? "POST" : "GET, HEAD"))
        }
        response.headers += Self.securityHeaders(for: "") + [("Cache-Control", "no-store")]
        return response
    }

    /// The answer to a request that no page of ours sends; nil for all others.
    ///
    /// Nothing is computed for it.
    func refusal(of request: ExplorerRequest) -> ExplorerResponse? {
        do {
            try check(request)
            return nil
        } catch {
            return response(to: error, at: request.path)
        }
    }

    /// Headers of every answer: no other page can read or frame this one, and it loads nothing from elsewhere.
    private static func securityHeaders(for path: String) -> [(String, String)] {
        // The report is one file that must work without a server: its scripts and styles are in it.
        let inside = path == "/report" ? "'unsafe-inline'" : "'self'"
        let policy =
            "default-src 'none'; script-src \(inside); style-src \(inside); img-src 'self' data:; media-src 'self'; "
            + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return [
            ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
        ]
    }

    /// Refuses requests that no page of ours sends.
    private func check(_ request: ExplorerRequest) throws(ExplorerError) {
        let isWriting = request.method == "POST" && request.path == Self.writingPath
        guard request.method == "GET" || request.method == "HEAD" || isWriting else {
            throw ExplorerError(.methodNotAllowed, "only GET and HEAD are allowed here")
        }
        guard let host = request.host, isOwn(host) else {
            throw ExplorerError(.forbidden, "the explorer does not answer to this host name")
        }
        guard isFromOwnPage(request, host) else {
            throw ExplorerError(.forbidden, "only the explorer's own page may request this")
        }
        if isWriting {
            try checkWriting(request, host)
        } else if request.hasBody {
            throw ExplorerError(.bodyRefused, "requests must not have a body")
        }
        guard request.byteCount <= RequestHead.mostBytes else {
            throw ExplorerError(.headersTooLarge, "the headers are too large")
        }
        guard
            request.path.utf8.count
                + request.query.reduce(0, { $0 + $1.name.utf8.count + $1.value.utf8.count })
                <= Self.longestTarget
        else { throw ExplorerError(.targetTooLong, "the address is too long") }
    }

    /// Whether a request comes from the explorer's page, from a link to it, or from no browser.
    ///
    /// A page elsewhere cannot read the answers, but without this check it could keep the explorer busy with them
    /// (Fetch Metadata Request Headers, W3C).
    private func isFromOwnPage(_ request: ExplorerRequest, _ host: String) -> Bool {
        if let origin = request.origin, origin.lowercased() != "http://" + host.lowercased() { return false }
        switch request.fetchSite {
        case nil, "same-origin", "none": return true
        // A link or a typed address that leads here.
        default: return request.fetchMode == "navigate" && request.fetchDestination == "document"
        }
    }

    /// Whether a `Host` header names this machine: an IP address, `localhost` or the name given at the start.
    ///
    /// The owner of another name could let it resolve to this machine (DNS rebinding), and its pages could read the answers.
    private func isOwn(_ header: String) -> Bool {
        var name = Substring(header.lowercased())
        if name.hasPrefix("["), let end = name.firstIndex(of: "]") {
            let digits = name[name.index(after: name.startIndex)..<end]
            return digits.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." } && digits.contains(":")
        }
        if let colon = name.lastIndex(of: ":") {
            guard UInt16(name[name.index(after: colon)...]) != nil else { return false }
            name = name[..<colon]
        }
        if name == "localhost" || hostNames.contains(String(name)) { return true }
        let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers.allSatisfy { UInt8($0) != nil }
    }

    private func respond(_ request: ExplorerRequest) async throws -> ExplorerResponse {
        switch request.path {
        case "/": .file(page, "text/html; charset=utf-8")
        case "/explorer.css": .file(PackageResources.explorer_css, "text/css; charset=utf-8")
        case "/explorer.js": .file(PackageResources.explorer_js, "text/javascript; charset=utf-8")
        case "/filters.js": .file(PackageResources.filters_js, "text/javascript; charset=utf-8")
        case "/segment.js": .file(PackageResources.segment_js, "text/javascript; charset=utf-8")
        case "/alignment.js": .file(PackageResources.alignment_js, "text/javascript; charset=utf-8")
        case "/pair.js": .file(PackageResources.pair_js, "text/javascript; charset=utf-8")
        case "/changes.js": .file(PackageResources.changes_js, "text/javascript; charset=utf-8")
        case "/notes.js": .file(PackageResources.notes_js, "text/javascript; charset=utf-8")
        case "/snapshots.js": .file(PackageResources.snapshots_js, "text/javascript; charset=utf-8")
        case "/runs.js": .file(PackageResources.runs_js, "text/javascript; charset=utf-8")
        case "/sound.js": .file(SoundScript.bytes, "text/javascript; charset=utf-8")
        case "/roll.js": .file(RollScript.bytes, "text/javascript; charset=utf-8")
        case "/roll.css": .file(RollScript.style, "text/css; charset=utf-8")
        case "/page.js": .file(PageScript.bytes, "text/javascript; charset=utf-8")
        case "/chart.js": .file(ChartScript.bytes, "text/javascript; charset=utf-8")
        case "/report":
            .file(
                Array(try await statistics().html(backTo: "/").utf8), "text/html; charset=utf-8")
        case "/api/dataset": .json(describeDataset())
        case "/api/segments": .json(try await listSegments(request))
        case "/api/facets": .json(try await countFacets(request))
        case "/api/thumbnail": try thumbnail(request)
        case "/api/segment": .json(try await describeSegment(request))
        case "/api/source": .json(try await describeSource(request))
        case "/api/change": .json(try describeChange(request))
        case "/api/picture": .file(try picture(request).png(), "image/png")
        case "/api/notes": .json(try notes(request))
        case "/api/features": .file(try features(request).bytes, "application/octet-stream")
        case "/api/sound": try await sound(request)
        case "/api/annotations": .json(try describeAnnotations(request))
        case Self.writingPath: .json(try annotate(request))
        case "/api/runs": .json(["runs": .array(try runs().map(\.details))])
        case "/api/evaluations": .json(try describeEvaluations(request))
        case "/api/snapshots": .json(["snapshots": .array(try snapshots().map(describe))])
        case "/api/comparison": .json(try compare(request))
        case "/api/run": .json(try describeRun(request))
        case "/api/transfer": try transfer(request)
        default: throw ExplorerError(.notFound, "no such page")
        }
    }

    // MARK: Resources

    /// The segment that `id=<split>/<number>` names.
    func place(_ request: ExplorerRequest) throws(ExplorerError) -> (
        place: DatasetReader.Place, source: Int, segment: Int
    ) {
        let parts = (request["id"] ?? "").split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let split = Split(rawValue: String(parts[0])), let number = Int(parts[1])
        else { throw ExplorerError(.badRequest, "'id' must be a split and a number, such as train/12") }
        guard let place = reader.place(number, in: split),
            let (source, segment) = table.source(of: number, in: split)
        else { throw ExplorerError(.notFound, "no such segment") }
        return (place, source, segment)
    }

    /// The source that `source=<number>` names; nil if the query names none.
    func source(_ request: ExplorerRequest) throws(ExplorerError) -> Int? {
        guard let text = request["source"] else { return nil }
        guard let number = Int(text), reader.snapshot.sources.indices.contains(number) else {
            throw ExplorerError(.notFound, "no such source")
        }
        return number
    }

    private func picture(_ request: ExplorerRequest) throws -> Picture {
        guard let number = try source(request) else {
            return try SegmentView(reader, place(request).place).picture()
        }
        return try view(ofSource: number).picture()
    }

    /// A small picture of the segment `id`; `shard` begins with the hash of its shard, so that it never changes.
    private func thumbnail(_ request: ExplorerRequest) throws -> ExplorerResponse {
        let place = try place(request).place
        guard request["shard"] == place.shard.object.short else {
            throw ExplorerError(.notFound, "this segment is of another snapshot")
        }
        var response = ExplorerResponse.file(try thumbnail(of: place), "image/png")
        response.headers.append(("Cache-Control", "private, max-age=31536000, immutable"))
        return response
    }

    /// The whole of a source that has segments.
    private func view(ofSource number: Int) throws -> SourceView {
        guard reader.snapshot.sources[number].segments > 0 else {
            throw ExplorerError(.notFound, "this source has no segments")
        }
        return try SourceView(reader, source: number, in: table)
    }

    /// The notes of a segment on the grid, or of a source as its file times them, with what is drawn around them.
    private func notes(_ request: ExplorerRequest) throws -> JSONValue {
        if let number = try source(request) {
            let source = reader.snapshot.sources[number]
            // The time of a pair is that of its recording.
            let music =
                source.pair != nil && source.segments > 0
                ? try view(ofSource: number).music()
                : try reader.score(of: source).map { SoundingMusic(of: $0) }
            return (music ?? .silence).json
        }
        return try SegmentView(reader, place(request).place).music().json
    }

    private func features(_ request: ExplorerRequest) throws -> SeenFeatures {
        guard let number = try source(request) else {
            return try SegmentView(reader, place(request).place).features()
        }
        return try view(ofSource: number).features()
    }

    private func sound(_ request: ExplorerRequest) async throws -> ExplorerResponse {
        guard let number = try source(request) else {
            throw ExplorerError(.badRequest, "'source' must be the number of a source")
        }
        let source = reader.snapshot.sources[number]
        guard source.kind == .audio else { throw ExplorerError(.notFound, "this source is not audio") }
        let frames = try await knowledge().frames[number]
        guard let file = try reader.file(of: source),
            let view = try? WaveView(path: file.path, frames: frames)
        else {
            throw ExplorerError(
                .notFound,
                "the source's file has been moved or changed since the dataset was built")
        }
        return try ExplorerResponse(view, range: request.range)
    }
}

extension ExplorerResponse {
    static func json(_ value: JSONValue, _ status: Status = .okay) -> ExplorerResponse {
        ExplorerResponse(
            status: status, headers: [("Content-Type", "application/json")],
            body: .bytes(value.canonicalBytes))
    }

    static func file(_ bytes: [UInt8], _ type: String) -> ExplorerResponse {
        ExplorerResponse(status: .okay, headers: [("Content-Type", type)], body: .bytes(bytes))
    }
}
