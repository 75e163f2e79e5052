internal import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension TransferSystem {
    /// Keeps a run's transfer beside it, where `reprise serve` shows it: `transfers/<n>/` of docs/formats.md, Run.
    ///
    /// The same transfer is kept once; that of a recipe is not kept.
    ///
    /// - Parameters:
    ///   - transfer: Its result.
    ///   - task: What was asked for; a recording is copied from its file.
    ///   - score: Reads the score that was converted; nil for a recording.
    /// - Throws: `train.no-run`, `train.file`, and what `score` throws.
    public func keep(
        _ transfer: CachedTransfer, of task: TransferTask, score: (() throws -> [UInt8])?
    ) throws {
        guard isRun else { return }
        let folder = try RunFolder(named: name, in: trainer.cachePath)
        let transfers = folder.path + "/transfers"
        try RunFolder.makeFolder(transfers)
        var kept = keptKeys ?? Self.keys(in: folder)
        let isNew = kept.insert(transfer.key.hex).inserted
        keptKeys = kept
        guard isNew else { return }
        var number = 1
        while mkdir("\(transfers)/\(number)", 0o777) != 0 {
            guard errno == EEXIST else { throw RunFolder.fault("make", "\(transfers)/\(number)") }
            number += 1
        }
        let place = "transfers/\(number)"
        let content = "\(place)/content\(Self.ending(of: task.content))"
        if let score {
            try folder.replace(content, with: score())
        } else {
            try folder.replace(content, withCopyOf: task.content)
        }
        if let style = task.styleFile {
            try folder.replace("\(place)/style\(Self.ending(of: style.path))", with: style.bytes)
        }
        try folder.replace("\(place)/out\(task.ending)", withCopyOf: transfer.path)
        var members: [String: JSONValue] = [
            "content": .string(String(task.content.split(separator: "/").last ?? "")),
            "key": JSONValue(transfer.key), "measures": transfer.measures.json,
        ]
        if !task.part.isWhole { members["start"] = .number(task.part.start) }
        if let duration = task.part.duration { members["duration"] = .number(duration) }
        if let style = task.style { members["style"] = .string(style) }
        if let style = task.contentStyle { members["content_style"] = .string(style) }
        // Last: a folder without it is no transfer.
        try folder.replace("\(place)/transfer.json", with: JSONValue.object(members).canonicalBytes + [0x0A])
    }

    /// The keys of the transfers beside a run.
    private static func keys(in folder: RunFolder) -> Set<String> {
        Set(
            (names(inFolder: folder.path + "/transfers") ?? []).compactMap { number in
                guard let bytes = folder.contents("transfers/\(number)/transfer.json") else { return nil }
                return (try? JSONValue(parsing: bytes))?["key"]?.string
            })
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
