import Dataset
import Describing
import Foundation
import Loading
import TestSupport
import Testing

@testable import Files
@testable import Insight

/// Problems that are put in on purpose, each to be found with its sources, and nothing else.
struct ProblemTests {
    let shop: Workshop

    init() throws { shop = try Workshop() }

    private func pieces(_ count: Int) throws {
        for index in 0..<count {
            let style = index % 2 == 0 ? "classical" : "jazz"
            try shop.write("music/\(style)/\(index).mid", Workshop.midi(Workshop.melody(seed: index + 1)))
        }
    }

    /// All in one split of each kind, so that only what is put in is found.
    private static let splits =
        "splits: {train: 0.6, validation: 0.2, test: 0.2, method: exact, stratify: style}"

    private func problems(_ reader: DatasetReader) throws -> [String: Problem] {
        Dictionary(uniqueKeysWithValues: try DatasetStatistics(reader).problems.map { ($0.code, $0) })
    }

    @Test func aSoundDatasetIsSilent() throws {
        try pieces(20)
        let found = try problems(shop.build(Self.splits))
        #expect(found.isEmpty, "\(found.keys)")
    }

    @Test func aCopyUnderAnotherNameAndLabel() throws {
        try pieces(20)
        try shop.write("music/jazz/copy.mid", Workshop.midi(Workshop.melody(seed: 1)))
        let found = try problems(shop.build(Self.splits))
        #expect(found["duplicates.bytes"]?.sources == ["music/classical/0.mid = music/jazz/copy.mid"])
        #expect(found["labels.contradict"]?.sources.count == 1)
    }

