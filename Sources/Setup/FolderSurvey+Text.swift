public import Files

extension FolderSurvey {
    /// Lines for people: what was found, and what could not be read.
    public var text: String {
        var text = ""
        func line(_ name: String, _ value: String) {
            text += name.padded(to: 11) + value.shown + "\n"
        }
        line("folder", folder)
        line("MIDI", Self.summary(midi))
        line("audio", Self.summary(audio))
        if !rates.isEmpty {
            let found = rates.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            line(
                "rates", found.map { "\(grouped($0.key)) Hz (\(grouped($0.value)))" }.joined(separator: ", "))
        }
        if let first = seconds.first, let last = seconds.last {
            line(
                "lengths",
                "\(format(first, 1)) to \(format(last, 1)) s, median \(format(seconds[seconds.count / 2], 1)) s"
            )
        }
        for level in levels { line("labels", "\(Self.place(level.height)): \(Self.names(level.counts))") }
        if !topFolders.isEmpty {
            line("labels", "folders right below: \(Self.names(topFolders.mapValues(\.count)))")
        }
        for listing in listings {
            let columns = [listing.midi, listing.audio].compactMap { $0 }.joined(separator: " and ")
            line("table", "\(listing.path): \(count(listing.rows, "row")), paths in \(columns)")
        }
        for table in otherTables { line("table", "\(table.path) is not used: \(table.reason)") }
        if let pairs {
            line(
                "pairs",
                "\(grouped(pairs.count)) MIDI files with a recording (.\(pairs.ending)) of the same name")
        }
        let rest = others.filter { !$0.key.isEmpty }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        if !rest.isEmpty {
            line("other", rest.prefix(8).map { "\(grouped($0.value)) .\($0.key)" }.joined(separator: ", "))
        }
        if opened < midi.count + audio.count {
            line(
                "opened",
                "\(grouped(opened)) of \(count(midi.count + audio.count, "file")), spread over the folder")
        }
        if !unreadable.isEmpty {
            text += "\nnot readable (\(grouped(unreadable.count)))\n"
            for item in unreadable.prefix(20) { text += "  \(item.path): \(item.reason)".shown + "\n" }
            if unreadable.count > 20 {
                text += "  … and \(grouped(unreadable.count - 20)) more; --json has all\n"
            }
        }
        return text
    }

    /// The same as an object.
    public var json: JSONValue {
        [
            "folder": .string(folder), "midi": JSONValue(midi.count), "audio": JSONValue(audio.count),
            "other": .object(others.mapValues { JSONValue($0) }), "opened": JSONValue(opened),
            "sample_rates": .object(
                Dictionary(rates.map { ("\($0.key)", JSONValue($0.value)) }) { first, _ in first }),
            "seconds": seconds.isEmpty
                ? .null
                : [
                    "min": .number(seconds[0]), "median": .number(seconds[seconds.count / 2]),
                    "max": .number(seconds[seconds.count - 1]),
                ],
            "labels": .array(
                levels.map { level in
                    [
                        "height": JSONValue(level.height),
                        "values": .object(level.counts.mapValues { JSONValue($0) }),
                    ]
                }),
            "tables": .array(
                listings.map { listing in
                    [
                        "path": .string(listing.path), "rows": JSONValue(listing.rows),
                        "midi": listing.midi.map { .string($0) } ?? .null,
                        "audio": listing.audio.map { .string($0) } ?? .null,
                        "split": listing.split.map { .string($0) } ?? .null,
                        "labels": .object(
                            Dictionary(listing.labels.map { ($0.name, JSONValue($0.values)) }) { first, _ in
                                first
                            }),
                    ]
                }
                    + otherTables.map { ["path": .string($0.path), "reason": .string($0.reason)] }),
            "pairs": JSONValue(pairs?.count ?? 0),
            "unreadable": .array(
                unreadable.map { ["path": .string($0.path), "reason": .string($0.reason)] }),
        ]
    }

    /// `3,210 files (.mid, .midi)`.
    static func summary(_ files: [String]) -> String {
        guard !files.isEmpty else { return "none" }
        let endings = Set(files.map { MusicFiles.ending(of: $0) }).sorted().map { "." + $0 }
        return "\(count(files.count, "file")) (\(endings.joined(separator: ", ")))"
    }

    /// Where a level of folders is, in words.
    static func place(_ height: Int) -> String {
        switch height {
        case 1: "the folder of each file"
        case 2: "the folder above that of each file"
        default: "the folder \(height - 1) above that of each file"
        }
    }

    /// The names with the most files first.
    static func names(_ counts: [String: Int]) -> String {
        let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let shown = sorted.prefix(6).map { "\($0.key) (\(grouped($0.value)))" }.joined(separator: ", ")
        return sorted.count > 6 ? "\(grouped(sorted.count)) names: \(shown), …" : shown
    }
}
