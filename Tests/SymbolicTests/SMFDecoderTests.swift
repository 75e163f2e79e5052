import Symbolic
import Testing

/// What the decoder makes of a file, in a word: the notes and the codes of the warnings, or the error's code.
func verdict(_ bytes: [UInt8]) -> String {
    do throws(MIDIError) {
        let score = try Score(midi: bytes)
        let notes = score.timelines.reduce(0) { $0 + $1.notes.count }
        return (["\(notes)"] + score.warnings.map(\.code)).joined(separator: " ")
    } catch {
        return error.code
    }
}

@Suite struct SMFDecoderTests {
    // MARK: Variable-length numbers

    static let numbers = [
        0, 1, 0x40, 0x7F, 0x80, 0x2000, 0x3FFF, 0x4000, 0x10_0000, 0x1F_FFFF, 0x20_0000, 0x0800_0000,
        0x0FFF_FFFF,
    ]

    @Test(arguments: numbers, 1...4) func readsNumbersOfEveryLength(value: Int, bytes: Int) throws {
        guard value >> (7 * bytes) == 0 else { return }
        let delta = SMF.number(value, bytes: bytes)
        #expect(delta.count == bytes)
        let file = try MIDIFile.read(SMF.file(delta + [0x90, 60, 64], division: 32767))
        #expect(file.tracks[0].events == [.init(tick: value, .channel(status: 0x90, data1: 60, data2: 64))])
    }

    @Test(arguments: numbers) func refusesNumbersOfFiveBytes(value: Int) {
        #expect(verdict(SMF.file(SMF.number(value, bytes: 5) + [0x90, 60, 64])) == MIDICode.numberTooLong)
        #expect(verdict(SMF.file([0, 0xFF, 0x01] + SMF.number(value, bytes: 5))) == MIDICode.numberTooLong)
    }

