import Audio
import Files
import Listing
import TestSupport
import Testing

@testable import Manifest
@testable import Symbolic

/// Every number that a manifest can hold, at its ends and far beyond: a fault with the line and the limit, or a manifest
/// that works.
@Suite struct ManifestNumberTests {
    /// Keys that take a number: the yaml with `@` in its place.
    static let keys = [
        "midi: {grid: {steps_per_beat: @}}", "midi: {grid: {steps_per_second: @}}",
        "midi: {grid: {steps_per_second: @/1}}", "midi: {grid: {steps_per_second: 1/@}}",
        "midi: {grid: {steps_per_first_beat: @}}", "midi: {segment: {steps: @}}", "midi: {segment: {hop: @}}",
        "midi: {segment: {beats: @}}", "midi: {segment: {bars: @}}", "midi: {segment: {beats: 64, hop: @}}",
        "midi: {segment: {bars: @}, require: {time_signature: 255/128}, grid: {steps_per_beat: 32}}",
        "midi: {grid: {steps_per_second: 20}, segment: {seconds: @}}",
        "midi: {grid: {steps_per_second: 20}, segment: {seconds: 1/@}}",
        "midi: {grid: {steps_per_second: 20}, segment: {seconds: 10, hop: @}}",
        "audio: {segment: {seconds: @}}", "audio: {segment: {seconds: 10, hop: @}}",
        "midi: {segment: {steps: @, hop: 1}}", "midi: {segment: {steps: 65535, hop: @}}",
        "midi: {pitches: [@, 127]}",
        "midi: {pitches: [0, @]}", "midi: {voices: @}", "midi: {controls: [@]}",
        "midi: {require: {time_signature: @/4}}",
        "midi: {require: {time_signature: 4/@}}", "audio: {sample_rate: @}",
        "audio: {loudness: {rms_dbfs: @}}",
        "audio: {loudness: {lufs: @}}", "audio: {peak: @}", "audio: {bandpass: {low_hz: @, high_hz: 10000}}",
        "audio: {bandpass: {low_hz: 100, high_hz: @}}",
        "audio: {bandpass: {low_hz: 100, high_hz: 9000, order: @}}",
        "audio: {segment: {samples: @}}", "audio: {segment: {hop: @}}",
        "audio: {segment: {samples: @, hop: 1}}",
        "audio: {stft: {n_fft: @}}", "audio: {stft: {hop: @}}",
        "audio: {stft: {n_fft: 1048576, hop: @}, features: {mel: {bands: 16}}}",
        "audio: {stft: {win_length: @}}", "audio: {stft: {pad_end: @}}",
        "audio: {features: {mel: {bands: @}}}",
        "audio: {stft: {n_fft: 1048576}, features: {mel: {bands: @}}}", "audio: {features: {mel: {fmin: @}}}",
        "audio: {features: {mel: {fmax: @}}}", "audio: {features: {mel: {power: @}}}",
        "audio: {features: {spectrogram: {power: @}}}", "audio: {features: {mfcc: {coefficients: @}}}",
        "audio: {features: {mfcc: {bands: @}}}", "audio: {features: {mfcc: {lifter: @}}}",
        "audio: {features: {mfcc: {amin: @}}}", "audio: {features: {mfcc: {top_db: @}}}",
        "audio: {features: {mfcc: {ref: @}}}", "audio: {normalize: {epsilon: @}}",
        "audio: {features: {cqt: {bins: @}}}", "audio: {features: {cqt: {bins: @, bins_per_octave: 96}}}",
        "audio: {features: {cqt: {bins: 1, bins_per_octave: @}}}", "audio: {features: {cqt: {fmin: @}}}",
        "audio: {features: {cqt: {bins: 1, fmin: @}}}", "audio: {features: {cqt: {tuning: @}}}",
        "audio: {features: {cqt: {filter_scale: @}}}", "audio: {features: {cqt: {sparsity: @}}}",
        "audio: {stft: {hop: @}, features: {cqt: {}}}", "audio: {sample_rate: @, features: {cqt: {}}}",
        "audio: {normalize: {compress: log, amin: @}}", "audio: {normalize: {compress: log, ref: @}}",
        "audio: {normalize: {compress: log, top_db: @}}", "splits: {train: @}", "splits: {seed: @}",
        "splits: {folds: @, fold: 0}", "splits: {folds: 5, fold: @}", "shards: {target_bytes: @}",
    ]
    static let values = [
        "0", "-1", "1", "2", "0.5", "127", "128", "255", "256", "1000", "10000", "10001", "65535", "65536",
        "1048576",
        "1048577", "67108864", "2147483648", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808",
        "1e308", "1e309", "-1e308", "1e-308", "5e-324", ".nan", "nan", ".inf", "-.inf",
        "1000000000000000000000000000000000000000000",
    ]

