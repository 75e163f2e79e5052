public import Files
import Runs
internal import Symbolic

/// A page of several systems' results, in a folder with the files that they made.
///
/// It opens from disk without a server. All text reaches the page as text only, never as markup, and the names of copied
/// files are numbers.
public struct ComparisonPage: Sendable {
    /// A measure of a row of a table.
    public struct Cell: Sendable {
        let text: String
        let value: Double
        let interval: ClosedRange<Double>?

        /// A number, its 95 % interval if there is one, and both as text.
        public init(text: String, value: Double, interval: ClosedRange<Double>?) {
            (self.text, self.value, self.interval) = (text, value, interval)
        }
    }

    /// Measures of one kind, a row for each system and each baseline.
    public struct Table: Sendable {
        let name: String
        let columns: [String]
        let rows: [(name: String, isBaseline: Bool, cells: [Cell?])]

        /// A table; a row has a cell for each column, nil where the measure is not known.
        public init(
            name: String, columns: [String], rows: [(name: String, isBaseline: Bool, cells: [Cell?])]
        ) {
            (self.name, self.columns, self.rows) = (name, columns, rows)
        }
    }

    /// A file of a piece: the content, or what a system made of it.
    public struct Version: Sendable {
        let name: String
        let path: String
        let measures: [(name: String, text: String)]
        let picture: Plot.Spectrogram?

        /// A MIDI file or a recording, and what was measured of it.
        ///
        /// - Parameters:
        ///   - name: What the page calls it.
        ///   - path: The file, which is copied.
        ///   - measures: Its own measures.
        ///   - picture: Its mel spectrogram; nil for a MIDI file, whose notes the page draws.
        public init(
            name: String, path: String, measures: [(name: String, text: String)], picture: Plot.Spectrogram?
        ) {
            (self.name, self.path, self.measures, self.picture) = (name, path, measures, picture)
        }
    }

    private let title: String
    private let facts: [String]
    private let tables: [Table]
    private let verdicts: [(name: String, verdict: String)]
    private let notes: [String]
    private let failures: [(piece: String, reason: String)]

    /// A page without its pieces, which `write` takes one after the other.
    ///
    /// - Parameters:
    ///   - title: The heading.
    ///   - facts: Lines below it: the pieces, the judges.
    ///   - tables: The measures.
    ///   - verdicts: What each system reaches.
    ///   - notes: What limits the claims that these numbers support.
    ///   - failures: The pieces that were left out, each with the reason.
    public init(
        title: String, facts: [String], tables: [Table], verdicts: [(name: String, verdict: String)],
        notes: [String], failures: [(piece: String, reason: String)]
    ) {
        (self.title, self.facts, self.tables, self.verdicts) = (title, facts, tables, verdicts)
        (self.notes, self.failures) = (notes, failures)
    }

    /// Refuses a folder that holds something, or a file of its name.
    ///
    /// - Throws: `build.foreign-folder` for what is there; `build.io` if it cannot be read.
    public static func check(folder: String) throws(BuildError) {
        guard let status = FileStat(path: folder) else { return }
        guard status.isFolder else {
            throw BuildError(
                .foreignFolder, "cannot write \(folder): a file has this name; name a new or an empty folder",
                canRetry: false)
        }
        // A link to a folder is one.
        guard let names = names(inFolder: folder + "/.") else {
            throw BuildError(
                .inputOutput, "cannot read the folder \(folder); name a new or an empty folder",
                canRetry: false)
        }
        if let name = names.first {
            throw BuildError(
                .foreignFolder,
                "\(folder) is not empty: it holds \(name.shown); name a new or an empty folder",
                canRetry: false)
        }
    }

