import Symbolic
import Tensors
import Testing

@Suite struct RollSegmentsTests {
    static let shapes = [
        (6, 6, false), (4, 4, false), (4, 4, true), (3, 2, false), (2, 3, false), (2, 5, true),
    ]

    /// Every set of at most three notes on six frames, on one pitch and on two, cut in six ways.
    @Test(arguments: shapes) func agreesWithBruteForce(steps: Int, hop: Int, dropLast: Bool) throws {
        var spans: [(Int, Int)] = []
        for start in 0..<6 {
            for end in start...6 where end > start || start == 2 { spans.append((start, end)) }
        }
        var parameters = RollParameters(
            grid: .stepsPerBeat(1), steps: steps, hop: hop, dropLast: dropLast, pitches: 60...61)
        for first in spans.indices {
            for second in first...spans.count {
                for third in second...spans.count {
                    let chosen = [first, second, third].filter { $0 < spans.count }
                    guard second < spans.count || third == spans.count else { continue }
                    let notes = chosen.enumerated().map { index, span in
                        Note(
                            onset: spans[span].0, offset: spans[span].1,
                            pitch: 60 + UInt8((index + first) % 2 & (third % 2)),
                            velocity: UInt8(10 + (index * 7 + second) % 5), channel: UInt8(index),
                            program: [0, 50, 128][index])
                    }
                    parameters.drums = (first + third) % 3 == 0 ? .include : .separate
                    if let fault = try fault(notes, parameters) {
                        Issue.record("\(fault) of \(notes)")
                        return
                    }
                }
            }
        }
    }

    /// What is wrong with the segments of these notes, if anything. (An expectation each would take minutes.)
    private func fault(_ notes: [Note], _ parameters: RollParameters) throws -> String? {
        let (steps, p) = (parameters.steps, parameters.pitches)
        let all = RollOracle(notes: notes, steps: steps, hop: parameters.hop, dropLast: parameters.dropLast)
        let segments = try RollSegments(score: score(notes), parameters: parameters)
        guard segments.segmentStart == all.starts.map({ Int64($0) }) else { return "starts" }
        guard segments.segmentLength == all.starts.map({ Int64(min(steps, all.length - $0)) }) else {
            return "true lengths"
        }
        let drums = parameters.drums == .include
        var pitched = all
        pitched.notes = notes.filter { drums || !$0.isDrum }
        for (index, start) in all.starts.enumerated() {
            let piano = painted(segments, index, width: 2) {
                DenseRolls.piano($0, steps: steps, pitches: p, paintsDrums: drums, into: $1)
            }
            let velocity = painted(segments, index, width: 2) {
                DenseRolls.velocity($0, steps: steps, pitches: p, paintsDrums: drums, into: $1)
            }
            let onset = painted(segments, index, width: 2) {
                DenseRolls.onset($0, steps: steps, pitches: p, paintsDrums: drums, into: $1)
            }
            let instrument = painted(segments, index, width: 17) {
                DenseRolls.instrument($0, steps: steps, pitches: p, into: $1)
            }
            guard piano == pitched.piano(start, p) else { return "piano roll from \(start)" }
            guard velocity == pitched.velocity(start, p) else { return "velocity roll from \(start)" }
            guard onset == pitched.onset(start, p) else { return "onset roll from \(start)" }
            guard instrument == all.instrument(start, p) else { return "instrument roll from \(start)" }
            if let fault = rowFault(segments, index, notes, start) { return fault }
        }
        return nil
    }

    /// One row for each note that overlaps the segment, with its flags, in order.
    private func rowFault(_ segments: RollSegments, _ index: Int, _ notes: [Note], _ start: Int) -> String? {
        let end = start + segments.steps
        let rows = Int(segments.notesOffset[index])..<Int(segments.notesOffset[index + 1])
        let overlapping = notes.filter { $0.onset < end && max($0.offset, $0.onset + 1) > start }
        let flags = overlapping.map { note in
            (note.onset >= start ? RollFlags.onset : 0)
                | (max(note.offset, note.onset + 1) <= end ? RollFlags.ends : 0)
        }
        guard flags.sorted() == segments.flags[rows].sorted() else { return "flags from \(start)" }
        let keys = rows.map { row in
            [
                Int(segments.start[row]), Int(segments.pitch[row]), Int(segments.program[row]),
                Int(segments.voice[row]), Int(segments.velocity[row]), Int(segments.length[row]),
            ]
        }
        let isSorted = zip(keys, keys.dropFirst()).allSatisfy { !$1.lexicographicallyPrecedes($0) }
        return isSorted ? nil : "order from \(start)"
    }

