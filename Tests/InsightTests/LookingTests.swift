import CPNG
import Foundation
import Testing

@testable import Dataset
@testable import Describing
@testable import Files
@testable import Insight
@testable import Loading
@testable import Pictures

/// Statistics, pictures, pages and comparisons of small datasets.
struct LookingTests {
    let shop: Workshop

    init() throws {
        shop = try Workshop()
        for index in 0..<12 {
            let style = index % 2 == 0 ? "classical" : "jazz"
            try shop.write("music/\(style)/\(index).mid", Workshop.midi(Workshop.melody(seed: index + 1)))
        }
    }

    @Test func partsAddUpToTheWhole() throws {
        let statistics = try DatasetStatistics(
            shop.build("splits: {train: 0.5, validation: 0.25, test: 0.25}"))
        #expect(statistics.total.notes == 12 * 200)
        #expect(statistics.total.midi.pitches.reduce(0, +) == 12 * 200)
        for parts in [Array(statistics.splits.values), Array((statistics.labels["style"] ?? [:]).values)] {
            #expect(parts.reduce(0) { $0 + $1.notes } == statistics.total.notes)
            #expect(parts.reduce(0) { $0 + $1.segments } == statistics.total.segments)
            for pitch in 0..<128 {
                #expect(
                    parts.reduce(0) { $0 + $1.midi.pitches[pitch] } == statistics.total.midi.pitches[pitch])
            }
        }
        // One note after the other, each a sixteenth: no step is empty but those of a partial last segment.
        #expect(statistics.total.midi.emptySteps == 0 && statistics.total.midi.steps == 12 * 200)
        #expect(statistics.total.midi.spreads["polyphony"]?.mean == 1)
        #expect(statistics.total.midi.timeSignatures == ["4/4": 12 * 50])
    }

    /// However long labels are, the tables of statistics fit the terminal.
    @Test(arguments: [80, 100, 130])
    func statisticsFitTheTerminal(width: Int) throws {
        let long = String(repeating: "Symphony No. 5 in C minor ", count: 8)
        let rows = (0..<12).map { "music/\($0 % 2 == 0 ? "classical" : "jazz")/\($0).mid,\(long)\($0)" }
        try shop.write("w.csv", Array((["path,work"] + rows).joined(separator: "\n").utf8))
        let reader = try shop.build(
            "version: 1\ndataset: long\nsources: [{table: w.csv}]\nmidi: {}\n", named: "long.yaml")
        let text = try DatasetStatistics(reader).text(width: width)
        let tables = text.prefix(upTo: text.range(of: "\nproblems\n")?.lowerBound ?? text.endIndex)
        for line in tables.split(separator: "\n") { #expect(line.count <= width, "\(line)") }
        #expect(text.contains("…"))
    }

    @Test func aRecordDescribesTheScoreOfItsFile() throws {
        let reader = try shop.build()
        for record in try reader.records() {
            let score = try #require(try reader.score(of: record.source))
            #expect(record.score == ScoreDescription(score))
        }
        // The file has other bytes now: its score is not the source's any more.
        try shop.write("music/jazz/1.mid", Workshop.midi(Workshop.melody(seed: 77)))
        let changed = try #require(reader.snapshot.sources.first { $0.path == "music/jazz/1.mid" })
        #expect(try reader.score(of: changed) == nil)
    }

    @Test func aSourceIsReadOnceForAllThatDependsOnItsBytes() throws {
        _ = try shop.build()
        let path = shop.folder.appendingPathComponent("m.yaml").path
        try shop.write("music/jazz/more.mid", Workshop.midi(Workshop.melody(seed: 99)))
        let build = try DatasetBuild(manifestPath: path)
        let planned = try build.explain(.init(cachePath: shop.cache, jobs: 1)).planned
        #expect(planned.filter { $0.subject == "music/jazz/more.mid" }.map(\.stage) == ["read"])
        _ = try build.run(.init(cachePath: shop.cache, jobs: 1))
        #expect(try build.explain(.init(cachePath: shop.cache, jobs: 1)).planned.isEmpty)
    }

    @Test func thePictureShowsWhatSounds() throws {
        try shop.write("music/one/one.mid", Workshop.midi([60, 60, 60, 60, 72, 72, 72, 72]))
        let reader = try shop.build("", segment: 16)
        let view = try SegmentView(reader, reader.place("one.mid#0"))
        let panels = view.excerpt.rollPanels()
        #expect(
            panels.map(\.title) == [
                "piano roll", "velocity roll", "onset roll", "instrument roll, notes at once",
            ])
        let piano = panels[0]
        // Two octaves from C4; four steps of C4, then four of C5, then nothing.
        #expect(piano.rows == 24)
        for row in 0..<24 {
            for step in 0..<16 {
                let sounds = row == 0 && step < 4 || row == 12 && (4..<8).contains(step)
                #expect((piano.values[row * 16 + step] > 0) == sounds, "row \(row), step \(step)")
            }
        }
        #expect(panels[1].values[0] == 60)
        #expect(panels[2].values.reduce(0, +) == 8)
        #expect(piano.marks.map(\.text) == ["C4", "C5"])
        let time = view.excerpt.time()
        #expect(time.length == 8)
        #expect(time.rulers.map(\.name) == ["beats", "seconds"])
    }

    /// Seconds count from the music's start wherever a segment begins, through every change of tempo.
    @Test(arguments: [
        ("steps_per_beat: 4", 5.0), ("steps_per_second: 8", 8.0), ("steps_per_first_beat: 4", 8.0),
    ])
    func secondsCountFromTheStartOfTheMusic(grid: String, second: Double) throws {
        // 60 BPM for four beats, then 240; sixteenths without end.
        var track: [UInt8] = [0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40]
        for index in 0..<200 {
            if index == 16 { track += [0, 0xFF, 0x51, 3, 0x03, 0xD0, 0x90] }
            track += [0, 0x90, 60, 64, 24, 0x80, 60, 0]
        }
        track += [0, 0xFF, 0x2F, 0]
        let length = withUnsafeBytes(of: UInt32(track.count).bigEndian) { Array($0) }
        let file =
            Array("MThd".utf8) + [0, 0, 0, 6, 0, 0, 0, 1, 0, 96] + Array("MTrk".utf8) + length + track
        try shop.write("fast/a.mid", file)
        let reader = try shop.build(
            """
            version: 1
            dataset: tempi
            sources:
              - path: fast/a.mid
            midi:
              grid: {\(grid)}
              segment: {steps: 32}
            """, named: "t.yaml")
        // The second segment begins at step 32: eight beats, or 32 eighths of a second, or 32 quarters of one.
        let view = try SegmentView(reader, reader.place("a.mid#1"))
        let start = try #require(view.startSecond())
        #expect(abs(start - (grid.contains("second:") ? 4 : second)) < 1e-9)
        let excerpt = view.excerpt
        #expect(
            abs(
                (excerpt.seconds.last ?? 0)
                    - (grid.contains("beat: 4") && !grid.contains("first")
                        ? 2 : grid.contains("first") ? 8 : 4)) < 1e-6)
        let ruler = try #require(excerpt.time().rulers.last)
        if grid.contains("per_first") { return }
        #expect(ruler.name == "seconds")
        #expect(ruler.marks.first.flatMap { Double($0.text) } == start)
    }

    @Test func thePNGIsReadBackAsItWasDrawn() throws {
        let reader = try shop.build()
        let view = try SegmentView(reader, reader.place("0"))
        let path = shop.folder.appendingPathComponent("a.png").path
        try view.picture().write(path)
        let canvas = view.picture().canvas
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        #expect(png_image_begin_read_from_file(&image, path) != 0)
        #expect(Int(image.width) == canvas.width && Int(image.height) == canvas.height)
        image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
        var bytes = [UInt8](repeating: 0, count: canvas.bytes.count)
        #expect(png_image_finish_read(&image, nil, &bytes, 0, nil) != 0)
        #expect(bytes == canvas.bytes)
        #expect(throws: BuildError.self) { try view.picture().write("/nowhere/at/all.png") }
    }

    @Test func thePageHoldsAllAndAsksForNothing() throws {
        let reader = try shop.build(
            """
            version: 1
            dataset: odd
            sources:
              - path: music/*/*.mid
                labels: {style: "</script><!--<b>"}
            midi: {}
            """, named: "odd.yaml")
        let statistics = try DatasetStatistics(reader)
        let html = statistics.html
        #expect(html.contains("Chart.js v3.9.1") && html.contains("MIT"))
        #expect(html.contains("default-src 'none'"))
        // The three scripts' ends, and none that a label brings.
        #expect(html.components(separatedBy: "</script>").count == 4)
        #expect(!html.contains("src=\"http") && !html.contains("href=\"http"))
        let start = try #require(html.range(of: "type=\"application/json\">")).upperBound
        let end = try #require(html.range(of: "</script>", range: start..<html.endIndex)).lowerBound
        #expect(try JSONValue(parsing: Array(html[start..<end].utf8)) == statistics.json)
    }

    @Test func aComparisonNamesWhatCameWentAndChanged() throws {
        let old = try shop.build()
        try shop.write("music/jazz/new.mid", Workshop.midi(Workshop.melody(seed: 70)))
        try shop.remove("music/jazz/1.mid")
        try shop.write("music/classical/0.mid", Workshop.midi(Workshop.melody(seed: 71)))
        let moved = Workshop.midi(Workshop.melody(seed: 4))
        try shop.remove("music/jazz/3.mid")
        try shop.write("music/classical/3.mid", moved)
        try shop.write("music/jazz/bad.mid", [1, 2, 3])
        let new = try shop.build("", segment: 32)
        let found = SnapshotComparison(from: old, to: new)
        #expect(found.added == ["music/jazz/new.mid"])
        #expect(found.removed == ["music/jazz/1.mid"])
        #expect(found.renamed.map(\.from) == ["music/jazz/3.mid"])
        #expect(found.renamed.map(\.to) == ["music/classical/3.mid"])
        #expect(found.changed.map(\.path) == ["music/classical/0.mid"])
        #expect(found.quarantine.new == ["music/jazz/bad.mid"])
        #expect(found.settings.map(\.path) == ["midi.segment.hop", "midi.segment.steps"])
        #expect(found.text.contains("renamed (1)"))
        let same = SnapshotComparison(from: new, to: new)
        #expect(same.text.contains("nothing changed"))
        #expect(same.added.isEmpty && same.settings.isEmpty && same.shards.gone == 0)
    }
}
