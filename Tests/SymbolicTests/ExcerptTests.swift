import Foundation
import Symbolic
import Testing

/// The bars of a file that hold a stretch of time.
@Suite struct ExcerptTests {
    /// Two tracks in 3/4 at 100 ticks a quarter; 120 BPM, then 60 BPM from bar 2 on: bars begin at ticks 0, 300, 600, …,
    /// which are seconds 0, 1.5, 3, then every 3 seconds.
    private static let bytes: [UInt8] = {
        let conductor =
            SMF.number(0) + [0xFF, 0x58, 4, 3, 2, 24, 8] + SMF.number(0) + [0xFF, 0x59, 2, 0xFE, 1]
            + SMF.tempo(500_000) + SMF.number(0) + [0xFF, 0x05, 2, 0x6C, 0x61]
            + SMF.tempo(1_000_000, after: 600)
        // A note a beat, each half as long again as a beat; the pedal goes up and down; the program changes.
        var events: [(tick: Int, bytes: [UInt8])] = [
            (0, [0xFF, 0x03, 1, 0x70]), (0, [0xC0, 5]), (10, [0xB0, 64, 127]), (290, [0xB0, 64, 0]),
            (310, [0xB0, 64, 100]), (310, [0xC0, 7]), (700, [0xE0, 0, 0x50]), (950, [0xB0, 64, 0]),
        ]
        for beat in 0..<12 {
            events.append((100 * beat, [0x90, UInt8(40 + beat), UInt8(60 + beat)]))
            events.append((100 * beat + 150, [0x80, UInt8(40 + beat), 0]))
        }
        var (body, now): ([UInt8], Int) = ([], 0)
        for (_, event) in events.enumerated().sorted(by: {
            ($0.element.tick, $0.offset) < ($1.element.tick, $1.offset)
        }) {
            body += SMF.number(event.tick - now) + event.bytes
            now = event.tick
        }
        return SMF.file(conductor, body, division: 100)
    }()

    private static func excerpt(
        _ start: Double, _ duration: Double, of bytes: [UInt8] = bytes
    ) throws -> Timeline? {
        let timeline = try Score(midi: bytes).timelines[0]
        let part = try MIDIFile.read(bytes).excerpt(of: timeline, start: start, duration: duration)
        return try part.map { part in
            let score = try Score(midi: part.write())
            #expect(score.warnings.isEmpty)
            return score.timelines[0]
        }
    }

    /// Notes by (onset, offset, pitch, program).
    private static func notes(_ timeline: Timeline) -> [[Int]] {
        timeline.notes.map { [$0.onset, $0.offset, Int($0.pitch), Int($0.program)] }
    }

