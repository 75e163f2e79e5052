import Audio
import Dataset
import Files
import Insight
import Loading

extension DatasetExplorer {
    /// The dataset, and everything it can be filtered by; the page asks for it first.
    func describeDataset() -> JSONValue {
        let snapshot = reader.snapshot
        let kinds = Set(snapshot.sources.map(\.kind))
        let names = Set(
            (kinds.contains(.midi) ? MIDITally.measures : []).map(\.name)
                + (kinds.contains(.audio) ? AudioTally.measures : []).map(\.name)
                + ["seconds"] + (kinds.contains(.midi) ? ["notes"] : []))
        return [
            "dataset": .string(snapshot.dataset), "snapshot": JSONValue(reader.digest),
            "sources": JSONValue(snapshot.sources.count),
            "numbers": .array(
                SegmentNumbers.all.filter { number in
                    guard let item = SegmentNumber.all.first(where: { $0.name == number.name }) else {
                        return kinds.contains(.midi)
                    }
                    return kinds.contains(item.isOfNotes ? .midi : .audio)
                }.map(Self.named)),
            "measures": .array(
                SourceMeasure.all.filter { names.contains($0.name) }.map { Self.named(($0.name, $0.title)) }),
        ]
    }

    private static func named(_ item: (name: String, title: String)) -> JSONValue {
        ["name": .string(item.name), "title": .string(item.title)]
    }

    private func query(_ request: ExplorerRequest) throws(ExplorerError) -> SegmentQuery {
        try SegmentQuery(request, vocabularies: reader.snapshot.vocabularies)
    }

    /// What a query needs to know.
    private func known(
        _ query: SegmentQuery, withTags: Bool = false, withNumbers: Bool = false, withProblems: Bool = false
    ) async throws -> SegmentLibrary.Known {
        var known = SegmentLibrary.Known()
        if query.needsMeasures { known.measures = try await knowledge().measures }
        if query.needsNumbers || withNumbers { known.numbers = try await segmentNumbers() }
        if !query.tags.isEmpty || withTags { known.tags = try tags() }
        if !query.problems.isEmpty || withProblems { known.problems = try await problemSources() }
        return known
    }

    /// How many segments each choice of every facet would find; with `numbers=1` histograms of the numbers,
    /// with `problems=1` what `stats` finds too.
    func countFacets(_ request: ExplorerRequest) async throws -> JSONValue {
        var request = request
        let (withNumbers, withProblems) = (request["numbers"] == "1", request["problems"] == "1")
        request.query.removeAll { ["numbers", "problems"].contains($0.name) }
        let query = try query(request)
        let known = try await known(
            query, withTags: true, withNumbers: withNumbers, withProblems: withProblems)
        let counts = library.counts(query, known)
        func choices(_ counted: [(String, Int)]) -> JSONValue {
            .array(counted.map { ["value": .string($0), "segments": JSONValue($1)] })
        }
        let labels = counts.labels.map { name, counted -> (String, JSONValue) in
            let chosen = query.labels[name] ?? []
            let all = zip(library.labels[name]?.names ?? [], counted)
                .filter { $1 > 0 || chosen.contains($0) }
                .sorted { ($1.1, $0.0) < ($0.1, $1.0) }
            let most = all.prefix(200)
            return (name, choices(most + all.dropFirst(200).filter { chosen.contains($0.0) }))
        }
        let kinds = SegmentKind.allCases.filter { kind in
            reader.snapshot.sources.contains { $0.segmentKind == kind && $0.segments > 0 }
        }
        return [
            "splits": choices(
                zip(Split.allCases, counts.splits).filter { reader.snapshot.segmentCount($0.0) > 0 }
                    .map { ($0.rawValue, $1) }),
            "kinds": choices(kinds.map { ($0.rawValue, counts.kinds[$0] ?? 0) }),
            "labels": .object(Dictionary(uniqueKeysWithValues: labels)),
            "tags": choices(Array(zip(known.tags.names, counts.tags))),
            "problems": .array(withProblems ? try await describeProblems(counts.problems) : []),
            "histograms": .object(
                counts.numbers.reduce(into: [:]) { all, counted in
                    guard let ends = known.numbers?.ends[counted.key] else { return }
                    all[counted.key] = [
                        "low": .number(ends.lowerBound), "high": .number(ends.upperBound),
                        "counts": .array(counted.value.map { JSONValue($0) }),
                    ]
                }),
        ]
    }

    /// The most lines of one problem that an answer lists.
    private static let mostFound = 200

