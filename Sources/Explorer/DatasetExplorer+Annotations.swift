import Dataset
import Files
import Insight
import Loading

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension DatasetExplorer {
    /// The only path to which something may be sent.
    static let writingPath = "/api/annotation"
    /// The longest body of such a request, in bytes.
    static let longestBody = 16_384

    /// The page, with the token by which it may write.
    var page: [UInt8] {
        let html = String(decoding: PackageResources.explorer_html, as: UTF8.self)
        let parts = html.split(separator: "TOKEN", maxSplits: 1, omittingEmptySubsequences: false)
        return Array(parts.joined(separator: token ?? "").utf8)
    }

    /// Refuses what the page of this very process did not send.
    func checkWriting(_ request: ExplorerRequest, _ host: String) throws(ExplorerError) {
        guard request.origin?.lowercased() == "http://" + host.lowercased(),
            request.fetchSite == nil || request.fetchSite == "same-origin"
        else { throw ExplorerError(.forbidden, "only the explorer's own page may write") }
        guard let token else {
            throw ExplorerError(
                .forbidden, "this explorer was started with --read-only: tags and notes cannot be changed")
        }
        guard request.token == token else {
            throw ExplorerError(
                .forbidden, "this page belongs to an explorer that has ended; reload it, and write again")
        }
        guard let length = request.bodyLength, length <= Self.longestBody else {
            throw ExplorerError(.bodyRefused, "tags and a note are limited to \(Self.longestBody) bytes")
        }
    }

    /// The tags in use; with `id`, also what was noted about that segment and about its source.
    func describeAnnotations(_ request: ExplorerRequest) throws -> JSONValue {
        let annotations = try annotations()
        var members: [String: JSONValue] = [
            "can_write": .bool(token != nil),
            "tags": .array(
                annotations.tags.map {
                    [
                        "tag": .string($0.tag), "sources": JSONValue($0.sources),
                        "segments": JSONValue($0.segments),
                    ]
                }),
        ]
        if request["id"] != nil {
            let segment = try subject(request, ofSource: false)
            for (name, subject) in [("segment", segment), ("source", .init(path: segment.path))] {
                let found = annotations.all[subject]
                members[name] = [
                    "tags": .array((found?.tags ?? []).map { .string($0) }),
                    "note": .string(found?.note ?? ""),
                ]
            }
        }
        return .object(members)
    }

    /// Keeps the tags and the note of `{"of": "segment" | "source", "id": "train/12", "tags": […], "note": "…"}`.
    func annotate(_ request: ExplorerRequest) throws -> JSONValue {
        guard request.method == "POST" else { throw ExplorerError(.methodNotAllowed, "send it with POST") }
        guard let json = try? JSONValue(parsing: request.body), let id = json["id"]?.string,
            let of = json["of"]?.string, ["segment", "source"].contains(of),
            let tags = json["tags"]?.array?.map(\.string), let note = json["note"]?.string,
            !tags.contains(nil)
        else { throw ExplorerError(.badRequest, "the body must have 'of', 'id', 'tags' and 'note'") }
        var request = request
        request.query = [("id", id)]
        let annotation: Annotation
        do {
            annotation = try Annotation(
                subject(request, ofSource: of == "source"), tags: tags.compactMap(\.self), note: note,
                written: Int(time(nil)))
        } catch let fault as Annotation.Fault {
            throw ExplorerError(.badRequest, fault.message)
        }
        do {
            try annotate(annotation)
        } catch let error as BuildError where error.code == .diskFull {
            throw ExplorerError(.failed, "the disk is full; nothing was written")
        }
        return try describeAnnotations(request)
    }

    /// The segment that `id` names, or its source.
    private func subject(_ request: ExplorerRequest, ofSource: Bool) throws -> Annotation.Subject {
        let (place, source, _) = try place(request)
        let path = reader.snapshot.sources[source].path
        return .init(
            path: path, start: ofSource ? nil : try reader.open(place.shard).segment(place.index).start)
    }
}
