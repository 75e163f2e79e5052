import Foundation
import TestSupport
import Testing

@testable import Files
@testable import Insight
@testable import Runs

/// The page of a comparison: what its folder holds, and that no name becomes markup or a path.
struct ComparisonPageTests {
    private static let hostile = "</script><img src=x onerror=alert(1)>\"'&<!--"

    private static func page() -> ComparisonPage {
        ComparisonPage(
            title: hostile, facts: [hostile],
            tables: [
                .init(
                    name: "style", columns: [hostile],
                    rows: [
                        (
                            hostile, false,
                            [.init(text: "0.50 (0.40 to 0.60)", value: 0.5, interval: 0.4...0.6)]
                        ),
                        ("content", true, [nil]),
                    ])
            ], verdicts: [(hostile, "neither")], notes: [hostile], failures: [(hostile, hostile)])
    }

    /// A MIDI file of one note of half a second: middle C, velocity 100.
    private static let midi: [UInt8] =
        [0x4D, 0x54, 0x68, 0x64, 0, 0, 0, 6, 0, 0, 0, 1, 0, 96, 0x4D, 0x54, 0x72, 0x6B, 0, 0, 0, 12]
        + [0, 0x90, 60, 100, 96, 0x80, 60, 0, 0, 0xFF, 0x2F, 0]

    private static func data(_ html: String) throws -> JSONValue {
        let start = try #require(html.firstRange(of: "type=\"application/json\">")).upperBound
        let end = try #require(html[start...].firstRange(of: "</script>")).lowerBound
        return try JSONValue(parsing: Array(html[start..<end].utf8))
    }