    @Test(arguments: 0..<30) func partitionsAPiece(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let notes = (0..<seed * 4).map { _ in
            let onset = Int.random(in: 0...500, using: &generator)
            return Note(
                onset: onset, offset: onset + Int.random(in: 0...90, using: &generator),
                pitch: UInt8.random(in: 50...60, using: &generator),
                velocity: UInt8.random(in: 1...127, using: &generator),
                channel: UInt8.random(in: 0...15, using: &generator))
        }
        let whole = try RollSegments(
            score: score(notes), parameters: RollParameters(grid: .stepsPerBeat(1), steps: 1000))
        let cut = try RollSegments(
            score: score(notes), parameters: RollParameters(grid: .stepsPerBeat(1), steps: 64))
        #expect(whole.count == 1 && whole.start.count == notes.count)
        #expect(cut.segmentLength.reduce(0, +) == whole.segmentLength[0])
        func joined(_ segments: RollSegments) -> [UInt8] {
            let rolls = (0..<segments.count).flatMap { index in
                painted(segments, index, width: 128) {
                    DenseRolls.velocity($0, steps: segments.steps, into: $1)
                }
            }
            return Array(rolls.prefix(Int(whole.segmentLength[0]) * 128))
        }
        #expect(joined(cut) == joined(whole))
        #expect(cut.flags.count { $0 & RollFlags.onset != 0 } == notes.count)
        #expect(cut.flags.count { $0 & RollFlags.ends != 0 } == notes.count)
        #expect(try RollSegments(decoding: TensorFile(bytes: cut.encode())) == cut)
        #expect(try TensorFile(bytes: cut.encode()).entry("pedal").shape == [cut.count, 64, 3])
    }

    @Test func sortsManyNotesThatBeginTogether() throws {
        let notes = (0..<5000).map { index in
            Note(
                onset: 0, offset: 1 + index % 7, pitch: UInt8(127 - index % 128),
                velocity: UInt8(1 + index % 127))
        }
        let segments = try RollSegments(
            score: score(notes), parameters: RollParameters(grid: .stepsPerBeat(1), steps: 8))
        #expect(rowFault(segments, 0, notes, 0) == nil)
        let instrument = painted(segments, 0, width: 17) { DenseRolls.instrument($0, steps: 8, into: $1) }
        #expect(instrument[0] == 255)
    }

    @Test func refusesMoreRowsThanMemoryIsFor() {
        let notes = (0..<1000).map { _ in Note(onset: 0, offset: 90_000, pitch: 60, velocity: 1) }
        let parameters = RollParameters(grid: .stepsPerBeat(1), steps: 2, hop: 1)
        let error = #expect(throws: MIDIError.self) {
            try RollSegments(score: score(notes), parameters: parameters)
        }
        #expect(error?.code == MIDICode.segmentsTooLarge)
        #expect(throws: MIDIError.self) {
            let long = [Note(onset: 0, offset: 100_000, pitch: 60, velocity: 1)]
            return try RollSegments(
                score: score(long), parameters: RollParameters(grid: .stepsPerBeat(1000), steps: 64))
        }
    }

    @Test func storesLongSegmentsInSixteenBits() throws {
        let notes = [
            Note(onset: 0, offset: 99_999, pitch: 60, velocity: 1),
            Note(onset: 65_534, offset: 65_536, pitch: 61, velocity: 2),
        ]
        let segments = try RollSegments(
            score: score(notes), parameters: RollParameters(grid: .stepsPerBeat(1), steps: 65_535))
        #expect(segments.length == [65_535, 1, 34_464, 1])
        #expect(segments.start == [0, 65_534, 0, 0])
    }

    @Test func anEmptyTimelineHasOneSilentSegment() throws {
        let segments = try RollSegments(score: score([]), parameters: RollParameters())
        #expect(segments.count == 1 && segments.segmentLength == [1] && segments.notesOffset == [0, 0])
        let dropped = try RollSegments(score: score([]), parameters: RollParameters(dropLast: true))
        #expect(dropped.count == 0 && dropped.notesOffset == [0])
        #expect(try RollSegments(decoding: TensorFile(bytes: dropped.encode())) == dropped)
    }

    @Test func refusesColumnsThatDoNotFit() throws {
        let segments = try RollSegments(score: score([]), parameters: RollParameters(steps: 4))
        let file = try TensorFile(bytes: segments.encode())
        let names = ["notes.offset", "pedal", "tempo", "segment.timeline"]
        for name in names { #expect(file.entries[name] != nil) }
        let alone = TensorFile.encode([NamedTensor("pedal", Tensor(repeating: 0 as UInt8, shape: [1, 4, 3]))])
        #expect(throws: TensorFileError.self) { try RollSegments(decoding: TensorFile(bytes: alone)) }
    }
}
