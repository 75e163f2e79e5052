import Export
import Files
import Foundation
import Storage
import Tensors
import Testing

@testable import Dataset
@testable import Loading

/// Scores and their recordings on one axis of time: built, read, and fed.
@Suite struct PairTests {
    // MARK: The same instants

    /// 50 ms are 6.25 frames of 64 samples at 8 kHz, 48 ms are 6.
    @Test(arguments: [(0.0, 0.0, 0), (0.05, 0.0, 6), (0.05, 0.05, 0), (-0.048, 0.0, -6), (-0.048, -0.048, 0)])
    func onsetsAreWhereTheSoundBegins(delay: Double, offset: Double, lag: Int) throws {
        let pairs = try PairFixture()
        try pairs.writePairs(delay: delay, offset: offset)
        try pairs.build(pairs.manifest())
        #expect(try PairFixture.lags(pairs.reader) == [lag, lag, lag, lag])
    }

    @Test func segmentsAreThoseOfBothKindsAlone() throws {
        let pairs = try PairFixture()
        try pairs.writePairs()
        try pairs.build(pairs.manifest())
        let reader = try pairs.reader
        #expect(Set(reader.snapshot.shards.values.joined().map(\.kind)) == [.paired])
        let paired = try PairFixture.segments(reader, .paired)
        let alone = """
              - path: "*.mid"
              - path: "*.wav"
            """
        try pairs.build(pairs.manifest(alone, segment: "{steps: 129, hop: 128}"))
        let midi = try PairFixture.segments(pairs.reader, .midi)
        let audio = try PairFixture.segments(pairs.reader, .audio)
        #expect(paired.count == 4 && midi.count == 4 && audio.count == 4)
        for source in reader.snapshot.sources where source.kind == .midi {
            let other = try #require(reader.snapshot.sources.first { $0.path == source.pair?.path })
            #expect(other.path == source.path.replacingOccurrences(of: ".mid", with: ".wav"))
            #expect(other.pair?.path == source.path && other.segments == 0 && other.split == source.split)
            let own = try #require(paired[source.sha256.hex])
            let (notes, sound) = (
                try #require(midi[source.sha256.hex]), try #require(audio[other.sha256.hex])
            )
            #expect(
                own.count == min(notes.count, sound.count) && own.count == source.segments && own.count > 2)
            for (index, segment) in own.enumerated() {
                #expect(segment.notes == notes[index].notes && segment.start == notes[index].start)
                #expect(segment.mel == sound[index].mel && segment.recordingStart == sound[index].start)
                #expect(segment.start * PairFixture.hop == segment.recordingStart)
                #expect(segment.frameSteps == (0..<129).map { $0 })
            }
        }
    }

    /// 120 BPM and 4 steps a beat are 8 steps/s; frame t is centred at 64 t samples.
    @Test(arguments: [0.0, 0.3, -0.3])
    func framesSayTheirStepsOfBeats(offset: Double) throws {
        let pairs = try PairFixture()
        try pairs.writePairs(2, delay: offset, offset: offset)
        try pairs.build(pairs.manifest(grid: "{steps_per_beat: 4}", segment: "{steps: 8}"))
        let found = try PairFixture.segments(pairs.reader, .paired)
        #expect(found.count == 2)
        for segments in found.values {
            #expect(segments.count > 2)
            for (index, segment) in segments.enumerated() {
                func step(_ sample: Int) -> Int {
                    Int(((Double(sample) / 8000 - offset) * 8 + 0.5).rounded(.down))
                }
                let first = index * PairFixture.samples
                #expect(segment.recordingStart == first && segment.start == step(first))
                let expected = (0..<129).map { frame in
                    let step = step(first + frame * PairFixture.hop) - segment.start
                    return step < 8 ? Optional(step) : nil
                }
                #expect(segment.frameSteps == expected)
            }
        }
    }

    // MARK: Which files are pairs

    @Test func filesWithoutTheirOtherHalfAreUsedAlone() throws {
        let pairs = try PairFixture()
        try pairs.writePairs()
        try FileManager.default.removeItem(at: pairs.folder.appendingPathComponent("1.wav"))
        try pairs.write("2.wav", Array("RIFF....WAVE".utf8))
        let summary = try pairs.build(pairs.manifest())
        let warning = try #require(summary.warnings.first { $0.contains("not paired") })
        #expect(
            warning.hasPrefix(
                "2 files are not paired and used alone: 1.mid ('1.wav' is missing), 2.mid ('2.wav' cannot be used: audio."
            ))
        let snapshot = try pairs.reader.snapshot
        let counts = Dictionary(grouping: snapshot.shards.values.joined(), by: \.kind).mapValues {
            $0.reduce(0) { $0 + $1.segments }
        }
        #expect(Set(counts.keys) == [.midi, .paired])
        for source in snapshot.sources where ["1.mid", "2.mid"].contains(source.path) {
            #expect(source.pair == nil && source.segments > 0)
            #expect(source.warnings.contains { $0.hasPrefix("pair.none: ") })
        }
        // And it is put right by the file.
        try pairs.write("1.wav", PairFixture.wave(PairFixture.notes(seed: 2)))
        try pairs.build(pairs.manifest())
        #expect(try pairs.reader.snapshot.sources.first { $0.path == "1.mid" }?.pair?.path == "1.wav")
    }

    @Test func theShorterHalfDecidesAndTheLossIsReported() throws {
        let pairs = try PairFixture()
        try pairs.writePairs(1)
        let notes = PairFixture.notes(seed: 1)
        try pairs.write("0.wav", PairFixture.wave(notes, more: 6))
        let summary = try pairs.build(pairs.manifest())
        let source = try #require(try pairs.reader.snapshot.sources.first)
        let last = Double((notes.last?.tick ?? 0) + 18) / 192 * 125
        #expect(source.segments == Int((last / 128).rounded(.up)))
        #expect(summary.warnings.contains { $0.contains("of the recording are left out") })
        #expect(source.warnings.contains { $0.hasPrefix("pair.length: ") })
    }

    @Test func aGlobNamesPairsByPattern() throws {
        let pairs = try PairFixture()
        for piece in 0..<2 {
            let notes = PairFixture.notes(seed: UInt64(piece + 1))
            try pairs.write("music/\(piece).mid", PairFixture.midi(notes))
            try pairs.write("music/\(piece).wav", PairFixture.wave(notes, delay: 0.05))
        }
        // Named by the recording, with one offset for all.
        try pairs.build(
            pairs.manifest(
                """
                  - path: music/*.wav
                    pair: "{dir}/{stem}.mid"
                    offset_seconds: 0.05
                    labels: {folder: "{dir}"}
                """))
        #expect(try PairFixture.lags(pairs.reader) == [0, 0])
        let sources = try pairs.reader.snapshot.sources
        #expect(sources.allSatisfy { $0.labels == ["folder": "music"] && $0.pair?.offset == 50_000 })
    }

    @Test func halvesAreInOneSplit() throws {
        let pairs = try PairFixture()
        try pairs.writePairs(12)
        try pairs.build(pairs.manifest(splits: "{train: 0.5, validation: 0.3, test: 0.2, seed: 4}"))
        let reader = try pairs.reader
        let sources = reader.snapshot.sources
        #expect(Set(sources.map(\.split)).count == 3)
        for source in sources {
            let other = try #require(sources.first { $0.path == source.pair?.path })
            #expect(other.split == source.split && other.piece == source.piece)
        }
        let table = try SegmentTable(reader)
        for split in Split.allCases {
            for number in 0..<reader.snapshot.segmentCount(split) {
                let place = try #require(reader.place(number, in: split))
                let segment = try reader.open(place.shard).segment(place.index)
                let source = try #require(table.source(of: number, in: split)).source
                #expect(sources[source].sha256.hex == segment.source)
                #expect(
                    segment.recording?.source
                        == sources.first { $0.path == sources[source].pair?.path }?.sha256.hex)
            }
        }
    }

    // MARK: Builds

    @Test func aSecondBuildRunsNothing() throws {
        let pairs = try PairFixture()
        try pairs.writePairs(3, offset: 0.02)
        let first = try pairs.build(pairs.manifest())
        let second = try pairs.build(pairs.manifest())
        #expect(second.run == 0 && second.snapshot == first.snapshot)
        let records = try pairs.reader.records()
        #expect(records.count == 6 && records.allSatisfy { $0.facts != .null })
        // Another offset reads the scores again, and no recording.
        try pairs.writePairs(3, offset: 0.03)
        let path = pairs.folder.appendingPathComponent("m.yaml").path
        let stages = try DatasetBuild(manifestPath: path).explain(.init(cachePath: pairs.cache, jobs: 1))
            .planned.map(\.stage)
        #expect(stages.filter { $0 == "read" }.count == 3 && !stages.contains("spectrum"))
    }

    @Test func statisticsAreThoseOfTheRecordings() throws {
        let pairs = try PairFixture()
        try pairs.writePairs(3)
        func sigma(_ sources: String) throws -> [UInt8] {
            let manifest = pairs.manifest(sources).replacingOccurrences(
                of: "normalize: none", with: "normalize: {per: dataset}\n  loudness: none")
            try pairs.build(manifest)
            let reader = try pairs.reader
            return try reader.cache.bytes(of: #require(reader.snapshot.statistics))
        }
        let paired = try sigma(PairFixture.pairs)
        // All segments of all recordings but those past the ends of the scores.
        let alone = try sigma("  - path: \"*.wav\"\n")
        let (a, b) = (try TensorFile(bytes: paired), try TensorFile(bytes: alone))
        let (x, y) = (
            try a.tensor("mel.sigma", as: Double.self).elements,
            try b.tensor("mel.sigma", as: Double.self).elements
        )
        #expect(x.count == y.count && zip(x, y).allSatisfy { $0 > 0 && abs($0 / $1 - 1) < 0.3 })
    }

    // MARK: Feeding

    @Test func batchesHoldRollsAndFeatures() throws {
        let pairs = try PairFixture()
        try pairs.writePairs()
        try pairs.build(pairs.manifest())
        let reader = try pairs.reader
        let views = [
            LoaderView.roll("onset", .onset), .feature("mel"), LoaderView("frames", .frameSteps),
            .label("style"), LoaderView("start", .segment(.start)), LoaderView("number", .segment(.number)),
        ]
        let whole = try Loader(
            reader, LoaderPlan(kind: .paired, views: views, batchSize: 4, isShuffled: false, epochs: 1))
        let batch = try #require(try whole.next())
        let mel = batch.tensor("mel", as: Float.self)
        let onset = batch.tensor("onset", as: Float.self)
        #expect(onset.shape == [4, 129, 128] && mel.shape == [4, 24, 129])
        #expect(
            batch.tensor("frames", as: Int64.self).elements
                == (0..<4).flatMap { _ in (0..<129).map { Int64($0) } })
        // A window of steps shows the same frames.
        let plan = LoaderPlan(
            kind: .paired, views: views, batchSize: 2, isShuffled: false, window: .init(steps: 40), epochs: 1)
        let windows = try #require(try Loader(reader, plan).next())
        let second = windows.tensor("mel", as: Float.self)
        #expect(second.shape == [2, 24, 40])
        for band in 0..<24 {
            for frame in 0..<40 {
                #expect(second.elements[(24 + band) * 40 + frame] == mel.elements[band * 129 + 40 + frame])
            }
        }
        let cut = windows.tensor("onset", as: Float.self).elements
        #expect(Array(cut[40 * 128..<80 * 128]) == Array(onset.elements[40 * 128..<80 * 128]))
        func code(_ change: (inout LoaderPlan) -> Void) -> LoaderError.Code? {
            var plan = LoaderPlan(kind: .paired, views: views, batchSize: 2)
            change(&plan)
            do {
                _ = try Loader(reader, plan)
                return nil
            } catch { return (error as? LoaderError)?.code }
        }
        #expect(code { _ in } == nil)
        #expect(code { $0.augmentation.transposition = -1...1 } == .unaligned)
        #expect(code { $0.augmentation.stretch = 0.9...1.1 } == .unaligned)
        #expect(
            code { $0.views.append(LoaderView("x", .feature("mel", frames: .init(3, isRandom: true)))) }
                == .unaligned)
    }

    @Test func exportsNameBothHalves() throws {
        let pairs = try PairFixture()
        try pairs.writePairs(2)
        try pairs.build(pairs.manifest(grid: "{steps_per_beat: 4}", segment: "{steps: 8}"))
        let folder = pairs.folder.appendingPathComponent("npz").path
        _ = try DatasetExport(.npz, splits: [.train]).run(pairs.reader, to: folder)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/train/paired-00000.npz"))
        for name in ["piano", "mel", "segment.source", "segment.audio", "segment.audio_start", "frame.step"] {
            #expect(bytes.range(of: Data("\(name).npy".utf8)) != nil, "\(name)")
        }
    }

    /// Every form has a file, a sample or a row of each pair, notes and sound.
    @Test(arguments: ["{steps_per_beat: 4}", "{frames: mel}"]) func exportsHaveEveryPair(grid: String) throws
    {
        let pairs = try PairFixture()
        try pairs.writePairs(2)
        try pairs.build(pairs.manifest(grid: grid, segment: grid == "{frames: mel}" ? "{}" : "{steps: 8}"))
        let snapshot = try pairs.reader.snapshot
        let count = Split.allCases.reduce(0) { $0 + snapshot.segmentCount($1) }
        #expect(count > 2)
        for format in DatasetExport.Format.allCases {
            let folder = pairs.folder.appendingPathComponent(format.rawValue).path
            let summary = try DatasetExport(format).run(pairs.reader, to: folder)
            #expect(summary.segments == count && summary.missing.isEmpty)
            let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
            switch format {
            case .midi, .wav, .flac:
                let ending = format == .midi ? ".mid" : ".\(format.rawValue)"
                #expect(names.count { $0.hasSuffix(ending) } == count, "\(format)")
            case .csv:
                let text = try String(contentsOfFile: "\(folder)/index.csv", encoding: .utf8)
                let lines = text.split(separator: "\n")
                #expect(lines.count == count + 1)
                #expect(lines.dropFirst().allSatisfy { $0.contains(",paired,") && $0.contains(".wav,") })
            case .npz, .webdataset, .hf, .parquet: #expect(names.count >= 2)
            }
        }
    }

    // MARK: Faults

    @Test func damagedPairsAreRefused() throws {
        let pairs = try PairFixture()
        try pairs.writePairs(1)
        try pairs.build(pairs.manifest(grid: "{steps_per_beat: 4}", segment: "{steps: 8}"))
        let reader = try pairs.reader
        let described = try #require(reader.snapshot.shards[.train]?.first)
        let original = try ShardDamageTests.Parts(reader.open(described).file)
        func fault(_ name: String, _ bytes: [UInt8]?) throws -> String {
            var parts = original
            if let bytes {
                parts.tensors[name]?.bytes.replaceSubrange(0..<bytes.count, with: bytes)
            } else {
                parts.tensors[name] = nil
            }
            let path = pairs.folder.appendingPathComponent(UUID().uuidString).path
            try Data(parts.encoded).write(to: URL(fileURLWithPath: path))
            do {
                _ = try Shard(
                    path: path,
                    as: Snapshot.Shard(
                        object: described.object, bytes: parts.encoded.count, segments: described.segments,
                        kind: .paired), in: reader.snapshot)
                return ""
            } catch { return "\(error)" }
        }
        #expect(try fault("segment.audio", ShardDamageTests.raw(Int32(0))).isEmpty)
        #expect(try fault("segment.audio", ShardDamageTests.raw(Int32(2))).contains("segment.audio"))
        #expect(
            try fault("segment.audio_start", ShardDamageTests.raw(Int64(-1))).contains("segment.audio_start"))
        #expect(try fault("segment.start", ShardDamageTests.raw(Int64.min)).contains("segment.start"))
        #expect(try fault("frame.step", ShardDamageTests.raw(UInt16(8))).contains("frame.step"))
        for name in ["segment.audio", "segment.audio_start", "frame.step", "mel", "notes.pitch"] {
            #expect(try fault(name, nil).contains(name))
        }
    }

    @Test func manifestsThatCannotPairAreFaults() throws {
        let pairs = try PairFixture()
        try pairs.writePairs(1)
        func faults(_ manifest: String) -> String {
            do {
                try pairs.build(manifest)
                return ""
            } catch { return "\(error)" }
        }
        #expect(faults(pairs.manifest(segment: "{steps: 64}")).contains("129 frames and a hop of 128"))
        #expect(faults(pairs.manifest(segment: "{steps: 129, hop: 128}")).isEmpty)
        #expect(faults(pairs.manifest(segment: "{align: bar}")).contains("align must be none"))
        #expect(
            faults(pairs.manifest().replacingOccurrences(of: "{samples: 8192}", with: "{samples: 8190}"))
                .contains("hop: 8192"))
        #expect(
            faults(pairs.manifest("  - {path: \"*.wav\", pair: \"{stem}.wav\"}\n")).contains(
                "is its own pair"))
        #expect(faults(pairs.manifest("  - {path: \"*.mid\", offset_seconds: 1}\n")).contains("add 'pair'"))
        #expect(
            faults(pairs.manifest("  - {path: \"*.mid\", pair: \"x.wav\"}\n")).contains("one file for all"))
        try pairs.write("pairs.csv", Array("midi,sound,style,late\n0.mid,0.wav,x,soon\n".utf8))
        #expect(faults(pairs.manifest()).contains("is 'soon'; write seconds"))
    }
}
