import Dataset
import Loading
import Pictures
import Symbolic
import Testing

@testable import Explorer
@testable import Files
@testable import Insight

/// The grid: its order by numbers of segments, its counts, its histograms and its thumbnails.
struct GridTests {
    let exhibition: Exhibition

    init() throws { exhibition = try .open() }

    /// All rows of a query over all pages.
    private func rows(_ query: [(String, String)]) async throws -> [JSONValue] {
        var rows: [JSONValue] = []
        var page = 0
        while case let more = try await exhibition.ask("/api/segments", query + [("page", "\(page)")])[
            "rows"]?.array ?? [],
            !more.isEmpty
        {
            rows += more
            page += 1
        }
        return rows
    }

    private func count(_ query: [(String, String)]) async throws -> Int? {
        try await exhibition.ask("/api/segments", query)["segments"]?.integer
    }

    /// The numbers that sort the grid are those that the segment itself shows, which are found by its start.
    @Test(arguments: ["density", "polyphony", "pitch_range", "loudness", "silence", "centroid"])
    func sortsByTheNumbersOfSegments(name: String) async throws {
        let all = Split.allCases.reduce(0) { $0 + exhibition.reader.snapshot.segmentCount($1) }
        for sign in ["", "-"] {
            let rows = try await rows([("sort", "\(sign)segment.\(name)")])
            #expect(rows.count == all && Set(rows.compactMap { $0["id"]?.string }).count == all)
            let values = rows.map { $0["value"]?.double }
            let known = values.prefix { $0 != nil }.compactMap { $0 }
            #expect(!known.isEmpty && known.count < all)
            #expect(values.dropFirst(known.count).allSatisfy { $0 == nil })
            #expect(known == (sign == "" ? known.sorted() : known.sorted(by: >)))
            guard sign == "" else { continue }
            for (row, value) in zip(rows, known) {
                #expect(try number(name, of: row) == value, "\(row["id"]?.string ?? "")")
            }
        }
    }

    /// A number of a row's segment, found by its place in the shard.
    private func number(_ name: String, of row: JSONValue) throws -> Double? {
        let reader = exhibition.reader
        let parts = (row["id"]?.string ?? "").split(separator: "/")
        let split = try #require(Split(rawValue: String(parts[0])))
        let place = try #require(reader.place(Int(parts[1]) ?? -1, in: split))
        let shard = try reader.open(place.shard)
        if name == "pitch_range" {
            return try shard.withRows(of: place.index) { rows in
                let pitches = rows.start.indices.map { Int(rows.pitch[$0]) }
                return pitches.max().flatMap { high in pitches.min().map { Double(high - $0) } }
            }
        }
        let segment = try shard.segment(place.index)
        let source = try #require(row["source"]?.integer)
        let numbers = try reader.segmentNumbers(
            of: reader.snapshot.sources[source], timeline: segment.timeline, start: segment.start)
        return numbers.first { $0.name == name }?.value
    }

    @Test func aRangeOfASegmentsNumberFindsThoseWithinIt() async throws {
        let known = try await rows([("sort", "segment.pitch_range")]).compactMap { $0["value"]?.double }
        let (low, high) = (known[known.count / 4], known[known.count * 3 / 4])
        #expect(low < high)
        let within = try await rows([
            ("min.segment.pitch_range", "\(low)"), ("max.segment.pitch_range", "\(high)"),
            ("sort", "segment.pitch_range"),
        ])
        #expect(within.compactMap { $0["value"]?.double } == known.filter { $0 >= low && $0 <= high })
    }

    /// Each choice is counted as it would be found with the other filters as they are.
    @Test(arguments: [
        [], [("label.style", "slow")], [("label.style", "slow"), ("split", "train")],
        [("min.segment.density", "7"), ("kind", "midi")],
        [("q", "slow"), ("split", "train"), ("split", "test")],
    ])
    func facetsCountWhatAChoiceWouldFind(query: [(String, String)]) async throws {
        let facets = try await exhibition.ask("/api/facets", query + [("numbers", "1"), ("problems", "1")])
        let lists = [
            ("split", facets["splits"]), ("kind", facets["kinds"]),
            ("label.style", facets["labels"]?["style"]), ("problem", facets["problems"]),
        ]
        for (key, choices) in lists {
            let choices = try #require(choices?.array)
            #expect(!choices.isEmpty || key == "problem")
            for choice in choices {
                guard let value = choice["value"]?.string, let segments = choice["segments"]?.integer else {
                    continue
                }
                let others = query.filter { $0.0 != key }
                #expect(try await count(others + [(key, value)]) == segments, "\(key) \(value)")
            }
        }
        let histogram = try #require(facets["histograms"]?["density"])
        let others = query.filter { $0.0 != "min.segment.density" }
        let known = try await rows(others + [("sort", "segment.density")]).compactMap { $0["value"]?.double }
        let (low, high) = (histogram["low"]?.double ?? .nan, histogram["high"]?.double ?? .nan)
        var expected = [Int](repeating: 0, count: 32)
        for value in known {
            let place = high > low ? (value - low) / (high - low) * 32 : 0
            expected[Int(min(max(place, 0), 31))] += 1
        }
        #expect(histogram["counts"]?.array?.compactMap(\.integer) == expected)
    }

