internal import Build

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension Trainer {
    /// Keeps a transfer beside its run, where `reprise serve` shows it: `transfers/<n>/` of docs/formats.md, Run.
    ///
    /// - Parameters:
    ///   - result: what the transfer gave.
    ///   - path: where it was written; sound is copied from there, and its content from the recording's file.
    ///   - request: what was asked for.
    ///   - run: the run's name.
    /// - Throws: `train.no-run`, `train.file`.
    public func keep(
        _ result: Transferred, writtenTo path: String, of request: TransferRequest, by run: String
    ) throws {
        let folder = try RunFolder(named: run, in: cachePath)
        let transfers = folder.path + "/transfers"
        try RunFolder.makeFolder(transfers)
        var number = 1
        while mkdir("\(transfers)/\(number)", 0o777) != 0 {
            guard errno == EEXIST else { throw RunFolder.fault("make", "\(transfers)/\(number)") }
            number += 1
        }
        let place = "transfers/\(number)"
        let content = "\(place)/content\(Self.ending(of: request.path))"
        let out = "\(place)/out\(Self.ending(of: path))"
        switch result.output {
        case .file(let bytes):
            try folder.replace(content, with: request.content)
            try folder.replace(out, with: bytes)
        case .sound:
            try folder.replace(content, withCopyOf: request.path)
            try folder.replace(out, withCopyOf: path)
        }
        var members: [String: JSONValue] = [
            "content": .string(String(request.path.split(separator: "/").last ?? "")),
            "measures": result.measures.json,
        ]
        if !request.part.isWhole { members["start"] = .number(request.part.start) }
        if let duration = request.part.duration { members["duration"] = .number(duration) }
        if let style = request.style { members["style"] = .string(style) }
        if let style = request.contentStyle { members["content_style"] = .string(style) }
        // Last: a folder without it is no transfer.
        try folder.replace("\(place)/transfer.json", with: JSONValue.object(members).canonicalBytes + [0x0A])
    }

    /// The ending of a path with its dot, in lower case; "" for none, and for what is no plain ending.
    private static func ending(of path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return "" }
        let ending = name[dot...].lowercased()
        return ending.count <= 6
            && ending.dropFirst().allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
            ? ending : ""
    }
}
