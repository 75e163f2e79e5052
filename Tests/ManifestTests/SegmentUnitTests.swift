import Files
import Symbolic
import TestSupport
import Testing

@testable import Manifest

/// Segments in steps, beats, bars, seconds and samples, and the grid of the mel's frames: what a manifest may say.
@Suite struct SegmentUnitTests {
    static func midi(_ lines: String) throws -> Manifest.MIDI {
        try #require(try ManifestTests.with(lines).midi)
    }

    /// The block, the steps of a segment and of the hop, the effective manifest's segment.
    @Test(
        arguments: [
            ("segment: {beats: 16}", 64, 64, ["beats": 16, "hop": 16]),
            ("segment: {beats: 16, hop: 1}", 64, 4, ["beats": 16, "hop": 1]),
            ("segment: {hop: 32}", 64, 32, ["steps": 64, "hop": 32]),
            ("segment: {bars: 4}", 64, 64, ["bars": 4, "hop": 4]),
            ("segment: {bars: 2, hop: 1}, require: {time_signature: 3/4}", 24, 12, ["bars": 2, "hop": 1]),
            (
                "segment: {bars: 2}, require: {time_signature: 7/8}, grid: {steps_per_beat: 1}", 7, 7,
                ["bars": 2, "hop": 2]
            ),
            ("segment: {seconds: 8}, grid: {steps_per_second: 20}", 160, 160, ["seconds": 8, "hop": 8]),
            (
                "segment: {seconds: 2.5, hop: 0.5}, grid: {steps_per_second: 20}", 50, 10,
                ["seconds": "5/2", "hop": "1/2"]
            ),
            // 1/3 s are 6.67 steps, 1/1000 s at least one.
            (
                "segment: {seconds: 1/3, hop: 0.001}, grid: {steps_per_second: 20}", 7, 1,
                ["seconds": "1/3", "hop": "1/1000"]
            ),
        ] as [(String, Int, Int, [String: JSONValue])])
    func lengthsAreSteps(_ block: String, _ steps: Int, _ hop: Int, _ segment: [String: JSONValue]) throws {
        let manifest = try ManifestTests.with("midi: {\(block)}")
        let midi = try #require(manifest.midi)
        #expect(midi.steps == steps && midi.hop == hop)
        let rolls = RollParameters(midi)
        #expect(rolls.steps == steps && rolls.hop == hop)
        let cutting: [String: JSONValue] = ["align": "none", "drop_last": false]
        #expect(manifest.effective["midi"]?["segment"] == .object(segment.merging(cutting) { $1 }))
        // The stage is told steps, whatever the unit; so it is the same action.
        #expect(midi.reading["segment"]?["steps"] == JSONValue(steps))
        #expect(midi.reading["segment"]?["hop"] == JSONValue(hop))
        let again = try ManifestTests.read(manifest.effective.canonical)
        #expect(again.effective == manifest.effective && again.midi == midi)
    }

    @Test func equalSegmentsAreOneAction() throws {
        let steps = try Self.midi("midi: {segment: {steps: 64, hop: 16}}")
        let beats = try Self.midi("midi: {segment: {beats: 16, hop: 4}}")
        #expect(steps.reading == beats.reading && steps.effective != beats.effective)
        #expect(steps.reading == steps.effective)
        let rate = try Self.midi("midi: {grid: {steps_per_second: 44100/512}}\naudio: {}")
        let frames = try Self.midi("midi: {grid: {frames: mel}}\naudio: {}")
        #expect(rate.reading == frames.reading && rate.effective != frames.effective)
        #expect(frames.effective["grid"] == ["frames": "mel", "rounding": "half_up"])
    }