    @Test(arguments: 1...3) func refusesNumbersCutShort(bytes: Int) {
        let cut = [UInt8](repeating: 0x81, count: bytes)
        #expect(verdict(SMF.header() + SMF.track(cut, ended: false)) == MIDICode.trackTruncated)
        #expect(
            verdict(SMF.header() + SMF.track([0, 0xF0] + cut, ended: false, length: 99))
                == MIDICode.trackTruncated)
    }

    // MARK: Status bytes

    @Test(arguments: UInt8.min...UInt8.max) func readsEveryStatusByte(status: UInt8) throws {
        func events(_ data: [UInt8], before: [UInt8] = []) throws -> [MIDIFile.Event] {
            try MIDIFile.read(SMF.file(before + [0, status] + data)).tracks[0].events
        }
        switch status {
        case 0x00...0x7F:
            #expect(verdict(SMF.file([0, status, 1])) == MIDICode.noStatus)
            // With a status before it is a data byte.
            #expect(
                try events([2], before: [0, 0x91, 60, 64]).last
                    == .init(tick: 0, .channel(status: 0x91, data1: status, data2: 2)))
        case 0xC0...0xDF:
            #expect(try events([5]) == [.init(tick: 0, .channel(status: status, data1: 5, data2: 0))])
        case 0x80...0xEF:
            #expect(try events([5, 6]) == [.init(tick: 0, .channel(status: status, data1: 5, data2: 6))])
        case 0xF0: #expect(try events([2, 7, 0xF7]) == [.init(tick: 0, .systemExclusive([7, 0xF7]))])
        case 0xF7: #expect(try events([2, 0xF3, 1]) == [.init(tick: 0, .escape([0xF3, 1]))])
        case 0xFF: #expect(try events([0x7F, 1, 9]) == [.init(tick: 0, .meta(type: 0x7F, bytes: [9]))])
        default:
            let data: [UInt8] = status == 0xF2 ? [1, 2] : status == 0xF1 || status == 0xF3 ? [1] : []
            let bytes = SMF.file([0, status] + data + SMF.note(60, 10))
            #expect(verdict(bytes) == "1 \(MIDICode.systemMessage)")
        }
    }

    @Test(arguments: UInt8.min...UInt8.max) func readsEveryMetaType(type: UInt8) throws {
        let file = try MIDIFile.read(SMF.file([0, 0xFF, type, 0] + SMF.note(60, 10)))
        // A stray end of track is left out: events run on to one at the track's end.
        #expect(file.tracks[0].events.count == (type == 0x2F ? 2 : 3))
    }

    // MARK: What is wrong, and what is made of it

    static let cases: [(name: String, bytes: [UInt8], verdict: String)] = {
        let note = SMF.note(60, 100)
        let chunk = SMF.track(note)
        let head = SMF.header()
        var zeroTempo = SMF.file(SMF.tempo(0) + note)
        zeroTempo += []
        let rmid = { (file: [UInt8]) -> [UInt8] in
            let size = file.count
            let little = (0..<4).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
            return Array("RIFF".utf8) + [0, 0, 0, 0] + Array("RMIDDISP".utf8) + [3, 0, 0, 0, 1, 2, 3, 0]
                + Array("data".utf8) + little + file
        }
        return [
            ("plain", head + chunk, "1"),
            ("empty", [], MIDICode.noHeader),
            ("text", Array("not a midi file".utf8), MIDICode.noHeader),
            ("MacBinary", [UInt8](repeating: 0, count: 128) + head + chunk, MIDICode.noHeader),
            ("header cut", Array(head.prefix(9)), MIDICode.headerTruncated),
            ("header id alone", Array(head.prefix(4)), MIDICode.headerTruncated),
            ("header of 4", SMF.header(length: 4) + chunk, MIDICode.badHeader),
            ("header of 10", SMF.header(length: 10) + chunk, "1"),
            ("division 0", SMF.header(division: 0) + chunk, MIDICode.badDivision),
            ("23 frames", SMF.header(division: 0xE928) + chunk, MIDICode.badDivision),
            ("no ticks in a frame", SMF.header(division: 0xE700) + chunk, MIDICode.badDivision),
            ("25 frames", SMF.header(division: 0xE728) + chunk, "1"),
            ("no tracks, none promised", SMF.header(tracks: 0), "0"),
            ("no tracks, three promised", SMF.header(tracks: 3), MIDICode.noTracks),
            ("format 7", SMF.header(format: 7) + chunk, "1 \(MIDICode.unknownFormat)"),
            ("format 0 of two", SMF.header(tracks: 2) + chunk + chunk, "2 \(MIDICode.formatZeroTracks)"),
            ("more tracks", SMF.header(format: 1) + chunk + chunk, "2 \(MIDICode.trackCount)"),
            ("fewer tracks", SMF.header(format: 1, tracks: 3) + chunk, "1 \(MIDICode.trackCount)"),
            ("unknown chunk", head + Array("JUNK".utf8) + [0, 0, 0, 2, 1, 2] + chunk, "1"),
            ("RMID", rmid(head + chunk), "1"),
            ("RMID without data", Array("RIFF    RMID".utf8), MIDICode.noHeader),
            ("trailing bytes", head + chunk + [1, 2, 3], "1 \(MIDICode.dataAfterEnd)"),
            (
                "junk instead of a track",
                SMF.header(format: 1, tracks: 2) + chunk + [1, 2, 3, 4, 5, 6, 7, 8, 9],
                MIDICode.badChunk
            ),
            ("length too long", head + SMF.track(note, length: 0x7FFF_FFFF), "1 \(MIDICode.trackLengthLong)"),
            (
                "length into the next track",
                SMF.header(format: 1, tracks: 2) + SMF.track(note, length: note.count + 4 + 12) + chunk,
                "2 \(MIDICode.trackLengthLong)"
            ),
            ("length too short", head + SMF.track(note, length: 4), MIDICode.trackLengthShort),
            ("length inside an event", head + SMF.track(note, length: 3), MIDICode.trackTruncated),
            ("file cut", (head + chunk).dropLast(6), MIDICode.trackTruncated),
            ("last byte missing", (head + chunk).dropLast(1), MIDICode.trackTruncated),
            ("no end of track", head + SMF.track(note, ended: false), "1 \(MIDICode.noEndOfTrack)"),
            ("empty track", head + SMF.track([], ended: false), "0 \(MIDICode.noEndOfTrack)"),
            (
                "events after the end", head + SMF.track(note + SMF.end + note, ended: false),
                "1 \(MIDICode.dataAfterEnd)"
            ),
            (
                "a clip of MIDI 2.0", Array("SMF2CLIP".utf8) + [0x00, 0x40, 0, 0, 0, 0x40, 0, 0],
                MIDICode.noHeader
            ),
            (
                "end of track of a byte", head + SMF.track([0, 0xFF, 0x2F, 1, 9], ended: false),
                "0 \(MIDICode.metaLength)"
            ),
            (
                "status across meta", SMF.file([0, 0x90, 60, 64, 0, 0xFF, 1, 0, 9, 60, 0]),
                "1 \(MIDICode.runningStatus)"
            ),
            (
                "status across SysEx", SMF.file([0, 0x90, 60, 64, 0, 0xF0, 1, 0xF7, 9, 60, 0]),
                "1 \(MIDICode.runningStatus)"
            ),
            ("running status", SMF.file([0, 0x90, 60, 64, 9, 60, 0, 0, 62, 64, 9, 62, 0]), "2"),
            ("no status", SMF.file([0, 60, 64]), MIDICode.noStatus),
            ("velocity 200", SMF.file([0, 0x90, 60, 200, 9, 0x80, 60, 0]), "1 \(MIDICode.dataByteClipped)"),
            ("tempo 0", zeroTempo, MIDICode.tempoZero),
            ("tempo 0 by the clock", SMF.file(SMF.tempo(0) + note, division: 0xE728), "1"),
            (
                "tempo of 5 bytes", SMF.file([0, 0xFF, 0x51, 5, 7, 0xA1, 0x20, 0, 0] + note),
                "1 \(MIDICode.metaLength)"
            ),
            ("tempo of none", SMF.file([0, 0xFF, 0x51, 0] + note), "1 \(MIDICode.metaLength)"),
            ("key of mode 255", SMF.file([0, 0xFF, 0x59, 2, 0xFF, 0xFF] + note), "1 \(MIDICode.badKey)"),
            ("key of 8 sharps", SMF.file([0, 0xFF, 0x59, 2, 8, 0] + note), "1 \(MIDICode.badKey)"),
            (
                "time signature of 0", SMF.file(SMF.timeSignature(0, 2) + note),
                "1 \(MIDICode.badTimeSignature)"
            ),
            (
                "time signature over 2^200", SMF.file(SMF.timeSignature(4, 200) + note),
                "1 \(MIDICode.badTimeSignature)"
            ),
            ("meta past the end", SMF.file([0, 0xFF, 1, 0xFF, 0x7F, 1]), MIDICode.trackTruncated),
            ("SysEx past the end", SMF.file([0, 0xF0, 0x20, 1]), MIDICode.trackTruncated),
            ("never off", SMF.file([0, 0x90, 60, 64]), "1 \(MIDICode.noteUnended)"),
            ("off alone", SMF.file([0, 0x80, 60, 64]), "0"),
            ("100,000 beats", SMF.file(SMF.note(60, 100_000), division: 1), "1"),
            ("100,001 beats", SMF.file(SMF.note(60, 100_001), division: 1), MIDICode.tooLong),
            ("16 MiB and a byte", head + [UInt8](repeating: 0, count: 16 << 20), MIDICode.tooLarge),
        ]
    }()

    @Test(arguments: cases.map(\.name)) func judges(name: String) throws {
        let found = try #require(Self.cases.first { $0.name == name })
        #expect(verdict(found.bytes) == found.verdict)
    }

    @Test func saysHowOftenAndWhereFirst() throws {
        let bytes = SMF.file([0, 0x90, 60, 200, 0, 0x90, 61, 201, 9, 0x80, 60, 0, 0, 0x80, 61, 0])
        let warning = try #require(try Score(midi: bytes).warnings.first)
        #expect(warning.message.hasSuffix("(2 times)"))
        #expect(warning.offset == 22 + 3)
        let error = #expect(throws: MIDIError.self) { try Score(midi: SMF.file([0, 60, 64])) }
        #expect(error?.offset == 22 + 1)
    }

    /// No cut and no changed byte of a file may trap.
    @Test func survivesEveryCutAndManyFlips() {
        let whole = SMF.file(
            SMF.tempo(400_000) + SMF.timeSignature(3, 2) + SMF.note(60, 300),
            [0, 0xC3, 7, 0, 0xB3, 64, 127] + SMF.note(64, 200, channel: 3) + [
                0, 0xE3, 1, 2, 0, 0xF0, 1, 0xF7,
            ])
        for count in whole.indices { _ = verdict(Array(whole.prefix(count))) }
        for index in whole.indices {
            for bit in 0..<8 {
                var bytes = whole
                bytes[index] ^= 1 << bit
                if let score = try? Score(midi: bytes) {
                    _ = try? RollSegments(
                        score: score, parameters: RollParameters(sustain: .extend, voices: 2))
                }
            }
        }
    }
}
