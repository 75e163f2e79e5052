import Symbolic
import Testing

/// Programs and drums: messages to a channel and port, whichever track they come from.
@Suite struct PartTests {
    /// The programs of the notes in order of onset, then track.
    private func programs(_ tracks: [UInt8]...) throws -> [UInt8] {
        let bytes =
            SMF.header(format: 1, tracks: tracks.count) + tracks.flatMap { SMF.track($0) }
        return try Score(midi: bytes).timelines[0].notes.map(\.program)
    }

    private let gmOn = SMF.systemExclusive([0x7E, 0x7F, 0x09, 0x01])
    private let gm2On = SMF.systemExclusive([0x7E, 0x7F, 0x09, 0x03])
    private let gsReset = SMF.roland([0x40, 0x00, 0x7F], [0x00])
    private let xgOn = SMF.yamaha([0x00, 0x00, 0x7E], [0x00])

    // MARK: Programs

    @Test func takesProgramsOfOtherTracks() throws {
        let notes = SMF.note(60, 5, after: 5) + SMF.note(61, 5, after: 10)
        // Onsets at 5 and 20; changes before, between and after them, from a track before and from one after.
        #expect(try programs(SMF.program(40), notes) == [40, 40])
        #expect(try programs(notes, SMF.program(40)) == [40, 40])
        #expect(try programs(SMF.program(40) + SMF.program(41, after: 12), notes) == [40, 41])
        #expect(try programs(notes, SMF.program(40, after: 6) + SMF.program(41, after: 99)) == [0, 40])
        #expect(try programs(SMF.program(40, channel: 1), notes) == [0, 0])
        // At the very tick the order of the file decides.
        #expect(try programs(SMF.program(40, after: 5), notes) == [40, 40])
        #expect(try programs(notes, SMF.program(40, after: 5)) == [0, 40])
    }

    @Test func aTrackKeepsTheProgramItSets() throws {
        let first = SMF.program(40) + SMF.program(42, after: 15)
        let second =
            SMF.note(60, 1, after: 5) + SMF.program(50, after: 4) + SMF.note(61, 1)
            + SMF.note(62, 1, after: 9)
        // Onsets at 5, 10 and 20; its own program is there from 10 on.
        #expect(try programs(first, second) == [40, 50, 50])
        #expect(try programs(second, first) == [40, 50, 50])
        // Two tracks on a channel, each with its own.
        let (one, two) = (SMF.program(1) + SMF.note(60, 9), SMF.program(2) + SMF.note(61, 9))
        #expect(try programs(one, two) == [1, 2])
    }

