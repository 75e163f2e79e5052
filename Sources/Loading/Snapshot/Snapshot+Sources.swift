import Files

extension Snapshot.Source {
    /// Reads an entry from its members.
    ///
    /// The labels of the entry before are shared if they are the same, as those of neighbours are.
    init(
        _ members: [String: JSONValue], before: Snapshot.Source?, _ field: String
    ) throws(SnapshotFault) {
        let known: Set = [
            "sha256", "path", "kind", "piece", "split", "segments", "gain_db", "labels", "warnings",
            "pair", "offset_seconds",
        ]
        for name in members.keys.sorted() where !known.contains(name) {
            throw SnapshotFault("\(field).\(name)", "is no member that this version knows")
        }
        var split: Split?
        if members["split"] != .null {
            let word = try members["split"].text("\(field).split")
            split = Split(rawValue: word)
            if split == nil { throw SnapshotFault("\(field).split", "is '\(word.prefix(40))', no split") }
        }
        var gain: Double?
        if members["gain_db"] != .null {
            gain = members["gain_db"]?.double
            guard let gain, gain.magnitude <= 1000 else {
                throw SnapshotFault("\(field).gain_db", "is no number from -1000 to 1000")
            }
        }
        var labels: [String: String] = [:]
        for (name, value) in try (members["labels"] ?? .null).members("\(field).labels") {
            guard let text = LabelText.text(json: value) else {
                throw SnapshotFault(
                    "\(field).labels.\(name)", "is neither a text nor a sorted list of different texts")
            }
            labels[name] = text
        }
        let warnings = try members["warnings"].list("\(field).warnings")
            .map { value throws(SnapshotFault) in try (value as JSONValue?).text("\(field).warnings") }
        let kind = try SegmentKind(members["kind"], "\(field).kind")
        guard kind != .paired else {
            throw SnapshotFault("\(field).kind", "is 'paired', which a file cannot be")
        }
        var pair: Pair?
        if let other = members["pair"] {
            let seconds = members["offset_seconds"]?.double ?? 0
            guard seconds.magnitude <= 86_400 else {
                throw SnapshotFault("\(field).offset_seconds", "is no number from -86400 to 86400")
            }
            pair = Pair(
                path: try (other as JSONValue?).text("\(field).pair"), offset: Int((seconds * 1e6).rounded()))
        }
        self.init(
            sha256: try members["sha256"].digest("\(field).sha256"),
            path: try members["path"].text("\(field).path"),
            kind: kind,
            piece: try members["piece"].digest("\(field).piece").hex, split: split,
            labels: before?.labels == labels ? before?.labels ?? labels : labels,
            segments: try members["segments"].whole("\(field).segments", 0...Snapshot.maximumSegmentCount),
            gainDB: gain, warnings: warnings, pair: pair)
    }
}

extension Snapshot {
    /// Reads the entries of a table.
    ///
    /// - Throws: `SnapshotFault` that names the entry if the bytes are no table of this version.
    static func sources(ofTable bytes: [UInt8]) throws(SnapshotFault) -> [Source] {
        var sources: [Source] = []
        var fault: SnapshotFault?
        do throws(JSONError) {
            try bytes.span.withUnsafeBytes { (raw) throws(JSONError) in
                var reader = JSONReader(raw)
                // One by one: a tree of all would take several times the room of what it is read for.
                try reader.elements { (reader) throws(JSONError) in
                    var members: [String: JSONValue] = [:]
                    try reader.members { (reader, name) throws(JSONError) in
                        members[name] = try reader.value()
                    }
                    do throws(SnapshotFault) {
                        sources.append(
                            try Source(members, before: sources.last, "entry \(sources.count)"))
                    } catch {
                        fault = error
                        throw reader.fault("the entry cannot be read")
                    }
                }
                try reader.end()
            }
        } catch {
            throw fault ?? SnapshotFault("entry \(sources.count)", "cannot be read: \(error)")
        }
        return sources
    }
}
