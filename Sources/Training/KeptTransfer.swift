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
    ///   - result: the bytes of the new file, and what was measured.
    ///   - name: the new file's name, for its ending.
    ///   - request: what was asked for.
    ///   - run: the run's name.
    /// - Throws: `train.no-run`, `train.file`.
    public func keep(
        _ result: (bytes: [UInt8], measures: [Measure]), named name: String, of request: TransferRequest,
        by run: String
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
        try folder.replace("\(place)/content\(Self.ending(of: request.path))", with: request.content)
        try folder.replace("\(place)/out\(Self.ending(of: name))", with: result.bytes)
        var members: [String: JSONValue] = [
            "content": .string(String(request.path.split(separator: "/").last ?? "")),
            "measures": .object(
                Dictionary(
                    result.measures.filter(\.value.isFinite).map { ($0.name, .number($0.value)) },
                    uniquingKeysWith: { $1 })),
        ]
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
