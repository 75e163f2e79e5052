import Files
import Foundation
import Loading
import Preparation
import Tensors
import TestSupport
import Testing

struct PreparationTests {
    private static let rolls: [LoaderView] =
        [
            ("piano", RollView.Kind.piano), ("velocity", .velocity), ("onset", .onset),
            ("onset velocity", .onsetVelocity), ("offset", .offset),
        ].map { LoaderView.roll($0, $1, pedals: [.sustain, .soft]) } + [
            LoaderView("instrument", .instrument(.u8)), LoaderView("pedal", .pedal(.f32)),
            LoaderView("tempo", .tempo), .label("style"), LoaderView("start", .segment(.start)),
            LoaderView("length", .segment(.length)),
        ]

    /// Whatever a manifest says of notes, a prepared file shows in use what training was shown: every byte of every view
    /// of every segment of every file.
    @Test(arguments: [
        "midi: {segment: {steps: 32}, pitches: [20, 110], drums: include}",
        "midi: {segment: {steps: 32, hop: 12, drop_last: true}, drums: separate, sustain: extend}",
        "midi: {segment: {steps: 48, hop: 64}, drums: exclude, voices: 3, grid: {steps_per_second: 10}}",
        "midi: {segment: {steps: 24, align: bar}, window: longest_constant_tempo}",
        "midi: {segment: {steps: 32}, grid: {steps_per_first_beat: 8, rounding: floor}, controls: true}",
    ])
    func scoresShowWhatTheLoaderFeeds(_ block: String) throws {
        let files = BuiltDataset.scores()
        let dataset = try BuiltDataset(block, files)
        let fed = try dataset.fed(.midi, Self.rolls)
        let preparation = try FilePreparation(dataset.reader)
        try expect(fed, of: files, as: Self.rolls, by: preparation) { path, bytes, labels in
            try preparation.score(bytes, path: path, labels: labels).shard
        }
    }

    /// Each file is shown as the loader feeds its segments, and nothing else is fed.
    private func expect(
        _ fed: [BuiltDataset.Segment: [[UInt8]]], of files: [(path: String, bytes: [UInt8])],
        as views: [LoaderView], by preparation: FilePreparation,
        _ prepare: (_ path: String, _ bytes: [UInt8], _ labels: [String: String]) throws -> Shard
    ) throws {
        var compared = 0
        for (path, bytes) in files {
            let shard = try prepare(path, bytes, ["style": String(path.split(separator: "/")[0])])
            let shown = try preparation.batch(of: shard, showing: views).segments()
            for (index, views) in shown.enumerated() {
                let start = try shard.segment(index).start
                let expected = try #require(fed[.init(source: Digest(of: bytes).hex, start: start)])
                #expect(views == expected, "\(path), segment \(index)")
                compared += 1
            }
        }
        #expect(compared == fed.count && compared > 20)
    }

    /// The same for sound, whose gain and statistics depend on the dataset and on the label.
    @Test(arguments: [
        "normalize: {compress: log10_1p, per: dataset}, loudness: {rms_dbfs: -20}",
        "normalize: {compress: log10_1p, per: style, epsilon: 0.001}, loudness: {lufs: -23}",
        "normalize: log, loudness: none, dtype: float16",
        "normalize: none, loudness: {rms_dbfs: -12}, peak: -6",
    ])
    func recordingsShowWhatTheLoaderFeeds(_ choice: String) throws {
        let files = BuiltDataset.recordings()
        let dataset = try BuiltDataset(
            """
            audio: {sample_rate: 8000, segment: {samples: 1024, hop: 700}, stft: {n_fft: 256, hop: 128}, \
            features: {mel: {bands: 8, fmax: 4000}, mfcc: {}, chroma: {}, cqt: {bins: 40, fmin: 110},
            waveform: {}}, \(choice)}
            """, files)
        let views: [LoaderView] =
            ["mel", "mfcc", "chroma", "cqt", "waveform"].map { .feature($0) } + [
                .label("style"), LoaderView("start", .segment(.start)),
                LoaderView("length", .segment(.length)),
            ]
        let fed = try dataset.fed(.audio, views)
        let preparation = try FilePreparation(dataset.reader)
        try expect(fed, of: files, as: views, by: preparation) { path, _, labels in
            try preparation.recording(path: dataset.folder.path + "/" + path, labels: labels).shard
        }
    }

