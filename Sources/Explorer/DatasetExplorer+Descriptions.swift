import Audio
import Build
import Dataset
import Insight
import Loading

extension DatasetExplorer {
    /// The dataset, and everything it can be filtered by; the page asks for it first.
    func describeDataset() -> JSONValue {
        let snapshot = reader.snapshot
        var counts: [String: [String: Int]] = snapshot.vocabularies.mapValues { _ in [:] }
        for source in snapshot.sources where source.segments > 0 {
            for name in snapshot.vocabularies.keys {
                for value in LabelText.values(source.labels[name]) {
                    counts[name]?[value, default: 0] += source.segments
                }
            }
        }
        let kinds = Set(snapshot.sources.map(\.kind))
        let segmentKinds = Set(snapshot.sources.map(\.segmentKind))
        let names = Set(
            (kinds.contains(.midi) ? MIDITally.measures : []).map(\.name)
                + (kinds.contains(.audio) ? AudioTally.measures : []).map(\.name)
                + ["seconds"] + (kinds.contains(.midi) ? ["notes"] : []))
        return [
            "dataset": .string(snapshot.dataset), "snapshot": JSONValue(reader.digest),
            "sources": JSONValue(snapshot.sources.count),
            "kinds": .array(SegmentKind.allCases.filter(segmentKinds.contains).map { .string($0.rawValue) }),
            "splits": .object(
                Dictionary(
                    uniqueKeysWithValues: Split.allCases.map {
                        ($0.rawValue, JSONValue(snapshot.segmentCount($0)))
                    })),
            "labels": .object(
                counts.mapValues { values in
                    .array(
                        values.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(500).map {
                            ["value": .string($0.key), "segments": JSONValue($0.value)]
                        })
                }),
            "measures": .array(
                SourceMeasure.all.filter { names.contains($0.name) }.map {
                    ["name": .string($0.name), "title": .string($0.title)]
                }),
        ]
    }

    func listSegments(_ request: ExplorerRequest) async throws -> JSONValue {
        let query = try SegmentQuery(request, vocabularies: reader.snapshot.vocabularies)
        let measures = query.needsMeasures ? try await knowledge().measures : nil
        let found = library.find(query, measures)
        return [
            "segments": JSONValue(found.segments), "sources": JSONValue(found.sources),
            "page": JSONValue(query.page),
            "pages": JSONValue((found.segments + SegmentQuery.pageSize - 1) / SegmentQuery.pageSize),
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
                    if let sort = query.sort, let value = measures?[sort]?[row.source], value.isFinite {
                        members["value"] = .number(value)
                    }
                    return .object(members)
                }),
        ]
    }

    func describeSegment(_ request: ExplorerRequest) async throws -> JSONValue {
        let (place, source, number) = try place(request)
        let view = try SegmentView(reader, place)
        let picture = try picture(of: place) { view }
        guard case .object(var members) = view.json else { return view.json }
        members["picture"] = picture.json
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
        return ["source": try await describe(number), "picture": try picture(ofSource: number).json]
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
        members["first"] =
            table.runs[number].first.map { .string("\($0.split.rawValue)/\($0.number)") } ?? .null
        return .object(members)
    }
}
