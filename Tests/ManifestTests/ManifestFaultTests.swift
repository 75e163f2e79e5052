import Listing
import Testing

@testable import Manifest

/// One case for each kind of mistake, with the exact lines that are told.
@Suite struct ManifestFaultTests {
    /// Four faultless lines; cases that begin with `@@` continue from line 5.
    static let base = """
        version: 1
        dataset: d
        sources: [{path: a.mid, labels: {style: jazz, composer: '{dir}'}}]
        midi: {}

        """

    static func faults(_ text: String) -> [String] {
        let yaml = text.hasPrefix("@@\n") ? base + text.dropFirst(3) : text
        do {
            _ = try Manifest(bytes: Array(yaml.utf8), file: "m.yaml")
            return []
        } catch {
            return error.faults.map { "\($0.line): \($0.message)" }
        }
    }

    @Test(arguments: cases) func everyFaultIsTold(_ text: String, _ expected: [String]) {
        #expect(Self.faults(text) == expected)
    }

    static let cases: [(String, [String])] = [
        (
            """
            dataset: d
            """,
            [
                "1: 'version' is missing; write 'version: 1'",
                "1: 'sources' is missing; list files, such as '- path: data/**/*.mid'",
                "1: the manifest has neither 'midi' nor 'audio'; add 'midi: {}' or 'audio: {}' for all defaults",
            ]
        ),
        (
            """
            version: 2
            """,
            [
                "1: version must be 1, the only version that this program reads",
                "1: 'dataset' is missing; name it, such as 'dataset: piano-styles'",
                "1: 'sources' is missing; list files, such as '- path: data/**/*.mid'",
                "1: the manifest has neither 'midi' nor 'audio'; add 'midi: {}' or 'audio: {}' for all defaults",
            ]
        ),
        (
            """
            version: 1
            dataset: my data!
            sources: []
            midi:
            """,
            [
                "2: dataset must be 1 to 100 letters (a-z, A-Z), digits, '-' and '_', not 'my data!'",
                "3: sources must be a list of items, such as '- path: data/**/*.mid', not an empty one",
            ]
        ),
        (
            """
            verison: 1
            dataset: d
            sources: [{path: a.mid}]
            midi: {}
            """,
            [
                "1: unknown key 'verison'; did you mean 'version'?",
                "1: 'version' is missing; write 'version: 1'",
            ]
        ),
        (
            """
            @@
            zebra: 1
            """,
            [
                "5: unknown key 'zebra'; known are version, dataset, sources, midi, audio, splits, shards, statistics, dedupe, about"
            ]
        ),
        (
            """
            @@
            midi: {}
            """,
            [
                "5: 'midi' appears twice, first on line 4; remove one"
            ]
        ),
        (
            """
            @@
            midi: {}
            dataset: e
            dataset: f
            """,
            [
                "5: 'midi' appears twice, first on line 4; remove one",
                "7: 'dataset' appears twice, first on line 2; remove one",
            ]
        ),
        (
            """
            @@
            audio: {stft: {hop: 0, n_fft: 2047, win_length: 4096, windw: hann, window: hamm, center: yes}}
            """,
            [
                "5: unknown key 'windw' in audio.stft; did you mean 'window'?",
                "5: audio.stft.n_fft must be even, not 2047",
                "5: audio.stft.hop must be a whole number from 1 to 67108864, not '0'",
                "5: audio.stft.win_length must be at most n_fft (2047), not 4096",
                "5: audio.stft.window must be hann or hamming, not 'hamm'",
                "5: audio.stft.center must be true or false, not 'yes'",
            ]
        ),
        (
            """
            @@
            audio: {sample_rate: 22050, features: {mel: {fmin: 8000, fmax: 4000, bands: 0}, mfcc: {coefficients: 30, bands: 20, fmax: 12000}, cqt: {bins: 200}}}
            """,
            [
                "5: audio.features.mel.bands must be a whole number from 1 to 16384, not '0'",
                "5: audio.features.mel.fmax is out of order: fmin 8000 must be below fmax 4000",
                "5: audio.features.mfcc.fmax must be a number above 0, at most 11025, not '12000'",
                "5: audio.features.mfcc.coefficients must be at most bands (20), not 30",
                "5: audio.features.cqt.bins must be at most 101, not 200: filter 102 would reach above half the sample rate (11025 Hz)",
            ]
        ),
        (
            """
            @@
            audio:
              features:
                cqt: {n_bins: 60, bins_per_octave: 200, fmin: 0, tuning: 2, filter_scale: 0.1, sparsity: 1, window: han, scale: 1}
            """,
            [
                "7: unknown key 'n_bins' in audio.features.cqt; librosa's 'n_bins' is 'bins' here",
                "7: audio.features.cqt.bins_per_octave must be a whole number from 1 to 96, not '200'",
                "7: audio.features.cqt.fmin must be a number above 0, at most 22050, not '0'",
                "7: audio.features.cqt.tuning must be a number from -1 to 1, not '2'",
                "7: audio.features.cqt.filter_scale must be a number from 0.25 to 16, not '0.1'",
                "7: audio.features.cqt.sparsity must be a number from 0 to 0.99, not '1'",
                "7: audio.features.cqt.window must be hann or hamming, not 'han'",
                "7: audio.features.cqt.scale must be true or false, not '1'",
            ]
        ),
        (
            """
            @@
            audio: {features: {cqt: {bins: 24, fmin: 22000}}}
            """,
            [
                "5: audio.features.cqt.fmin leaves no filter below half the sample rate (22050 Hz); lower it"
            ]
        ),
        (
            """
            @@
            audio: {features: {cqt: {fmin: 0.5}}}
            """,
            [
                "5: audio.features.cqt.fmin makes a filter of 1528647 samples, but the limit is 1048576; raise it, or lower bins_per_octave or filter_scale"
            ]
        ),
        (
            """
            @@
            audio: {features: {}, dtype: float64, loudness: -20, peak: loud, resampler: sox, channels: stereo}
            """,
            [
                "5: audio.channels must be mono, not 'stereo'",
                "5: audio.resampler must be soxr_hq or best or medium or fastest, not 'sox'",
                "5: audio.dtype must be float32 or float16, not 'float64'",
                "5: audio.loudness must be {rms_dbfs: -20}, {lufs: -23} or none, not '-20'",
                "5: audio.peak must be ignore or a ceiling from -60 to 20 dBTP, not 'loud'",
                "5: audio.features is empty; name one of mel, spectrogram, mfcc, chroma, cqt, waveform",
            ]
        ),
        (
            """
            @@
            audio: {features: {mels: {}, chroma: {bins: 12}}, loudness: {lufs: -23, rms_dbfs: -20}, bandpass: {low_hz: 500, high_hz: 100}}
            """,
            [
                "5: audio.loudness must have one of rms_dbfs and lufs",
                "5: audio.bandpass.high_hz must be above low_hz (500), not 100",
                "5: unknown key 'mels' in audio.features; did you mean 'mel'?",
                "5: unknown key 'bins' in audio.features.chroma; remove it",
            ]
        ),
        (
            """
            @@
            audio: {bandpass: {low_hz: 100, high_hz: 22050}, segment: {samples: 1000}, stft: {center: false}}
            """,
            [
                "5: audio.bandpass.high_hz must be below half the sample rate (22050), not 22050",
                "5: audio.stft: a segment of 1000 samples gives no frame of 2048 with center: false; lower n_fft or raise segment.samples",
            ]
        ),
        (
            """
            @@
            audio: {bandpass: {order: 2}, segment: {samples: 1000}, stft: {pad_mode: reflect}, peak: -100, normalize: {epsilon: -1, amin: 0.1, compress: log10_1p, per: style}}
            """,
            [
                "5: audio.peak must be ignore or a ceiling from -60 to 20 dBTP, not '-100'",
                "5: audio.bandpass.low_hz is missing; write it in Hz",
                "5: audio.bandpass.high_hz is missing; write it in Hz",
                "5: audio.stft: pad_mode: reflect needs more than 1024 samples in a segment, not 1000; lower n_fft or raise segment.samples",
                "5: audio.normalize.epsilon must be a number from 0 to 1e+30, not '-1'",
                "5: audio.normalize.amin belongs to compress: log; remove it",
            ]
        ),
        (
            """
            @@
            audio: {normalize: logs}
            """,
            [
                "5: audio.normalize must be {compress: log10_1p, per: dataset}, log or none, not 'logs'"
            ]
        ),
        (
            """
            @@
            audio: {normalize: {per: none, epsilon: 1, compress: log, amin: 0, top_db: loud}}
            """,
            [
                "5: audio.normalize.amin must be a number from 1e-18 to 1, not '0'",
                "5: audio.normalize.top_db must be a number from 0 to 1000, not 'loud'",
                "5: audio.normalize.epsilon belongs to statistics, and per is none; remove one of them",
            ]
        ),
        (
            """
            @@
            midi: {pitches: [60, 30], controls: [128], segment: {steps: 70000, hop: 0}, voices: 0, grid: {steps_per_beat: 4, steps_per_second: 20}}
            """,
            [
                "5: 'midi' appears twice, first on line 4; remove one",
                "5: midi.grid has both steps_per_beat and steps_per_second; keep one",
                "5: midi.segment.steps must be a whole number from 1 to 65535, not '70000'",
                "5: midi.segment.hop must be a whole number from 1 to 65535, not '0'",
                "5: midi.pitches must be [lowest, highest], 0 to 127 and in order, such as [21, 108]",
                "5: midi.voices must be a whole number from 1 to 255, not '0'",
                "5: midi.controls must be true, false or a list of numbers from 0 to 127, such as [64, 66, 67]",
            ]
        ),
        (
            """
            @@
            midi: {grid: {steps_per_second: fast, rounding: up}, require: {time_signature: 4/5, constant_time_signature: 1}, drums: [a], sustain: {}}
            """,
            [
                "5: 'midi' appears twice, first on line 4; remove one",
                "5: midi.grid.rounding must be half_up or floor, not 'up'",
                "5: midi.grid.steps_per_second must be a rate above 0 and at most 65535, with both numbers at most 1000000 in lowest terms, such as 20, 86.1328125 or 44100/512, not 'fast'",
                "5: midi.drums must be separate or include or exclude, not a list",
                "5: midi.sustain must be ignore or extend, not a mapping",
                "5: midi.require.time_signature must be a time signature such as 4/4 (a power of two below the bar), not '4/5'",
                "5: midi.require.constant_time_signature must be true or false, not '1'",
            ]
        ),
        (
            """
            @@
            splits: {train: 0.8, test: 0.1}
            """,
            [
                "5: splits.test makes train + validation + test = 0.9; they must add up to 1"
            ]
        ),
        (
            """
            @@
            splits: {folds: 5, train: 0.5}
            """,
            [
                "5: splits.folds cannot be combined with train; keep folds or proportions"
            ]
        ),
        (
            """
            @@
            splits: {folds: 2}
            """,
            [
                "5: splits.fold is missing; write {folds: 5, fold: 0}"
            ]
        ),
        (
            """
            @@
            splits: {folds: 5, fold: 5, stratify: style, by: segment}
            """,
            [
                "5: splits.fold must be a whole number from 0 to 4, not '5'",
                "5: splits.stratify needs method: exact, since a hash alone keeps no counts; add it",
                "5: splits.stratify cannot be combined with by: segment; remove one",
            ]
        ),
        (
            """
            @@
            splits: {column: split, seed: 1}
            """,
            [
                "5: splits.seed cannot be combined with column, which alone decides; remove one"
            ]
        ),
        (
            """
            @@
            splits: {by: stile}
            """,
            [
                "5: splits.by names the label 'stile', which no item of sources has; did you mean 'style'?"
            ]
        ),
        (
            """
            @@
            splits: {method: exact, stratify: composr, by: segment}
            """,
            [
                "5: splits.stratify cannot be combined with by: segment; remove one",
                "5: splits.stratify names the label 'composr', which no item of sources has; did you mean 'composer'?",
            ]
        ),
        (
            """
            @@
            splits: {train: 1.5, validation: -0.5}
            """,
            [
                "5: splits.train must be a number from 0 to 1, not '1.5'",
                "5: splits.validation must be a number from 0 to 1, not '-0.5'",
            ]
        ),
        (
            """
            @@
            shards: {target_bytes: 64 MiB, target: 1}
            statistics: fitted
            dedupe: 1
            """,
            [
                "5: unknown key 'target' in shards; known are target_bytes",
                "6: statistics must be fit, exact or {from: <snapshot's full hash>}, not 'fitted'",
                "7: dedupe must be true or false, not '1'",
            ]
        ),
        (
            """
            @@
            shards: {target_bytes: 0}
            statistics: {from: abc}
            """,
            [
                "5: shards.target_bytes must be a size from 1 B to 1024 GiB, such as 64MiB, not '0'",
                "6: statistics.from must be a snapshot's full hash: 64 digits of 0-9 and a-f",
            ]
        ),
        (
            """
            version: 1
            dataset: d
            midi: {}
            sources:
              - {labels: {a: b}}
              - {path: "a/{x,y", labels: {st/yle: jazz, composer: "{composer}", piece: "{stem", d: "{dir:0}"}, piece: "{stm}", header_rows: 3}
              - {path: data/, labels: [a]}
              - {path: a/../b.mid}
              - {path: "[z-a].mid"}
              - {path: "[é].mid"}
              - {table: "", path: x.mid}
              - {table: a.csv, path: "{col:6}", labels: [a, a]}
              - {path: /etc/x.mid}
              - just a word
            """,
            [
                "5: sources[0] has neither 'path' nor 'table'; add one",
                "6: sources[1].header_rows belongs to a table; remove it",
                #"6: sources[1].path has '{' without '}'; write '\{' for the character"#,
                "6: sources[1].labels.composer has the placeholder {composer}; known are name, stem, dir (columns belong to a table)",
                "6: sources[1].labels.d has '{dir:0}', which is not understood; write {dir:2} for the second folder up, {column:06} for a number padded with zeros",
                "6: sources[1].labels.piece has '{' without '}'; write '{{' for a brace",
                "6: 'st/yle' cannot name a label; use 1 to 200 bytes without '/' and control characters",
                "6: sources[1].piece has the placeholder {stm}; did you mean 'stem'? (columns belong to a table)",
                "7: sources[2].path names a folder; write what to take from it, such as folder/**/*.mid",
                "7: sources[2].labels must be a mapping (key: value), not a list",
                "8: sources[3].path has '..' behind a folder; it may stand only in front",
                "9: sources[4].path has a range in '[…]' that runs backwards; turn it round",
                "10: sources[5].path has a letter beyond ASCII in '[…]'; write {a,b} instead",
                "11: sources[6].table must name a CSV, TSV or JSONL file",
                "12: sources[7].path has '{col:6}', which is not understood; write {dir:2} for the second folder up, {column:06} for a number padded with zeros",
                "12: sources[7].labels must be a list of different columns (their names without '/'), or a mapping of names to patterns",
                "13: sources[8].path is absolute; write it relative to the manifest's folder",
                "14: sources[9] must be a mapping (key: value), not 'just a word'",
            ]
        ),
        (
            "version: 1\ndataset: d\n\tmidi: {}\n",
            [
                "3: a tab indents this line; YAML wants spaces"
            ]
        ),
        (
            """
            [a, b]
            """,
            [
                "1: the manifest must be a mapping (key: value), not a list"
            ]
        ),
        (
            """
            version: 1
            dataset: [a
            """,
            [
                "3: not YAML at column 1: did not find expected ',' or ']'"
            ]
        ),
        (
            """
            @@
            midi: *nothing
            """,
            [
                "5: not YAML at column 7: a value must not begin with '*'; quote it, such as path: \"**/*.wav\""
            ]
        ),
    ]
}