    /// Covered whole, a piece has every step once, and each step shows what it shows in training.
    @Test func aWholePieceHasEveryStepOnce() throws {
        let files = BuiltDataset.scores()
        let dataset = try BuiltDataset(
            "midi: {segment: {steps: 32, hop: 20, drop_last: true}, drums: include, controls: true}", files)
        let views: [LoaderView] = [
            .roll("velocity", .velocity, as: .u8), .roll("onset", .onset, as: .u8),
            LoaderView("pedal", .pedal(.u8)),
        ]
        let whole = try FilePreparation(dataset.reader, covering: .whole)
        let built = try FilePreparation(dataset.reader)
        for (path, bytes) in files {
            let (all, cut) = (
                try whole.score(bytes, path: path), try built.score(bytes, path: path)
            )
            #expect(
                (0..<all.shard.count).map { try? all.shard.segment($0).start }
                    == (0..<all.shard.count).map { $0 * 32 })
            #expect(all.length > (all.shard.count - 1) * 32 && all.length <= all.shard.count * 32)
            for (view, width) in [(0, 128), (1, 128), (2, 3)] {
                let piece = try whole.batch(of: all.shard, showing: views).segments().flatMap { $0[view] }
                for (index, segment) in try built.batch(of: cut.shard, showing: views).segments().enumerated()
                {
                    let start = try cut.shard.segment(index).start
                    #expect(segment[view] == Array(piece[start * width..<(start + 32) * width]))
                }
            }
        }
    }

    /// A file's first bytes say whether it is a score or a recording, whatever its name; each is prepared as such.
    @Test func contentIsTyped() throws {
        let (scores, recordings) = (BuiltDataset.scores(), BuiltDataset.recordings())
        let dataset = try BuiltDataset(
            """
            midi: {}
            audio: {sample_rate: 8000, segment: {samples: 1024}, stft: {n_fft: 256, hop: 128}, \
            features: {mel: {bands: 8, fmax: 4000}}, normalize: {per: style}, loudness: {rms_dbfs: -20}}
            """, scores + recordings)
        let preparation = try FilePreparation(dataset.reader)
        let folder = dataset.folder.path + "/"
        guard case .score(let score) = try preparation.content(path: folder + scores[0].path) else {
            Issue.record("a MIDI file is no recording")
            return
        }
        #expect(score.shard.holdsNotes && score.shard.count == (score.length + 63) / 64)
        try FileManager.default.copyItem(atPath: folder + recordings[1].path, toPath: folder + "odd.mid")
        guard
            case .recording(let recording) = try preparation.content(
                path: folder + "odd.mid", target: "classical")
        else {
            Issue.record("a wave file is no score")
            return
        }
        let source = try #require(dataset.reader.snapshot.sources.first { $0.path == recordings[1].path })
        #expect(recording.shard.count == source.segments && recording.sampleRate == 8000)
        #expect(recording.gain == pow(10, try #require(source.gainDB) / 20))
        #expect(try recording.shard.segment(0).labels == ["style": "jazz"])
        #expect(throws: BuildError.self) { try preparation.content(path: folder + "odd.mid") }
    }

    /// A transfer to the only other style needs no word about the content's; among three it does.
    @Test func theContentsStyleIsTheOnlyOtherOne() throws {
        let audio =
            "audio: {sample_rate: 8000, segment: {samples: 1024}, stft: {n_fft: 256, hop: 128}, features: {mel: {bands: 8}}, normalize: {per: style}}"
        let sound = try BuiltDataset(audio, BuiltDataset.recordings())
        let two = try FilePreparation(sound.reader)
        #expect(try two.labels(contentStyle: nil, target: "jazz") == ["style": "classical"])
        #expect(try two.labels(contentStyle: "jazz") == ["style": "jazz"])
        #expect(throws: BuildError.self) { try two.labels(contentStyle: "folk") }
        #expect(throws: BuildError.self) { try two.labels(contentStyle: nil) }
        let music = try BuiltDataset("midi: {}", BuiltDataset.scores())
        let notes = try FilePreparation(music.reader)
        #expect(try notes.labels(contentStyle: "whatever") == [:])
        withExtendedLifetime((sound, music)) {}
    }

    /// What a build would quarantine or leave out is refused with the reason, and what is of the other kind too.
    @Test func filesThatCannotBeUsedAreRefused() throws {
        let files = BuiltDataset.scores()
        let dataset = try BuiltDataset("midi: {require: {time_signature: 3/4}}", files)
        let preparation = try FilePreparation(dataset.reader)
        func refusal(_ body: () throws -> Void) -> String? {
            #expect(throws: BuildError.self, performing: body)?.message
        }
        let broken = refusal { _ = try preparation.score([1, 2, 3], path: "x.mid") }
        #expect(broken?.contains("x.mid: ") == true)
        var other = files[0].bytes
        let at = try #require(other.firstRange(of: [0xFF, 0x58, 4, 3])).upperBound - 1
        other[at] = 4
        #expect(refusal { _ = try preparation.score(other, path: "x.mid") }?.contains("no segments") == true)
        let whole = try FilePreparation(dataset.reader, covering: .whole)
        #expect(try whole.score(other, path: "x.mid").shard.count > 0)
        #expect(
            refusal { _ = try preparation.score(files[0].bytes, path: "x.mid", bytesPerStep: 1 << 40) }?
                .contains("too long") == true)
        #expect(refusal { _ = try preparation.recording(path: "x.wav") }?.contains("no audio") == true)
    }
}