    /// Another hop of the mel is another grid.
    @Test func framesFollowTheAudioBlock() throws {
        for (audio, numerator, denominator) in [
            ("{}", 11025, 128), ("{sample_rate: 22050}", 11025, 256),
            ("{sample_rate: 8000, stft: {hop: 200}}", 40, 1),
        ] {
            let midi = try Self.midi("midi: {grid: {frames: mel}, segment: {seconds: 3}}\naudio: \(audio)")
            #expect(midi.grid == .stepsPerSecond(numerator: numerator, denominator: denominator))
            #expect(midi.followsFrames && midi.steps == (6 * numerator + denominator) / (2 * denominator))
            let again = try #require(
                try ManifestTests.read(
                    ManifestTests.with("midi: {grid: {frames: mel}}\naudio: \(audio)").effective.canonical
                ).midi)
            #expect(again.grid == midi.grid && again.followsFrames)
        }
    }

    /// Bars have one length: that of the required time signature, 4/4 if none is.
    @Test func barsRequireATimeSignature() throws {
        let bars = try ManifestTests.with("midi: {segment: {bars: 1}}")
        #expect(
            bars.effective["midi"]?["require"] == ["time_signature": "4/4", "constant_time_signature": false])
        let beats = try ManifestTests.with("midi: {segment: {beats: 4}}")
        #expect(beats.effective["midi"]?["require"] == nil)
    }

    @Test(arguments: [
        ("{seconds: 3}", 44100, 132_300, 132_300), ("{seconds: 3, hop: 1.5}", 44100, 132_300, 66150),
        // 0.1 · 22050 = 2205; 1/3 · 8000 = 2666.67; 0.0005 · 1001 = 0.5005; and at least one sample.
        ("{seconds: 0.1, hop: 1/3}", 22050, 2205, 7350), ("{seconds: 1/3}", 8000, 2667, 2667),
        ("{seconds: 2.5, hop: 0.000001}", 400, 1000, 1),
    ])
    func secondsAreSamples(_ segment: String, _ rate: Int, _ samples: Int, _ hop: Int) throws {
        let stft = "stft: {n_fft: 64, hop: 64}, features: {waveform: {}}"
        let text = "audio: {sample_rate: \(rate), segment: \(segment), \(stft)}"
        let manifest = try ManifestTests.with(text)
        let audio = try #require(manifest.audio)
        #expect(audio.samples == samples && audio.hop == hop)
        let plain = try #require(
            try ManifestTests.with(text.replacing(segment, with: "{samples: \(samples), hop: \(hop)}")).audio)
        #expect(audio.spectrum == plain.spectrum && audio.effective != plain.effective)
        let again = try ManifestTests.read(manifest.effective.canonical)
        #expect(again.audio == audio)
    }

    // MARK: Faults

    @Test(arguments: [
        (
            "midi: {segment: {beats: 4, bars: 1}}",
            "midi.segment has both beats and bars; keep one"
        ),
        (
            "midi: {segment: {steps: 4, seconds: 1}, grid: {steps_per_second: 2}}",
            "midi.segment has both steps and seconds; keep one"
        ),
        ("midi: {segment: {beats: 0}}", "midi.segment.beats must be a whole number from 1 to 65535, not '0'"),
        (
            "midi: {segment: {beats: 1.5}}",
            "midi.segment.beats must be a whole number from 1 to 65535, not '1.5'"
        ),
        (
            "midi: {segment: {bars: 4, hop: 0.5}}",
            "midi.segment.hop must be a whole number from 1 to 65535, not '0.5'"
        ),
        (
            "midi: {segment: {seconds: soon}, grid: {steps_per_second: 2}}",
            "midi.segment.seconds must be a number of seconds above 0 and at most 65535, with both numbers at most 1000000 in lowest terms, such as 8, 2.5 or 1/3, not 'soon'"
        ),
        (
            "midi: {segment: {beats: 16}, grid: {steps_per_second: 20}}",
            "midi.segment.beats is in beats, and the grid is a clock; write seconds or steps, or grid: {steps_per_beat: 4}"
        ),
        (
            "midi: {segment: {bars: 4}, grid: {steps_per_second: 20}}",
            "midi.segment.bars is in bars, and the grid is a clock; write seconds or steps, or grid: {steps_per_beat: 4}"
        ),
        (
            "midi: {segment: {seconds: 8}}",
            "midi.segment.seconds is in seconds, and the grid follows the tempo; write beats, bars or steps, or grid: {steps_per_second: 20}"
        ),
        (
            "midi: {segment: {seconds: 8}, grid: {steps_per_first_beat: 8}}",
            "midi.segment.seconds is in seconds, and a step of steps_per_first_beat depends on each piece; write steps"
        ),
        (
            "midi: {segment: {beats: 8}, grid: {steps_per_first_beat: 8}}",
            "midi.segment.beats is in beats, and a step of steps_per_first_beat depends on each piece; write steps"
        ),
        (
            "midi: {segment: {bars: 1}, grid: {steps_per_beat: 3}, require: {time_signature: 7/8}}",
            "midi.segment.bars makes no whole number of steps: 1 bar of 7/8 on 3 steps per beat; write steps_per_beat: 6"
        ),
        (
            "midi: {segment: {bars: 2, hop: 1}, grid: {steps_per_beat: 1}, require: {time_signature: 7/8}}",
            "midi.segment.hop makes no whole number of steps: 1 bar of 7/8 on 1 steps per beat; write steps_per_beat: 2"
        ),
        (
            "midi: {segment: {beats: 65535}}",
            "midi.segment.beats makes 262140 steps, but the limit is 65535; shorten it, or take a coarser grid"
        ),
        (
            "midi: {segment: {beats: 2048, hop: 1}, grid: {steps_per_beat: 1}}",
            "midi.segment stores every step 2048 times (steps 2048, hop 1), but the limit is 1024; raise hop to at least 2"
        ),
        (
            "midi: {grid: {frames: mel}}",
            "midi.grid.frames: mel needs the audio block whose frames are meant; add 'audio: {}', or write steps_per_second: 44100/512"
        ),
        ("{midi: {grid: {frames: stft}}, audio: {}}", "midi.grid.frames must be mel, not 'stft'"),
        (
            "{midi: {grid: {frames: mel, steps_per_beat: 4}}, audio: {}}",
            "midi.grid has both steps_per_beat and frames; keep one"
        ),
        (
            "{midi: {grid: {frames: mel}}, audio: {sample_rate: 22050, features: {chroma: {}}}}",
            "midi.grid.frames: mel needs audio.features.mel; add 'mel: {}' there, or write steps_per_second: 22050/512"
        ),
        (
            "{midi: {grid: {frames: mel}}, audio: {stft: {center: false}}}",
            "midi.grid.frames: mel needs audio.stft.center: true, since step t is centred at t hops; write that, or steps_per_second: 44100/512"
        ),
        (
            "{midi: {grid: {frames: mel}}, audio: {segment: {samples: 67108864}, stft: {hop: 4194303}}}",
            "midi.grid.frames: mel makes 44100/4194303 steps/s, but the limit is 65535, with both numbers at most 1000000 in lowest terms; choose another audio.stft.hop"
        ),
        (
            "{midi: {grid: {frames: mel}, segment: {beats: 4}}, audio: {}}",
            "midi.segment.beats is in beats, and the grid is a clock; write seconds or steps, or grid: {steps_per_beat: 4}"
        ),
        (
            "audio: {segment: {samples: 5, seconds: 1}}",
            "audio.segment has both samples and seconds; keep one"
        ),
        (
            "audio: {segment: {seconds: -1}}",
            "audio.segment.seconds must be a number of seconds above 0 and at most 65535, with both numbers at most 1000000 in lowest terms, such as 8, 2.5 or 1/3, not '-1'"
        ),
        (
            "audio: {segment: {seconds: 3, hop: often}}",
            "audio.segment.hop must be a number of seconds above 0 and at most 65535, with both numbers at most 1000000 in lowest terms, such as 8, 2.5 or 1/3, not 'often'"
        ),
        (
            "audio: {segment: {seconds: 60000}}",
            "audio.segment.seconds makes 2646000000 samples, but the limit is 67108864; shorten it"
        ),
        (
            "audio: {segment: {beats: 4}}",
            "unknown key 'beats' in audio.segment; known are samples, seconds, hop, drop_last"
        ),
        (
            "midi: {segment: {samples: 4}}",
            "unknown key 'samples' in midi.segment; known are steps, beats, bars, seconds, hop, drop_last, align"
        ),
    ])
    func wrongCombinationsAreFaults(_ block: String, _ message: String) {
        // Braces around two blocks keep them on one line.
        let blocks =
            block.hasPrefix("{")
            ? String(block.dropFirst().dropLast()).replacing(", audio:", with: "\naudio:") : block
        let text = "version: 1\ndataset: d\nsources: [{path: '*.mid'}]\n\(blocks)\n"
        #expect(ManifestTests.faults(Array(text.utf8)) == ["m.yaml:4: \(message)"])
    }

    /// A wrong unit is told together with the faults of other blocks.
    @Test func faultsComeTogether() {
        let faults = ManifestTests.faults(
            Array(
                "version: 1\ndataset: d\nsources: [{path: '*.mid'}]\nmidi:\n  segment:\n    seconds: 8\n    hop: 1\nsplits: {folds: 2}\n"
                    .utf8))
        #expect(faults.count == 3)
        #expect(faults.contains { $0.hasPrefix("m.yaml:6: midi.segment.seconds") })
        #expect(faults.contains { $0.hasPrefix("m.yaml:7: midi.segment.hop") })
        #expect(faults.contains { $0.hasPrefix("m.yaml:8: splits.fold") })
    }
}
