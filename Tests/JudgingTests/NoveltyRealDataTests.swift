import Foundation
import Symbolic
import Testing

@testable import Judging

/// Where the real MIDI files are: REPRISE_TEST_DATA, else ../shared/data beside the package.
private let realData: URL? = {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let named = ProcessInfo.processInfo.environment["REPRISE_TEST_DATA"].flatMap {
        $0.isEmpty ? nil : URL(filePath: $0)
    }
    let folder = (named ?? package.deletingLastPathComponent().appending(path: "shared/data")).appending(
        path: "midi")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
}()

@Suite(.enabled(if: realData != nil, "set REPRISE_TEST_DATA to the folder of real music"))
struct NoveltyRealDataTests {
    /// Copies are found, at another pitch and tempo too; other works share next to nothing.
    @Test func copiesScoreOneAndOtherWorksNearZero() throws {
        let folder = try #require(realData).appending(path: "piano_genre")
        var pieces: [NotePiece] = []
        for style in ["classical", "jazz"] {
            let names = try FileManager.default.contentsOfDirectory(
                atPath: folder.appending(path: style).path
            ).sorted()
            for name in names where pieces.count < (style == "jazz" ? 24 : 12) {
                let bytes = Array(try Data(contentsOf: folder.appending(path: style).appending(path: name)))
                // Long pieces take long in debug builds.
                guard bytes.count < 30_000, let score = try? Score(midi: bytes) else { continue }
                pieces.append(NotePiece(score))
            }
        }
        try #require(pieces.count == 24)
        for voice in PassageIndex.Voice.allCases {
            let index = PassageIndex(pieces, noteCount: 12, voice: voice)
            for (number, piece) in pieces.enumerated().prefix(3) {
                #expect(index.nearest(to: piece) == PassageIndex.Match(piece: number, share: 1))
                let copy = NotePiece(
                    notes: piece.notes.filter { $0.pitch < 125 }.map { note in
                        var note = note
                        note.pitch += note.isDrum ? 0 : 3
                        return note
                    }, secondsPerBeat: 0.3)
                #expect(index.nearest(to: copy) == PassageIndex.Match(piece: number, share: 1))
            }
            // Half of the pieces; most works of the other half are not in it.
            let half = PassageIndex(
                pieces.enumerated().filter { $0.offset % 2 == 0 }.map(\.element), noteCount: 12, voice: voice)
            let shares = pieces.enumerated().filter { $0.offset % 2 == 1 }
                .compactMap { half.nearest(to: $0.element)?.share }
            let median = shares.sorted()[shares.count / 2]
            #expect(median < 0.05, "\(voice): \(shares)")
        }
    }
}
