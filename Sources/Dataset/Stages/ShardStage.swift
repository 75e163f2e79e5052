import Audio
import Build
import Loading
import Manifest
import Tensors

/// One entry's segments on their way into a shard.
struct ShardPart: Sendable {
    let source: BuiltSource
    let segments: [Range<Int>]
    /// The gain in dB and as a factor of amplitude; nil for MIDI.
    let gain: LoudnessTarget.Gain?
    let labels: [String: String]
    let piece: Digest
    let path: String

    var count: Int { segments.reduce(0) { $0 + $1.count } }
}

/// A bucket's segments → shard.
struct ShardStage: Sendable {
    let manifest: Manifest
    let audio: AudioParameters?
    /// The statistics that features are normalised by.
    let statistics: Statistics
    private let rows: FeatureRows?

    init(_ manifest: Manifest, _ statistics: Statistics) {
        self.manifest = manifest
        self.statistics = statistics
        audio = manifest.audio.map { AudioParameters($0) }
        rows = audio.map { FeatureRows($0) }
    }

    static func json(_ segments: [Range<Int>]) -> JSONValue {
        .array(segments.map { [JSONValue($0.lowerBound), JSONValue($0.upperBound)] })
    }

    /// The bytes that an entry's segments take in a shard, for dividing into buckets: its rows in all columns.
    func byteCount(_ part: ShardPart) -> Int {
        let perSegment = 22
        switch part.source.kind {
        case .midi:
            let steps = manifest.midi?.steps ?? 0
            let share = part.source.segments == 0 ? 0 : Double(part.count) / Double(part.source.segments)
            let rows = part.source.rows.notes * 9 + part.source.rows.controls * 5
            return part.count * (perSegment + 16 + 7 * steps) + Int(Double(rows) * share)
        case .audio:
            guard let audio else { return 0 }
            return part.count
                * audio.features.reduce(perSegment) { sum, feature in
                    sum + feature.finalShape(in: audio).reduce(elementType(feature).byteCount, *)
                }
        }
    }

    func elementType(_ feature: FeatureParameters) -> ElementType {
        manifest.audio?.elementType == .float16 ? .f16 : .f32
    }

    /// The lists of a shard's entries, 256 at most each.
    func lists(
        _ parts: [ShardPart], of subject: String, under prefix: String, isComplete: Bool
    ) -> [InputList] {
        InputList.divide(parts.map(item), of: subject, under: prefix, isComplete: isComplete)
    }

    /// What the shard takes of an entry.
    private func item(_ part: ShardPart) -> InputList.Item {
        var members: [String: JSONValue] = [
            "source": JSONValue(part.source.sha256),
            "object": part.source.object.map { JSONValue($0.digest) } ?? .null,
            "labels": .object(part.labels.mapValues { .string($0) }),
        ]
        if part.segments != [0..<part.source.segments] { members["segments"] = Self.json(part.segments) }
        members["gain_db"] = part.gain.map { .number($0.decibels) }
        return InputList.Item(
            id: part.piece, value: members, input: (part.source.sha256.short, part.source.object?.digest))
    }

    /// The action; it is unknown while a plan does not know all of its sources.
    func draft(
        _ kind: SegmentKind, _ parts: [ShardPart], _ lists: [InputList], bucket: String, isComplete: Bool
    ) -> ActionDraft {
        // Gains and segments of a source are not known before its stage has run.
        let isKnown = isComplete && parts.allSatisfy(\.source.isKnown)
        let parameters = parameters(kind)
        let statistics = statisticsInput(kind)
        let items = parts.map(item)
        return ActionDraft(
            Stages.shard, parameters: isKnown ? Parameters(.object(parameters)) : nil,
            inputs: lists.map(\.input) + statistics, subject: bucket,
            detail: ActionDraft.Detail(
                parameters: isKnown
                    ? Parameters(
                        .object(parameters.merging(InputList.described(items)) { first, _ in first }))
                    : nil, inputs: items.map(\.input) + statistics))
    }