    /// Writes `index.html`, and beside it `media` with copies of all files.
    ///
    /// - Parameters:
    ///   - folder: A new or an empty folder.
    ///   - pieces: Each with the content first, then a version of each system.
    /// - Throws: `build.foreign-folder` if the folder holds something; `BuildError` if a file cannot be read or written.
    public func write(
        to folder: String, pieces: some Sequence<(name: String, versions: [Version])>
    ) throws {
        try Self.check(folder: folder)
        try OutputFile.makeFolder(folder + "/media")
        var described: [JSONValue] = []
        for piece in pieces {
            let number = described.count + 1
            let versions = try piece.versions.enumerated().map { place, version in
                try Self.copy(version, as: "media/\(number)-\(place)", in: folder)
            }
            described.append(["name": .string(piece.name), "versions": .array(versions)])
        }
        try OutputFile.write(Array(html(described).utf8), to: folder + "/index.html")
    }

    /// Copies a file under a name of ours, and describes it.
    private static func copy(_ version: Version, as name: String, in folder: String) throws -> JSONValue {
        let file = try copy(version.path, as: name, in: folder)
        var members: [String: JSONValue] = [
            "name": .string(version.name), "file": .string(file),
            "measures": .array(version.measures.map { [.string($0.name), .string($0.text)] }),
        ]
        if let picture = version.picture {
            try Plot.writeSpectrograms([picture], title: "", to: "\(folder)/\(name).png")
            members["picture"] = .string(name + ".png")
        } else if let bytes = RunFiles.contents("\(folder)/\(file)"), let score = try? Score(midi: bytes) {
            members["music"] = SoundingMusic(of: score).json
        }
        return .object(members)
    }

    /// Copies a file under a name of ours; its ending stays if it is one of music.
    ///
    /// - Returns: The name with the ending.
    static func copy(_ path: String, as name: String, in folder: String) throws(BuildError) -> String {
        let ending = (path.split(separator: ".").last ?? "").lowercased()
        let isKnown = ["mid", "midi", "wav", "flac", "mp3", "ogg", "aif", "aiff"].contains(ending)
        let file = "\(name).\(isKnown ? ending : "bin")"
        try OutputFile.copy(path, to: "\(folder)/\(file)")
        return file
    }

    private func json(_ pieces: [JSONValue]) -> JSONValue {
        func json(_ cell: Cell?) -> JSONValue {
            guard let cell, cell.value.isFinite else { return .null }
            var members: [String: JSONValue] = ["text": .string(cell.text), "value": .number(cell.value)]
            members["interval"] = cell.interval.map { [.number($0.lowerBound), .number($0.upperBound)] }
            return .object(members)
        }
        func pairs(_ values: [(String, String)]) -> JSONValue {
            .array(values.map { [.string($0.0), .string($0.1)] })
        }
        return [
            "title": .string(title), "facts": .array(facts.map { .string($0) }),
            "tables": .array(
                tables.map { table in
                    [
                        "name": .string(table.name), "columns": .array(table.columns.map { .string($0) }),
                        "rows": .array(
                            table.rows.map { row in
                                [
                                    "name": .string(row.name), "baseline": .bool(row.isBaseline),
                                    "cells": .array(row.cells.map(json)),
                                ]
                            }),
                    ]
                }),
            "verdicts": pairs(verdicts.map { ($0.name, $0.verdict) }),
            "notes": .array(notes.map { .string($0) }), "pieces": .array(pieces),
            "failures": pairs(failures.map { ($0.piece, $0.reason) }),
        ]
    }

    private func html(_ pieces: [JSONValue]) -> String {
        PageDocument(
            title: "comparison", sources: "img-src 'self' file: data:; media-src 'self' file:",
            styles: [PackageResources.report_css, PackageResources.comparison_css, RollScript.style],
            body: """
                <header><h1 id="title"></h1><div id="facts" class="soft"></div></header>
                <section><h2>Verdicts</h2><div id="verdicts"></div><div id="notes"></div></section>
                <section><h2>Measures</h2><div id="tables"></div></section>
                <section id="failed"><h2>Left out</h2><ul id="failures"></ul></section>
                <section><h2>Pieces</h2><div id="pieces"></div></section>
                <footer><p>Made by Reprise.</p></footer>
                """,
            dataID: "comparison", data: json(pieces),
            scripts: [
                [
                    PackageResources.page_js, PackageResources.sound_js, RollScript.bytes,
                    PackageResources.comparison_js,
                ]
            ]
        ).text
    }
}