    @Test func theFolderHoldsThePageAndTheFilesUnderNumbers() throws {
        let folder = try TestFolder()
        let source = "\(folder.path)/\(Self.hostile.replacing("/", with: "")).mid"
        try OutputFile.write(Self.midi, to: source)
        try OutputFile.write([1, 2, 3], to: folder.path + "/out.<b>")
        let picture = Plot.Spectrogram(title: "mel", values: [0, 1, 2, 3], columns: 2)
        let out = folder.path + "/page"
        let ruled = try #require(SoundingMusic(midiFile: source)).replacingNotes(with: [
            (4, .init(start: 0.5, duration: 0.25, pitch: 38, velocity: 120, program: 128)),
            (1, .init(start: 0, duration: 0.25, pitch: 60, velocity: 90, program: 5)),
        ])
        try Self.page().write(
            to: out,
            pieces: [
                (
                    name: Self.hostile,
                    versions: [
                        .init(name: "content", source: .file(source), measures: [], picture: nil),
                        .init(
                            name: Self.hostile, source: .file(folder.path + "/out.<b>"),
                            measures: [(Self.hostile, "1")], picture: picture),
                        .init(
                            name: "target",
                            source: .recording { try OutputFile.write([4, 5], to: $0) },
                            measures: [], picture: picture, baseline: (Self.hostile, true)),
                        .init(
                            name: "rule", source: .notes(ruled), measures: [], picture: nil,
                            baseline: ("loud drums", false)),
                    ]
                )
            ])
        #expect(RunFiles.names(in: out).sorted() == ["index.html", "media"])
        #expect(
            RunFiles.names(in: out + "/media").sorted()
                == ["1-0.mid", "1-1.bin", "1-1.png", "1-2.png", "1-2.wav"])
        #expect(RunFiles.contents(out + "/media/1-2.wav") == [4, 5])
        #expect(RunFiles.contents(out + "/media/1-0.mid") == Self.midi)
        #expect(RunFiles.contents(out + "/media/1-1.bin") == [1, 2, 3])

        let html = String(decoding: try #require(RunFiles.contents(out + "/index.html")), as: UTF8.self)
        // The page's own two script elements end, and no name opens or ends another.
        #expect(html.ranges(of: "</script>").count == 2)
        #expect(!html.contains("<img src=x") && !html.contains("<!--"))
        #expect(html.contains("default-src 'none'") && !html.contains("src=\"http"))
        let name = JSONValue.string(Self.hostile)
        let pair: JSONValue = [name, name]
        let cell: JSONValue = ["text": "0.50 (0.40 to 0.60)", "value": 0.5, "interval": [0.4, 0.6]]
        let music: JSONValue = [
            "notes": [[0.0, 0.5, 60, 100, 0, 0]], "parts": [["track 1", "acoustic grand piano"]],
            "pedals": [], "beats": [0.0, 0.5, 1.0, 1.5, 2.0], "bar": 1, "bars": [0, 4],
            "signatures": [[0, "4/4"]], "tempi": [[0.0, 120.0]],
        ]
        // The notes are others, in parts of their own; beats, bars and tempi are those of the content.
        let others: JSONValue = [
            "notes": [[0.0, 0.25, 60, 90, 5, 0], [0.5, 0.25, 38, 120, 128, 1]],
            "parts": [["part 2", "electric piano 2"], ["part 5", "drums"]],
        ]
        let ruledMusic = JSONValue.object(
            try #require(music.object).merging(try #require(others.object)) { $1 })
        let wanted: JSONValue = [
            "title": name, "facts": [name], "notes": [name], "failures": [pair],
            "verdicts": [[name, "neither"]],
            "tables": [
                [
                    "name": "style", "columns": [name],
                    "rows": [
                        ["name": name, "baseline": false, "cells": [cell]],
                        ["name": "content", "baseline": true, "cells": [.null]],
                    ],
                ]
            ],
            "pieces": [
                [
                    "name": name,
                    "versions": [
                        ["name": "content", "file": "media/1-0.mid", "measures": [], "music": music],
                        [
                            "name": name, "file": "media/1-1.bin", "measures": [[name, "1"]],
                            "picture": "media/1-1.png",
                        ],
                        [
                            "name": "target", "file": "media/1-2.wav", "measures": [],
                            "picture": "media/1-2.png", "baseline": name, "another_piece": true,
                        ],
                        [
                            "name": "rule", "measures": [], "music": ruledMusic, "baseline": "loud drums",
                            "another_piece": false,
                        ],
                    ],
                ]
            ],
        ]
        #expect(try Self.data(html) == wanted)
    }

    @Test func aFileBehindALinkIsCopied() throws {
        let folder = try TestFolder()
        try OutputFile.write(Self.midi, to: folder.path + "/a.mid")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link.mid", withDestinationPath: folder.path + "/a.mid")
        let content = ComparisonPage.Version(
            name: "content", source: .file(folder.path + "/link.mid"), measures: [], picture: nil)
        try Self.page().write(to: folder.path + "/page", pieces: [(name: "a", versions: [content])])
        #expect(RunFiles.contents(folder.path + "/page/media/1-0.mid") == Self.midi)
        let html = try #require(RunFiles.contents(folder.path + "/page/index.html"))
        #expect(String(decoding: html, as: UTF8.self).contains("\"notes\":[["))
    }

    @Test func aFolderThatHoldsSomethingIsRefused() throws {
        let folder = try TestFolder(["full/mine.txt", "file", "empty/"])
        #expect(throws: Never.self) { try ComparisonPage.check(folder: folder.path + "/empty") }
        #expect(throws: Never.self) { try ComparisonPage.check(folder: folder.path + "/new") }
        let full = folder.path + "/full"
        #expect {
            try Self.page().write(to: full, pieces: [])
        } throws: { error in
            (error as? BuildError)?.message
                == "\(full) is not empty: it holds mine.txt; name a new or an empty folder"
        }
        #expect(RunFiles.names(in: full) == ["mine.txt"])
        #expect {
            try Self.page().write(to: folder.path + "/file", pieces: [])
        } throws: { error in
            (error as? BuildError)?.message.hasSuffix("a file has this name; name a new or an empty folder")
                == true
        }
    }
}
