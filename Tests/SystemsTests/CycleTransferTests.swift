import Dataset
import Files
import Loading
import Symbolic
import TestSupport
import Testing
import Torch

@testable import Systems
@testable import Training

struct CycleTransferTests {
    /// Two programs, a key struck again while it sounds, a note beyond the roll, drums, two tempi, a pedal.
    private static let content: [UInt8] = {
        var events: [(tick: Int, bytes: [UInt8])] = [
            (0, [0xFF, 0x58, 4, 3, 2, 24, 8]), (0, [0xFF, 0x51, 3, 0x09, 0x27, 0xC0]),
            (960, [0xFF, 0x51, 3, 0x07, 0xA1, 0x20]), (0, [0xC0, 5]), (0, [0xC1, 40]),
            (48, [0xB0, 64, 127]), (96, [0xB0, 64, 0]),
        ]
        for (channel, start, length, pitch, velocity) in notes {
            events.append((24 * start, [0x90 | channel, pitch, velocity]))
            events.append((24 * (start + length), [0x80 | channel, pitch, 0]))
        }
        // At one tick what sets up comes first, then what ends, then what begins.
        func rank(_ status: UInt8) -> Int { [0x80: 1, 0x90: 2][status & 0xF0] ?? 0 }
        return MadeFile.midi(
            events: events.sorted { ($0.tick, rank($0.bytes[0])) < ($1.tick, rank($1.bytes[0])) })
    }()

    /// Channel, start, length, pitch, velocity; 70 steps in all.
    private static let notes: [(UInt8, Int, Int, UInt8, UInt8)] = [
        (0, 0, 4, 60, 90), (0, 4, 4, 60, 70), (1, 2, 6, 67, 50), (0, 66, 4, 62, 80), (0, 8, 2, 110, 33),
        (9, 0, 1, 36, 100), (9, 4, 1, 38, 101),
    ]

    private static func piece(_ made: MadeStyles, _ bytes: [UInt8] = content) throws -> PieceContent {
        try PieceContent(
            bytes, path: "content.mid", for: DatasetReader("made", cachePath: made.cache), bytesPerStep: 1024)
    }

    private static func cells(of piece: PieceContent) throws -> [Bool] {
        try piece.view(.roll("roll", .piano, pitches: CycleGAN.pitches), steps: piece.length)
            .elements(as: Float.self).map { $0 > 0 }
    }

