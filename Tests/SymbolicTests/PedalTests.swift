import Symbolic
import Testing

/// Pedals and messages that end notes: by channel and port, in the order of ticks, within a tick of the file.
@Suite struct PedalTests {
    private func segments(_ tracks: [[UInt8]], steps: Int = 64) throws -> RollSegments {
        let bytes =
            SMF.header(format: 1, tracks: tracks.count, division: 1) + tracks.flatMap { SMF.track($0) }
        return try RollSegments(
            score: Score(midi: bytes),
            parameters: RollParameters(grid: .stepsPerBeat(1), steps: steps, sustain: .extend))
    }

    /// The lengths of the rows that begin in their segment.
    private func lengths(_ tracks: [UInt8]...) throws -> [UInt16] {
        let found = try segments(tracks)
        return found.length
    }

    private func on(_ pitch: UInt8, _ delta: Int = 0) -> [UInt8] { SMF.number(delta) + [0x90, pitch, 64] }
    private func off(_ pitch: UInt8, _ delta: Int = 0) -> [UInt8] { SMF.number(delta) + [0x80, pitch, 0] }
    private func down(_ delta: Int = 0, channel: UInt8 = 0) -> [UInt8] {
        SMF.control(64, 127, channel: channel, after: delta)
    }
    private func up(_ delta: Int = 0, channel: UInt8 = 0) -> [UInt8] {
        SMF.control(64, 0, channel: channel, after: delta)
    }

    @Test func followsTheFileWithinATick() throws {
        let rest = up(6) + SMF.control(1, 0, after: 10)
        // The pedal goes down in the tick of the release, before it or after it.
        #expect(try lengths(on(60) + down(4) + off(60) + rest) == [10])
        #expect(try lengths(on(60) + off(60, 4) + down() + rest) == [4])
        // It changes: released under the old pedal, which goes up there; between the two; under the new one.
        #expect(try lengths(down() + on(60) + off(60, 4) + up() + down() + rest) == [4])
        #expect(try lengths(down() + on(60) + up(4) + off(60) + down() + rest) == [4])
        #expect(try lengths(down() + on(60) + up(4) + down() + off(60) + rest) == [10])
        #expect(try lengths(down() + on(60) + off(60, 4) + down() + rest) == [10])
        // Two notes released in a tick, of which the pedal catches the second.
        #expect(try lengths(on(60) + on(62) + off(60, 4) + down() + off(62) + rest) == [4, 10])
        // Pedals in a track before or after.
        #expect(try lengths(down(4) + rest, on(60) + off(60, 4)) == [10])
        #expect(try lengths(on(60) + off(60, 4), down(4) + rest) == [4])
    }

    /// Every order of six events in three ticks, over two tracks, against a plain replay.
    @Test func agreesWithAReplay() throws {
        for code in 0..<(1 << 12) {
            var tracks: [[UInt8]] = [[], []]
            var ticks = [0, 0]
            var merged: [(tick: Int, track: Int, kind: Int)] = []
            for index in 0..<4 {
                let bits = code >> (3 * index) & 7
                let track = index % 2
                let kind = bits & 3
                ticks[track] += bits >> 2
                let message: [UInt8] =
                    kind == 0 ? on(60) : kind == 1 ? off(60) : kind == 2 ? down() : up()
                tracks[track] += [UInt8(bits >> 2)] + message.dropFirst()
                merged.append((ticks[track], track, kind))
            }
            // Each track ends with its note-offs at tick 9, and the first with the pedal up at tick 20.
            for track in 0..<2 {
                for _ in 0..<2 {
                    tracks[track] += off(60, 9 - ticks[track])
                    ticks[track] = 9
                    merged.append((9, track, 1))
                }
            }
            tracks[0] += up(11)
            merged.append((20, 0, 3))
            let order = merged.enumerated().sorted {
                ($0.element.tick, $0.element.track, $0.offset) < (
                    $1.element.tick, $1.element.track, $1.offset
                )
            }.map(\.element)

            var notes: [(start: Int, end: Int, isHeld: Bool, track: Int)] = []
            var isDown = false
            for event in order {
                switch event.kind {
                case 0:
                    for index in notes.indices where notes[index].isHeld && notes[index].start < event.tick {
                        notes[index] = (
                            notes[index].start, max(notes[index].end, event.tick), false, notes[index].track
                        )
                    }
                    notes.append((event.tick, -1, false, event.track))
                case 1:
                    guard let index = notes.firstIndex(where: { $0.end < 0 && $0.track == event.track })
                    else { break }
                    notes[index].end = event.tick
                    // Struck again while the key was down, it is not held.
                    notes[index].isHeld = isDown && notes.allSatisfy { $0.start <= notes[index].start }
                default:
                    isDown = event.kind == 2
                    guard !isDown else { break }
                    for index in notes.indices where notes[index].isHeld {
                        notes[index] = (notes[index].start, event.tick, false, notes[index].track)
                    }
                }
            }
            // A note struck again at the tick of the release ends there; so does one held from that tick.
            let expected = notes.map { note -> [Int] in [note.start, max(note.end, note.start + 1)] }
                .sorted { $0.lexicographicallyPrecedes($1) }
            let found = try segments(tracks)
            let rows = found.start.indices.map {
                [Int(found.start[$0]), Int(found.start[$0]) + Int(found.length[$0])]
            }
            .sorted { $0.lexicographicallyPrecedes($1) }
            #expect(rows == expected, "\(code)")
        }
    }

