import Foundation
import Symbolic
import Testing

/// Where the real files are: REPRISE_TEST_DATA, else ../shared/data beside the package.
private let data: URL? = {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let named = ProcessInfo.processInfo.environment["REPRISE_TEST_DATA"].flatMap {
        $0.isEmpty ? nil : URL(filePath: $0)
    }
    let folder = named ?? package.deletingLastPathComponent().appending(path: "shared/data")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
}()

@Suite(.enabled(if: data != nil, "no REPRISE_TEST_DATA")) struct RealFilesTests {
    /// What is made of each MIDI file of the torture set that is not plainly read: notes and warnings, or the error.
    static let torture: [String: String] = [
        "bad_magic.mid": MIDICode.noHeader,
        "data_byte_ge_80.mid": "1 \(MIDICode.dataByteClipped)",
        "dense_20000_notes.mid": "20000",
        "division_zero.mid": MIDICode.badDivision,
        "double_end_of_track.mid": "40 \(MIDICode.endOfTrackInside)",
        "extreme_pitches.mid": "8",
        "format0_two_tracks.mid": "40 \(MIDICode.formatZeroTracks)",
        "format2_three_songs.mid": "60",
        "format_7.mid": "20 \(MIDICode.unknownFormat)",
        "git_lfs_pointer.mid": MIDICode.noHeader,
        "gzipped.mid": MIDICode.noHeader,
        "header_only.mid": "0",
        "header_says_tracks_none_present.mid": MIDICode.noTracks,
        "html_404.mid": MIDICode.noHeader,
        "huge_delta.mid": MIDICode.tooLong,
        "jzz_test-corrupt-file-missing-byte.mid": MIDICode.trackTruncated,
        "jzz_test-empty-file.mid": MIDICode.noHeader,
        "jzz_test-illegal-message-all.mid": "8 \(MIDICode.systemMessage)",
        "jzz_test-not-a-midi-file.mid": MIDICode.noHeader,
        "jzz_test-running-status-metaevent.mid": "8 \(MIDICode.runningStatus)",
        "jzz_test-running-status-sysex.mid": "8 \(MIDICode.runningStatus)",
        "key_sig_bad.mid": "20 \(MIDICode.badKey)",
        "little_endian_header.mid": MIDICode.headerTruncated,
        "macbinary_prefix.mid": MIDICode.noHeader,
        "meta_bad_length.mid": "20 \(MIDICode.metaLength)",
        "meta_len_past_end.mid": MIDICode.trackTruncated,
        "more_tracks_than_declared.mid": "20 \(MIDICode.trackCount)",
        "no_end_of_track.mid": "20 \(MIDICode.noEndOfTrack)",
        "no_notes.mid": "0",
        "note_never_off.mid": "21 \(MIDICode.noteUnended)",
        "note_off_only.mid": "0",
        "overlap_same_pitch.mid": "2",
        "overlong_vlq.mid": MIDICode.numberTooLong,
        "padded_vlq.mid": "1",
        "pedal.mid": "40",
        "png_renamed.mid": MIDICode.noHeader,
        "running_status_across_meta.mid": "1 \(MIDICode.runningStatus)",
        "running_status_across_sysex.mid": "1 \(MIDICode.runningStatus)",
        "running_status_no_initial.mid": MIDICode.noStatus,
        "short_header.mid": MIDICode.badHeader,
        "simutrans_05-Boring-afternoon.mid": "10032 \(MIDICode.badKey)",
        "sixteen_channels.mid": "96",
        "symusic_Issue104_Bizarre_Love_Triangle2.mid": MIDICode.numberTooLong,
        "symusic_RunTimeError_unexpected_EOF.mid": "6085 \(MIDICode.runningStatus)",
        "symusic_issue90.mid": "554",
        "symusic_empty.mid": "0",
        "sysex_unterminated.mid": MIDICode.trackTruncated,
        "system_realtime_in_track.mid": "20 \(MIDICode.systemMessage)",
        "tempo_change_mid.mid": "60",
        "tempo_zero.mid": MIDICode.tempoZero,
        "text_renamed.mid": MIDICode.noHeader,
        "time_sig_change.mid": "40",
        "track_len_too_long.mid": "20 \(MIDICode.trackLengthLong)",
        "track_len_too_short.mid": MIDICode.trackLengthShort,
        "trailing_garbage.mid": "20 \(MIDICode.dataAfterEnd)",
        "truncated_header.mid": MIDICode.headerTruncated,
        "truncated_mid_vlq.mid": MIDICode.trackTruncated,
        "truncated_track.mid": MIDICode.trackTruncated,
        "zero_length.mid": MIDICode.noHeader,
    ]

    private func files(_ folder: String) throws -> [URL] {
        let root = try #require(data).appending(path: folder)
        let names = try FileManager.default.subpathsOfDirectory(atPath: root.path).sorted()
        return names.filter { $0.lowercased().hasSuffix(".mid") || $0.lowercased().hasSuffix(".midi") }
            .map { root.appending(path: $0) }
    }

    @Test func judgesTheTortureSet() throws {
        let found = try files("torture")
        #expect(found.count > 100)
        for file in found {
            let name = file.lastPathComponent
            let verdict = verdict(try [UInt8](Data(contentsOf: file)))
            if let expected = Self.torture[name] {
                #expect(verdict == expected, "\(name)")
            } else if !name.hasPrefix("jzz_"), name != "mutagen_sample.mid" {
                #expect(verdict == "20", "\(name)")
            } else {
                #expect(Int(verdict.prefix { $0 != " " }) != nil, "\(name): \(verdict)")
            }
        }
    }

    /// What is read is written and read again the same, event by event and note by note.
    @Test func rewritesTheTortureSet() throws {
        for file in try files("torture") {
            let bytes = try [UInt8](Data(contentsOf: file))
            guard let events = try? MIDIFile.read(bytes), let score = try? Score(midi: bytes) else {
                continue
            }
            let again = try MIDIFile.read(events.write())
            #expect(again == events, "\(file.lastPathComponent)")
            #expect(try Score(midi: events.write()).timelines == score.timelines, "\(file.lastPathComponent)")
        }
    }

    /// Excerpts of real files hold the notes of their bars.
    @Test func excerptsOfRealFiles() throws {
        var checked = 0
        for file in try files("midi/composer").prefix(30) + files("midi/piano_genre/jazz").prefix(30) {
            if try ExcerptTests.check([UInt8](Data(contentsOf: file)), file.lastPathComponent) {
                checked += 1
            }
        }
        #expect(checked > 40)
    }

    /// The numbers of segments that paper 001's own code makes of its data, of which these are a part.
    @Test(arguments: [("classical", 3392), ("jazz", 2286)])
    func cutsPaperOnesDataAsItsAuthors(genre: String, segments: Int) throws {
        let parameters = RollParameters(
            grid: .stepsPerFirstBeat(8), rounding: .floor, steps: 480, dropLast: true, pitches: 32...88)
        var count = 0
        for file in try files("midi/piano_genre/\(genre)") {
            let score = try Score(midi: [UInt8](Data(contentsOf: file)))
            count += try RollSegments(score: score, parameters: parameters).count
        }
        #expect(count == segments)
    }
}