    @Test func aVersionAndATransposedCopy() throws {
        try pieces(20)
        try shop.write(
            "music/jazz/version.mid", Workshop.midi(Workshop.melody(seed: 1) + [50], velocities: [90, 30]))
        try shop.write("music/jazz/higher.mid", Workshop.midi(Workshop.melody(seed: 4).map { $0 + 3 }))
        let found = try problems(shop.build(Self.splits))
        let lines =
            (found["duplicates.near"]?.sources ?? []) + (found["duplicates.across-splits"]?.sources ?? [])
        #expect(lines.count == 2, "\(lines)")
        #expect(
            lines.contains {
                $0.contains("classical/0.mid") && $0.contains("jazz/version.mid") && $0.hasSuffix("100 %")
            })
        #expect(
            lines.contains {
                $0.contains("jazz/3.mid") && $0.contains("jazz/higher.mid") && $0.hasSuffix("another key")
            })
    }

    @Test func aSplitThatIsMislabelled() throws {
        var table = "path,work,split\n"
        for work in 0..<12 {
            let split = ["train", "train", "validation", "test"][work % 4]
            for version in 0..<3 {
                let path = "music/works/\(work)-\(version).mid"
                try shop.write(path, Workshop.midi(Workshop.melody(seed: 1 + work * 3 + version)))
                // One row says the wrong split.
                table += "\(path),work \(work),\(work == 5 && version == 1 ? "test" : split)\n"
            }
        }
        try shop.write("works.csv", Array(table.utf8))
        let reader = try shop.build(
            """
            version: 1
            dataset: works
            sources:
              - table: works.csv
            midi: {}
            splits: {column: split}
            """, named: "works.yaml")
        #expect(
            try problems(reader)["splits.strays"]?.sources == [
                "music/works/5-1.mid: work 5, in test; others in train"
            ])
    }

    @Test func nearDuplicatesAreKeptTogether() throws {
        try pieces(8)
        // A quarter of 0, the rest its own; and one that shares with that one alone: joined from one to the next.
        let bridge = Array(Workshop.melody(seed: 1).prefix(60)) + Workshop.melody(seed: 100, count: 140)
        try shop.write("music/jazz/bridge.mid", Workshop.midi(bridge))
        try shop.write(
            "music/jazz/far.mid",
            Workshop.midi(Array(bridge.suffix(60)) + Workshop.melody(seed: 101, count: 140)))
        for seed in 0..<6 {
            let reader = try shop.build(
                "splits: {train: 0.5, test: 0.5, near_duplicates: together, seed: \(seed)}")
            let sources = reader.snapshot.sources
            let joined = sources.filter {
                ["music/classical/0.mid", "music/jazz/bridge.mid", "music/jazz/far.mid"].contains($0.path)
            }
            #expect(Set(joined.map(\.piece)).count == 1)
            #expect(Set(joined.map(\.split)).count == 1)
            #expect(Set(sources.map(\.piece)).count == 8)
            #expect(try problems(reader)["duplicates.across-splits"] == nil)
        }
        let apart = try shop.build("splits: {train: 0.5, test: 0.5}")
        #expect(Set(apart.snapshot.sources.map(\.piece)).count == 10)
    }

    /// Two styles that differ in everything, thirteen pieces each, and a piece of the one under the name of the other.
    private func twoStyles(_ count: Int = 13) throws {
        for index in 0..<count {
            let low = Workshop.melody(seed: index + 1).map { $0 - 20 }
            try shop.write("music/slow/\(index).mid", Workshop.midi(low, velocities: [30, 35, 40]))
            let high = Workshop.melody(seed: index + 50, count: 400).map { $0 + 20 }
            try shop.write("music/fast/\(index).mid", Workshop.midi(high, velocities: [90, 110, 120]))
        }
    }

    @Test func aWrongLabelIsUnlikeItsNeighbours() throws {
        try twoStyles(30)
        #expect(try problems(shop.build(Self.splits))["labels.unlike"] == nil)
        let wrong = Workshop.midi(Workshop.melody(seed: 40).map { $0 - 20 }, velocities: [30, 35, 40])
        // Copies are one piece, and do not confirm each other.
        for copy in 0..<4 { try shop.write("music/fast/wrong\(copy).mid", wrong) }
        let found = try #require(try problems(shop.build(Self.splits))["labels.unlike"])
        #expect(
            found.sources
                == (0..<4).map {
                    "music/fast/wrong\($0).mid: fast; of its most similar sources 100 % are slow, 0 % fast"
                })
        #expect(found.paths == (0..<4).map { "music/fast/wrong\($0).mid" })
    }

    /// A value of few pieces is doubted too, but not one of two, which ten neighbours hardly can have.
    @Test(arguments: [(2, false), (3, true)])
    func aValueNeedsThreePieces(_ count: Int, _ isFound: Bool) throws {
        try twoStyles()
        for index in 0..<count {
            let low = Workshop.melody(seed: index + 30).map { $0 - 20 }
            try shop.write("music/rare/\(index).mid", Workshop.midi(low, velocities: [30, 35, 40]))
        }
        let found = try problems(shop.build(Self.splits))["labels.unlike"]
        #expect(found?.paths.sorted() == (isFound ? (0..<count).map { "music/rare/\($0).mid" } : nil))
    }

    /// Of a hundred wrong labels the strongest ten are listed, and none of a label that does not depend on the music.
    @Test func theListIsShort() throws {
        try twoStyles(60)
        for index in 0..<14 {
            let low = Workshop.melody(seed: index + 150).map { $0 - 20 }
            try shop.write("music/fast/wrong\(index).mid", Workshop.midi(low, velocities: [30, 35, 40]))
        }
        let found = try #require(try problems(shop.build(Self.splits))["labels.unlike"])
        #expect(found.sources.count == 10)
        #expect(found.paths.allSatisfy { $0.hasPrefix("music/fast/wrong") })
        let other = try Workshop()
        for index in 0..<80 {
            try other.write(
                "music/\(index % 2 == 0 ? "even" : "odd")/\(index).mid",
                Workshop.midi(Workshop.melody(seed: index + 1)))
        }
        #expect(try problems(other.build(Self.splits))["labels.unlike"] == nil)
    }

    @Test func aWrongTempo() throws {
        try pieces(24)
        func atTempo(_ bpm: Int) -> [UInt8] {
            let length = 60_000_000 / bpm
            let track = Workshop.melody(seed: 90).flatMap { [0, 0x90, $0, 70, 24, 0x80, $0, 0] as [UInt8] }
            return MadeFile.midi(
                track: [0, 0xFF, 0x51, 3] + [16, 8, 0].map { UInt8(length >> $0 & 255) } + track)
        }
        try shop.write("music/jazz/brisk.mid", atTempo(140))
        try shop.write("music/jazz/slow.mid", atTempo(40))
        try shop.write("music/jazz/wrong.mid", atTempo(480))
        let found = try problems(shop.build(Self.splits))["midi.speed"]
        #expect(
            found?.sources == [
                "music/jazz/wrong.mid: 480 BPM, 32.00 notes/s of 0.03 s; the medians are 120 BPM, 8.00 notes/s of 0.13 s",
                "music/jazz/slow.mid: 40 BPM, 2.67 notes/s of 0.38 s; the medians are 120 BPM, 8.00 notes/s of 0.13 s",
            ])
        #expect(found?.paths == ["music/jazz/wrong.mid", "music/jazz/slow.mid"])
    }

    /// Among all sources 240 BPM is nothing unusual; among those of its style it is.
    @Test func aTempoThatIsWrongForItsStyle() throws {
        func atTempo(_ bpm: Double, seed: Int) -> [UInt8] {
            let length = Int(60_000_000 / bpm)
            let track = Workshop.melody(seed: seed).flatMap { [0, 0x90, $0, 70, 24, 0x80, $0, 0] as [UInt8] }
            return MadeFile.midi(
                track: [0, 0xFF, 0x51, 3] + [16, 8, 0].map { UInt8(length >> $0 & 255) } + track)
        }
        for index in 0..<24 { try shop.write("music/classical/\(index).mid", atTempo(120, seed: index + 1)) }
        for index in 0..<48 {
            let bpm = 30 * exp2(4 * Double(index) / 47)
            try shop.write("music/jazz/\(index).mid", atTempo(bpm, seed: index + 150))
        }
        try shop.write("music/classical/wrong.mid", atTempo(240, seed: 99))
        let found = try problems(shop.build(Self.splits))["midi.speed"]
        #expect(
            found?.sources == [
                "music/classical/wrong.mid: 240 BPM, 16.00 notes/s of 0.06 s; the medians of 'classical' are 120 BPM, 8.00 notes/s of 0.13 s"
            ])
    }

    @Test func drumsThatLeftTheirChannel() throws {
        try pieces(20)
        func rock(channel: UInt8) -> [UInt8] {
            var events: [(tick: Int, bytes: [UInt8])] = []
            for eighth in 0..<64 {
                var keys: [UInt8] = [42]
                if eighth % 2 == 0 { keys.append(eighth % 4 == 0 ? 36 : 38) }
                for key in keys {
                    events.append((eighth * 48, [0x90 | channel, key, UInt8(80 + eighth % 7)]))
                    events.append((eighth * 48 + 10, [0x80 | channel, key, 0]))
                }
            }
            return MadeFile.midi(events: events)
        }
        try shop.write("music/jazz/drums.mid", rock(channel: 9))
        try shop.write("music/jazz/melody.mid", rock(channel: 2))
        let found = try problems(shop.build(Self.splits))["midi.drums-as-melody"]
        #expect(found?.sources == ["music/jazz/melody.mid: 96 of 96 notes"])
        #expect(found?.message == "1 source with a melodic part that sounds like drums")
    }

    @Test func oddMIDI() throws {
        try pieces(20)
        try shop.write("music/jazz/flat.mid", Workshop.midi(Workshop.melody(seed: 50), velocities: [100]))
        try shop.write("music/jazz/empty.mid", Workshop.midi([]))
        try shop.write("music/jazz/cut.mid", Array(Workshop.midi([60, 62, 64]).dropLast(9)))
        let found = try problems(shop.build(Self.splits))
        #expect(found["midi.flat-velocity"]?.sources == ["music/jazz/flat.mid: all 100"])
        #expect(found["midi.no-notes"]?.sources == ["music/jazz/empty.mid: no notes"])
        #expect(
            found["sources.quarantined"]?.sources.map {
                $0.hasPrefix("music/jazz/cut.mid: ") && $0.hasSuffix("[midi.track-truncated]")
            } == [true])
    }

    /// A source that cannot be read is counted as `build` counts it, with its reason; the snapshot does not know it.
    @Test func quarantineIsWhatTheBuildSaid() throws {
        try pieces(12)
        try shop.write("music/jazz/cut.mid", Array(Workshop.midi([60, 62, 64]).dropLast(9)))
        let table = (0..<12).map { "music/\($0 % 2 == 0 ? "classical" : "jazz")/\($0).mid,a" }
        try shop.write(
            "t.csv",
            Array(
                (["path,style"] + table + ["music/jazz/cut.mid,b", "gone.mid,b"]).joined(separator: "\n").utf8
            ))
        let manifest = "version: 1\ndataset: test\nsources: [{table: t.csv}]\nmidi: {}\n"
        let reader = try shop.build(manifest, named: "q.yaml")
        let path = shop.folder.appendingPathComponent("q.yaml").path
        let summary = try DatasetBuild(manifestPath: path).run(.init(cachePath: shop.cache, jobs: 1))
        #expect(summary.quarantine.count == 2)
        let statistics = try DatasetStatistics(reader)
        #expect(statistics.quarantine.values.reduce(0, +) == 2)
        let problem = try #require(statistics.problems.first { $0.code == "sources.quarantined" })
        #expect(problem.message == "2 sources could not be used")
        for source in summary.quarantine {
            #expect(
                problem.sources.contains {
                    $0.hasPrefix("\(source.path): \(source.reason)") && $0.hasSuffix("[\(source.code)]")
                })
        }
        #expect(statistics.text(width: 80).contains("gone.mid"))
        // Once another snapshot has been built, this one tells what it knows itself.
        _ = try shop.build(manifest + "splits: {train: 1}\n", named: "q.yaml")
        let old = try DatasetStatistics(DatasetReader("test@1", cachePath: shop.cache))
        #expect(
            old.problems.first { $0.code == "sources.quarantined" }?.sources == [
                "music/jazz/cut.mid: midi.track-truncated"
            ])
    }

    /// What is recommended is never what the manifest says already.
    @Test(arguments: [
        (
            #"{train: 0.6, validation: 0.2, test: 0.2}"#,
            "set `splits: {method: exact, stratify: style}`, or add sources"
        ),
        (
            #"{train: 0.6, validation: 0.2, test: 0.2, method: exact, stratify: style}"#,
            "add sources with these values: each needs a piece for every split"
        ),
        (
            #"{train: 0.6, validation: 0.2, test: 0.2, method: exact, stratify: other}"#,
            "set `stratify: style` instead of `stratify: other`, or add sources"
        ),
        (
            #"{by: style, method: exact, train: 0.34, validation: 0.33, test: 0.33}"#,
            "`by: style` keeps each value in one split; nothing to do"
        ),
    ])
    func adviceForLabelsKnowsTheManifest(splits: String, advice: String) throws {
        for index in 0..<13 {
            let style = index == 12 ? "folk" : index % 2 == 0 ? "classical" : "jazz"
            try shop.write("music/\(style)/\(index).mid", Workshop.midi(Workshop.melody(seed: index + 1)))
        }
        let reader = try shop.build(
            """
            version: 1
            dataset: test
            sources: [{path: music/*/*.mid, labels: {style: "{dir}", other: all}}]
            midi: {}
            splits: \(splits)
            """, named: "m.yaml")
        #expect(try problems(reader)["labels.absent"]?.help == advice)
    }

    @Test func adviceForSourcesKnowsTheManifest() throws {
        func rule(_ manifest: String, _ code: String) throws -> Problem? {
            try problems(shop.build(manifest + "\nsplits: {train: 1}\n", named: "r.yaml"))[code]
        }
        // A tone just over full scale between its samples.
        let samples = (0..<32_000).map { 0.99 * sin(.pi / 2 * Double($0) + .pi / 4) * 1.41 }
        try shop.write("loud/a.wav", Workshop.wav(rate: 16_000, samples))
        let audio = """
            version: 1
            dataset: loud
            sources: [{path: loud/*.wav}]
            audio: {sample_rate: 16000, loudness: none, features: {mel: {bands: 20}}, segment: {samples: 16384}

            """
        let plain = try rule(audio + "}", "audio.over-full-scale")
        if let plain { #expect(plain.help.contains("set `audio: {peak: -1}`")) }
        #expect(try rule(audio + ", peak: -1}", "audio.over-full-scale")?.help.contains("set `audio") != true)
        // A tempo of 4 BPM.
        var file = Workshop.midi(Workshop.melody(seed: 3))
        file.replaceSubrange(
            18..<22, with: withUnsafeBytes(of: UInt32(file.count - 22 + 7).bigEndian) { Array($0) })
        file.insert(contentsOf: [0, 0xFF, 0x51, 3, 0xE4, 0xE1, 0xC0], at: 22)
        try shop.write("slow/a.mid", file)
        let midi = "version: 1\ndataset: slow\nsources: [{path: slow/*.mid}]\nmidi: {grid: {"
        #expect(try rule(midi + "steps_per_beat: 4}}", "midi.tempo-odd")?.sources == ["slow/a.mid: 4 BPM"])
        #expect(try rule(midi + "steps_per_second: 8}}", "midi.tempo-odd") == nil)
    }

    @Test func labelsOutOfBalance() throws {
        try pieces(12)
        try shop.write("music/folk/0.mid", Workshop.midi(Workshop.melody(seed: 60, count: 20)))
        let found = try problems(shop.build(Self.splits))
        #expect(found["labels.imbalance"]?.sources.last == "folk: 1 segment")
        #expect(found["labels.absent"]?.sources == ["folk: none in validation, test"])
    }

    @Test func silentClippedNarrowAndShortAudio() throws {
        func tone(_ hertz: Double, _ level: Double, seconds: Double = 3, rate: Int = 16_000) -> [UInt8] {
            Workshop.wav(
                rate: rate,
                (0..<Int(seconds * Double(rate))).map {
                    level * sin(2 * .pi * hertz * Double($0) / Double(rate))
                        + level * 0.3 * sin(2 * .pi * 3000 * Double($0) / Double(rate))
                })
        }
        for index in 0..<6 { try shop.write("audio/\(index).wav", tone(300 + 40 * Double(index), 0.3)) }
        try shop.write("audio/silent.wav", tone(440, 0))
        try shop.write("audio/clipped.wav", tone(440, 1.5))
        try shop.write("audio/narrow.wav", tone(440, 0.3, rate: 8000))
        try shop.write("audio/short.wav", tone(440, 0.3, seconds: 0.5))
        let reader = try shop.build(
            """
            version: 1
            dataset: sound
            sources:
              - path: audio/*.wav
            audio:
              sample_rate: 16000
              segment: {samples: 16384}
              features: {mel: {bands: 40}}
            splits: {train: 1}
            """, named: "a.yaml")
        let found = try problems(reader)
        #expect(found["audio.silent"]?.sources == ["audio/silent.wav: under −70 dBFS"])
        #expect(found["audio.clipped"]?.sources.map { $0.prefix { $0 != ":" } } == ["audio/clipped.wav"])
        #expect(found["audio.narrow-band"]?.sources == ["audio/narrow.wav: sampled at 8,000 Hz"])
        #expect(found["audio.short"]?.sources == ["audio/short.wav: 0.50 s"])
        let statistics = try DatasetStatistics(reader)
        #expect(statistics.total.audio.silent == 1 && statistics.total.audio.clipped == 1)
        #expect(statistics.total.audio.mel.mean.count == 40)
        let after = try #require(statistics.melAfter[""])
        // Each band is divided by its own deviation, rounded to a 64th of an octave.
        #expect(after.deviation.allSatisfy { abs($0 - 1) < 0.01 || $0 == 0 }, "\(after.deviation)")
    }
}