    @Test func portsAndChannelsHavePedalsOfTheirOwn() throws {
        let note = on(60) + off(60, 2) + SMF.control(1, 0, after: 20)
        #expect(try lengths(down() + up(9), note) == [9])
        #expect(try lengths(SMF.port(1) + down() + up(9), note) == [2])
        #expect(try lengths(SMF.port(1) + down() + up(9), SMF.port(1) + note) == [9])
        #expect(try lengths(down(channel: 1) + up(9, channel: 1), note) == [2])
        // Struck again on another port: another key.
        let held = down() + note
        #expect(try lengths(held + up(), SMF.port(1) + on(60, 5) + off(60, 2)) == [22, 2])
        // The pedals of all ports are in the column.
        let found = try segments([
            SMF.port(1) + SMF.control(66, 127, after: 1) + SMF.control(66, 0, after: 2),
            SMF.control(66, 127, after: 5) + SMF.control(66, 0, after: 1), on(60) + off(60, 8),
        ])
        let sostenuto = stride(from: 1, to: 24, by: 3).map { found.pedal[$0] }
        #expect(sostenuto == [0, 1, 1, 0, 0, 1, 0, 0])
    }

    @Test func resetOfControllersLiftsPedals() throws {
        for number in [64, 66, 67 as UInt8] {
            let found = try segments([
                SMF.control(number, 127, after: 1) + SMF.control(121, 0, channel: 1, after: 1)
                    + SMF.control(121, 0, after: 2), on(60) + off(60, 2) + on(62, 4) + off(62, 2),
            ])
            let column = [64: 0, 66: 1, 67: 2][number] ?? 0
            #expect(
                stride(from: column, to: 24, by: 3).map { found.pedal[$0] } == [0, 1, 1, 1, 0, 0, 0, 0])
            #expect(found.length == (number == 64 ? [4, 2] : [2, 2]))
        }
    }

    @Test func pedalsOfDrumsAreNotInTheColumn() throws {
        let drums = SMF.roland([0x40, 0x11, 0x15], [1])
        let melodic = SMF.roland([0x40, 0x10, 0x15], [0])
        let note = on(60) + off(60, 4)
        func sustain(_ events: [UInt8]) throws -> [UInt8] {
            let found = try segments([events, note])
            return stride(from: 0, to: 12, by: 3).map { found.pedal[$0] }
        }
        #expect(try sustain(down(1) + up(1)) == [0, 1, 0, 0])
        #expect(try sustain(drums + down(1) + up(1)) == [0, 0, 0, 0])
        #expect(try sustain(down(1, channel: 9) + up(1, channel: 9)) == [0, 0, 0, 0])
        #expect(try sustain(melodic + down(1, channel: 9) + up(1, channel: 9)) == [0, 1, 0, 0])
        // Pressed before the channel turns to drums, and lifted after.
        #expect(try sustain(down(1) + drums + up(2)) == [0, 1, 1, 0])
        // Drums are never lengthened, whatever their channel.
        #expect(try lengths(drums + down() + on(60) + off(60, 2) + up(5)) == [2])
        #expect(
            try lengths(melodic + down(channel: 9) + SMF.note(60, 2, channel: 9) + up(5, channel: 9)) == [7])
    }

    // MARK: Messages that end notes

    @Test(arguments: [120, 123, 124, 125, 126, 127] as [UInt8]) func modeMessagesEndNotes(number: UInt8)
        throws
    {
        func silence(_ delta: Int, channel: UInt8 = 0) -> [UInt8] {
            SMF.control(number, 0, channel: channel, after: delta)
        }
        let rest = SMF.control(1, 0, after: 20)
        func check(_ events: [UInt8], _ ends: [Int], warnings: [String] = []) throws {
            let score = try Score(midi: SMF.header() + SMF.track(events))
            #expect(score.timelines[0].notes.map(\.offset) == ends)
            #expect(score.warnings.map(\.code) == warnings)
        }
        try check(on(60) + on(64) + silence(4) + rest, [4, 4])
        try check(on(60) + silence(4, channel: 1) + rest, [24], warnings: [MIDICode.noteUnended])
        // A note-off that comes all the same has no effect; the next note has its own.
        try check(on(60) + silence(4) + on(60, 2) + off(60, 3) + rest, [4, 9])
        try check(on(60) + silence(4) + off(60, 2) + rest, [4])
        // A note that begins in its tick sounds on: files set channels up after the first notes.
        try check(on(60) + silence(0) + off(60, 6) + rest, [6])
        try check(on(60) + on(60, 4) + silence(0) + off(60, 6) + rest, [4, 10])
        // From another track only what nothing else ends.
        func merged(_ tracks: [UInt8]...) throws -> Score {
            try Score(midi: SMF.header(format: 1, tracks: 2) + tracks.flatMap { SMF.track($0) })
        }
        let stuck = try merged(silence(4) + silence(5), on(60, 1) + rest)
        #expect(stuck.timelines[0].notes.map(\.offset) == [4] && stuck.warnings.isEmpty)
        #expect(try merged(silence(4), on(60) + off(60, 9) + rest).timelines[0].notes.map(\.offset) == [9])
        #expect(
            try merged(silence(4), SMF.port(1) + on(60) + rest).warnings.map(\.code) == [MIDICode.noteUnended]
        )
        #expect(try merged(silence(4), on(60, 5) + rest).timelines[0].notes.map(\.offset) == [25])
    }

    @Test func allNotesOffKeepsToThePedalAndAllSoundOffDoesNot() throws {
        let rest = up(4) + SMF.control(1, 0, after: 20)
        #expect(try lengths(down() + on(60) + SMF.control(123, 0, after: 4) + rest) == [8])
        #expect(try lengths(down() + on(60) + SMF.control(120, 0, after: 4) + rest) == [4])
        // What the pedal holds is silenced too; what is struck after that, the pedal holds again.
        let after = on(62) + off(62, 1) + up(3)
        #expect(try lengths(down() + on(60) + off(60, 2) + SMF.control(120, 0, after: 2) + after) == [4, 4])
    }
}