    /// Everything that `stats` finds, worst first, with the segments that it concerns.
    private func describeProblems(_ counts: [String: Int]) async throws -> [JSONValue] {
        let sources = reader.snapshot.sources
        func describe(_ number: Int) -> JSONValue {
            ["source": JSONValue(number), "path": .string(sources[number].path)]
        }
        let numbers = try await problemNumbers()
        /// The first segment of a source.
        func segment(ofPath path: String) -> JSONValue {
            guard let run = numbers[path].flatMap({ table.runs[$0].first }) else { return .null }
            return .string("\(run.split.rawValue)/\(run.number)")
        }
        return try await statistics().problems.map { problem in
            // A line is about one source, or about several.
            let isBySource = problem.paths.count == problem.sources.count
            return [
                "value": .string(problem.code), "message": .string(problem.message.shown),
                "help": .string(problem.help.shown),
                "segments": problem.paths.isEmpty ? .null : JSONValue(counts[problem.code] ?? 0),
                "count": JSONValue(problem.sources.count),
                "found": .array(
                    problem.sources.prefix(Self.mostFound).enumerated().map { index, line in
                        [
                            "text": .string(line.shown),
                            "segment": isBySource ? segment(ofPath: problem.paths[index]) : .null,
                        ]
                    }),
                "pairs": .array(
                    problem.pairs.prefix(Self.mostFound).map { pair in
                        [
                            "first": describe(pair.first), "second": describe(pair.second),
                            "share": .number(pair.share),
                        ]
                    }),
            ]
        }
    }

    func listSegments(_ request: ExplorerRequest) async throws -> JSONValue {
        let query = try query(request)
        let found = library.find(query, try await known(query))
        return [
            "segments": JSONValue(found.segments), "sources": JSONValue(found.sources),
            "page": JSONValue(query.page),
            "pages": JSONValue((found.count + SegmentQuery.pageSize - 1) / SegmentQuery.pageSize),
            "rows": .array(
                found.rows.map { row in
                    let source = reader.snapshot.sources[row.source]
                    var members: [String: JSONValue] = [
                        "id": .string("\(row.split.rawValue)/\(row.number)"), "path": .string(source.path),
                        "source": JSONValue(row.source), "segment": JSONValue(row.segment),
                        "of": JSONValue(source.segments), "split": .string(row.split.rawValue),
                        "kind": .string(source.kind.rawValue),
                        "labels": .object(source.labels.mapValues { .string(LabelText.shown($0)) }),
                    ]
                    if let place = reader.place(row.number, in: row.split) {
                        members["shard"] = .string(place.shard.object.short)
                    }
                    if let found = row.found { members["found"] = JSONValue(found) }
                    if row.value.isFinite { members["value"] = .number(row.value) }
                    return .object(members)
                }),
        ]
    }

    func describeSegment(_ request: ExplorerRequest) async throws -> JSONValue {
        let (place, source, number) = try place(request)
        let view = try SegmentView(reader, place)
        guard case .object(var members) = view.json else { return view.json }
        members["number"] = JSONValue(number)
        members["before"] = .null
        members["after"] = .null
        for (name, neighbour) in [("before", number - 1), ("after", number + 1)] {
            if let run = table.runs[source].first(where: {
                ($0.first..<$0.first + $0.count).contains(neighbour)
            }) {
                members[name] = .string("\(run.split.rawValue)/\(run.number + neighbour - run.first)")
            }
        }
        members["measures"] = try view.measures()
        members["start_seconds"] = view.startSecond().map { .number($0) } ?? .null
        members["length_seconds"] = .number(view.lengthInSeconds())
        members["source"] = try await describe(source)
        return .object(members)
    }

    func describeSource(_ request: ExplorerRequest) async throws -> JSONValue {
        guard let number = try source(request) else {
            throw ExplorerError(.badRequest, "'source' must be the number of a source")
        }
        return ["source": try await describe(number)]
    }

    /// A source with its numbers, and where its segments begin in each split.
    private func describe(_ number: Int) async throws -> JSONValue {
        let source = reader.snapshot.sources[number]
        guard case .object(var members) = source.json else { return source.json }
        let known = try await knowledge()
        members["number"] = JSONValue(number)
        members["measures"] = .array(
            SourceMeasure.all.compactMap { measure in
                guard let value = known.measures[measure.name]?[number], value.isFinite else { return nil }
                return [
                    "name": .string(measure.name), "title": .string(measure.title), "value": .number(value),
                ]
            })
        // A piece has a hash for a name; its sources say more.
        let piece = source.piece
        let others = reader.snapshot.sources.indices.filter {
            $0 != number && reader.snapshot.sources[$0].piece == piece
        }
        members["same_piece"] = [
            "count": JSONValue(others.count),
            "paths": .array(others.prefix(5).map { .string(reader.snapshot.sources[$0].path) }),
        ]
        let recording = (source.kind == .midi ? source.pair?.path : nil).flatMap { path in
            reader.snapshot.sources.firstIndex { $0.path == path }
        }
        members["recording"] = recording.map { JSONValue($0) } ?? .null
        members["first"] =
            table.runs[number].first.map { .string("\($0.split.rawValue)/\($0.number)") } ?? .null
        return .object(members)
    }
}
