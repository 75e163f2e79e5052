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

    /// What there is to see and hear of a piece: the content, what a system made of it, or a baseline.
    public struct Version: Sendable {
        /// Where its notes or its sound are.
        public enum Source: Sendable {
            /// In a MIDI file or a recording, which is copied.
            case file(String)
            /// In no file: notes alone.
            case notes(SoundingMusic)
            /// In no file yet: a recording, and what writes it as WAV to a path.
            case recording(write: @Sendable (_ path: String) throws -> Void)
        }

        let name: String
        let source: Source
        let measures: [(name: String, text: String)]
        let picture: Plot.Spectrogram?
        let baseline: (caption: String, isAnotherPiece: Bool)?

        /// Music, and what was measured of it.
        ///
        /// - Parameters:
        ///   - name: What the page calls it.
        ///   - source: Where it is.
        ///   - measures: Its own measures.
        ///   - picture: The mel spectrogram of a recording; nil for notes, which the page draws.
        ///   - baseline: What it is, of an answer that needs no system, and whether it is another piece, whose times have
        ///     nothing in common with the content's; nil for the others.
        public init(
            name: String, source: Source, measures: [(name: String, text: String)],
            picture: Plot.Spectrogram?, baseline: (caption: String, isAnotherPiece: Bool)? = nil
        ) {
            (self.name, self.source, self.measures) = (name, source, measures)
            (self.picture, self.baseline) = (picture, baseline)
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
    ///   - pieces: Each with the content first, then a version of each system, then the other baselines.
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
                try Self.put(version, as: "media/\(number)-\(place)", in: folder)
            }
            described.append(["name": .string(piece.name), "versions": .array(versions)])
        }
        try OutputFile.write(Array(html(described).utf8), to: folder + "/index.html")
    }

    /// Puts what is in a file under a name of ours, and describes all of it.
    private static func put(_ version: Version, as name: String, in folder: String) throws -> JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(version.name),
            "measures": .array(version.measures.map { [.string($0.name), .string($0.text)] }),
        ]
        if let baseline = version.baseline {
            members["baseline"] = .string(baseline.caption)
            members["another_piece"] = .bool(baseline.isAnotherPiece)
        }
        switch version.source {
        case .file(let path):
            let file = try copy(path, as: name, in: folder)
            members["file"] = .string(file)
            if version.picture == nil, let bytes = RunFiles.contents("\(folder)/\(file)"),
                let score = try? Score(midi: bytes)
            {
                members["music"] = SoundingMusic(of: score).json
            }
        case .notes(let music): members["music"] = music.json
        case .recording(let write):
            try write("\(folder)/\(name).wav")
            members["file"] = .string(name + ".wav")
        }
        if let picture = version.picture {
            try Plot.writeSpectrograms([picture], title: "", to: "\(folder)/\(name).png")
            members["picture"] = .string(name + ".png")
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
