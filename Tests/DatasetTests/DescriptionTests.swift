import Symbolic
import TestSupport
import Testing

@testable import Dataset
@testable import Describing
@testable import Files

/// What `describe` finds, on scores small enough to count by hand.
struct DescriptionTests {
    /// A score of 96 ticks a beat.
    private func score(
        _ notes: [Note], controls: [ControlChange] = [], tempi: [TempoMap.Change] = [],
        timeSignatures: [TimeSignature] = [],
        keys: [KeySignature] = []
    ) -> Score {
        var timeline = Timeline(tempoMap: TempoMap(division: .ticksPerQuarter(96), changes: tempi))
        timeline.notes = notes
        timeline.controls = controls
        timeline.timeSignatures = timeSignatures
        timeline.keys = keys
        timeline.endTick = max(notes.map(\.offset).max() ?? 0, controls.map(\.tick).max() ?? 0)
        return Score(format: 1, division: .ticksPerQuarter(96), timelines: [timeline])
    }

    private func note(_ onset: Int, _ offset: Int, _ pitch: UInt8, velocity: UInt8 = 64) -> Note {
        Note(onset: onset, offset: offset, pitch: pitch, velocity: velocity)
    }

    @Test func notesAreCountedAndDrumsApart() {
        let drum = Note(onset: 0, offset: 10, pitch: 36, velocity: 100, channel: 9, program: 128)
        let found = ScoreDescription(score([note(0, 96, 60), note(96, 144, 60, velocity: 80), drum]))
        #expect(found.pitches[60] == 2 && found.pitches.reduce(0, +) == 2)
        #expect(found.velocities[64] == 1 && found.velocities[80] == 1)
        #expect(found.programs[0] == 2 && found.programs[128] == 1)
        #expect(found.lengths.total == 2)
    }

    @Test func polyphonyCountsPitchesAndNotNotes() {
        // Beats: 0 to 1 one pitch, 1 to 2 two, 2 to 3 none, 3 to 4 one pitch held by two notes that overlap.
        let found = ScoreDescription(
            score([
                note(0, 192, 60), note(96, 192, 64), note(288, 340, 67), note(300, 384, 67),
            ]))
        #expect(found.polyphony == [1, 2, 1])
    }

    /// Every placing of up to three notes of two pitches on six ticks, against a roll painted tick by tick.
    @Test func polyphonyAgreesWithARoll() {
        var spans: [(Int, Int)] = []
        for first in 0..<5 { for last in first + 1..<6 { spans.append((first, last)) } }
        for (a, b) in spans {
            for (c, d) in spans where c >= a {
                for (e, f) in spans where e >= c {
                    let notes = [note(a, b, 60), note(c, d, 61), note(e, f, 60)]
                    let length = max(b, d, f)
                    var ticks = [Int](repeating: 0, count: 4)
                    for tick in 0..<length {
                        ticks[
                            Set(notes.filter { $0.onset <= tick && tick < $0.offset }.map(\.pitch)).count] +=
                            1
                    }
                    let found = ScoreDescription(score(notes)).polyphony.map { ($0 * 96).rounded() }
                    #expect(found == ticks.prefix(found.count).map(Double.init), "\(notes)")
                    #expect(ticks.dropFirst(found.count).allSatisfy { $0 == 0 })
                }
            }
        }
    }

    @Test func pedalsLastFromPressToReleaseInSeconds() {
        func pedal(_ tick: Int, _ value: UInt8, _ channel: UInt8 = 0) -> ControlChange {
            ControlChange(tick: tick, channel: channel, number: 64, value: value)
        }
        // 96 ticks are half a second; the second press is never released; drums do not count.
        let found = ScoreDescription(
            score(
                [note(0, 960, 60)],
                controls: [
                    pedal(0, 127), pedal(10, 100), pedal(0, 127, 9), pedal(96, 0), pedal(192, 64),
                    pedal(960, 64),
                ]))
        #expect(found.pedals.total == 2)
        #expect(found.pedals.counts[9] == 1, "half a second: \(found.pedals.counts)")
        #expect(found.pedals.counts[15] == 1, "four seconds: \(found.pedals.counts)")
    }

    @Test func tempiAndSignaturesByTheirTime() {
        let found = ScoreDescription(
            score(
                [note(0, 960, 60)],
                tempi: [
                    TempoMap.Change(tick: 480, microsecondsPerBeat: 1_000_000),
                    TempoMap.Change(tick: 480, microsecondsPerBeat: 250_000),
                ], timeSignatures: [TimeSignature(tick: 288, numerator: 3, denominator: 4)],
                keys: [
                    KeySignature(tick: 0, sharps: -3, isMinor: false),
                    KeySignature(tick: 480, sharps: -3, isMinor: true),
                ]
            ))
        #expect(found.tempi == [120: 2.5, 240: 1.25])
        #expect(found.timeSignatures == ["4/4": 3, "3/4": 7])
        #expect(found.keys == ["E♭ major": 5, "C minor": 5])
    }