    @Test(arguments: keys) func everyValueWorksOrIsAFault(_ key: String) throws {
        var accepted = 0
        for value in Self.values {
            let block = key.replacing("@", with: value)
            let needed = block.hasPrefix("midi") || block.hasPrefix("audio") ? "" : "midi: {}\n"
            let text = "version: 1\ndataset: d\nsources: [{path: a.mid}]\n\(needed)\(block)\n"
            let line = needed.isEmpty ? 4 : 5
            let manifest: Manifest
            do {
                manifest = try Manifest(bytes: Array(text.utf8), file: "m.yaml")
            } catch {
                #expect(
                    error.faults.allSatisfy { $0.line == line && $0.message.count > 10 }, "\(block): \(error)"
                )
                continue
            }
            accepted += 1
            // Its text reads back, its parameters are in the ranges that the stages stop at, and its sizes are bounded.
            _ = try Manifest(bytes: manifest.effective.canonicalBytes, file: "again")
            if let midi = manifest.midi {
                RollParameters(midi).check()
                #expect(midi.steps / midi.hop <= 1024)
            }
            if let block = manifest.audio {
                let audio = AudioParameters(block)
                #expect(audio.faults.isEmpty)
                #expect(audio.features.allSatisfy { $0.extractedShape(in: audio).reduce(1, *) <= 1 << 28 })
                let decibels = block.normalize.decibels
                var reference = 1.0
                if case .value(let value) = decibels.reference { reference = value }
                for value in [block.normalize.epsilon, decibels.amin, reference] {
                    #expect(Float(value).isFinite && (Float(value) > 0 || value == 0))
                }
            }
        }
        #expect(accepted > 0, "\(key) takes no value")
    }

    /// Products that are fine one by one: the fault names the numbers.
    @Test(arguments: [
        ("audio: {stft: {n_fft: 1048576, hop: 1}}", "1048576 times"),
        ("audio: {segment: {samples: 1048576, hop: 1}, features: {waveform: {}}}", "1048576 times"),
        ("audio: {segment: {samples: 67108864}, stft: {hop: 1}}", "numbers in one segment"),
        (
            "audio: {segment: {samples: 65536, hop: 1024}, stft: {n_fft: 65536, hop: 16}, features: {spectrogram: {}}}",
            "numbers for a second"
        ),
        ("audio: {stft: {n_fft: 1048576}, features: {mel: {bands: 16384}}}", "16384 bands times 524289 bins"),
        ("midi: {segment: {steps: 65535, hop: 1}}", "raise hop to at least 64"),
        ("midi: {grid: {steps_per_beat: 10001}}", "from 1 to 10000"),
        ("midi: {grid: {steps_per_second: 1/1000001}}", "at most 1000000"),
    ])
    func productsAreRefusedWithTheirNumbers(_ block: String, _ words: String) {
        let faults = ManifestTests.faults(
            Array("version: 1\ndataset: d\nsources: [{path: a.mid}]\n\(block)\n".utf8))
        #expect(
            faults.allSatisfy { $0.hasPrefix("m.yaml:4: ") } && faults.contains { $0.contains(words) },
            "\(faults)")
    }

    @Test func labelsAreCounted() throws {
        for (count, isFine) in [(1000, true), (1001, false)] {
            let labels = (0..<count).map { "l\($0): x" }.joined(separator: ", ")
            let text = "version: 1\ndataset: d\nmidi: {}\nsources: [{path: a.mid, labels: {\(labels)}}]\n"
            let faults = ManifestTests.faults(Array(text.utf8))
            #expect(
                faults
                    == (isFine
                        ? [] : ["m.yaml:4: sources[0].labels names 1001 labels, but the limit is 1000"]))
            let folder = try TestFolder(["a.mid"])
            let columns = (0..<count).map { "c\($0)" }.joined(separator: ",")
            let cells = String(repeating: ",", count: count)
            try folder.write("t.csv", "path,\(columns)\na.mid\(cells)\n")
            #expect(EntriesTests.faults(folder, "  - table: t.csv").isEmpty == isFine)
        }
    }

    /// A long piece on the finest grid is refused before memory is spent on it.
    @Test func hugePiecesAreEstimatedFirst() throws {
        // One note, and the end 90,000 beats later: a delta of 90,000 · 96 ticks.
        let ticks = 90_000 * 96
        let delta: [UInt8] = [
            UInt8(ticks >> 21 & 127) | 128, UInt8(ticks >> 14 & 127) | 128, UInt8(ticks >> 7 & 127) | 128,
            UInt8(ticks & 127),
        ]
        let track: [UInt8] = [0, 0x90, 60, 64] + delta + [0x80, 60, 0, 0, 0xFF, 0x2F, 0]
        let length = withUnsafeBytes(of: UInt32(track.count).bigEndian) { Array($0) }
        let score = try Score(
            midi: Array("MThd".utf8) + [0, 0, 0, 6, 0, 0, 0, 1, 0, 96] + Array("MTrk".utf8) + length + track)
        let fine = RollParameters(grid: .stepsPerBeat(4), steps: 64)
        #expect(fine.excess(of: score) == nil && fine.estimate(score).segments == 5625)
        for huge in [
            RollParameters(grid: .stepsPerBeat(10_000), steps: 65535, hop: 64),
            RollParameters(grid: .stepsPerSecond(Rational(65535, 1)), steps: 65535, hop: 64),
            RollParameters(grid: .stepsPerFirstBeat(10_000), steps: 65535, hop: 64),
        ] {
            #expect(huge.excess(of: score)?.contains("segments of 65535 steps would take") == true)
        }
        // The dense rolls of a transfer take more for a step: 5,625 · 64 · 5,966 bytes are a little more than 2 GiB.
        #expect(fine.excess(of: score, bytesPerStep: 5965) == nil)
        #expect(
            fine.excess(of: score, bytesPerStep: 5966)
                == "its 5625 segments of 64 steps would take 2 GB, but the limit for one file is 2 GiB")
    }
}
