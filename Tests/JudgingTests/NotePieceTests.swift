import Symbolic
import Testing

@testable import Judging

@Suite struct NotePieceTests {
    private func note(_ onset: Double, _ offset: Double, _ pitch: UInt8, program: UInt8 = 0) -> NotePiece.Note
    {
        NotePiece.Note(onset: onset, offset: offset, pitch: pitch, program: program)
    }

    private func timeline(_ notes: [Symbolic.Note], _ map: TempoMap) -> Timeline {
        var timeline = Timeline(tempoMap: map)
        timeline.notes = notes
        return timeline
    }

    @Test func beatsAndSecondsFollowTheTempoMap() {
        let map = TempoMap(
            division: .ticksPerQuarter(96),
            changes: [
                .init(tick: 0, microsecondsPerBeat: 500_000), .init(tick: 96, microsecondsPerBeat: 1_000_000),
            ])
        var timeline = timeline(
            [
                Symbolic.Note(
                    onset: 48, offset: 240, pitch: 60, velocity: 90, channel: 3, program: 5, track: 1),
                Symbolic.Note(onset: 48, offset: 96, pitch: 50, velocity: 80, channel: 9, program: 128),
            ], map)
        timeline.timeSignatures = [TimeSignature(tick: 0, numerator: 3, denominator: 8)]
        let piece = NotePiece(timeline)
        #expect(piece.notes.map(\.pitch) == [50, 60])
        #expect(piece.notes.map(\.onset) == [0.5, 0.5])
        #expect(piece.notes.map(\.offset) == [1, 2.5])
        #expect(piece.notes.map(\.onsetSeconds) == [0.25, 0.25])
        #expect(piece.notes.map(\.offsetSeconds) == [0.5, 2])
        #expect(piece.notes.map(\.part) == [0, 1])
        #expect(piece.notes.map(\.isDrum) == [true, false])
        #expect(piece.barLines == [0, 1.5, 3])
        #expect(piece.beatTimes == [0, 0.5, 1.5])
        #expect(piece.length == 2.5 && piece.lengthSeconds == 2)
        // Without its longest note a piece keeps its length.
        #expect(piece.drums.notes.count == 1 && piece.drums.length == 2.5)
        #expect(piece.pitched.notes.map(\.pitch) == [60])
    }

    @Test func clockTimeHasBeatsOfHalfASecond() {
        let map = TempoMap(division: .smpte(framesPerSecond: 25, ticksPerFrame: 40))
        let piece = NotePiece(
            timeline([Symbolic.Note(onset: 250, offset: 1100, pitch: 60, velocity: 90)], map))
        #expect(piece.notes.map(\.onset) == [0.5] && piece.notes.map(\.onsetSeconds) == [0.25])
        #expect(piece.beatTimes == [0, 0.5, 1])
    }

    @Test func timelinesOfOneFileFollowOneAnother() {
        let map = TempoMap(division: .ticksPerQuarter(10))
        let score = Score(
            format: 2, division: .ticksPerQuarter(10),
            timelines: [
                timeline([Symbolic.Note(onset: 0, offset: 50, pitch: 60, velocity: 90)], map),
                timeline([], map),
                timeline([Symbolic.Note(onset: 10, offset: 20, pitch: 64, velocity: 90)], map),
            ])
        let piece = NotePiece(score)
        #expect(piece.notes.map(\.onset) == [0, 9])
        #expect(piece.notes.map(\.onsetSeconds) == [0, 4.5])
        #expect(piece.notes.map(\.part) == [0, 1])
        #expect(piece.barLines == [0, 4, 8, 12])
        #expect(piece.beatTimes == (0...10).map { Double($0) / 2 })
    }

    @Test func segmentsJoinNotesThatSoundOn() {
        let rows = [
            RollSegment.Row(start: 0, length: 2, pitch: 60, velocity: 70),
            RollSegment.Row(start: 6, length: 2, pitch: 62, velocity: 71),
        ]
        let next = [
            RollSegment.Row(start: 0, length: 3, pitch: 62, velocity: 71, isOnset: false),
            RollSegment.Row(start: 0, length: 1, pitch: 65, velocity: 72, isOnset: false),
            RollSegment.Row(start: 3, length: 1, pitch: 62, velocity: 73),
        ]
        let piece = NotePiece(
            segments: [RollSegment(length: 8, rows: rows), RollSegment(length: 8, rows: next)],
            stepsPerBeat: 4)
        #expect(
            piece.notes.map { [$0.onset, $0.offset, Double($0.pitch)] } == [
                [0, 0.5, 60], [1.5, 2.75, 62], [2, 2.25, 65], [2.75, 3, 62],
            ])
        #expect(piece.notes.map(\.offsetSeconds) == [0.25, 1.375, 1.125, 1.5])
    }

    @Test func melodyIsTheHighestThatSounds() {
        let piece = NotePiece(notes: [
            note(0, 4, 72), note(0, 1, 60), note(1, 2, 70), note(2, 3, 74), note(3, 5, 48), note(4, 5, 60),
            note(4, 6, 60), note(2, 8, 90, program: 128), note(4, 4, 60),
        ])
        #expect(piece.melody.notes.map(\.pitch) == [72, 74, 60])
        #expect(piece.melody.notes.map(\.offset) == [4, 3, 6])
        #expect(piece.bass.notes.map(\.pitch) == [60, 70, 48])
        #expect(piece.bass.notes.map(\.onset) == [0, 1, 3])
    }

    @Test func nothingIsDefinedWithoutNotes() {
        let empty = NotePiece(notes: [])
        let piece = NotePiece(notes: [note(0, 1, 60)])
        #expect(empty.length == 0 && empty.barLines == [0] && empty.beatTimes.isEmpty)
        #expect(ChromaSimilarity.twoBeats.similarity(empty, empty) == nil)
        #expect(ChromaSimilarity.twoBeats.similarity(empty, piece) == 0)
        #expect(ChromaSimilarity.twoBeats.aligned(empty, piece) == nil)
        #expect(BarSimilarity.chroma(of: empty, to: empty) == nil)
        #expect(BarSimilarity.onsets(of: piece, to: empty) == 0)
        #expect(NoteMatching.score(empty, reference: piece).f1 == 0)
        #expect(StyleProfile([empty]) == nil)
        // One note makes no pair.
        #expect(StyleProfile([piece]) == nil)
        #expect(StyleProfile([piece], kind: .onsets)?.values.first == 1)
        let statistics = NoteStatistics(empty)
        #expect(
            statistics.named.filter { $0.value != nil }.map(\.name) == [
                "notes", "drums", "pitches", "pitch_classes",
            ])
        #expect(PassageIndex([piece], noteCount: 3, voice: .melody).nearest(to: piece) == nil)
    }

    @Test func rangeAndDensityCompareWithTheStyle() {
        let piece = NotePiece(notes: [
            note(0, 1, 20), note(1, 2, 60), note(2, 3, 61), note(3, 4, 62), note(0, 4, 35, program: 128),
        ])
        #expect(NoteStatistics.shareOutside(21...61, of: piece) == 0.5)
        let sparse = NotePiece(notes: [note(0, 4, 60)])
        let style = [NoteStatistics(sparse), NoteStatistics(piece)]
        #expect(NoteStatistics(piece).densityRatio(to: style) == 1.6)
        #expect(NoteStatistics(piece).densityRatio(to: []) == nil)
    }
}
