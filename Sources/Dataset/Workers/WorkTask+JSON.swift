import Audio
import Files
import Loading
import Storage

extension WorkTask {
    /// The task as an object.
    var json: JSONValue {
        switch self {
        case .source(let path, let bytes, let offset):
            return [
                "path": .string(path), "bytes": JSONValue(bytes),
                "offset": offset.map { JSONValue($0) } ?? .null,
            ]
        case .bandMoments(let part, let feature, let sigma):
            return [
                "path": .string(part.path), "feature": .string(feature), "sigma": .number(sigma),
                "gain": .number(part.gain), "source": part.source.json,
                "segments": ShardStage.json(part.segments),
            ]
        case .shard(let bucket, let statistics):
            return [
                "split": .string(bucket.split.rawValue), "kind": .string(bucket.kind.rawValue),
                "prefix": .string(bucket.prefix), "parts": .array(bucket.parts.map(\.json)),
                "statistics": statistics.object.map { [JSONValue($0.digest), JSONValue($0.size)] } ?? .null,
            ]
        }
    }

    /// Reads what `json` wrote; nil for anything else.
    init?(json: JSONValue, phase: WorkPhase) {
        switch phase {
        case .sources:
            guard let path = json["path"]?.string, let bytes = json["bytes"]?.integer else { return nil }
            self = .source(path: path, bytes: bytes, offset: json["offset"]?.integer)
        case .statistics:
            guard let path = json["path"]?.string, let feature = json["feature"]?.string,
                let sigma = json["sigma"]?.double, let gain = json["gain"]?.double,
                let source = json["source"].flatMap({ BuiltSource(json: $0, .audio) }),
                let segments = json["segments"].flatMap(Self.segments)
            else { return nil }
            self = .bandMoments(
                TrainPart(source: source, segments: segments, gain: gain, value: "", path: path),
                feature: feature, sigma: sigma)
        case .shards:
            guard let split = json["split"]?.string.flatMap(Split.init(rawValue:)),
                let kind = json["kind"]?.string.flatMap(SegmentKind.init(rawValue:)),
                let prefix = json["prefix"]?.string, let items = json["parts"]?.array
            else { return nil }
            let parts = items.compactMap { ShardPart(json: $0, kind) }
            guard parts.count == items.count else { return nil }
            self = .shard(
                Assembly.Bucketed(split: split, kind: kind, parts: parts, prefix: prefix, isCertain: true),
                json["statistics"].flatMap { ObjectReference(json: $0) }.map { .object($0) } ?? .unwanted)
        }
    }

    /// Reads `[[0, 4], [6, 7]]`.
    fileprivate static func segments(_ json: JSONValue) -> [Range<Int>]? {
        guard let pairs = json.array else { return nil }
        let segments = pairs.compactMap { pair -> Range<Int>? in
            guard let ends = pair.array, ends.count == 2, let start = ends[0].integer,
                let end = ends[1].integer, 0 <= start, start <= end
            else { return nil }
            return start..<end
        }
        return segments.count == pairs.count ? segments : nil
    }
}

extension ObjectReference {
    fileprivate init?(json: JSONValue) {
        guard let pair = json.array, pair.count == 2,
            let digest = pair[0].string.flatMap({ Digest(hex: $0) }),
            let size = pair[1].integer, size >= 0
        else { return nil }
        self.init(digest: digest, size: size)
    }
}

extension BuiltSource {
    /// What actions after the source's own stage take of it.
    fileprivate var json: JSONValue {
        [
            "sha256": JSONValue(sha256), "segments": JSONValue(segments), "samples": JSONValue(samples),
            "rows": [JSONValue(rows.notes), JSONValue(rows.controls)],
            "object": object.map { [JSONValue($0.digest), JSONValue($0.size)] } ?? .null,
        ]
    }

    fileprivate init?(json: JSONValue, _ kind: SegmentKind) {
        guard let digest = json["sha256"]?.string.flatMap({ Digest(hex: $0) }),
            let segments = json["segments"]?.integer, let samples = json["samples"]?.integer,
            let rows = json["rows"]?.array, rows.count == 2, let notes = rows[0].integer,
            let controls = rows[1].integer, let object = json["object"].flatMap({ ObjectReference(json: $0) })
        else { return nil }
        self.init(
            sha256: digest, kind: kind, segments: segments, samples: samples,
            rows: RollShard.RowCounts(notes: notes, controls: controls), object: object, levels: nil,
            exclusion: nil, warnings: [])
    }
}

extension ShardPart {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = [
            "path": .string(path), "piece": JSONValue(piece), "source": source.json,
            "labels": .object(labels.mapValues { .string($0) }), "segments": ShardStage.json(segments),
        ]
        members["gain_db"] = gain.map { .number($0.decibels) }
        if let recording {
            var half: [String: JSONValue] = [
                "path": .string(recording.path), "source": recording.source.json,
            ]
            half["gain_db"] = recording.gain.map { .number($0.decibels) }
            members["recording"] = .object(half)
        }
        return .object(members)
    }

    fileprivate init?(json: JSONValue, _ kind: SegmentKind) {
        guard let path = json["path"]?.string, let piece = json["piece"]?.string.flatMap({ Digest(hex: $0) }),
            let source = json["source"].flatMap({ BuiltSource(json: $0, kind == .audio ? .audio : .midi) }),
            let labels = json["labels"]?.object, let segments = json["segments"].flatMap(WorkTask.segments)
        else { return nil }
        func gain(_ json: JSONValue?) -> LoudnessTarget.Gain? {
            json?["gain_db"]?.double.map { LoudnessTarget.Gain(decibels: $0) }
        }
        self.init(
            source: source, segments: segments, gain: gain(json), labels: labels.compactMapValues(\.string),
            piece: piece, path: path)
        if kind == .paired {
            guard let half = json["recording"], let other = half["path"]?.string,
                let recorded = half["source"].flatMap({ BuiltSource(json: $0, .audio) })
            else { return nil }
            recording = Recording(source: recorded, gain: gain(half), path: other)
        }
    }
}
