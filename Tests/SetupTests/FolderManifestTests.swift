import Dataset
import Files
import Foundation
import Loading
import TestSupport
import Testing

@testable import Setup

/// The manifests that `init` writes: each builds as it is.
struct FolderManifestTests {
    let shop = try? SetupWorkshop()

    private func made(_ folder: String) throws -> FolderManifest {
        try FolderManifest(of: #require(shop).path(folder))
    }

    /// Writes the manifest of a folder, builds it, and gives the dataset.
    private func built(_ folder: String) throws -> (FolderManifest, Snapshot, BuildSummary) {
        let shop = try #require(shop)
        let made = try made(folder)
        try made.write()
        let summary = try DatasetBuild(manifestPath: made.path).run(
            .init(cachePath: shop.path("cache"), jobs: 1))
        return (made, try DatasetReader(summary.dataset, cachePath: shop.path("cache")).snapshot, summary)
    }

    @Test func foldersOfOneDepthBecomeALabel() throws {
        let shop = try #require(shop)
        for index in 0..<9 {
            try shop.write("my music/\(["jazz", "folk", "rock"][index % 3])/\(index).mid", shop.midi(index))
        }
        let (made, snapshot, summary) = try built("my music")
        #expect(made.path == shop.path("my music.yaml"))
        #expect(snapshot.dataset == "my-music")
        #expect(snapshot.vocabularies == ["style": ["folk", "jazz", "rock"]])
        #expect(snapshot.sources.count == 9 && summary.isComplete)
        #expect(made.survey.text.contains("MIDI       9 files (.mid)\n"))
        #expect(
            made.survey.text.contains("labels     the folder of each file: folk (3), jazz (3), rock (3)\n"))
    }