    @Test func barsAreCutOnTheirLines() throws {
        // Seconds 1.6 to 3.1 lie in bars 2 and 3: ticks 300 to 900.
        let part = try #require(try Self.excerpt(1.6, 1.5))
        #expect(
            Self.notes(part) == [
                [0, 150, 43, 5], [100, 250, 44, 7], [200, 350, 45, 7], [300, 450, 46, 7], [400, 550, 47, 7],
                [500, 600, 48, 7],
            ])
        #expect(part.endTick == 600)
        #expect(part.tempoMap.changes.map(\.tick) == [0, 300])
        #expect(part.tempoMap.changes.map(\.microsecondsPerBeat) == [500_000, 1_000_000])
        #expect(part.timeSignatures == [TimeSignature(tick: 0, numerator: 3, denominator: 4)])
        #expect(part.keys == [KeySignature(tick: 0, sharps: -2, isMinor: true)])
        // Pedal down and up before the bar: only the last holds; the lyric is gone, the track's name is not.
        #expect(
            part.controls.map { [$0.tick, Int($0.number), Int($0.value)] } == [[0, 64, 0], [10, 64, 100]])
        #expect(part.texts.map(\.type) == [3])
        #expect(part.pitchBends.map(\.tick) == [400])
    }

    /// A stretch between bar lines takes no bar more, and the whole is the whole.
    @Test func linesThemselvesBelongToOneBar() throws {
        #expect(try Self.excerpt(1.5, 1.5).map(Self.notes)?.map { $0[2] } == [43, 44, 45])
        #expect(try Self.excerpt(3, .infinity).map(Self.notes)?.map { $0[2] } == [46, 47, 48, 49, 50, 51])
        let whole = try #require(try Self.excerpt(0, .infinity))
        #expect(Self.notes(whole) == Self.notes(try Score(midi: Self.bytes).timelines[0]))
        // In the last bar a pedal, a bend and a tempo from before are in force.
        let last = try #require(try Self.excerpt(6.5, 0.1))
        #expect(Self.notes(last).map { $0[2] } == [49, 50, 51])
        #expect(last.controls.map(\.value) == [100, 0] && last.controls.map(\.tick) == [0, 50])
        #expect(last.pitchBends.count == 1 && last.tempoMap.firstMicrosecondsPerBeat == 1_000_000)
        #expect(last.notes.allSatisfy { $0.program == 7 })
    }

    @Test func barsWithoutNotesGiveNothing() throws {
        #expect(try Self.excerpt(9.5, 10) == nil)
        #expect(try Self.excerpt(1000, .infinity) == nil)
    }

    /// A second note of a key that is already down: the first off ends the first.
    @Test func offsEndTheFirstNote() throws {
        let body =
            SMF.number(0) + [0x90, 60, 64] + SMF.number(350) + [0x90, 60, 65] + SMF.number(20) + [
                0x80, 60, 0,
            ]
            + SMF.number(10) + [0x80, 60, 0]
        let part = try #require(try Self.excerpt(2, 1, of: SMF.file(body, division: 80)))
        // Bar 2 of 4/4 begins at tick 320.
        #expect(Self.notes(part) == [[30, 60, 60, 0]])
    }

    /// Whether a file's excerpt of seconds 10 to 25 has the notes that begin in its bars, at their times.
    static func check(_ bytes: [UInt8], _ path: String) throws -> Bool {
        guard let score = try? Score(midi: bytes), score.timelines.count == 1,
            let part = try excerpt(10, 15, of: bytes)
        else { return false }
        let timeline = score.timelines[0]
        let lines = lines(timeline)
        let start = try #require(lines.last { timeline.tempoMap.seconds(at: $0) <= 10 + 1e-6 })
        let end = lines.first { timeline.tempoMap.seconds(at: $0) >= 25 - 1e-6 } ?? .max
        let wanted = timeline.notes.filter { $0.onset >= start && $0.onset < end }
        func key(_ note: Note, _ shift: Int) -> [Int] {
            [
                note.onset - shift, min(note.offset, end) - shift, Int(note.pitch), Int(note.velocity),
                Int(note.channel), Int(note.program),
            ]
        }
        func sorted(_ keys: [[Int]]) -> [[Int]] { keys.sorted { $0.lexicographicallyPrecedes($1) } }
        #expect(sorted(wanted.map { key($0, start) }) == sorted(part.notes.map { key($0, 0) }), "\(path)")
        for note in wanted {
            let found = part.tempoMap.seconds(at: note.onset - start)
            let time = timeline.tempoMap.seconds(at: note.onset) - timeline.tempoMap.seconds(at: start)
            #expect(abs(found - time) < 1e-6, "\(path)")
        }
        return true
    }

    /// Bar lines, counted independently.
    private static func lines(_ timeline: Timeline) -> [Int] {
        guard case .ticksPerQuarter(let ticks) = timeline.tempoMap.division else { return [] }
        var signatures = [TimeSignature.common]
        for signature in timeline.timeSignatures {
            if signatures.last?.tick == signature.tick { signatures.removeLast() }
            signatures.append(signature)
        }
        var lines: [Int] = []
        for (index, signature) in signatures.enumerated() {
            let end = index + 1 < signatures.count ? signatures[index + 1].tick : timeline.endTick + 100_000
            var number = 0
            while true {
                let tick = signature.tick + number * 4 * ticks * signature.numerator / signature.denominator
                if tick >= end { break }
                lines.append(tick)
                number += 1
            }
        }
        return lines
    }
}
