import Symbolic
import Testing

@Suite struct MIDIFileTests {
    /// A random file of the event level, small for small seeds.
    static func random(_ generator: inout SeededGenerator, size: Int) -> MIDIFile {
        let divisions: [Division] = [
            .ticksPerQuarter(480), .ticksPerQuarter(32767), .smpte(framesPerSecond: 29, ticksPerFrame: 100),
        ]
        var chunks: [MIDIFile.Chunk] = []
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            var track = MIDIFile.Track()
            for _ in 0..<Int.random(in: 0...size, using: &generator) {
                track.endTick += [0, 0, 1, 127, 128, 20_000].randomElement(using: &generator) ?? 0
                let data = (0..<3).map { _ in UInt8.random(in: 0...127, using: &generator) }
                let bytes = [UInt8](repeating: data[0], count: Int(data[1]) * 2)
                let message: MIDIFile.Message =
                    switch Int.random(in: 0...5, using: &generator) {
                    case 0: .meta(type: data[2] == 0x2F ? 1 : data[2], bytes: bytes)
                    case 1: .systemExclusive(bytes)
                    case 2: .escape(bytes)
                    case 3: .channel(status: 0xC0 + data[0] % 32, data1: data[1], data2: 0)
                    default: .channel(status: 0x80 + data[0] % 64, data1: data[1], data2: data[2])
                    }
                track.events.append(MIDIFile.Event(tick: track.endTick, message))
            }
            track.endTick += Int.random(in: 0...1000, using: &generator)
            chunks.append(.track(track))
            if Bool.random(using: &generator) {
                chunks.append(.other(id: Array("XFIH".utf8), bytes: [1, 2, 3]))
            }
        }
        return MIDIFile(
            format: Int.random(in: 0...2, using: &generator),
            division: divisions.randomElement(using: &generator) ?? .ticksPerQuarter(1), chunks: chunks)
    }

    @Test(arguments: 0..<200) func writesAndReadsTheSame(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let file = Self.random(&generator, size: seed / 4)
        guard !file.tracks.isEmpty else { return }
        let bytes = file.write()
        #expect(try MIDIFile.read(bytes) == file)
        #expect(try MIDIFile.read(bytes).write() == bytes)
        var running = file
        running.usesRunningStatus = true
        let shorter = running.write()
        #expect(shorter.count <= bytes.count)
        #expect(try MIDIFile.read(shorter).chunks == file.chunks)
        #expect(try MIDIFile.read(shorter).write() == shorter)
    }

    @Test func makesOddFilesCanonical() throws {
        let odd =
            SMF.header(format: 1, tracks: 5, length: 9)
            + SMF.track([0x80, 0x00, 0x90, 60, 64, 0x80, 0x81, 0x00, 0xF8, 0, 61, 200], ended: false)
        var warnings: [MIDIWarning] = []
        let file = try MIDIFile.read(odd, warnings: &warnings)
        #expect(
            warnings.map(\.code) == [
                MIDICode.systemMessage, MIDICode.dataByteClipped, MIDICode.noEndOfTrack, MIDICode.trackCount,
            ])
        let plain = SMF.header(format: 1) + SMF.track([0, 0x90, 60, 64, 0x81, 0x00, 61, 127])
        #expect(file.write() == plain)
        #expect(try MIDIFile.read(plain) == file)
    }

    @Test func bridgesTimesTooLongForANumber() throws {
        let events = [0, 600_000_000].map {
            MIDIFile.Event(tick: $0, .channel(status: 0x90, data1: 60, data2: UInt8($0 % 2)))
        }
        let file = MIDIFile(
            format: 0, division: .ticksPerQuarter(32_767),
            chunks: [.track(.init(events: events, endTick: 900_000_000))], usesRunningStatus: true)
        let back = try MIDIFile.read(file.write()).tracks[0]
        #expect(back.endTick == 900_000_000)
        #expect(back.events.filter { $0.message == events[1].message } == events)
        #expect(back.events.count == 5)
    }

    @Test func keepsATempoOfZero() throws {
        let bytes = SMF.file(SMF.tempo(0))
        #expect(try MIDIFile.read(bytes).write() == bytes)
    }

    @Test func givesNoVelocitiesToDrumsWhateverTheirChannel() throws {
        let setup = SMF.roland([0x40, 0x1A, 0x15], [1]) + SMF.roland([0x40, 0x10, 0x15], [0])
        let notes = [0, 9, 10].flatMap { SMF.note(60, 5, channel: UInt8($0)) }
        let bytes = SMF.file(setup + notes, SMF.note(61, 3, channel: 10) + SMF.note(62, 3, channel: 1))
        let timeline = try Score(midi: bytes).timelines[0]
        let written = try MIDIFile.replacingVelocities(
            in: bytes, grid: .stepsPerBeat(4), rounding: .halfUp, timeline: timeline
        ) { _, _, _ in 99 }
        let changed = try Score(midi: written).timelines[0].notes
        #expect(
            changed.filter { $0.velocity == 99 }.map { [$0.track, Int($0.channel)] } == [
                [0, 0], [1, 1], [0, 9],
            ])
        #expect(changed.filter { $0.velocity != 99 }.allSatisfy { $0.channel == 10 })
    }
}
