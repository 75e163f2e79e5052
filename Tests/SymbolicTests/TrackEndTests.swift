import Symbolic
import Testing

/// Lengths of tracks and end-of-track events that disagree: all notes, or none.
@Suite struct TrackEndTests {
    private let first = SMF.note(60, 100) + SMF.note(61, 50)
    private let second = SMF.note(72, 30)

    /// Chunks of tracks whose lengths are wrong by a number of bytes.
    private func file(_ tracks: [[UInt8]], wrongBy: [Int: Int], end: [UInt8] = SMF.end) -> [UInt8] {
        SMF.header(format: 1, tracks: tracks.count)
            + tracks.enumerated().flatMap { index, events in
                SMF.track(
                    events + end, ended: false, length: events.count + end.count + wrongBy[index, default: 0])
            }
    }

    @Test(arguments: Array(1...24) + [1000, 1 << 24, 0x7FFF_FFFF], [[0], [1], [0, 1], [2], [0, 1, 2]])
    func readsTracksWhoseLengthIsTooLarge(excess: Int, tracks: [Int]) throws {
        let wrong = Dictionary(uniqueKeysWithValues: tracks.map { ($0, excess) })
        let bytes = file([first, second, first], wrongBy: wrong)
        #expect(verdict(bytes).hasPrefix("5 \(MIDICode.trackLengthLong)"), "\(verdict(bytes))")
        #expect(
            try Score(midi: bytes).timelines
                == Score(midi: file([first, second, first], wrongBy: [:])).timelines)
    }

    @Test(arguments: 1...12, 0...2)
    func readsTracksWhoseLengthIsTooSmallOnlyIfTheEndIsLeftOut(missing: Int, track: Int) {
        let found = verdict(file([first, second, first], wrongBy: [track: -missing]))
        if missing <= 4 {
            #expect(found == "5 \(MIDICode.endOfTrackOutside)")
        } else {
            #expect([MIDICode.trackLengthShort, MIDICode.trackTruncated, MIDICode.badChunk].contains(found))
        }
    }

    @Test func readsALateEndThatIsLeftOut() throws {
        let end: [UInt8] = [0x83, 0x60, 0xFF, 0x2F, 0x00]
        for missing in 1...5 {
            let bytes = file([first], wrongBy: [0: -missing], end: end)
            #expect(verdict(bytes) == "2 \(MIDICode.endOfTrackOutside)")
            #expect(try Score(midi: bytes).timelines[0].endTick == 150 + 480)
        }
    }

    @Test func refusesTracksOfNoLengthThatHaveEvents() {
        let head = SMF.header(format: 1, tracks: 2)
        let empty = SMF.track([], ended: false)
        #expect(verdict(head + empty + [1, 0xFF, 0x2F, 0] + SMF.track(second)) == MIDICode.trackLengthShort)
        #expect(verdict(head + SMF.track(second) + empty + first + SMF.end) == MIDICode.trackLengthShort)
        #expect(verdict(head + empty + SMF.track(second)) == "1 \(MIDICode.noEndOfTrack)")
    }

    @Test func readsOnPastAStrayEnd() throws {
        for events in [
            SMF.end + first, SMF.note(50, 5) + SMF.end + first + SMF.end + second, SMF.end + SMF.end + first,
        ] {
            let bytes = SMF.header() + SMF.track(events)
            let plain = try Score(midi: bytes)
            #expect(plain.warnings.map(\.code) == [MIDICode.endOfTrackInside])
            let ends = (0..<events.count - 3).filter { Array(events[$0..<$0 + 4]) == SMF.end }
            var kept = events
            for place in ends.reversed() { kept.removeSubrange(place..<place + 4) }
            #expect(plain.timelines == (try Score(midi: SMF.header() + SMF.track(kept))).timelines)
        }
        // Running status holds across it, with a warning, as across other meta events.
        #expect(
            verdict(SMF.header() + SMF.track([0, 0x90, 60, 64] + SMF.end + [9, 60, 0]))
                == "1 \(MIDICode.endOfTrackInside)")
    }

    @Test func leavesOutWhatDoesNotRunOnToAnEnd() {
        let junk: [[UInt8]] = [
            [0], [1, 2, 3], [UInt8](repeating: 0, count: 40), [0, 0xFF, 0x2F, 0], Array("text".utf8),
        ]
        for bytes in junk {
            let long = SMF.track(first + SMF.end + bytes, ended: false)
            #expect(verdict(SMF.header() + long) == "2 \(MIDICode.dataAfterEnd)")
            #expect(
                verdict(SMF.header(format: 1, tracks: 2) + long + SMF.track(second))
                    == "3 \(MIDICode.dataAfterEnd)")
        }
    }

    /// An end of track in the middle, and a length that is wrong as well, or that stops there.
    @Test func refusesEventsBehindAnEndThatTheLengthDoesNotReach() {
        let events = SMF.end + first + SMF.end
        for length in [4, 9, events.count + 1, 0x7FFF_FFFF] {
            let found = verdict(SMF.header() + SMF.track(events, ended: false, length: length))
            #expect([MIDICode.trackLengthShort, MIDICode.badChunk].contains(found), "\(length): \(found)")
        }
    }

    @Test func neverLosesATrack() {
        let (one, two) = (SMF.track(first), SMF.track(second))
        let head = SMF.header(format: 1, tracks: 2)
        // Bytes between tracks, in a track's length or not; whether the header counts the second track or not.
        for junk in [[7], [0, 0x90, 60, 64], [UInt8](repeating: 0, count: 9)] as [[UInt8]] {
            for header in [head, SMF.header(format: 1)] {
                #expect(verdict(header + one + junk + two) == MIDICode.badChunk)
                let covering = SMF.track(first + SMF.end + junk + two, ended: false)
                #expect(verdict(header + covering) == MIDICode.badChunk)
            }
        }
        // A track without its end, whose length takes in the next.
        let swallowing = SMF.track(first + two, ended: false)
        #expect(Int(verdict(head + swallowing).prefix { $0 != " " }) == nil)
        // Another chunk whose length takes in the next track, and a header that is too long.
        #expect(
            verdict(head + one + Array("JUNK".utf8) + SMF.bigEndian(two.count, 4) + two) == MIDICode.badChunk)
        #expect(
            verdict(Array("MThd".utf8) + SMF.bigEndian(6 + one.count, 4) + [0, 1, 0, 2, 1, 0xE0] + one + two)
                == MIDICode.badChunk)
        // The file stops inside the next track's header.
        for count in 1..<8 { #expect(verdict(head + one + two.prefix(count)) == MIDICode.badChunk) }
    }

    @Test func readsOnlyTheFirstOfTwoFiles() throws {
        let other = SMF.file(SMF.tempo(250_000) + second, second)
        let file = SMF.file(first)
        for bytes in [file + other, file + [0x0A] + other, file + [UInt8](repeating: 0, count: 20) + other] {
            #expect(verdict(bytes) == "2 \(MIDICode.dataAfterEnd)")
            #expect(try Score(midi: bytes).timelines == Score(midi: file).timelines)
        }
        // Also where the last track's length reaches into it or over it.
        for excess in [1, 4, 7, 8, 14, other.count, other.count + 9] {
            let long =
                SMF.header() + SMF.track(first + SMF.end, ended: false, length: first.count + 4 + excess)
            #expect(
                verdict(long + other) == "2 \(MIDICode.trackLengthLong) \(MIDICode.dataAfterEnd)", "\(excess)"
            )
        }
    }

    @Test func readsHarmlessBytesBehindTheLastTrack() {
        let two = SMF.header(format: 1, tracks: 2)
        for bytes in [[0x0A], [0x0D, 0x0A], [0x1A], [0, 0, 0]] as [[UInt8]] {
            #expect(verdict(SMF.file(first) + bytes) == "2 \(MIDICode.dataAfterEnd)")
            #expect(
                verdict(two + SMF.track(first) + bytes) == "2 \(MIDICode.dataAfterEnd) \(MIDICode.trackCount)"
            )
            #expect(
                verdict(SMF.header() + SMF.track(first, ended: false) + bytes)
                    == "2 \(MIDICode.noEndOfTrack) \(MIDICode.dataAfterEnd)")
        }
        // A promised track that is all zeros is no harm left out.
        #expect(verdict(two + SMF.track(first) + [UInt8](repeating: 0, count: 50)) == MIDICode.badChunk)
    }

    /// A RIFF file's sizes may be wrong by any number of bytes.
    @Test(arguments: -60...8) func neverLosesNotesToRIFFSizes(wrongBy: Int) {
        let file = SMF.file(first, second)
        func little(_ value: Int) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: max(value, 0) >> (8 * $0)) }
        }
        let bytes =
            Array("RIFF".utf8) + little(file.count + 12 + wrongBy) + Array("RMIDdata".utf8)
            + little(file.count + wrongBy) + file
        let found = verdict(bytes)
        if wrongBy >= 0 {
            #expect(found == "3")
        } else {
            #expect(Int(found.prefix { $0 != " " }) == nil, "\(found)")
        }
    }

    // MARK: Damaged bytes

    /// Quarter notes, and after the ninth of them a velocity over 127 and a time.
    private func damaged(gap: Int, velocity: UInt8 = 0xFE, notes: Int = 16) -> [UInt8] {
        let quarters = (0..<notes).flatMap { SMF.note(UInt8(40 + $0), 480) }
        return quarters + [0, 0x90, 60, velocity] + SMF.number(gap) + [60, 0] + quarters
    }

    @Test func doubtsALongSilenceAfterDamagedBytes() {
        let minute = 2 * 480 * 60
        #expect(verdict(SMF.file(damaged(gap: 5 * minute))) == MIDICode.damaged)
        #expect(verdict(SMF.file(damaged(gap: 5 * 60 * minute))) == MIDICode.damaged)
        #expect(verdict(SMF.file(damaged(gap: minute / 2))) == "33 \(MIDICode.dataByteClipped)")
        // Without damage a silence is a silence.
        #expect(verdict(SMF.file(damaged(gap: 5 * minute, velocity: 0x50))) == "33")
        // A silence before the damaged bytes is not theirs; one of two minutes in a longer piece is no doubt.
        #expect(
            verdict(SMF.file(SMF.note(60, 480) + SMF.note(61, 480, after: 9 * minute) + damaged(gap: 480)))
                == "35 \(MIDICode.dataByteClipped)")
        #expect(
            verdict(
                SMF.file(
                    damaged(gap: 2 * minute, notes: 80) + damaged(gap: 480, notes: 80)
                        + damaged(gap: 480, notes: 80))
            )
            .hasSuffix(MIDICode.dataByteClipped))
        // Half an hour is one in any piece, and another track that plays on is none.
        let playing = (0..<300).flatMap { SMF.note(UInt8($0 % 100), 480, channel: 1, after: 1440) }
        #expect(verdict(SMF.file(damaged(gap: 5 * minute), playing)) == "333 \(MIDICode.dataByteClipped)")
        let long = playing + playing + playing
        #expect(verdict(SMF.file(long + long + damaged(gap: 40 * minute))) == MIDICode.damaged)
        // A system message in a track is damage too.
        let quarters = (0..<16).flatMap { SMF.note(UInt8(40 + $0), 480) }
        #expect(
            verdict(SMF.file(quarters + [0, 0xF8] + SMF.number(9 * minute) + quarters.dropFirst()))
                == MIDICode.damaged)
    }
}
