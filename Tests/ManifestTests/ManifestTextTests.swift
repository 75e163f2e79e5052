import Foundation
import Testing

@testable import Manifest

/// The manifest as YAML with every default, and librosa's names.
@Suite struct ManifestTextTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("manifests")

    private static var published: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }
                .sorted()
                .map { try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8) }
        }
    }

    private static let more = [
        """
        version: 1
        dataset: odd
        sources:
          - path: "a [b]/**/*.{mid,MID}"
            labels: {"yes": "true", 1999: "{dir}", "quote \\" and: colon": ["{stem}", "#no comment", "- dash"]}
            piece: "null"
            exclude: ["*/x.mid", "~"]
            limit: 12
            map: {"yes": {"true": null, "y": "n", "1": "0x1"}}
          - {table: t.csv, header_rows: 3, path: "{track_id:06}.mp3", labels: [a, "b c"], pair: "{audio}", offset_seconds: -0.25}
        midi: {grid: {steps_per_second: 44100/512, rounding: floor}, voices: 4, controls: true,
               require: {time_signature: 3/4, constant_time_signature: true}}
        audio: {sample_rate: 22050, features: {mel: {bands: 64, fmax: 8000.5}, mfcc: {}, chroma: {}, spectrogram: {}},
                bandpass: {low_hz: 125, high_hz: 10000}, peak: -1, loudness: {lufs: -23}, normalize: log}
        splits: {folds: 5, fold: 0, by: "1999"}
        statistics: {from: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
        """,
        "version: 1\ndataset: d\nsources: [{path: a.mid}]\nmidi:\n",
        "version: 1\ndataset: d\nsources: [{table: t.csv, labels: {}}]\naudio: {features: {waveform: {}}, normalize: none}\nsplits: {column: split}\n",
    ]

    @Test func readingTheTextGivesTheSameManifest() throws {
        let texts = try Self.published + Self.more
        #expect(texts.count > 8)
        for text in texts {
            let manifest = try Manifest(bytes: Array(text.utf8), file: "m.yaml")
            let again = try Manifest(bytes: Array(manifest.text.utf8), file: "again.yaml")
            #expect(again.effective == manifest.effective, "\(manifest.text)")
            #expect(again.text == manifest.text)
            #expect(again.warnings.isEmpty)
        }
    }

    @Test func theTextIsForPeople() throws {
        let text = try Manifest(bytes: Array(Self.more[1].utf8), file: "m.yaml").text
        #expect(
            text == """
                version: 1
                dataset: d
                sources:
                  - path: a.mid
                    labels: {}
                midi:
                  grid: {steps_per_beat: 4, rounding: half_up}
                  segment: {steps: 64, hop: 64, drop_last: false, align: none}
                  pitches: [0, 127]
                  drums: separate
                  sustain: ignore
                  controls: [64, 66, 67]
                  window: all
                splits: {train: 0.8, validation: 0.1, test: 0.1, by: piece, method: hash, seed: 0}
                shards: {target_bytes: 67108864}
                statistics: fit
                dedupe: false

                """)
    }

    @Test(arguments: [
        ("a.mid", "a.mid"), ("true", "\"true\""), ("No", "\"No\""), ("1999", "\"1999\""), ("", "\"\""),
        ("a b", "\"a b\""), ("{dir}", "\"{dir}\""), ("*x", "\"*x\""), ("~", "\"~\""), ("é", "\"é\""),
        ("say \"x\"\n", "\"say \\\"x\\\"\\n\""),
    ])
    func textsAreQuotedWhereYAMLWouldTakeThemForSomethingElse(_ text: String, _ expected: String) {
        #expect(YAMLText.scalar(text) == expected)
    }

    @Test(arguments: [
        (
            "audio: {sr: 22050, features: {mel: {}}}",
            "unknown key 'sr' in audio; librosa's 'sr' is 'sample_rate' here"
        ),
        (
            "audio: {features: {mel: {n_mels: 64}}}",
            "unknown key 'n_mels' in audio.features.mel; librosa's 'n_mels' is 'bands' here"
        ),
        (
            "audio: {features: {mfcc: {n_mels: 64}}}",
            "unknown key 'n_mels' in audio.features.mfcc; librosa's 'n_mels' is 'bands' here"
        ),
        (
            "audio: {n_mels: 64, features: {mel: {}}}",
            "unknown key 'n_mels' in audio; librosa's 'n_mels' is 'bands' in audio.features.mel"
        ),
        (
            "audio: {features: {mel: {htk: true}}}",
            "unknown key 'htk' in audio.features.mel; librosa's 'htk: true' is 'scale: htk' in audio.features.mel, and 'htk: false' is 'scale: slaney'"
        ),
        (
            "audio: {features: {mfcc: {n_mfcc: 13}}}",
            "unknown key 'n_mfcc' in audio.features.mfcc; librosa's 'n_mfcc' is 'coefficients' here"
        ),
        (
            "audio: {features: {mel: {}}, stft: {hop_length: 256}}",
            "unknown key 'hop_length' in audio.stft; librosa's 'hop_length' is 'hop' here"
        ),
        (
            "audio: {features: {mel: {}}, win_length: 256}",
            "unknown key 'win_length' in audio; write it in audio.stft"
        ),
        (
            "audio: {features: {mel: {n_fft: 256}}}",
            "unknown key 'n_fft' in audio.features.mel; write it in audio.stft"
        ),
        (
            "audio: {features: {mel: {}}, mono: true}",
            "unknown key 'mono' in audio; librosa's 'mono' is 'channels' here"
        ),
        (
            "audio: {features: {mfcc: {dct_type: 3}}}",
            "unknown key 'dct_type' in audio.features.mfcc; MFCC always uses a DCT of type 2; remove it"
        ),
        (
            "audio: {features: {melspectrogram: {}}}",
            "unknown key 'melspectrogram' in audio.features; librosa's 'melspectrogram' is 'mel' here"
        ),
    ])
    func librosasNamesAreAnsweredWithOurs(_ block: String, _ message: String) {
        let faults = ManifestFaultTests.faults("version: 1\ndataset: d\nsources: [{path: a.wav}]\n\(block)\n")
        #expect(faults.contains("4: \(message)"), "\(faults)")
    }
}
