import Dataset
import Files
import Loading
import SoundFiles
import Testing

@testable import Explorer

struct AnswerTests {
    let exhibition: Exhibition

    init() throws { exhibition = try .open() }

    private func ids(_ query: (String, String)...) async throws -> [String] {
        try await exhibition.ask("/api/segments", query)["rows"]?.array?.compactMap { $0["id"]?.string } ?? []
    }

    @Test func listsEverySegmentOnceOverItsPages() async throws {
        let all = Split.allCases.reduce(0) { $0 + exhibition.reader.snapshot.segmentCount($1) }
        var seen: [String] = []
        var page = 0
        while case let rows = try await ids(("page", "\(page)")), !rows.isEmpty {
            seen += rows
            page += 1
        }
        #expect(seen.count == all && Set(seen).count == all)
        let first = try await exhibition.ask("/api/segments")
        #expect(first["segments"]?.integer == all)
        #expect(first["pages"]?.integer == page)
        #expect(first["sources"]?.integer == 20)
    }

    @Test func filtersByLabelSplitKindAndText() async throws {
        let fast = try await exhibition.ask("/api/segments", [("label.style", "fast")])
        #expect(fast["sources"]?.integer == 8)
        let sound = try await exhibition.ask("/api/segments", [("kind", "audio")])
        #expect(sound["sources"]?.integer == 4)
        let text = try await exhibition.ask("/api/segments", [("q", "TONE slow")])
        #expect(text["sources"]?.integer == 4)
        let nothing = try await exhibition.ask("/api/segments", [("q", "tone fast")])
        #expect(nothing["segments"]?.integer == 0)
        for split in Split.allCases {
            let found = try await exhibition.ask("/api/segments", [("split", split.rawValue)])
            #expect(found["segments"]?.integer == exhibition.reader.snapshot.segmentCount(split))
        }
    }

    @Test func filtersAndSortsByNumbers() async throws {
        let rows = try await exhibition.ask("/api/segments", [("sort", "-notes"), ("kind", "midi")])["rows"]
        let values = rows?.array?.compactMap { $0["value"]?.double } ?? []
        #expect(values.count == 60 && values == values.sorted(by: >) && values.first == 145)
        let some = try await exhibition.ask("/api/segments", [("min.notes", "50"), ("max.notes", "61")])
        #expect(some["sources"]?.integer == 2)  // 54 and 61 notes
    }

    @Test(arguments: [
        ("split", "trian"), ("page", "-1"), ("page", "x"), ("sort", "nothing"), ("min.notes", "many"),
        ("min.notes", "nan"), ("label.nothing", "x"), ("path", "/etc/passwd"), ("", "%"),
    ])
    func refusesWhatIsNoFilter(name: String, value: String) async {
        let response = await exhibition.explorer.answer(
            ExplorerRequest(path: "/api/segments", query: [(name, value)]))
        #expect(response.status == .badRequest)
    }