    /// A finding of `stats` finds the sources that it names.
    @Test func aProblemIsAFilter() async throws {
        let exhibition = try Exhibition(splits: "", hasProblems: true)
        let problems = try DatasetStatistics(exhibition.reader).problems.filter { !$0.paths.isEmpty }
        #expect(
            Set(problems.map(\.code)).isSuperset(of: [
                "duplicates.bytes", "labels.contradict", "audio.silent",
            ]))
        let counted = try await exhibition.ask("/api/facets", [("problems", "1")])["problems"]?.array ?? []
        for problem in problems {
            let found = try await exhibition.ask("/api/segments", [("problem", problem.code)])
            let paths = Set(found["rows"]?.array?.compactMap { $0["path"]?.string } ?? [])
            #expect(found["pages"]?.integer == 1 && paths == Set(problem.paths), "\(problem.code)")
            for path in problem.paths { #expect(problem.sources.contains { $0.contains(path) }) }
            // A line about one source leads to that source.
            let lines = counted.first { $0["value"]?.string == problem.code }?["found"]?.array ?? []
            #expect(lines.map { $0["text"]?.string } == problem.sources.map(\.shown), "\(problem.code)")
            for (line, path) in zip(lines, problem.paths) where problem.paths.count == problem.sources.count {
                let id = try #require(line["segment"]?.string)
                let segment = try await exhibition.ask("/api/segment", [("id", id)])
                #expect(segment["source"]?["path"]?.string == path && segment["number"]?.integer == 0)
            }
            let choice = counted.first { $0["value"]?.string == problem.code }
            #expect(choice?["segments"] == found["segments"])
        }
        let none = try await exhibition.ask("/api/segments", [("problem", "no.such-problem")])
        #expect(none["segments"]?.integer == 0)
    }

    @Test func aRowStandsForASource() async throws {
        let groups = try await rows([("group", "source"), ("sort", "-segment.density")])
        let sources = groups.compactMap { $0["source"]?.integer }
        #expect(groups.count == 20 && Set(sources).count == 20)
        let values = groups.compactMap { $0["value"]?.double }
        #expect(values == values.sorted(by: >))
        for group in groups {
            let source = try #require(group["source"]?.integer)
            let own = try await rows([("source", "\(source)")])
            #expect(own.count == group["found"]?.integer)
            #expect(own.allSatisfy { $0["source"]?.integer == source })
        }
    }

    @Test(arguments: [
        ("sort", "segment.notes"), ("min.segment.nothing", "1"), ("source", "-1"), ("source", "/etc/passwd"),
        ("group", "path"),
    ])
    func refusesWhatIsNoOrder(name: String, value: String) async {
        for path in ["/api/segments", "/api/facets"] {
            let response = await exhibition.explorer.answer(
                ExplorerRequest(path: path, query: [(name, value)]))
            #expect(response.status == .badRequest)
        }
    }

    // MARK: Thumbnails

    @Test func aThumbnailIsKeptByTheBrowser() async throws {
        for row in try await rows([]) {
            let query = [("id", row["id"]?.string ?? ""), ("shard", row["shard"]?.string ?? "")]
            let response = await exhibition.explorer.answer(
                ExplorerRequest(path: "/api/thumbnail", query: query))
            guard case .bytes(let png) = response.body else { return #expect(Bool(false)) }
            #expect(response.status == .okay && png.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            let caching = response.headers.filter { $0.name == "Cache-Control" }.map(\.value)
            #expect(caching == ["private, max-age=31536000, immutable"])
        }
        for shard in ["", "000000000000", "../../etc/passwd"] {
            let response = await exhibition.explorer.answer(
                ExplorerRequest(path: "/api/thumbnail", query: [("id", "train/0"), ("shard", shard)]))
            #expect(response.status == .notFound)
            #expect(response.headers.filter { $0.name == "Cache-Control" }.map(\.value) == ["no-store"])
        }
    }

    /// One note sounds at each of 32 steps; where its bar lies follows from its pitch.
    @Test func aThumbnailShowsEachNoteAtItsPlace() async throws {
        let row = try #require(try await rows([("q", "15.mid")]).first)
        let id = try #require(row["id"]?.string)
        let notes = try #require(try await exhibition.ask("/api/notes", [("id", id)])["notes"]?.array)
        let pitches = notes.compactMap { $0.array?[2].integer }
        #expect(pitches.count == 32)
        let parts = id.split(separator: "/")
        let split = try #require(Split(rawValue: String(parts[0])))
        let place = try #require(exhibition.reader.place(Int(parts[1]) ?? 0, in: split))
        let canvas = try Thumbnail.notes(place.index, exhibition.reader.open(place.shard))
        let (low, high) = (try #require(pitches.min()), try #require(pitches.max()))
        let lines = max(high - low + 3, 24)
        let bottom = low - (lines - (high - low + 1)) / 2
        for (step, pitch) in pitches.enumerated() {
            let x = (2 * step + 1) * Thumbnail.width / 64
            let ink = (0..<Thumbnail.height).filter { canvas.colour(x, $0) != .white }
            let line = lines - 1 - (pitch - bottom)
            let bar = line * Thumbnail.height / lines..<(line + 1) * Thumbnail.height / lines
            #expect(ink == Array(bar), "step \(step)")
        }
    }
}