    /// What decides how entries become a shard, beside the entries.
    private func parameters(_ kind: SegmentKind) -> [String: JSONValue] {
        var parameters: [String: JSONValue] = ["kind": .string(kind.rawValue)]
        switch kind {
        case .midi: parameters["steps"] = JSONValue(manifest.midi?.steps ?? 0)
        case .audio:
            guard let block = manifest.audio else { preconditionFailure("audio without its block") }
            parameters["cut"] = ["samples": JSONValue(block.samples), "hop": JSONValue(block.hop)]
            parameters["normalize"] = block.normalize.effective
            parameters["dtype"] = .string(block.elementType.rawValue)
            parameters["mfcc"] = block.features.mfcc?.effective
        }
        return parameters
    }

    private func statisticsInput(_ kind: SegmentKind) -> [(name: String, digest: Digest?)] {
        guard kind == .audio else { return [] }
        return switch statistics {
        case .unwanted: []
        case .object(let object): [("statistics", object.digest)]
        case .unknown: [("statistics", nil)]
        }
    }

    /// The label whose values are normalised apart, if any.
    private var label: String? {
        guard case .label(let name) = manifest.audio?.normalize.per else { return nil }
        return name
    }

    func run(
        _ context: ActionContext, _ kind: SegmentKind, _ parts: [ShardPart], cache: Cache, _ readers: Workers
    ) throws {
        let contents = ShardContents(parts)
        let writer = try context.makeOutput("shard", for: .readers)
        let columns: ColumnWriter
        switch kind {
        case .midi: columns = try packRolls(context, contents, parts, writer, cache, readers)
        case .audio: columns = try packFeatures(context, contents, parts, writer, cache)
        }
        try columns.append(contents.sources, to: "segment.source")
        try columns.finish()
    }

    /// The first parts, whose objects are opened together: not so many that they fill the memory.
    private static func group(_ parts: ArraySlice<ShardPart>) -> [ShardPart] {
        var bytes = 0
        return Array(
            parts.prefix(256).prefix { part in
                let isRoom = bytes < 2 << 20
                bytes += part.source.object?.size ?? 0
                return isRoom
            })
    }

    private func packRolls(
        _ context: ActionContext, _ contents: ShardContents, _ parts: [ShardPart], _ writer: ObjectWriter,
        _ cache: Cache, _ readers: Workers
    ) throws -> ColumnWriter {
        var rows = RollShard.RowCounts()
        for part in parts {
            var own = part.source.rows
            if part.segments != [0..<part.source.segments] {
                own = try withObject(part, cache) { file in
                    try RollShard.rowCounts(of: part.segments, in: file)
                }
            }
            rows.notes += own.notes
            rows.controls += own.controls
        }
        let layout = RollShard.layout(contents, rows: rows, steps: manifest.midi?.steps ?? 0)
        let columns = try ColumnWriter(layout, to: writer)
        var cursor = RollShard.Cursor()
        var rest = parts[...]
        while !rest.isEmpty {
            try context.checkCancellation()
            let group = Self.group(rest)
            rest = rest.dropFirst(group.count)
            let files = try readers.map(group) { (part) throws(BuildError) in
                // Kept until its turn comes, so that the first unreadable part in order is reported.
                Result { try withObject(part, cache) { $0 } }
            }
            for (part, file) in zip(group, files) {
                try RollShard.append(part.segments, of: file.get(), to: columns, &cursor)
            }
        }
        try columns.append([cursor.notes], to: "notes.offset")
        try columns.append([cursor.controls], to: "controls.offset")
        return columns
    }