    @Test func groovesAndEmptyBars() {
        // Bars of four beats: the first two alike, the third empty, the fourth with one other onset.
        let bar = 384
        let found = ScoreDescription(
            score([
                note(0, 90, 60), note(96, 180, 60), note(bar, bar + 90, 62), note(bar + 96, bar + 180, 62),
                note(3 * bar + 48, 3 * bar + 90, 64),
            ]))
        #expect(found.bars == 4 && found.emptyBars == 1)
        // Differences: 0, then 2 onsets that vanish, then 1 that comes; of 96 positions in 3 pairs.
        #expect(found.groove == 1 - 3.0 / (96 * 3))
    }

    /// Random pieces in odd time signatures, against sets of positions and bars painted one by one.
    @Test func groovesAndEmptyBarsAgreeWithSets() {
        var random = SplitMix(seed: 7)
        for (numerator, denominator) in [(4, 4), (3, 8), (5, 4), (16, 4), (1, 128)] {
            for _ in 0..<20 {
                let notes = (0..<30).map { _ in Int.random(in: 0..<4000, using: &random) }.sorted().map {
                    note($0, $0 + Int.random(in: 0..<1500, using: &random), 60)
                }
                let found = ScoreDescription(
                    score(
                        notes,
                        timeSignatures: [
                            TimeSignature(tick: 0, numerator: numerator, denominator: denominator)
                        ]))
                // 96 ticks a beat, 24 positions a beat, rounded half up.
                func position(_ tick: Int) -> Int { (tick + 2) / 4 }
                let length = max(1, numerator * 4 * 24 / denominator)
                let bars = position(notes.map(\.offset).max() ?? 0) / length + 1
                var sounding = Set<Int>()
                for note in notes {
                    sounding.formUnion(position(note.onset) / length...position(note.offset) / length)
                }
                let onsets = Set(notes.map { position($0.onset) })
                var differences = 0
                for bar in 1..<max(bars, 2) {
                    for place in 0..<length {
                        let here = onsets.contains(bar * length + place)
                        if here != onsets.contains((bar - 1) * length + place) { differences += 1 }
                    }
                }
                #expect(found.bars == bars && found.emptyBars == bars - sounding.count, "\(notes)")
                #expect(
                    found.groove == (bars > 1 ? 1 - Double(differences) / Double(length * (bars - 1)) : nil),
                    "\(numerator)/\(denominator): \(notes)")
            }
        }
    }

    /// Eight bars of rock: bass drum, snare, hi-hats in eighths.
    private func rock(channel: UInt8, program: UInt8) -> [Note] {
        (0..<64).flatMap { eighth -> [Note] in
            var keys: [UInt8] = [42]
            if eighth % 2 == 0 { keys.append(eighth % 4 == 0 ? 36 : 38) }
            return keys.map {
                Note(
                    onset: eighth * 48, offset: eighth * 48 + 10, pitch: $0, velocity: 90, channel: channel,
                    program: program)
            }
        }
    }

    @Test func drumsOffTheirChannelAreHeard() {
        #expect(ScoreDescription(score(rock(channel: 3, program: 0))).drumLike == 96)
        #expect(ScoreDescription(score(rock(channel: 9, program: 128))).drumLike == 0)
        // A bass line of the same keys, one after the other, is none; nor are keys far apart, nor too few notes.
        let line = rock(channel: 3, program: 33).enumerated().map { index, note in
            Note(
                onset: index * 24, offset: index * 24 + 20, pitch: note.pitch, velocity: 90, channel: 3,
                program: 33)
        }
        #expect(ScoreDescription(score(line)).drumLike == 0)
        let chords = (0..<200).map { note($0 / 2 * 24, $0 / 2 * 24 + 20, UInt8(36 + $0 * 17 % 48)) }
        #expect(ScoreDescription(score(chords)).drumLike == 0)
        #expect(ScoreDescription(score(Array(rock(channel: 3, program: 0).prefix(31)))).drumLike == 0)
        // Beside another part only its own notes count.
        let both = (rock(channel: 3, program: 0) + chords).sorted { $0.onset < $1.onset }
        #expect(ScoreDescription(score(both)).drumLike == 96)
    }

    @Test func factsAreReadBack() throws {
        let found = ScoreDescription(
            score((0..<40).map { note($0 * 24, $0 * 24 + 20, UInt8(40 + $0 * 7 % 50)) }, keys: []))
        let bytes = found.json.canonicalBytes
        #expect(ScoreDescription(json: try JSONValue(parsing: bytes)) == found)
        #expect(ScoreDescription(json: .null) == nil)
        #expect(ScoreDescription(json: ["pitches": [500, 1]]) == nil)
        guard case .object(var members) = found.json else { return }
        members["of a later version"] = [1, ["a": nil]]
        #expect(ScoreDescription(json: .object(members)) == found)
        // What `read` 2 recorded.
        members["drum_like"] = nil
        #expect(ScoreDescription(json: .object(members)) == found)
        for (name, wrong) in [
            ("pitches", [127, 1, 1]), ("lengths", [21, 1, 1, 1]), ("sketch", "abc"), ("bars", 1.5),
            ("time_signatures", ["4/4": "x"]), ("polyphony", nil),
        ] as [(String, JSONValue)] {
            var others = members
            others[name] = wrong
            #expect(ScoreDescription(json: .object(others)) == nil, "\(name)")
            others[name] = nil
            #expect(ScoreDescription(json: .object(others)) == nil, "without \(name)")
        }
        #expect(ScoreDescription(json: ScoreDescription().json) == ScoreDescription())
    }

    @Test func lengthsFallBetweenTheirEdges() {
        for (index, edge) in LogHistogram.edges.enumerated() {
            var histogram = LogHistogram()
            histogram.add(edge)
            histogram.add(edge.nextDown)
            #expect(histogram.counts[index + 1] == 1, "\(edge)")
            #expect(histogram.counts[index] == 1, "below \(edge)")
        }
        var ends = LogHistogram()
        for length in [0, 1e-300, 1e300] { ends.add(length) }
        #expect(ends.counts.first == 2 && ends.counts.last == 1)
    }

    @Test func shinglesAreSharedByCopiesAndTheirTranspositions() {
        let melody = (0..<200).map { UInt8(40 + $0 * $0 * 7 % 43) }
        func piece(_ pitches: [UInt8]) -> Score {
            score(pitches.enumerated().map { note($0.offset * 24, $0.offset * 24 + 20, $0.element) })
        }
        let whole = Shingles(piece(melody), .pitches)
        #expect(whole.hashes == whole.hashes.sorted() && Set(whole.hashes).count == whole.hashes.count)
        #expect(whole.share(with: Shingles(piece(Array(melody[50..<150])), .pitches)) == 1)
        let higher = piece(melody.map { $0 + 5 })
        #expect(whole.share(with: Shingles(higher, .pitches)) == 0)
        #expect(Shingles(piece(melody), .intervals).share(with: Shingles(higher, .intervals)) == 1)
        #expect(Shingles(piece(Array(melody.prefix(11))), .pitches).hashes.isEmpty)
        #expect(Shingles(piece(Array(melody.prefix(12))), .intervals).hashes.count == 1)
    }

    @Test func sketchIsTheSmallestHashes() {
        for count in [0, 11, 12, 300, 3000, 20_000] {
            let piece = score((0..<count).map { note($0 * 24, $0 * 24 + 20, UInt8(20 + $0 &* $0 / 7 % 89)) })
            let all = Shingles(piece, .intervals).hashes
            #expect(
                Shingles.sketch(piece.timelines.map { Shingles.pitches(of: $0) }, .intervals)
                    == Array(all.prefix(Shingles.sketchCount)), "\(count)")
        }
        // Passages that return so often that few stretches differ, and chords of many notes.
        for (count, period, chord) in [(5000, 400, 1), (5000, 1600, 1), (9000, 9000, 70), (6000, 50, 1)] {
            let piece = score(
                (0..<count).map { index in
                    let place = index % period
                    return note(
                        index / chord * 24, index / chord * 24 + 20, UInt8(20 + place * place / 7 % 89))
                })
            let all = Shingles(piece, .intervals).hashes
            #expect(
                Shingles.sketch(piece.timelines.map { Shingles.pitches(of: $0) }, .intervals)
                    == Array(all.prefix(Shingles.sketchCount)), "\(count), \(period), \(chord)")
            let pitches = Shingles.pitches(of: piece.timelines[0])
            let chords = stride(from: 0, to: count, by: chord).flatMap { start in
                piece.timelines[0].notes[start..<min(start + chord, count)].map(\.pitch).sorted()
            }
            #expect(pitches == chords)
        }
        let text = Shingles.text([0, 0xDEAD_BEEF])
        #expect(text == "00000000deadbeef")
        #expect(Shingles.sketch(text) == [0, 0xDEAD_BEEF])
        #expect(Shingles.sketch("0000000") == nil && Shingles.sketch("0000000G") == nil)
    }
}