    @Test func portsHaveProgramsOfTheirOwn() throws {
        let note = SMF.note(60, 9)
        #expect(try programs(SMF.program(40), SMF.port(1) + note) == [0])
        #expect(try programs(SMF.port(1) + SMF.program(40), SMF.port(1) + note) == [40])
        #expect(try programs(SMF.port(1) + SMF.program(40), note) == [0])
        // A device's name is no port, and a track begins on port 0.
        #expect(
            try programs(SMF.port(3) + SMF.program(7), SMF.program(40), [0, 0xFF, 9, 1, 0x42] + note) == [40])
        // A port may change within a track; the program set on each stays.
        let hopping =
            SMF.port(2) + SMF.program(5) + SMF.port(0) + SMF.note(60, 1) + SMF.port(2) + SMF.note(61, 1)
            + SMF.port(0) + SMF.program(6) + SMF.note(62, 1)
        #expect(try programs(hopping) == [0, 5, 6])
        let score = try Score(midi: SMF.file(hopping))
        #expect(score.timelines[0].notes.map(\.port) == [0, 2, 0])
    }

    @Test func formatTwoKeepsTracksApart() throws {
        let bytes = SMF.file(
            SMF.program(40) + SMF.roland([0x40, 0x11, 0x15], [1]), SMF.note(60, 9), format: 2)
        #expect(try Score(midi: bytes).timelines.map { $0.notes.map(\.program) } == [[], [0]])
    }

    /// Every order of three messages of two tracks against a plain replay of the merged events.
    @Test(arguments: 0..<300) func agreesWithAReplay(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        struct Event {
            let tick: Int, track: Int, port: UInt8, channel: UInt8
            let program: UInt8?
        }
        var tracks: [[UInt8]] = []
        var merged: [Event] = []
        for track in 0..<3 {
            let port = UInt8.random(in: 0...1, using: &generator)
            var bytes = SMF.port(port)
            var tick = 0
            for _ in 0..<8 {
                let delta = Int.random(in: 0...2, using: &generator)
                let channel = UInt8.random(in: 0...1, using: &generator)
                tick += delta
                if Bool.random(using: &generator) {
                    let program = UInt8.random(in: 0...127, using: &generator)
                    bytes += SMF.program(program, channel: channel, after: delta)
                    merged.append(
                        Event(tick: tick, track: track, port: port, channel: channel, program: program))
                } else {
                    bytes += SMF.number(delta) + [0x90 | channel, 60, 64]
                    merged.append(Event(tick: tick, track: track, port: port, channel: channel, program: nil))
                }
            }
            tracks.append(bytes)
        }
        merged = merged.enumerated().sorted { ($0.element.tick, $0.offset) < ($1.element.tick, $1.offset) }
            .map(\.element)
        var inForce: [Int: UInt8] = [:]
        var own: [Int: UInt8] = [:]
        var expected: [UInt8] = []
        for event in merged {
            let channel = Int(event.port) << 4 | Int(event.channel)
            if let program = event.program {
                inForce[channel] = program
                own[event.track << 8 | channel] = program
            } else {
                expected.append(own[event.track << 8 | channel] ?? inForce[channel] ?? 0)
            }
        }
        let bytes = SMF.header(format: 1, tracks: 3) + tracks.flatMap { SMF.track($0) }
        #expect(try Score(midi: bytes).timelines[0].notes.map(\.program) == expected)
    }

    // MARK: Drums

    /// Whether notes on channels 1 to 16 are drums after messages.
    private func drums(_ messages: [UInt8]) throws -> [Int] {
        let notes = (0..<16).flatMap { SMF.note(60, 1, channel: UInt8($0)) }
        return try programs(messages, notes).enumerated().filter { $0.element == 128 }.map { $0.offset + 1 }
    }

    @Test func rolandSetsRhythmParts() throws {
        #expect(try drums([]) == [10])
        for (block, channel) in [(0, 10), (1, 1), (9, 9), (10, 11), (15, 16)] {
            let address: [UInt8] = [0x40, 0x10 | UInt8(block), 0x15]
            let others = channel == 10 ? [] : [10]
            for map in [1, 2 as UInt8] {
                #expect(try drums(SMF.roland(address, [map])) == (others + [channel]).sorted())
            }
            #expect(try drums(SMF.roland(address, [1]) + SMF.roland(address, [0])) == others)
        }
        // Any device number; but not another checksum, another model, or another address.
        let address: [UInt8] = [0x40, 0x1A, 0x15]
        for device in [0x00, 0x11, 0x7F as UInt8] {
            #expect(try drums(SMF.roland(address, [1], device: device)) == [10, 11])
        }
        #expect(try drums(SMF.roland(address, [1], fault: 1)) == [10])
        #expect(try drums(SMF.systemExclusive([0x41, 0x10, 0x16, 0x12, 0x40, 0x1A, 0x15, 1, 0x10])) == [10])
        #expect(try drums(SMF.roland([0x40, 0x1A, 0x16], [1])) == [10])
        // One message may set several addresses in a row.
        #expect(try drums(SMF.roland([0x40, 0x1A, 0x13], [1, 0, 1])) == [10, 11])
        // Parts of the other port.
        #expect(try drums(SMF.roland([0x50, 0x1A, 0x15], [1])) == [10])
        #expect(
            try programs(SMF.roland([0x50, 0x1A, 0x15], [1]), SMF.port(1) + SMF.note(60, 1, channel: 10)) == [
                128
            ])
    }

    @Test func tellsOfAWrongChecksum() throws {
        let score = try Score(
            midi: SMF.file(SMF.roland([0x40, 0x1A, 0x15], [1], fault: 3) + SMF.note(60, 1)))
        #expect(score.warnings.map(\.code) == [MIDICode.checksum])
    }

    @Test func rolandMovesPartsToChannels() throws {
        // Part 10, the drums, receives channel 3; nothing else receives channel 10, which stays drums.
        #expect(try drums(SMF.roland([0x40, 0x10, 0x02], [2])) == [3, 10])
        // Part 11 receives channel 10 too, and is drums; part 10 is melodic.
        let both = SMF.roland([0x40, 0x1A, 0x02], [9]) + SMF.roland([0x40, 0x1A, 0x15], [1])
        #expect(try drums(both + SMF.roland([0x40, 0x10, 0x15], [0])) == [10])
        // A part that receives nothing makes no channel drums.
        #expect(
            try drums(SMF.roland([0x40, 0x1A, 0x02], [0x10]) + SMF.roland([0x40, 0x1A, 0x15], [1])) == [10])
    }

    @Test func melodicChannelTenHasItsProgram() throws {
        let melodic = SMF.roland([0x40, 0x10, 0x15], [0])
        let note = SMF.note(60, 1, channel: 9)
        #expect(try programs(melodic + SMF.program(33, channel: 9) + note) == [33])
        #expect(try programs(SMF.program(33, channel: 9) + note, melodic) == [128])
        #expect(try programs(melodic + SMF.program(33, channel: 9), note) == [33])
        // From the message on, not before.
        #expect(try programs(note + melodic + note) == [128, 0])
    }

    @Test func yamahaSetsPartModes() throws {
        for mode in 1...5 as ClosedRange<UInt8> {
            #expect(try drums(xgOn + SMF.yamaha([0x08, 0x0A, 0x07], [mode])) == [10, 11])
        }
        let part: [UInt8] = [0x08, 0x00, 0x07]
        #expect(try drums(SMF.yamaha(part, [2])) == [1, 10])
        #expect(try drums(SMF.yamaha(part, [2]) + SMF.yamaha(part, [0])) == [10])
        // Channel 10 is melodic by Roland's word only.
        #expect(try drums(SMF.yamaha([0x08, 0x09, 0x07], [0])) == [10])
        // Part 3 as drums, receiving channel 5.
        #expect(try drums(SMF.yamaha([0x08, 0x02, 0x04], [4, 0, 0, 1])) == [5, 10])
    }

    @Test func banksMakeDrums() throws {
        func bank(_ bank: UInt8, _ channel: UInt8) -> [UInt8] {
            SMF.control(0, bank, channel: channel) + SMF.program(0, channel: channel)
        }
        // XG: 127 drums, 126 effects, on any channel, and only once XG is on.
        #expect(try drums(xgOn + bank(127, 3) + bank(126, 4) + bank(64, 5)) == [4, 5, 10])
        #expect(try drums(xgOn + bank(127, 3) + bank(0, 3)) == [10])
        #expect(try drums(bank(127, 3)) == [10] && drums(gsReset + bank(127, 3)) == [10])
        // A bank is there only with the next program change.
        #expect(try drums(xgOn + SMF.control(0, 127, channel: 3)) == [10])
        // GM2: 120 on channel 11, which 121 takes back.
        #expect(try drums(gm2On + bank(120, 10)) == [10, 11])
        #expect(try drums(bank(120, 10)) == [10, 11])
        #expect(try drums(gm2On + bank(120, 10) + bank(121, 10)) == [10])
        #expect(try drums(gm2On + bank(120, 4) + bank(121, 9)) == [10])
        #expect(try drums(xgOn + bank(120, 10)) == [10] && drums(gsReset + bank(120, 10)) == [10])
    }

    @Test func resetsBringPartsBack() throws {
        let set = SMF.roland([0x40, 0x1A, 0x15], [1]) + SMF.roland([0x40, 0x10, 0x15], [0])
        #expect(try drums(set) == [11])
        for reset in [gmOn, gm2On, gsReset, xgOn] {
            #expect(try drums(set + reset) == [10])
            #expect(try drums(reset + set) == [11])
        }
        #expect(try drums(SMF.program(7) + gmOn) == [10])
        #expect(try programs(SMF.program(7) + gmOn, SMF.note(60, 1)) == [7])
    }

    @Test func readsSysExInPieces() throws {
        let message: [UInt8] = [0x41, 0x10, 0x42, 0x12, 0x40, 0x1A, 0x15, 0x01, 0x10, 0xF7]
        for cut in 1..<message.count {
            let (head, tail) = (Array(message.prefix(cut)), Array(message.dropFirst(cut)))
            let pieces =
                [0, 0xF0, UInt8(head.count)] + head + [0, 0xF7, UInt8(tail.count)] + tail
            #expect(try drums(pieces) == [10, 11], "\(cut)")
        }
        #expect(try drums([0, 0xF7, 11, 0xF0] + message) == [10, 11])
        // Several in one event, and one without its end.
        #expect(try drums([0, 0xF0, 16] + [0x7E, 0x7F, 9, 1, 0xF7, 0xF0] + message) == [10, 11])
        #expect(try drums([0, 0xF0, 9] + message.dropLast()) == [10, 11])
    }
}
