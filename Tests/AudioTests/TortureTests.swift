import Foundation
import Testing

@testable import Audio
@testable import SoundFiles

/// What is made of each file of a folder of odd and damaged audio; skipped where the folder is not there.
///
/// The table holds what was decided, file by file: read, read with these warnings, or refused with this code.
@Suite struct TortureTests {
    static let folder: URL? = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let data = ProcessInfo.processInfo.environment["REPRISE_TEST_DATA"].flatMap {
            $0.isEmpty ? nil : URL(filePath: $0)
        }
        let folder = (data ?? root.appending(path: "shared/data")).appending(path: "torture")
        return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
    }()

    static let parameters = AudioParameters(
        sampleRate: 22050, resampler: .fastest, segment: SegmentParameters(samples: 16384),
        features: [.waveform])

    @Test(.enabled(if: folder != nil, "no folder of odd files: set REPRISE_TEST_DATA"))
    func everyFileMeetsItsExpectation() throws {
        let folder = try #require(Self.folder)
        let endings = ["wav", "flac", "ogg", "mp3", "opus", "m4a", "aif", "aiff", "au", "w64", "oggflac"]
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { name in endings.contains { name.hasSuffix("." + $0) } }
        #expect(Set(names) == Set(Self.expectations.keys))
        for name in names.sorted() {
            let found = FaultTests.code(folder.appending(path: name).path, Self.parameters)
            // What only ffmpeg decodes is out of reach without it.
            let needsProgram = name.hasSuffix(".m4a") && FFmpegDecoder.program == nil
            #expect(found == (needsProgram ? "access" : Self.expectations[name]), "\(name)")
        }
    }

    static let expectations = [
        "all_nan_f32.wav": "refused audio.not-finite",
        "bitflips.flac": "audio.truncated",
        "bitflips.mp3": "audio.truncated audio.junk",
        "bitflips.ogg": "refused audio.no-samples",
        "bits_zero.wav": "refused audio.unsupported-encoding",
        "chained.ogg": "audio.chained",
        "channels_65535.wav": "refused audio.bad-channels",
        "channels_zero.wav": "refused audio.bad-channels",
        "clipped_dc.wav": "",
        "data_len_too_long.wav": "audio.truncated",
        "data_len_too_short.wav": "",
        "denormals_f32.wav": "audio.silent",
        "exact_131072.wav": "",
        "flac_renamed.wav": "",
        "float64.wav": "",
        "float_over_1.wav": "",
        "format_tag_unknown.wav": "refused audio.malformed",
        "header_only.wav": "refused audio.no-samples",
        "id3_only.mp3": "refused audio.malformed",
        "id3_size_lies.mp3": "audio.junk",
        "junk_prefix.mp3": "audio.junk",
        "list_before_fmt.wav": "",
        "midi_renamed.wav": "refused audio.unknown-format",
        "mutagen_106-invalid-streaminfo.flac": "refused audio.unsupported-encoding",
        "mutagen_52-overwritten-metadata.flac": "refused audio.truncated",
        "mutagen_52-too-short-block-size.flac": "refused audio.truncated",
        "mutagen_8k-4ch-1s-silence.aif": "audio.silent",
        "mutagen_alac.m4a": "audio.silent",
        "mutagen_empty.oggflac": "refused audio.malformed",
        "mutagen_emptyfile.mp3": "refused audio.unknown-format",
        "mutagen_example.opus": "",
        "mutagen_ooming-header.flac": "refused audio.truncated",
        "mutagen_silence-2s-PCM-16000-08-ID3v23.wav": "audio.silent",
        "mutagen_silence-44-s-mpeg25.mp3": "audio.silent",
        "mutagen_silence-44-s.flac": "audio.silent",
        "mutagen_too-short.mp3": "audio.silent",
        "mutagen_variable-block.flac": "audio.truncated audio.silent",
        "mutagen_vbri.mp3": "refused audio.truncated",
        "nan_inf_f32.wav": "refused audio.not-finite",
        "no_fmt.wav": "refused audio.malformed",
        "odd_data_no_pad.wav": "audio.silent",
        "ogg_renamed.mp3": "",
        "ok.aiff": "",
        "ok.au": "",
        "ok.flac": "",
        "ok.m4a": "",
        "ok.mp3": "",
        "ok.ogg": "",
        "ok.opus": "",
        "ok.w64": "",
        "ok_s16_mono.wav": "",
        "one_dead_channel.wav": "",
        "one_less_131071.wav": "",
        "one_sample.wav": "",
        "opposite_phase_stereo.wav": "audio.silent",
        "pedalboard_adpcm_ima.wav": "",
        "pedalboard_adpcm_ms.wav": "",
        "pedalboard_alaw.wav": "",
        "pedalboard_mono_sine_at_44100Hz.m4a": "",
        "pedalboard_mp3_in_wav.wav": "",
        "pedalboard_no_header.mp3": "",
        "pedalboard_zero_channels.mp3": "refused audio.malformed",
        "rate_11025.wav": "",
        "rate_192000.wav": "",
        "rate_8000.wav": "",
        "rate_96000.wav": "",
        "riff_size_zero.wav": "",
        "rifx_big_endian.wav": "",
        "s24.wav": "",
        "s32.wav": "",
        "sample_rate_4e9.wav": "refused audio.bad-rate",
        "sample_rate_zero.wav": "refused audio.malformed",
        "scipy_test-1234Hz-le-1ch-10S-20bit-extra.wav": "",
        "scipy_test-44100Hz-2ch-32bit-float-le.wav": "",
        "scipy_test-44100Hz-be-1ch-4bytes.wav": "",
        "scipy_test-44100Hz-le-1ch-4bytes-early-eof-no-data.wav": "refused audio.malformed",
        "scipy_test-44100Hz-le-1ch-4bytes-incomplete-chunk.wav": "refused audio.malformed",
        "scipy_test-44100Hz-le-1ch-4bytes-rf64.wav": "",
        "scipy_test-44100Hz-le-1ch-4bytes.wav": "",
        "scipy_test-8000Hz-be-3ch-5S-24bit.wav": "",
        "scipy_test-8000Hz-le-1ch-1byte-ulaw.wav": "",
        "scipy_test-8000Hz-le-2ch-1byteu.wav": "",
        "scipy_test-8000Hz-le-3ch-5S-24bit-rf64.wav": "",
        "scipy_test-8000Hz-le-3ch-5S-24bit.wav": "",
        "scipy_test-8000Hz-le-3ch-5S-36bit.wav": "refused audio.unsupported-encoding",
        "scipy_test-8000Hz-le-3ch-5S-53bit.wav": "refused audio.unsupported-encoding",
        "scipy_test-8000Hz-le-3ch-5S-64bit.wav": "refused audio.unsupported-encoding",
        "scipy_test-8000Hz-le-4ch-9S-12bit.wav": "",
        "shorter_than_fft.wav": "",
        "silent.wav": "audio.silent",
        "six_channel.flac": "",
        "six_channel_extensible.wav": "",
        "streaming_sizes.wav": "",
        "text_renamed.mp3": "refused audio.unknown-format",
        "text_renamed.wav": "refused audio.unknown-format",
        "tiny_rms.wav": "audio.silent",
        "truncated_100.flac": "refused audio.malformed",
        "truncated_100.mp3": "refused audio.malformed",
        "truncated_100.ogg": "refused audio.malformed",
        "truncated_fmt.wav": "refused audio.malformed",
        "truncated_half.flac": "audio.truncated",
        "truncated_half.mp3": "audio.truncated",
        "truncated_half.ogg": "audio.truncated",
        "truncated_mid_sample.wav": "audio.truncated",
        "two_data_chunks.wav": "refused audio.malformed",
        "u8.wav": "",
        "unknown_length.flac": "",
        "zero_length.wav": "refused audio.unknown-format",
    ]
}