    private func packFeatures(
        _ context: ActionContext, _ contents: ShardContents, _ parts: [ShardPart], _ writer: ObjectWriter,
        _ cache: Cache
    ) throws -> ColumnWriter {
        guard let block = manifest.audio, let audio, let rows else {
            preconditionFailure("audio without its block")
        }
        let items = audio.features.map { feature in
            TensorFileLayout.Item(
                feature.name, elementType(feature), [contents.count] + feature.finalShape(in: audio))
        }
        let columns = try ColumnWriter(
            TensorFileLayout(contents.items + items, metadata: contents.metadata), to: writer)
        let file = try statistics.object.map {
            try StatisticsFile(decoding: TensorFile(bytes: cache.bytes(of: $0.digest)))
        }
        var halves: [String: HalfConverter] = [:]
        for part in parts {
            for index in part.segments.joined() {
                let start = index * block.hop
                try columns.append([Int16(0)], to: "segment.timeline")
                try columns.append([Int64(start)], to: "segment.start")
                try columns.append(
                    [Int64(min(block.samples, part.source.samples - start))], to: "segment.length")
            }
            let value = label.map { part.labels[$0] ?? "" } ?? ""
            for feature in audio.features {
                try file?.check(feature, value, label: label, of: part.path, in: audio)
                let finisher = FeatureFinisher(
                    audio: audio, rows: rows, feature: feature, normalize: block.normalize,
                    gain: part.gain?.amplitude ?? 1,
                    statistics: file?.values[value]?[feature.name])
                var half = halves[feature.name] ?? HalfConverter()
                try withObject(part, cache) { file in
                    for index in part.segments.joined() {
                        try context.checkCancellation()
                        let segment = try finisher.finish(file, index)
                        if elementType(feature) == .f16 {
                            half.convert(segment)
                            try columns.append(half.halves, to: feature.name)
                        } else {
                            try columns.append(UnsafeBufferPointer(segment), to: feature.name)
                        }
                    }
                }
                if elementType(feature) == .f16 {
                    try half.check(feature.name, of: part.path)
                    halves[feature.name] = half
                }
            }
        }
        if !halves.isEmpty { context.facts = HalfLosses.facts(halves) }
        return columns
    }

    private func withObject<Result>(
        _ part: ShardPart, _ cache: Cache, _ body: (TensorFile) throws -> Result
    ) throws -> Result {
        guard let object = part.source.object else {
            preconditionFailure("the stage of \(part.path) has not run")
        }
        return try cache.withContents(of: object.digest, size: object.size) { try body(TensorFile($0)) }
    }
}

/// Brings single segments of one source's feature to their final form, in memory of its own.
private final class FeatureFinisher {
    private let rows: FeatureRows
    private let feature: FeatureParameters
    private let normalizer: Normalizer
    private let gain: Double
    private let statistics: FeatureStatistics?
    private let cepstrum: Cepstrum?
    private let stored: UnsafeMutableBufferPointer<Float>
    private let derived: UnsafeMutableBufferPointer<Float>

    init(
        audio: AudioParameters, rows: FeatureRows, feature: FeatureParameters,
        normalize: Manifest.Audio.Normalize, gain: Double, statistics: FeatureStatistics?
    ) {
        self.rows = rows
        self.feature = feature
        self.gain = gain
        self.statistics = statistics
        normalizer = Normalizer(manifest: normalize, feature: feature)
        if case .mfcc(let mfcc) = feature { cepstrum = Cepstrum(mfcc) } else { cepstrum = nil }
        stored = .allocate(capacity: feature.extractedShape(in: audio).reduce(1, *))
        derived = .allocate(capacity: cepstrum == nil ? 0 : feature.finalShape(in: audio).reduce(1, *))
    }

    deinit {
        stored.deallocate()
        derived.deallocate()
    }

    /// The segment's final values; the memory is lent until the next call.
    func finish(_ file: TensorFile, _ index: Int) throws -> UnsafeMutableBufferPointer<Float> {
        try file.read(
            FeatureRows.tensor, rows.elements(of: feature.name, segment: index), into: stored)
        if Normalizer.concerns(feature) {
            normalizer.apply(stored, gain: gain, statistics)
            return stored
        }
        FeatureMath.scale(stored, gain: gain, degree: feature.gainDegree)
        guard let cepstrum else { return stored }
        cepstrum.compute(mel: stored, into: derived)
        return derived
    }
}