    @Test func deeperFoldersProposeFurtherLabels() throws {
        let shop = try #require(shop)
        for index in 0..<8 {
            try shop.write("lib/\(index < 4 ? "a" : "b")/album \(index / 2)/\(index).MID", shop.midi(index))
        }
        let (made, snapshot, _) = try built("lib")
        #expect(snapshot.vocabularies == ["style": ["a", "b"]])
        #expect(
            made.text.contains(
                "# a further label: \"{dir}\", album 0 (2), album 1 (2), album 2 (2), album 3 (2)"))
    }

    @Test func foldersOfSeveralDepthsHaveItemsOfTheirOwn() throws {
        let shop = try #require(shop)
        for (index, path) in ["[x]/1.mid", "[x]/deep/2.mid", "y {z}/3.mid", "y {z}/4.mid", "5.mid"]
            .enumerated()
        {
            try shop.write("odd/\(path)", shop.midi(index))
        }
        let (_, snapshot, summary) = try built("odd")
        #expect(summary.isComplete)
        #expect(snapshot.sources.count == 5)
        #expect(snapshot.vocabularies == ["style": ["[x]", "y {z}"]])
        #expect(snapshot.sources.first { $0.path == "odd/5.mid" }?.labels == [:])
    }

    @Test func recordingsBesideScoresArePairs() throws {
        let shop = try #require(shop)
        for index in 0..<4 {
            try shop.write("both/\(index % 2)/\(index).mid", shop.midi(index))
            try shop.write("both/\(index % 2)/\(index).wav", shop.wave(seconds: 4, rate: 22_050, seed: index))
        }
        let (made, snapshot, summary) = try built("both")
        #expect(summary.isComplete, "\(summary.quarantine)")
        #expect(snapshot.sources.count == 8)
        #expect(snapshot.sources.allSatisfy { $0.pair != nil }, "\(made.text)")
        #expect(
            made.survey.text.contains("pairs      4 MIDI files with a recording (.wav) of the same name\n"))
        #expect(made.text.contains("sample_rate: 22050"))
    }

    @Test func aTableThatNamesTheFilesIsUsed() throws {
        let shop = try #require(shop)
        var table = "file,genre,title,split,Piece\n"
        for index in 0..<10 {
            try shop.write("set/audio/\(index).wav", shop.wave(seconds: 1, rate: 8000, seed: index))
            table +=
                "audio/\(index),\(index % 2 == 0 ? "jazz" : "folk"),t\(index),\(["train", "test", "valid"][index % 3]),work \(index % 3)\n"
        }
        try shop.write("set/meta.csv", Array(table.utf8))
        try shop.write("set/other.tsv", Array("a\tb\n1\t2\n".utf8))
        let (made, snapshot, summary) = try built("set")
        #expect(summary.isComplete)
        #expect(
            snapshot.vocabularies == ["genre": ["folk", "jazz"]], "a title is no label: every row has its own"
        )
        #expect(snapshot.sources.first { $0.path == "set/audio/2.wav" }?.split == .validation)
        #expect(Set(snapshot.sources.map(\.piece)).count == 3, "the column 'Piece' names the pieces")
        #expect(made.survey.text.contains("table      meta.csv: 10 rows, paths in {file}.wav\n"))
        #expect(
            made.survey.text.contains(
                "table      other.tsv is not used: no column contains paths of files beside it\n"))
        #expect(made.survey.text.contains("lengths    1.0 to 1.0 s, median 1.0 s\n"))
    }

    @Test func whatCannotBeReadIsToldAndTheRestBuilds() throws {
        let shop = try #require(shop)
        for index in 0..<3 { try shop.write("bad/\(index).mid", shop.midi(index)) }
        try shop.write("bad/cut.mid", Array(shop.midi(4).dropLast(9)))
        try shop.write("bad/text.wav", Array("no sound".utf8))
        try shop.write("bad/notes.txt", [])
        let (made, snapshot, summary) = try built("bad")
        #expect(snapshot.sources.count == 3)
        #expect(summary.quarantine.map(\.path) == ["bad/cut.mid", "bad/text.wav"])
        #expect(made.survey.text.contains("not readable (2)\n  cut.mid: "))
        #expect(made.survey.json["unreadable"]?.array?.map { $0["path"]?.string } == ["cut.mid", "text.wav"])
        #expect(made.survey.text.contains("other      1 .txt\n"))
    }

    @Test func nothingIsOverwritten() throws {
        let shop = try #require(shop)
        try shop.write("m/1.mid", shop.midi(1))
        try shop.write("m.yaml", Array("mine".utf8))
        let error = #expect(throws: BuildError.self) { try made("m").write() }
        #expect(
            error?.message.hasSuffix(
                "m.yaml exists, and nothing is overwritten; remove it, or name another file with --out")
                == true)
        #expect(try shop.text("m.yaml") == "mine")
        let other = try FolderManifest(of: shop.path("m"), path: shop.path("sub/other.yaml"))
        try other.write()
        #expect(try shop.text("sub/other.yaml").contains("path: \"../m/*.mid\""))
    }

    @Test func aFolderWithoutMusicIsRefused() throws {
        let shop = try #require(shop)
        try shop.write("empty/readme.txt", [])
        let error = #expect(throws: BuildError.self) { try made("empty") }
        #expect(
            error?.message.hasSuffix("contains neither MIDI nor audio files; name the folder with the music")
                == true)
        #expect(throws: BuildError.self) { try made("nowhere") }
    }
}

/// A fresh folder with music.
final class SetupWorkshop {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
            .appendingPathComponent("setup-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("sub"), withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ path: String) -> String { folder.appendingPathComponent(path).path }

    func write(_ path: String, _ bytes: [UInt8]) throws {
        let file = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    func text(_ path: String) throws -> String {
        try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
    }

    /// Sixty sixteenths at 120 BPM, other ones for each seed.
    func midi(_ seed: Int) -> [UInt8] {
        var track: [UInt8] = []
        for index in 0..<60 {
            let pitch = UInt8(40 + (index * (seed + 3) + seed) % 40)
            track += [0, 0x90, pitch, 64, 24, 0x80, pitch, 0]
        }
        return MadeFile.midi(track: track)
    }

    func wave(seconds: Int, rate: Int, seed: Int = 0) -> [UInt8] {
        MadeFile.wave((0..<seconds * rate).map { Int16(($0 * (37 + seed)) % 2000 - 1000) }, rate: rate)
    }
}