    @Test func showsASegmentOfNotes() async throws {
        let id = try #require(try await ids(("kind", "midi"), ("q", "15.mid")).first)
        let segment = try await exhibition.ask("/api/segment", [("id", id)])
        #expect(segment["source"]?["path"]?.string == "music/fast/15.mid")
        #expect(segment["number"]?.integer == 0)
        #expect(segment["before"] == .null && segment["after"]?.string != nil)
        #expect(segment["length_seconds"]?.double == 4)  // 32 steps of a sixteenth at 120
        let notes = try #require(try await exhibition.ask("/api/notes", [("id", id)])["notes"]?.array)
        #expect(notes.count == 32)
        #expect((notes[1].array ?? []).map { $0.double } == [0.125, 0.125, 58, 41, 0, 0])
        let picture = await exhibition.explorer.answer(
            ExplorerRequest(path: "/api/picture", query: [("id", id)]))
        guard case .bytes(let png) = picture.body else { return #expect(Bool(false)) }
        #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    }

    @Test func featuresAreALineAndNumbers() async throws {
        let id = try #require(try await ids(("q", "tone1")).first)
        let number = try #require(
            exhibition.reader.snapshot.sources.firstIndex { $0.path.hasSuffix("tone1.wav") })
        // 24,000 samples in three segments of 8,192; a frame every 512, and one at the end.
        for (name, value, columns) in [("id", id, 17), ("source", "\(number)", 49)] {
            let response = await exhibition.explorer.answer(
                ExplorerRequest(path: "/api/features", query: [(name, value)]))
            guard case .bytes(let bytes) = response.body else { return #expect(Bool(false)) }
            let line = try #require(bytes.firstIndex(of: 10))
            let features = try JSONValue(parsing: Array(bytes[..<line]))["features"]?.array ?? []
            #expect(features.map { $0["name"]?.string } == ["mel", "waveform"])
            #expect(features[0]["rows"]?.integer == 16 && features[0]["columns"]?.integer == columns)
            let cells = features.map { ($0["rows"]?.integer ?? 0) * ($0["columns"]?.integer ?? 0) }
            #expect(bytes.count == line + 1 + 4 * cells.reduce(0, +))
        }
        let notes = await exhibition.explorer.answer(
            ExplorerRequest(
                path: "/api/features", query: [("id", try #require(try await ids(("kind", "midi")).first))]))
        #expect(notes.body.count < 100)
    }

    /// A segment's numbers are its own; the source's stand with the source.
    @Test func aSegmentHasItsOwnNumbers() async throws {
        let ids = try await ids(("kind", "midi"), ("q", "15.mid"))
        let segment = try await exhibition.ask("/api/segment", [("id", try #require(ids.dropFirst().first))])
        func value(_ list: JSONValue?, _ name: String) -> Double? {
            list?.array?.first { $0["name"]?.string == name }?["value"]?.double
        }
        // 32 sixteenths at 120 BPM, one note on each; the source has 145 of them.
        #expect(value(segment["measures"], "notes") == 32)
        #expect(value(segment["source"]?["measures"], "notes") == 145)
        #expect(value(segment["measures"], "seconds") == 4)
        #expect(value(segment["measures"], "notes_per_second") == 8)
        #expect(value(segment["measures"], "polyphony") == 1)
        #expect(value(segment["measures"], "tempo") == 120)
        let pitches = (16..<48).map { 40 + ($0 * 18 + $0 / 5) % 40 }
        #expect(value(segment["measures"], "lowest_pitch") == pitches.min().map { Double($0) })
        #expect(value(segment["measures"], "highest_pitch") == pitches.max().map { Double($0) })
        // The second segment begins 16 sixteenths into the source.
        #expect(segment["start_seconds"]?.double == 2)
        #expect(segment["length_seconds"]?.double == 4)

        let sound = try #require(try await self.ids(("q", "tone0")).dropFirst().first)
        let audio = try await exhibition.ask("/api/segment", [("id", sound)])
        #expect(audio["start_seconds"]?.double == 8192.0 / 8000)
        #expect(value(audio["measures"], "seconds") == 8192.0 / 8000)
        #expect(value(audio["source"]?["measures"], "seconds") == 2.5)
        // A sine's RMS is 3.01 dB below its peak.
        let peak = try #require(value(audio["measures"], "peak"))
        let rms = try #require(value(audio["measures"], "rms"))
        #expect(abs(peak - rms - 3.01) < 0.1)
    }

    @Test func sourcesOfOnePieceAreNamedByTheirPaths() async throws {
        let exhibition = try Exhibition(splits: "", labels: #"piece: "{dir}""#)
        let segment = try await exhibition.ask("/api/segment", [("id", "train/0")])
        let piece = try #require(segment["source"]?["same_piece"])
        let own = try #require(segment["source"]?["path"]?.string)
        let folder = own.contains("slow") ? "music/slow/" : "music/fast/"
        let paths = piece["paths"]?.array?.compactMap(\.string) ?? []
        #expect(piece["count"]?.integer == (own.contains("slow") ? 11 : 7))
        #expect(paths.count == 5 && paths.allSatisfy { $0.hasPrefix(folder) && $0 != own })
    }

    @Test func theStatisticsPageLeadsBack() async throws {
        let response = await exhibition.explorer.answer(ExplorerRequest(path: "/report"))
        guard case .bytes(let bytes) = response.body else { return #expect(Bool(false)) }
        #expect(String(decoding: bytes, as: UTF8.self).contains(#"<a href="/">← Explorer</a>"#))
    }

    @Test func showsAWholeSource() async throws {
        let row = try #require(
            try await exhibition.ask("/api/segments", [("q", "15.mid")])["rows"]?.array?.first)
        let number = try #require(row["source"]?.integer)
        let notes = try await exhibition.ask("/api/notes", [("source", "\(number)")])["notes"]
        #expect(notes?.array?.count == 145)
    }

    @Test func givesSoundByRanges() async throws {
        let number = try #require(
            try await exhibition.ask("/api/segments", [("q", "tone1")])["rows"]?.array?.first?["source"]?
                .integer)
        func sound(_ range: String?) async -> ExplorerResponse {
            await exhibition.explorer.answer(
                ExplorerRequest(path: "/api/sound", query: [("source", "\(number)")], range: range))
        }
        func bytes(_ response: ExplorerResponse) throws -> [UInt8] {
            guard case .sound(let view, let range) = response.body else { return [] }
            let reader = try view.reader(from: range.lowerBound)
            var bytes: [UInt8] = []
            while bytes.count < range.count, case let more = reader.next(), !more.isEmpty { bytes += more }
            return Array(bytes.prefix(range.count))
        }
        let whole = await sound(nil)
        #expect(whole.status == .okay)
        let all = try bytes(whole)
        #expect(all.count == 44 + 2 * 24_000)
        #expect(String(decoding: all[..<4], as: UTF8.self) == "RIFF")
        // 16 bits in, 16 bits out.
        let original = Exhibition.wav((0..<24_000).map { sinus($0) })
        #expect(zip(all, original).allSatisfy { $0 == $1 })
        for (header, range) in [
            ("bytes=0-99", 0..<100), ("bytes=45-60", 45..<61), ("bytes=20001-", 20_001..<48_044),
            ("bytes=-7", 48_037..<48_044), ("bytes=48000-99999999", 48_000..<48_044),
        ] {
            let part = await sound(header)
            #expect(part.status == .partial)
            #expect(try bytes(part) == Array(all[range]))
            #expect(
                part.headers.contains {
                    $0 == ("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/48044")
                })
        }
        for header in ["bytes=99999-", "bytes=9-2", "bytes=x-", "bytes=-0", "bytes=--5"] {
            #expect(await sound(header).status == .rangeNotSatisfiable, "\(header)")
        }
    }

    private func sinus(_ index: Int) -> Double { sine(Double(index) * 0.1) * 0.5 }
}
