import TestSupport
import Testing

@testable import Files
@testable import Insight
@testable import Runs

/// The page of a listening test: what its folder holds, and what it does not say.
struct ListeningPageTests {
    /// A MIDI file of one note of half a second: middle C, velocity 100.
    private static let midi: [UInt8] =
        [0x4D, 0x54, 0x68, 0x64, 0, 0, 0, 6, 0, 0, 0, 1, 0, 96, 0x4D, 0x54, 0x72, 0x6B, 0, 0, 0, 12]
        + [0, 0x90, 60, 100, 96, 0x80, 60, 0, 0, 0xFF, 0x2F, 0]

    private static func page(_ sounds: [ListeningPage.Sound]) -> ListeningPage {
        ListeningPage(
            test: "0123", sounds: sounds,
            trials: [.init(questions: ["content"], a: 1, b: 0, x: nil, content: 1)], examples: [0])
    }

    private static func data(_ folder: String) throws -> (html: String, value: JSONValue) {
        let bytes = try #require(RunFiles.contents(folder + "/index.html"))
        let html = String(decoding: bytes, as: UTF8.self)
        let start = try #require(html.firstRange(of: "type=\"application/json\">")).upperBound
        let end = try #require(html[start...].firstRange(of: "</script>")).lowerBound
        return (html, try JSONValue(parsing: Array(html[start..<end].utf8)))
    }

    @Test func scoresAreInThePageAndNoPathIs() throws {
        let folder = try TestFolder()
        try OutputFile.write(Self.midi, to: folder.path + "/secret.mid")
        let path = folder.path + "/secret.mid"
        try Self.page([.score(path: path), .score(path: path)]).write(to: folder.path + "/page")
        #expect(RunFiles.names(in: folder.path + "/page") == ["index.html"])
        let (html, value) = try Self.data(folder.path + "/page")
        #expect(!html.contains("secret") && html.contains("default-src 'none'"))
        #expect(html.ranges(of: "</script>").count == 2)
        let notes: JSONValue = ["notes": [[0.0, 0.5, 60, 100, 0, 0]]]
        let wanted: JSONValue = [
            "test": "0123", "sounds": [notes, notes], "examples": [0],
            "trials": [["questions": ["content"], "a": 1, "b": 0, "x": .null, "content": 1]],
        ]
        #expect(value == wanted)
    }

    @Test func recordingsAreCopiedUnderNumbers() throws {
        let folder = try TestFolder()
        for name in ["secret-1.wav", "secret-2.wav"] {
            try OutputFile.write(Array(name.utf8), to: "\(folder.path)/\(name)")
        }
        try Self.page([
            .recording(path: folder.path + "/secret-2.wav", gain: 0.5),
            .recording(path: folder.path + "/secret-1.wav", gain: 1),
        ]).write(to: folder.path + "/page")
        #expect(RunFiles.names(in: folder.path + "/page/media").sorted() == ["1.wav", "2.wav"])
        #expect(RunFiles.contents(folder.path + "/page/media/1.wav") == Array("secret-2.wav".utf8))
        let (html, value) = try Self.data(folder.path + "/page")
        #expect(!html.contains("secret"))
        #expect(
            value["sounds"] == [
                ["file": "media/1.wav", "gain": 0.5], ["file": "media/2.wav", "gain": 1.0],
            ])
    }

    @Test func aFolderThatHoldsSomethingIsRefused() throws {
        let folder = try TestFolder(["full/mine.txt"])
        #expect(throws: BuildError.self) { try Self.page([]).write(to: folder.path + "/full") }
        #expect(RunFiles.names(in: folder.path + "/full") == ["mine.txt"])
    }
}