    @Test func theContentsOwnCellsGiveItsNotes() async throws {
        let made = try MadeStyles()
        try await onTorch {
            let piece = try Self.piece(made)
            let cells = try Self.cells(of: piece)
            let notes = ContentNotes(piece, pitches: CycleGAN.pitches)
            func text(_ rows: [RollSegment.Row]) -> [String] {
                rows.map { "\($0.start) \($0.length) \($0.pitch) \($0.velocity) \($0.program)" }.sorted()
            }
            let own = Self.notes.filter { $0.0 != 9 && $0.3 < 108 }.map {
                channel, start, length, pitch, velocity in
                "\(start) \(length) \(pitch) \(velocity) \(channel == 0 ? 5 : 40)"
            }
            #expect(text(notes.rows(cells, keepsVelocity: true)) == own.sorted())
            #expect(notes.rows(cells, keepsVelocity: false).allSatisfy { $0.velocity == 100 })
            #expect(notes.count == 5)
            #expect(
                text(notes.others(withDrums: true)) == ["0 1 36 100 128", "4 1 38 101 128", "8 2 110 33 5"])
            #expect(text(notes.others(withDrums: false)) == ["8 2 110 33 5"])
        }
    }

    /// New cells have the mean velocity and the most frequent program; what a note is lengthened by stays its own.
    @Test func newCellsAreTheContentsMean() async throws {
        let made = try MadeStyles()
        try await onTorch {
            let piece = try Self.piece(made)
            var cells = try Self.cells(of: piece)
            let notes = ContentNotes(piece, pitches: CycleGAN.pitches)
            func set(_ steps: Range<Int>, _ pitch: Int, _ value: Bool) {
                for step in steps { cells[step * 84 + pitch - 24] = value }
            }
            // A new note; one longer; one that begins late, in the middle of the content's; the end gone.
            set(20..<23, 72, true)
            set(8..<10, 67, true)
            set(0..<2, 60, false)
            set(66..<70, 62, false)
            let rows = notes.rows(cells, keepsVelocity: true).map {
                "\($0.start) \($0.length) \($0.pitch) \($0.velocity) \($0.program)"
            }
            // (90 + 70 + 50 + 80 + 33) / 5 is 64.
            #expect(
                rows.sorted() == ["2 2 60 90 5", "2 8 67 50 40", "20 3 72 64 5", "4 4 60 70 5"].sorted())
        }
    }

    @Test func aFileIsBroughtToTheOtherStyle() async throws {
        let made = try MadeStyles()
        try await onTorch {
            _ = try made.train(["epochs=1"])
            func value(_ name: String, _ result: Transferred) -> Double? {
                result.measures.first { $0.name == name }?.value
            }
            for style in ["runs", "chords"] {
                let result = try made.transfer(Self.content, to: style, ["cells=density"])
                let timeline = try Score(midi: result.bytes).timelines[0]
                let before = try Score(midi: Self.content).timelines[0]
                #expect(timeline.timeSignatures == before.timeSignatures)
                #expect(timeline.tempoMap.changes.count == before.tempoMap.changes.count)
                for step in [0, 30, 41, 69] {
                    let seconds = Grid.stepsPerBeat(4).seconds(at: step, in: timeline.tempoMap)
                    let expected = Grid.stepsPerBeat(4).seconds(at: step, in: before.tempoMap)
                    #expect(abs(seconds - expected) < 1e-9)
                }
                // Two windows, the second of six steps.
                #expect(value("cells_before", result) == 18)
                #expect(value("notes_before", result) == 5)
                #expect(try #require(value("style_after", result)) >= 0)
                #expect(timeline.notes.count { $0.isDrum } == 2)
                #expect(timeline.notes.contains { $0.pitch == 110 && $0.velocity == 33 })
                #expect(timeline.controls.contains { $0.number == 64 && $0.value > 0 })
                guard case .rolls(let rolls) = try #require(result.figures.first).content else {
                    Issue.record("no rolls")
                    return
                }
                #expect(rolls.count == 3 && rolls.allSatisfy { $0.columns == 70 })
            }
            // As many cells as the content has where nothing is cut off at the end.
            let whole = MadeStyles.file("runs", seed: 40)
            let result = try made.transfer(whole, to: "chords", ["cells=density"])
            #expect(value("cells_before", result) == 128 && value("cells_after", result) == 128)
            let half = try made.transfer(whole, to: "chords", ["cells=density", "density=0.5"])
            #expect(value("cells_after", half) == 64)
            let none = try made.transfer(whole, to: "chords", ["threshold=1"])
            #expect(value("notes_after", none) == 0 && value("content_f1", none) == 0)
            let all = try made.transfer(whole, to: "chords", ["threshold=0", "velocity=100"])
            #expect(value("cells_after", all) == 128 * 84 && value("kept_share", all) == 1)
            let loud = try Score(midi: all.bytes).timelines[0].notes
            #expect(!loud.isEmpty && loud.allSatisfy { $0.velocity == 100 })
            let dropped = try made.transfer(Self.content, to: "runs", ["drums=drop"])
            #expect(try Score(midi: dropped.bytes).timelines[0].notes.allSatisfy { !$0.isDrum })
        }
    }

    /// Without notes there is nothing to bring: the result is as silent, whatever is asked for.
    @Test(arguments: ["threshold=0", "cells=density"])
    func silenceStaysSilent(_ setting: String) async throws {
        let made = try MadeStyles()
        let onlyDrums = MadeFile.midi(events: [(0, [0x99, 36, 90]), (24, [0x89, 36, 0])])
        try await onTorch {
            _ = try made.train(["epochs=1"])
            for bytes in [MadeFile.midi(events: []), onlyDrums] {
                let result = try made.transfer(bytes, to: "runs", [setting])
                #expect(result.measures.allSatisfy { $0.value == 0 })
                #expect(try Score(midi: result.bytes).timelines[0].notes.allSatisfy(\.isDrum))
            }
        }
    }

    @Test func shortFilesKeepTheirLength() async throws {
        let made = try MadeStyles()
        let one = MadeFile.midi(events: [(0, [0x90, 60, 90]), (48, [0x80, 60, 0])])
        try await onTorch {
            _ = try made.train(["epochs=1"])
            let result = try made.transfer(one, to: "runs", ["threshold=0"])
            let notes = try Score(midi: result.bytes).timelines[0].notes
            #expect(notes.count == 84 && notes.allSatisfy { $0.onset == 0 && $0.offset == 48 })
        }
    }

    @Test func stylesAreChecked() async throws {
        let made = try MadeStyles(styles: ["chords", "runs", "singles"])
        try await onTorch {
            _ = try made.train(["epochs=1", "a=chords", "b=runs"])
            let fault = #expect(throws: TrainingError.self) {
                try made.transfer(Self.content, to: "singles")
            }
            #expect(fault?.message.contains("it knows chords, runs") == true)
            let trainer = Trainer(recipes: Recipe.all, cachePath: made.cache)
            let same = #expect(throws: TrainingError.self) {
                try trainer.transfer(
                    by: "cyclegan-1",
                    request: {
                        TransferRequest(
                            content: Self.content, path: "content.mid", style: "runs", contentStyle: "runs",
                            settings: $0)
                    })
            }
            #expect(same?.message.contains("the content's style is 'runs' already") == true)
            let broken = #expect(throws: TrainingError.self) { try made.transfer([1, 2, 3], to: "runs") }
            #expect(broken?.code == .file)
        }
    }
}
